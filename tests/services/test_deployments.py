"""Deploying from a notebook: on practice and at Azure by the same lines, and only after a yes."""

import builtins
import json
import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from http.client import IncompleteRead
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

import lessonlib
from lessonlib.common import facts
from lessonlib.common.errors import LessonError
from lessonlib.costs import hosting_bill, price_list
from lessonlib.practice import service
from lessonlib.practice.store.store import Organisation, Store
from lessonlib.practice.web import classroom
from lessonlib.services import azure_client, control_plane, deployments, jobs
from lessonlib.services.control_plane import Place

TUNED = "gpt-4o-mini-2024-07-18.ft-0e208cf33a6a466994aff31a08aba678"
SECRET = "a-token-that-must-not-be-seen"
NAMES = ("AZURE_OPENAI_ENDPOINT", "AZURE_MANAGEMENT_TOKEN", *control_plane.NAMES)


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in [*NAMES, "LESSON_PROVIDER", "LESSON_API_KEY", "AZURE_OPENAI_API_KEY"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(builtins, "input", nobody)
    monkeypatch.setattr(control_plane.shutil, "which", lambda name: None)


def nobody(*prompt):
    raise EOFError


# --- a copy of Azure's control plane that goes wrong as told ----------------------------------


class FakeArm:
    """Answers deployments over real HTTP. ``trouble``: what the next requests are refused with."""

    def __init__(self):
        self.deployments, self.requests, self.trouble = {}, [], []
        self.page, self.list_answer = 0, None
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do(self):
                size = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                status, value = fake.answer(self.command, self.path, dict(self.headers), body)
                content = b"" if value is None else json.dumps(value).encode()
                self.send_response(status)
                if status in (409, 429):
                    self.send_header("retry-after", "0")
                if status == 302:
                    self.send_header("location", f"{fake.place.address}/elsewhere")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_DELETE = do

            def log_message(self, *line):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def place(self):
        address = f"http://127.0.0.1:{self.server.server_port}"
        return Place(address, SECRET, "sub", "group", "kitchen")

    def answer(self, method, path, headers, body):
        self.requests.append((method, path, headers, body))
        if self.trouble:
            status, code = self.trouble.pop(0)
            return status, {"error": {"code": code, "message": f"because of {code}"}}
        name = path.split("?")[0].split("/deployments")[1].strip("/")
        if method == "PUT":
            made = (datetime.now(UTC) - timedelta(hours=10)).isoformat()
            self.deployments[name] = body | {
                "name": name, "systemData": {"createdAt": made}, "states": ["Accepted", "Creating"]}
            return 201, self.shown(name)
        if method == "DELETE":
            return (202, None) if self.deployments.pop(name, None) else (204, None)
        if not name:
            return self.listing(path)
        if name not in self.deployments:
            return 404, {"error": {"code": "DeploymentNotFound", "message": "none"}}
        return 200, self.shown(name)

    def listing(self, path):
        """All deployments; with ``page`` set, so many at a time and then a link to the rest."""
        if self.list_answer is not None:
            return self.list_answer
        shown = [self.shown(name) for name in self.deployments]
        if not self.page:
            return 200, {"value": shown}
        begin = int(path.partition("$skiptoken=")[2] or 0)
        end = begin + self.page
        more = {"nextLink": f"{self.place.address}{path.partition('&')[0]}&$skiptoken={end}"}
        return 200, {"value": shown[begin:end]} | (more if end < len(shown) else {})

    def shown(self, name):
        one = dict(self.deployments[name])
        left = one.pop("states")
        state = left.pop(0) if left else self.deployments[name].get("end", "Succeeded")
        return one | {"properties": one["properties"] | {"provisioningState": state}}


@pytest.fixture
def fake(monkeypatch):
    fake = FakeArm()
    monkeypatch.setattr(deployments, "LOOK_THERE", 0.01)
    monkeypatch.setattr(control_plane, "LONGEST_PAUSE", 0.01)
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def azure(fake):
    return deployments.Resource(fake.place)


def puts(fake):
    return [one for one in fake.requests if one[0] == "PUT"]


# --- the spending guard -----------------------------------------------------------------------


def test_nothing_is_deployed_at_azure_without_a_yes_to_the_estimate(azure, fake, capsys,
                                                                    monkeypatch):
    with pytest.raises(LessonError, match="nobody is here to agree"):
        azure.deploy("recipes", TUNED)
    said = capsys.readouterr().out
    assert f"${price_list.hosting_per_hour():.2f} an hour, used or not: $40.80 a day" in said
    assert "$1,224 in 30 days" in said and price_list.hosting().read.isoformat() in said
    for answer in ("", "no", "y"):
        monkeypatch.setattr(builtins, "input", lambda prompt, answer=answer: answer)
        with pytest.raises(LessonError, match="nothing was deployed"):
            azure.deploy("recipes", TUNED)
    with pytest.raises(LessonError, match="nothing was deployed"):
        azure.deploy("recipes", TUNED, confirm=False)
    assert not puts(fake)


def test_no_way_to_the_control_plane_deploys_without_a_yes(fake):
    """The guard stood in Resource.deploy alone; what Resource is built on asked nobody."""
    for method in ("PUT", "POST", "PATCH"):
        with pytest.raises(LessonError, match="nobody has agreed"):
            control_plane.request(
                fake.place, method, fake.place.path("x"), deployments.request_body(TUNED))
    assert not fake.requests


def test_what_is_taken_for_practice_deploys_nothing_at_azure(fake):
    """Whoever tells where the place is (a function) counted as practice, whatever it told."""
    for resource in (deployments.Resource(lambda: fake.place),
                     deployments.Resource(fake.place, practice=True)):
        with pytest.raises(LessonError, match="nobody has agreed"):
            resource.deploy("recipes", TUNED)
    assert not puts(fake)


def test_an_interruption_says_that_the_deployment_goes_on(azure, fake, monkeypatch, capsys):
    """Ctrl-C looks as if it took the deployment back. It costs by the hour all the same."""
    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(deployments.time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        azure.deploy("recipes", TUNED, confirm=True)
    said = capsys.readouterr().out
    assert "goes on" in said and "resource.delete('recipes')" in said and len(puts(fake)) == 1


def test_a_day_as_suffix_is_part_of_a_tuned_models_name():
    """It was taken for the version of a base model, and cut off: there is no such model."""
    model = f"{TUNED}-2026-11-27"
    assert deployments.request_body(model)["properties"]["model"] == {
        "format": "OpenAI", "name": model, "version": "1"}


@pytest.mark.parametrize("name", ["", " ", ".", ".."])
def test_a_name_that_means_another_address_is_refused(azure, fake, name):
    for call in (azure.find, azure.delete, azure.wait,
                 lambda name: azure.deploy(name, TUNED, confirm=True)):
        with pytest.raises(LessonError, match="no name of a deployment"):
            call(name)
    assert not fake.requests


def test_a_strange_name_leads_to_no_other_address(fake):
    """'a/../b?x' went into the address as it was; with a blank there was a bare InvalidURL."""
    path = fake.place.path("a/../b?x #\u00e9")
    assert path == fake.place.path() + "/a%2F..%2Fb%3Fx%20%23%C3%A9"
    assert deployments.Resource(fake.place).find("a b") is None


def test_after_a_yes_the_request_is_that_of_azures_tutorial(azure, fake, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(builtins, "input", lambda prompt: asked.append(prompt) or "yes")
    made = azure.deploy("recipes", TUNED)
    assert (made.name, made.model, made.state) == ("recipes", TUNED, "Succeeded")
    ((method, path, headers, body),) = puts(fake)
    assert path == ("/subscriptions/sub/resourceGroups/group/providers/"
                    "Microsoft.CognitiveServices/accounts/kitchen/deployments/recipes"
                    "?api-version=2024-10-01")
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert body == {"sku": {"name": "standard", "capacity": 1}, "properties": {
        "model": {"format": "OpenAI", "name": TUNED, "version": "1"}}}
    said = capsys.readouterr().out
    assert "recipes: Creating\nrecipes: Succeeded" in said and len(asked) == 1
    assert SECRET not in said and SECRET not in repr(azure) + repr(fake.place)
    azure.deploy("trial", TUNED, "developer", confirm=True)
    assert puts(fake)[-1][3]["sku"] == {"name": "developertier", "capacity": 50}
    assert "no hourly fee" in capsys.readouterr().out
    azure.deploy("plain", "gpt-4o-mini-2024-07-18", confirm=True)
    assert puts(fake)[-1][3]["properties"]["model"] == {
        "format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}
    with pytest.raises(LessonError, match="no tier 'gold'"):
        azure.deploy("x", TUNED, "gold", confirm=True)


def test_a_model_that_somebody_uses_at_azure_is_not_replaced_unasked(azure, fake):
    """The names of our notebooks are ordinary words: a resource may have them already."""
    azure.deploy("recipes", TUNED, confirm=True)
    with pytest.raises(LessonError, match="Another model is deployed") as caught:
        azure.deploy("recipes", "gpt-4o-mini", confirm=True)
    assert "replace=True" in caught.value.cure and len(puts(fake)) == 1
    assert azure.deploy("recipes", "gpt-4o-mini", replace=True, confirm=True)
    assert azure.deploy("recipes", "gpt-4o-mini", confirm=True) and len(puts(fake)) == 3


def test_the_bill_at_azure_is_an_estimate_from_what_is_there(azure):
    azure.deploy("recipes", TUNED, confirm=True)
    azure.deploy("trial", TUNED, "developer", confirm=True)
    azure.deploy("plain", "gpt-4o-mini", confirm=True)
    bill = azure.bill()
    assert bill.estimated and bill.dollars == pytest.approx(17, abs=0.1)
    assert [round(row.dollars) for row in bill.rows] == [17, 0, 0]
    assert "cost analysis" in repr(bill) and "recipes" in bill._repr_html_()
    with pytest.raises(LessonError, match="Only the practice service"):
        azure.wind(days=1)


# --- a listing is read whole, or not at all ------------------------------------------------------


@pytest.mark.parametrize("code", [
    "SubscriptionNotFound", "ResourceGroupNotFound", "ResourceNotFound", "ParentResourceNotFound"])
def test_a_mistyped_resource_is_not_an_empty_one(azure, fake, code):
    """Each 404 of a GET counted as "nothing": the bill of a mistyped group was 0 $, while the
    deployment in the right one was charged by the hour.
    """
    azure.deploy("recipes", TUNED, confirm=True)
    for look in (azure.deployments, azure.bill):
        fake.trouble = [(404, code)]
        with pytest.raises(LessonError, match=code) as caught:
            look()
        assert "AZURE_RESOURCE_GROUP" in caught.value.cure


def test_only_a_missing_deployment_is_none(azure, fake):
    """A mistyped group was "no such deployment" to find, too."""
    assert azure.find("recipes") is None
    for code in ("SubscriptionNotFound", "ResourceGroupNotFound", "ParentResourceNotFound"):
        fake.trouble = [(404, code)] * 2
        with pytest.raises(LessonError, match=code):
            azure.find("recipes")


def test_a_listing_of_several_pages_is_read_to_its_end(azure, fake):
    """Only the first page was read, and a bill left out what stood on the others."""
    for number in range(5):
        azure.deploy(f"d{number}", TUNED, confirm=True)
    fake.page = 2
    assert [one.name for one in azure.deployments()] == [f"d{number}" for number in range(5)]
    assert azure.bill().dollars == pytest.approx(5 * 17, abs=0.5)
    fake.trouble = [(503, "Busy")] * control_plane.TRIES
    with pytest.raises(LessonError, match="503"):
        azure.deployments()


def test_a_deployment_of_unknown_age_is_not_free(azure, fake):
    """Without a day of making it counted as made just now, for 0 $."""
    azure.deploy("recipes", TUNED, confirm=True)
    del fake.deployments["recipes"]["systemData"]
    bill = azure.bill()
    assert bill.untold == ("recipes",) and "Not in the sum" in repr(bill)
    line = next(line for line in repr(bill).splitlines() if line.startswith("recipes"))
    assert line.split()[2:5] == ["?", "1.70", "?"], "it stood there as 0.0 days for 0.00 $"
    alt = bill.picture().alt
    assert "Not in the sum" in alt and "recipes: 0" not in alt and "nothing" not in alt


@pytest.mark.parametrize("made, hours", [
    ("{now}", 3), ("{now}Z", 3), ("{now}0Z", 3), ("{now}+00:00", 3)])
def test_azures_times_are_those_of_utc(monkeypatch, made, hours):
    """Without a zone it was read as the time of the learner's own: hours of the bill were gone."""
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    getattr(time, "tzset", lambda: None)()
    try:
        begun = datetime.now(UTC) - timedelta(hours=hours)
        raw = {"name": "a", "properties": {"model": {"name": TUNED}}, "sku": None,
               "systemData": {"createdAt": made.format(now=begun.strftime("%Y-%m-%dT%H:%M:%S.%f"))}}
        bill = hosting_bill.estimated([deployments.Deployment.read(raw)])
        assert bill.dollars == pytest.approx(hours * price_list.hosting_per_hour(), abs=0.1)
    finally:
        monkeypatch.undo()
        getattr(time, "tzset", lambda: None)()
    assert deployments.Deployment.read(raw | {"systemData": None}).created is None


@pytest.mark.parametrize("answer", [
    (200, None), (200, []), (200, {}), (200, {"value": None}), (204, None), (202, {"value": []}),
    (200, {"value": [{"name": "x"}]}), (200, {"value": [], "nextLink": 7})])
def test_an_answer_that_is_no_listing_is_not_an_empty_one(azure, fake, answer):
    fake.list_answer = answer
    with pytest.raises(LessonError, match="no list of deployments"):
        azure.deployments()


@pytest.mark.parametrize("answer", [None, [], {"name": "x"}])
def test_an_answer_that_is_no_deployment_is_told(azure, fake, monkeypatch, answer):
    """A page of a proxy, with the status 200, was an AttributeError after the yes."""
    monkeypatch.setattr(fake, "answer", lambda *what: (200, answer))
    for call in (azure.find, azure.wait, lambda name: azure.deploy(name, TUNED, confirm=True)):
        with pytest.raises(LessonError, match="'recipes' cannot be read") as caught:
            call("recipes")
        assert "portal" in caught.value.cure
    with pytest.raises(LessonError, match="no practice service"):
        azure_client.practice_place(fake.place.address, "practice-1")


def test_the_token_follows_no_redirection(azure, fake, monkeypatch):
    """Links were looked at; a redirection took the token along to wherever it led."""
    monkeypatch.setattr(fake, "answer", lambda method, path, headers, body: (
        fake.requests.append(path) or (302, None)))
    for call in (azure.deployments, lambda: azure.find("recipes"), lambda: azure.delete("x")):
        fake.requests.clear()
        with pytest.raises(LessonError, match=r"302(?s:.*)sends us elsewhere"):
            call()
        assert len(fake.requests) == 1


def test_an_answer_that_is_cut_off_is_told(azure, monkeypatch):
    def cut(*what, **how):
        raise IncompleteRead(b"half")

    monkeypatch.setattr(control_plane.urllib.request.OpenerDirector, "open", cut)
    with pytest.raises(LessonError, match="does not answer"):
        azure.deployments()


@pytest.mark.parametrize("link", ["https://elsewhere.example/x", "http://127.0.0.1:9/x", "/x"])
def test_the_token_follows_no_link_to_another_place(azure, fake, link):
    fake.list_answer = (200, {"value": [], "nextLink": link})
    with pytest.raises(LessonError, match="no list of deployments"):
        azure.deployments()
    assert len(fake.requests) == 1


def test_a_listing_that_leads_in_a_circle_ends(azure, fake):
    again = fake.place.address + fake.place.path() + f"?api-version={facts.API_VERSION}"
    fake.list_answer = (200, {"value": [], "nextLink": again})
    with pytest.raises(LessonError, match="no list of deployments"):
        azure.deployments()
    assert len(fake.requests) == 1


# --- what goes wrong there ----------------------------------------------------------------------


def test_what_passes_is_waited_for_and_what_does_not_is_told(azure, fake):
    fake.trouble = [(409, "RequestConflict"), (429, "TooManyRequests"), (503, "Busy")]
    assert azure.deploy("recipes", TUNED, confirm=True).state == "Succeeded"
    assert not fake.trouble and len(puts(fake)) == 1
    for status, code, cure in ((401, "ExpiredAuthenticationToken", "az login"),
                               (403, "AuthorizationFailed", "Contributor"),
                               (400, "DeploymentModelNotSupported", "Fix")):
        fake.trouble = [(status, code)]
        with pytest.raises(LessonError, match=f"{code}.*because of") as caught:
            azure.deploy("recipes", TUNED, confirm=True)
        assert cure in caught.value.cure and SECRET not in str(caught.value)
    fake.trouble = [(404, "ResourceNotFound")]
    with pytest.raises(LessonError, match="ResourceNotFound") as caught:
        azure.delete("recipes")
    assert "AZURE_RESOURCE_GROUP" in caught.value.cure
    fake.trouble = [(409, "RequestConflict")] * control_plane.TRIES
    with pytest.raises(LessonError, match="409"):
        azure.delete("recipes")


def test_a_deployment_that_fails_says_so(azure, fake, monkeypatch):
    original = fake.answer

    def failing(method, path, headers, body):
        answer = original(method, path, headers, body)
        if method == "PUT":
            fake.deployments["recipes"]["end"] = "Failed"
        return answer

    monkeypatch.setattr(fake, "answer", failing)
    with pytest.raises(LessonError, match="ended in the state Failed"):
        azure.deploy("recipes", TUNED, confirm=True)
    azure.delete("recipes")
    with pytest.raises(LessonError, match="no deployment 'recipes'"):
        azure.wait("recipes")
    monkeypatch.setattr(deployments, "PATIENCE", -1)
    fake.deployments["slow"] = {"name": "slow", "states": ["Creating"] * 9,
                                "properties": {"model": {"name": TUNED}}}
    with pytest.raises(LessonError, match="takes very long"):
        azure.wait("slow")


def test_nobody_there_is_told(fake):
    fake.server.server_close()
    with pytest.raises(LessonError, match="does not answer"):
        deployments.Resource(Place("http://127.0.0.1:9", "t", "a", "b", "c")).deployments()


# --- which resource is meant ----------------------------------------------------------------


def test_azures_resource_comes_from_the_environment(monkeypatch):
    with pytest.raises(LessonError, match="AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP"):
        deployments.resource("azure")
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "sub")
    monkeypatch.setenv("AZURE_RESOURCE_GROUP", "group")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://kitchen.openai.azure.com/")
    with pytest.raises(LessonError, match="no token") as caught:
        deployments.resource("azure")
    assert "az login" in caught.value.cure
    monkeypatch.setenv("AZURE_MANAGEMENT_TOKEN", SECRET)
    place = control_plane.azure_place()
    assert (place.account, place.address) == ("kitchen", "https://management.azure.com")
    assert not deployments.resource("azure").practice and SECRET not in repr(place)
    monkeypatch.setenv("AZURE_OPENAI_RESOURCE", "other")
    assert control_plane.azure_place().account == "other"
    with pytest.raises(LessonError, match="no deployments"):
        deployments.resource("openai")


@pytest.mark.parametrize("token", [f"{SECRET}\n{SECRET}", f"Bearer {SECRET}", f"{SECRET}\u2026"])
def test_a_token_that_cannot_be_sent_is_told_but_not_shown(monkeypatch, token):
    """'Invalid header value', and then the token, stood in the notebook's output."""
    for name in control_plane.NAMES:
        monkeypatch.setenv(name, name.lower())
    monkeypatch.setenv("AZURE_MANAGEMENT_TOKEN", token)
    with pytest.raises(LessonError, match="The token") as caught:
        deployments.resource("azure").deployments()
    assert SECRET not in str(caught.value) and "one piece" in caught.value.cure


def test_the_token_comes_from_the_azure_command_line(monkeypatch):
    calls = []

    def run(command, **how):
        calls.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=f"{SECRET}\n", stderr="")

    for name in control_plane.NAMES:
        monkeypatch.setenv(name, name.lower())
    monkeypatch.setattr(control_plane.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(control_plane.subprocess, "run", run)
    assert control_plane.azure_place().token == SECRET
    assert calls[0][:3] == ["/usr/bin/az", "account", "get-access-token"]

    def fails(command, **how):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(control_plane.subprocess, "run", fails)
    with pytest.raises(LessonError, match="no token"):
        control_plane.azure_place()


# --- the client -------------------------------------------------------------------------------


def test_one_setting_leads_to_practice_or_to_azure(monkeypatch):
    practice = lessonlib.connect("practice", protocol="azure")
    assert practice.base_url.path == "/openai/v1/" and practice.base_url.host == "127.0.0.1"
    older = lessonlib.connect("practice", protocol="azure", api_version="2024-10-21")
    assert isinstance(older, openai.AzureOpenAI) and older.base_url.path == "/openai/"
    assert [one.id for one in older.models.list()] == [one.id for one in practice.models.list()]
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://kitchen.openai.azure.com/")
    for protocol in ("azure", "openai"):
        real = lessonlib.connect("azure", protocol=protocol, api_key=SECRET, confirm=True)
        assert str(real.base_url) == "https://kitchen.openai.azure.com/openai/v1/"
    real = lessonlib.connect("azure", api_version="2024-10-21", api_key=SECRET, confirm=True)
    assert str(real.base_url) == "https://kitchen.openai.azure.com/openai/"
    with pytest.raises(LessonError, match="does not speak Azure"):
        lessonlib.connect("openai", protocol="azure", api_key=SECRET, confirm=True)
    with pytest.raises(LessonError, match="Unknown protocol"):
        lessonlib.connect(protocol="soap")


def test_a_job_as_azures_older_interface_tells_it_can_be_followed():
    """There organization_id and result_files may be null, and fields may be missing."""
    raw = {"id": "ftjob-1", "created_at": 100, "status": "succeeded", "object": "fine_tuning.job",
           "model": "m", "fine_tuned_model": TUNED, "result_files": None, "organization_id": None}
    job = FineTuningJob.construct(**raw)
    told = FineTuningJobEvent.construct(
        id="ftevent-1", created_at=100, level="info", message="Step 10: training loss=0.5",
        object="fine_tuning.job.event", type="metrics", data={"step": 10, "train_loss": 0.5})

    class Client:
        api_key = "x"

        class fine_tuning:
            class jobs:
                @staticmethod
                def retrieve(id):
                    return job

                @staticmethod
                def list_events(id, limit):
                    return iter([told])

    run = jobs.follow(Client, "ftjob-1", show=False)
    assert run.model == TUNED and run.steps[0].train_loss == 0.5 and run.picture().alt
    with pytest.raises(LessonError, match="no result file"):
        jobs.results(Client, "ftjob-1")


# --- practice ---------------------------------------------------------------------------------


@pytest.fixture
def resource():
    resource = deployments.resource("practice")
    yield resource
    for one in resource.deployments():
        resource.delete(one.name)


def test_the_same_lines_work_on_practice(resource, capsys):
    made = resource.deploy("plain", "pantry")
    assert "costs nothing. Practice: nothing is charged." in capsys.readouterr().out
    assert made in resource.deployments() and str(made) == "plain: pantry, standard, Succeeded"
    client = lessonlib.connect("practice", protocol="azure")
    answer = client.chat.completions.create(
        model="plain", messages=[{"role": "user", "content": "- 2 onions"}], max_tokens=4)
    assert answer.model == "pantry"
    now = resource.bill().now
    assert resource.wind(hours=5).now == pytest.approx(now + 5 * 3600, abs=30)
    resource.delete("plain")
    resource.delete("plain")
    assert "is gone" in (said := capsys.readouterr().out) and "no deployment 'plain'" in said
    assert "plain" in [row.name for row in resource.bill().rows]
    # Not: that there is no row at all. Another file's deployment may stand in the same work folder.
    assert "plain" not in [row.name for row in resource.bill(since=resource.bill().now).rows]
    with pytest.raises(LessonError, match="DeploymentModelNotSupported.*pantry"):
        resource.deploy("other", TUNED)
    with pytest.raises(LessonError, match="InvalidResourceProperties"):
        resource.deploy("no!such_name", "pantry")


def test_a_new_model_under_an_old_name_is_asked_afresh(resource):
    """Answers are kept by model. At Azure the name does not tell which one it is.

    A cache that went by the name alone gave the answers of the model before.
    """
    from lessonlib import Method, evaluate
    from lessonlib.measure.asking import model_identity
    from lessonlib.tasks import prompting, recipes

    client = lessonlib.connect("practice", protocol="azure")
    resource.deploy("plain", "pantry")
    first = model_identity(client, "plain")
    assert "pantry" in first["owner"]
    result = evaluate(client, Method("m", "plain", prompting.bare, max_tokens=4),
                      recipes.load("test")[:1])
    assert "practice" in result.owner
    resource.delete("plain")
    resource.deploy("plain", "pantry")
    assert model_identity(client, "plain") != first


def test_at_azure_where_nothing_is_told_no_answer_is_kept():
    from lessonlib.measure import asking

    client = openai.OpenAI(base_url="https://k.openai.azure.com/openai/v1/", api_key="x")
    unknown = {"model": "recipes", "created": "", "owner": ""}
    assert asking._may_be_another(client, unknown)
    assert not asking._may_be_another(client, unknown | {"created": "1"})
    other = openai.OpenAI(base_url="https://models.example.org/v1", api_key="x")
    assert not asking._may_be_another(other, unknown)


def test_in_a_classroom_practice_is_the_rooms_service(monkeypatch):
    running = service.ensure()
    Store(service.folder()).add_organisation(Organisation("practice-77", "t"), "practice-key-77")
    lines = classroom.lines_to_paste(running.url, classroom.Learner("x", "practice-key-77"))
    for line in lines.splitlines()[1:]:
        name, value = line.removeprefix('os.environ["').removesuffix('"').split('"] = "')
        monkeypatch.setenv(name, value)
    resource = deployments.resource("practice")
    assert "practice-77" in repr(resource) and resource.practice
    resource.deploy("mine", "pantry")
    client = lessonlib.connect("practice", protocol="azure")
    assert client.models.retrieve("mine").owned_by == "practice-77: pantry"
    assert client.api_key == "practice-key-77"
    older = lessonlib.connect("practice", protocol="azure", api_version="2024-10-21")
    assert older.models.retrieve("mine").owned_by == "practice-77: pantry"
    monkeypatch.setenv("LESSON_API_KEY", "practice-nobody")
    with pytest.raises(LessonError, match="401"):
        deployments.resource("practice").deployments()
    monkeypatch.setenv("LESSON_API_KEY", "sk-another")
    with pytest.raises(LessonError, match="no practice service"):
        deployments.resource(running.url)


def kill_the_service():
    running = service.find()
    os.kill(running.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    while service.is_alive():
        time.sleep(0.05)
    return running


def test_a_service_killed_at_any_moment_goes_on_with_its_deployments(resource, capsys):
    """What was answered is kept: deployments, their states, the clock, the bill."""
    resource.deploy("kept", "pantry")
    resource.wind(days=3)
    before = resource.bill()
    place = azure_client.local_place()
    for moment in (0.0, 0.4):  # in each of the states that pass
        name = f"killed-{moment}"
        status, made = control_plane.request(
            place, "PUT", place.path(name), deployments.request_body("pantry"))
        assert status == 201
        time.sleep(moment)
        old = kill_the_service()
        assert resource.wait(name).state == "Succeeded", "the service is started again by asking"
        assert service.find().pid != old.pid
        place = azure_client.local_place()
        assert control_plane.request(place, "DELETE", place.path(name))[0] == 202
        kill_the_service()
        deadline = time.monotonic() + 30
        while resource.find(name) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        place = azure_client.local_place()
    after = resource.bill()
    assert after.now >= before.now and resource.find("kept").state == "Succeeded"
    assert [row.name for row in after.rows].count("kept") == [
        row.name for row in before.rows].count("kept")
    assert all(row.reason == "deleted" for row in after.rows if row.name.startswith("killed"))


# --- the bill as a table and as a picture ---------------------------------------------------


def hosted(name="a", **more):
    values = {"model": TUNED, "tier": "standard", "state": "Succeeded", "per_hour": 1.7,
              "hours": 24.0, "dollars": 40.8, "hosted_from": 0.0}
    return hosting_bill.Hosted(name=name, **(values | more))


def test_the_bill_says_what_became_of_each():
    rows = (hosted(), hosted("b", state="gone", reason="idle", hosted_until=86400.0),
            hosted("c", state="gone", reason="expired", dollars=0.0, hosted_until=86400.0),
            hosted("d", state="Deleting", reason="deleted", hosted_until=86400.0),
            hosted("<e>", state="Creating", hosted_from=None, hours=0.0, dollars=0.0))
    bill = hosting_bill.Bill(rows, 86400.0, price_list.hosting().read)
    assert bill.dollars == pytest.approx(3 * 40.8)
    text = repr(bill)
    for words in ("running", "nobody asked it for 15 days", "its 24 hours", "being deleted",
                  "122.40", "nothing is charged"):
        assert words in text
    assert "&lt;e&gt;" in bill._repr_html_()
    alt = bill.picture().alt
    assert "a: 41 dollars after 1.0 days, running" in alt and "<e>" not in alt
    nothing = hosting_bill.Bill((), 0.0, price_list.hosting().read)
    assert "nothing is deployed" in nothing.picture().alt
