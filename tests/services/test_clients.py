"""connect(): which provider, at whose cost, with which key."""

import builtins
import getpass
import os
import sys
import types

import openai
import pytest
from IPython.core.error import StdinNotImplementedError

import lessonlib
from lessonlib.common.errors import LessonError
from lessonlib.services import clients

KEY = "sk-this-must-never-be-seen"
WORDS = ("OPENAI_", "AZURE_OPENAI_", "LESSON_PROVIDER", "LESSON_API_KEY")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """No provider, no key, nothing agreed to, nobody at the keyboard."""
    for name in list(os.environ):
        if name.startswith(WORDS):
            monkeypatch.delenv(name)
    monkeypatch.setattr(clients, "_agreed", set())
    monkeypatch.setattr(builtins, "input", nobody)
    monkeypatch.setattr(getpass, "getpass", nobody)


def nobody(*prompt):
    raise EOFError


def typed(monkeypatch, *answers):
    """Somebody answers; returns what was asked."""
    left, asked = list(answers), []

    def answer(prompt=""):
        asked.append(prompt)
        return left.pop(0)

    monkeypatch.setattr(builtins, "input", answer)
    monkeypatch.setattr(getpass, "getpass", answer)
    return asked


# --- practice ----------------------------------------------------------------------------


def test_practice_is_the_default_and_free(capsys):
    client = lessonlib.connect()
    assert isinstance(client, openai.OpenAI)
    assert client.base_url.host == "127.0.0.1"
    assert client.models.list().data
    lessonlib.connect("practice")
    said = capsys.readouterr().out
    assert said.count("practice service on this machine (not OpenAI)") <= 1, "said once"
    assert client.api_key not in said and client.api_key not in repr(client)


def test_a_proxy_does_not_catch_calls_to_this_machine(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert lessonlib.connect().models.list().data


def test_the_time_limit_is_passed_on():
    assert lessonlib.connect(timeout=7).timeout == 7


def test_a_key_in_the_environment_is_no_consent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert lessonlib.connect().base_url.host == "127.0.0.1"
    with pytest.raises(LessonError, match="costs money, and nobody is here to agree"):
        lessonlib.connect("openai")


# --- the spending guard ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["openai", "azure", "https://models.example.org/v1"])
def test_a_paid_provider_asks_first_and_once(monkeypatch, capsys, name):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com")
    asked = typed(monkeypatch, "yes")
    lessonlib.connect(name, api_key=KEY)
    assert "charged to your account" in capsys.readouterr().out
    lessonlib.connect(name, api_key=KEY)
    assert len(asked) == 1 and capsys.readouterr().out == ""


@pytest.mark.parametrize("answer", ["", "no", "y", "1", "maybe"])
def test_anything_but_yes_is_a_no(monkeypatch, answer):
    typed(monkeypatch, answer, answer)
    for _ in range(2):
        with pytest.raises(LessonError, match="did not agree"):
            lessonlib.connect("openai", api_key=KEY)


def test_a_script_agrees_by_an_argument(monkeypatch):
    client = lessonlib.connect("openai", api_key=KEY, confirm=True)
    assert str(client.base_url) == "https://api.openai.com/v1/"
    with pytest.raises(LessonError, match="did not agree"):
        lessonlib.connect("azure", base_url="https://a.openai.azure.com", confirm=False)


def test_the_environment_may_name_the_provider_but_not_agree(monkeypatch):
    monkeypatch.setenv("LESSON_PROVIDER", "openai")
    with pytest.raises(LessonError, match=r"connect\('openai', confirm=True\)"):
        lessonlib.connect(api_key=KEY)
    assert lessonlib.connect("practice").base_url.host == "127.0.0.1", "the argument goes first"


def test_a_written_no_counts_after_a_yes():
    """The yes of an earlier cell went before ``confirm=False``."""
    lessonlib.connect("openai", api_key=KEY, confirm=True)
    with pytest.raises(LessonError, match="did not agree"):
        lessonlib.connect("openai", api_key=KEY, confirm=False)


def test_agreeing_to_one_is_not_agreeing_to_another():
    lessonlib.connect("openai", api_key=KEY, confirm=True)
    with pytest.raises(LessonError, match="nobody is here"):
        lessonlib.connect("https://models.example.org/v1", api_key=KEY)


def test_a_notebook_that_a_program_runs_cannot_agree(monkeypatch):
    def refuse(prompt=""):  # what ipykernel raises where no input is possible
        raise StdinNotImplementedError("raw_input was called, but nobody can answer it")

    monkeypatch.setattr(builtins, "input", refuse)
    with pytest.raises(LessonError, match="nobody is here"):
        lessonlib.connect("openai", api_key=KEY)


# --- addresses ---------------------------------------------------------------------------


def test_a_stray_base_url_does_not_redirect_openai(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://somewhere.else.example/v1")
    client = lessonlib.connect("openai", api_key=KEY, confirm=True)
    assert client.base_url.host == "api.openai.com"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://mine.openai.azure.com",
        "https://mine.openai.azure.com/",
        "https://mine.openai.azure.com/openai/v1/",
    ],
)
def test_azure_is_the_plain_client_with_the_resources_address(monkeypatch, endpoint):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint)
    client = lessonlib.connect("azure", api_key=KEY, confirm=True)
    assert str(client.base_url) == "https://mine.openai.azure.com/openai/v1/"


