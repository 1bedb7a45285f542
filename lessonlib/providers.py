"""connect(): the one way to a model in this course, whoever runs the model.

    client = lessonlib.connect()              # the practice service on this machine, free
    client = lessonlib.connect("openai")      # OpenAI, paid: asks before it goes on

The provider is the argument, else the environment variable LESSON_PROVIDER, else
``practice``. A paid provider is used only when it is named *and* its cost is agreed to:
an API key that happens to lie in the environment is not consent.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lessonlib import azure_client, consent
from lessonlib.errors import LessonError
from lessonlib.i18n import _

if TYPE_CHECKING:
    import openai

#: Seconds that one request may take.
TIMEOUT = 120.0
OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True)
class Provider:
    """Where requests go. ``key_name``: the environment variable or Colab secret to read."""

    name: str
    base_url: str
    key_name: str


#: Providers agreed to in this Python process: asked once, not at each cell.
_agreed: set[str] = set()
#: Whether the practice service has been announced in this process.
_announced: set[str] = set()


def connect(
    provider: str | None = None,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    timeout: float = TIMEOUT,
    confirm: bool | None = None,
    protocol: str = "openai",
    api_version: str | None = None,
) -> openai.OpenAI:
    """A client for the chosen provider: an ordinary ``openai.OpenAI``.

    Args:
        provider: "practice", "openai", "azure", or the base URL of any service that
            speaks the same protocol. Default: LESSON_PROVIDER, else "practice".
        base_url: the service's address; for Azure the resource's endpoint
            (default: AZURE_OPENAI_ENDPOINT).
        api_key: default: the environment variable OPENAI_API_KEY, AZURE_OPENAI_API_KEY or
            (for other addresses) LESSON_API_KEY, the Colab secret of that name, or a
            hidden prompt. Never printed, never saved.
        timeout: seconds that one request may take.
        confirm: True agrees to the cost without being asked, for scripts.
        protocol: "azure" for the Azure half of the practice service; see ``azure_client.py``.
        api_version: for Azure's older addresses; then the client is an ``openai.AzureOpenAI``.

    Raises:
        LessonError: unknown provider, cost not agreed to, no key, or the practice
            service does not start.
    """
    azure = azure_client.is_meant(provider, protocol)
    name = (provider or "").strip() or ("" if base_url else os.environ.get("LESSON_PROVIDER", ""))
    if not base_url and name.strip().lower() == "practice":
        name = _classroom_address() or name
    if not base_url and name.strip().lower() in ("", "practice"):
        return _practice_client(timeout, azure, api_version)
    classroom = _is_classroom_key(api_key or os.environ.get("LESSON_API_KEY"))
    chosen = _resolve(name.strip(), base_url, classroom)
    classroom = classroom and chosen.key_name == "LESSON_API_KEY"
    if classroom:
        _announce_classroom(chosen.base_url)
    else:
        _agree_to_cost(chosen, confirm)
    import openai

    key = api_key or _find_key(chosen)
    direct = classroom or _is_local(chosen.base_url)
    http_client = openai.DefaultHttpxClient(trust_env=not direct)
    azure = azure or chosen.name == "azure"
    return _client(chosen.base_url, key, timeout, http_client, azure, api_version)


def _client(
    base_url: str, key: str, timeout: float, http_client, azure: bool, api_version: str | None
) -> openai.OpenAI:
    """The official client: OpenAI's, or one for Azure."""
    if azure:
        return azure_client.client(base_url, key, timeout, http_client, api_version)
    import openai

    return openai.OpenAI(
        base_url=base_url, api_key=key, timeout=timeout, http_client=http_client)


def default_model(provider: str | None = None) -> str:
    """The model that a notebook starts from: LESSON_MODEL, else the practice model.

    Raises:
        LessonError: a real provider without LESSON_MODEL. Which model is paid for is the
            learner's choice, and names of models go out of service.
    """
    wish = os.environ.get("LESSON_MODEL", "").strip()
    if wish:
        return wish
    name = (provider or os.environ.get("LESSON_PROVIDER", "")).strip().lower()
    if name in ("", "practice") or (
        "://" in name and _is_classroom_key(os.environ.get("LESSON_API_KEY"))
    ):
        return "pantry"
    raise LessonError(
        _("No model is named for {provider}.").format(provider=name),
        _("Set the environment variable LESSON_MODEL to a model of your account."),
    )


def _practice_client(
    timeout: float, azure: bool = False, api_version: str | None = None
) -> openai.OpenAI:
    from lessonlib.practice import service

    running = service.ensure()
    if running.instance not in _announced:
        _announced.add(running.instance)
        print(
            _("Connected to the practice service on this machine (not OpenAI): {url}").format(
                url=running.url
            )
        )
    from lessonlib.practice.transport import http_client

    http = http_client(running)
    return _client(running.url, running.api_key, timeout, http, azure, api_version)


def practice_place(name: str):
    """What tells where the control plane of the practice service is: here, or in the classroom.

    ``name``: "practice", or the classroom's address.
    """
    address = name if "://" in name else _classroom_address()
    if not address:
        return azure_client.local_place
    classroom = _is_classroom_key(os.environ.get("LESSON_API_KEY"))
    chosen = _resolve(address, None, classroom)
    if not classroom:
        raise LessonError(
            _("{address} is no practice service: its key does not begin with 'practice-'.").format(
                address=address),
            _("Use practice, or azure for your own Azure resource."),
        )
    key = _find_key(chosen)
    return lambda: azure_client.practice_place(chosen.base_url, key)


def _is_classroom_key(key: str | None) -> bool:
    """Whether a key is one of a classroom's practice service.

    Such a key opens practice services alone: nothing can be charged to it, and it may travel
    unprotected in the room's own network.
    """
    return (key or "").strip().startswith("practice-")


def _classroom_address() -> str:
    """Where a classroom's practice service is, when the instructor's lines were pasted, else "".

    Every notebook asks for "practice" by name. In a classroom that is the room's service.
    """
    address = os.environ.get("LESSON_PROVIDER", "").strip()
    there = "://" in address and _is_classroom_key(os.environ.get("LESSON_API_KEY"))
    return address if there else ""


def _announce_classroom(url: str) -> None:
    if url not in _announced:
        _announced.add(url)
        print(_("Connected to the classroom's practice service (not OpenAI): {url}").format(
            url=url))


def _resolve(name: str, base_url: str | None, classroom: bool = False) -> Provider:
    """The provider that is meant by a name or an address."""
    if name.lower() == "openai":
        # Named here, so that a stray OPENAI_BASE_URL cannot send the key elsewhere.
        return Provider("openai", base_url or OPENAI_URL, "OPENAI_API_KEY")
    if name.lower() == "azure":
        endpoint = base_url or os.environ.get("AZURE_OPENAI_ENDPOINT", "")
        if not endpoint:
            raise LessonError(
                _("Azure OpenAI needs the address of your resource."),
                _("Set AZURE_OPENAI_ENDPOINT to https://<your resource>.openai.azure.com"),
            )
        endpoint = endpoint.rstrip("/")
        if not endpoint.endswith("/openai/v1"):
            endpoint += "/openai/v1"
        return Provider("azure", _checked(endpoint), "AZURE_OPENAI_API_KEY")
    address = base_url or name
    if name and "://" not in name and name != base_url:
        raise LessonError(
            _("Unknown provider: {name}").format(name=name),
            _("Use practice, openai, azure, or an address that begins with https://"),
        )
    return Provider(_host(_checked(address, classroom)), address, "LESSON_API_KEY")


def _checked(address: str, classroom: bool = False) -> str:
    """The address, when it is one: https; or http on this machine, or to a classroom nearby."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return address
    nearby = _is_local(address) or (classroom and _is_nearby(parts.hostname))
    if parts.scheme == "http" and nearby:
        return address
    raise LessonError(
        _("This address would send your key unprotected, or is none: {address}").format(
            address=address
        ),
        _("Use one that begins with https:// (or http://127.0.0.1 for your own machine)."),
    )


def _host(address: str) -> str:
    return urlsplit(address).hostname or address


def _is_local(address: str) -> bool:
    return _host(address) in ("127.0.0.1", "localhost", "::1")


def _is_nearby(host: str | None) -> bool:
    """Whether a host is in the own network: a private address, or a name without a domain."""
    try:
        return ipaddress.ip_address(host or "").is_private
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".local", ".lan", ".home.arpa")))


def _agree_to_cost(provider: Provider, confirm: bool | None) -> None:
    """Go on only after a yes to the price, once per provider and Python process.

    Raises:
        LessonError: there was no yes, or nobody to ask.
    """
    mark = f"{provider.name} {provider.base_url}"
    if confirm is True:
        _agreed.add(mark)
    if mark in _agreed:
        return
    cure = _("Use connect() without a provider for the free practice service.")
    if confirm is False:
        raise LessonError(_("You did not agree to pay {name}.").format(name=provider.name), cure)
    print(
        _(
            "{name} ({host}) is a real service: every request, every tuning job and every\n"
            "deployed model is charged to your account, and what you send leaves this machine.\n"
            "Prices: data/facts/prices.toml in this course, and the provider's own list."
        ).format(name=provider.name, host=_host(provider.base_url))
    )
    answer = consent.yes(_("Type yes to go on: "))
    if answer is None:
        raise LessonError(
            _("{name} costs money, and nobody is here to agree to it.").format(name=provider.name),
            _("In a script, write connect({name!r}, confirm=True). {other}").format(
                name=provider.name, other=cure
            ),
        )
    if not answer:
        raise LessonError(_("You did not agree to pay {name}.").format(name=provider.name), cure)
    _agreed.add(mark)


def _find_key(provider: Provider) -> str:
    """The key from the environment, from Colab's secrets, or typed in unseen.

    Raises:
        LessonError: there is none, and nobody to ask.
    """
    key = os.environ.get(provider.key_name, "").strip() or _colab_secret(provider.key_name)
    if key:
        return key
    import getpass

    try:
        if not _can_ask():
            raise EOFError
        key = getpass.getpass(_("API key for {name} (hidden): ").format(name=provider.name)).strip()
    except (EOFError, OSError, NotImplementedError):
        key = ""
    if not key:
        raise LessonError(
            _("There is no API key for {name}.").format(name=provider.name),
            _("Set the environment variable {key}.").format(key=provider.key_name),
        )
    return key


def _can_ask() -> bool:
    """Whether a hidden prompt is possible: a terminal, or a notebook."""
    return "ipykernel" in sys.modules or (sys.stdin is not None and sys.stdin.isatty())


def _colab_secret(name: str) -> str:
    """The value from Colab's secrets panel; empty outside Colab or without permission."""
    if "google.colab" not in sys.modules:
        return ""
    from google.colab import userdata

    try:
        return (userdata.get(name) or "").strip()
    except Exception:  # Colab's own: SecretNotFoundError, NotebookAccessError, a timeout
        return ""