def test_azure_without_an_address_says_what_to_set():
    with pytest.raises(LessonError, match="AZURE_OPENAI_ENDPOINT"):
        lessonlib.connect("azure", api_key=KEY, confirm=True)


def test_any_address_may_be_named(monkeypatch):
    for client in (
        lessonlib.connect("https://models.example.org/v1", api_key=KEY, confirm=True),
        lessonlib.connect(base_url="https://models.example.org/v1", api_key=KEY, confirm=True),
    ):
        assert str(client.base_url) == "https://models.example.org/v1/"
    local = lessonlib.connect("http://localhost:8000/v1", api_key=KEY, confirm=True)
    assert local.base_url.port == 8000


@pytest.mark.parametrize("name", ["http://models.example.org/v1", "ftp://x.org", "https://"])
def test_a_key_never_goes_over_an_open_line(name):
    with pytest.raises(LessonError, match="unprotected"):
        lessonlib.connect(name, api_key=KEY, confirm=True)


def test_openais_key_does_not_either(monkeypatch):
    """Other addresses were looked at; one that was given along with "openai" was not."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(LessonError, match="unprotected"):
        lessonlib.connect("openai", base_url="http://models.example.org/v1", confirm=True)
    gateway = lessonlib.connect("openai", base_url="https://models.example.org/v1", confirm=True)
    assert gateway.base_url.host == "models.example.org"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(LessonError, match="Unknown provider: opanai.*\n.*practice, openai, azure"):
        lessonlib.connect("opanai", api_key=KEY, confirm=True)


# --- keys --------------------------------------------------------------------------------


def test_the_key_comes_from_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    client = lessonlib.connect("openai", confirm=True)
    assert client.api_key == KEY
    assert KEY not in capsys.readouterr().out and KEY not in repr(client) + str(client)


def test_a_key_that_is_given_is_taken_without_the_blanks_around_it():
    """With a line's end it cannot be sent, and the error that says so shows it."""
    assert lessonlib.connect("openai", api_key=f" {KEY}\n", confirm=True).api_key == KEY


def test_openais_key_goes_to_openai_alone(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(LessonError, match="LESSON_API_KEY"):
        lessonlib.connect("https://models.example.org/v1", confirm=True)


def test_the_key_comes_from_colabs_secrets(monkeypatch):
    colab = types.ModuleType("google.colab")
    colab.userdata = types.SimpleNamespace(get=lambda name: {"OPENAI_API_KEY": KEY}[name])
    google = types.ModuleType("google")
    google.colab = colab
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    assert lessonlib.connect("openai", confirm=True).api_key == KEY
    with pytest.raises(LessonError, match="LESSON_API_KEY"):  # Colab raises: no such secret
        lessonlib.connect("https://models.example.org/v1", confirm=True)


def test_the_key_can_be_typed_unseen(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    asked = typed(monkeypatch, KEY)
    assert lessonlib.connect("openai", confirm=True).api_key == KEY
    assert "hidden" in asked[0] and KEY not in capsys.readouterr().out


def test_no_key_and_nobody_to_ask_is_an_error_with_a_cure(monkeypatch):
    with pytest.raises(LessonError, match="no API key for openai.*\n.*OPENAI_API_KEY"):
        lessonlib.connect("openai", confirm=True)


# --- names -----------------------------------------------------------------------------


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="conect"):
        _ = lessonlib.conect
    assert "connect" in dir(lessonlib) and callable(lessonlib.evaluate)
