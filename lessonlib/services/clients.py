"""connect(): the one way to a model in this course, whoever runs it.

    client = lessonlib.connect()              # the practice service on this machine, free
    client = lessonlib.connect("openai")      # OpenAI, paid: asks before it goes on

The provider is the argument, else the environment variable LESSON_PROVIDER, else ``practice``. A
paid provider is used only when it is named *and* its cost is agreed to: an API key that happens to
lie in the environment is not consent.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lessonlib.common import consent
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.services import azure_client
from lessonlib.services.address import Provider, host_of, is_local, is_practice, resolve
from lessonlib.services.key import find_key

if TYPE_CHECKING:
    import openai

#: Seconds that one request may take.
TIMEOUT = 120.0

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

    At a paid provider it asks for a yes to the estimate before each fine-tuning job that it sends,
    by whichever call (``services.guard``).

    Args:
        provider: "practice", "openai", "azure", or the base URL of any service that
            speaks the same protocol. Default: LESSON_PROVIDER, else "practice".
        base_url: the service's address; for Azure the resource's endpoint
            (default: AZURE_OPENAI_ENDPOINT).
        api_key: default: the environment variable OPENAI_API_KEY, AZURE_OPENAI_API_KEY or
            (for other addresses) LESSON_API_KEY, the Colab secret of that name, or a
            hidden prompt. Never printed, never saved.
        timeout: seconds that one request may take.
        confirm: True agrees to the cost without being asked, for scripts; False does not. It is
            no yes to a job.
        protocol: "azure" for the Azure half of the practice service; see
        ``services/azure_client.py``. api_version: for Azure's older addresses; then the client is
        an ``openai.AzureOpenAI``.

    Raises:
        LessonError: unknown provider, cost not agreed to, no key, or the practice
            service does not start.

    Introduced in notebook 00.
    """
    azure = azure_client.is_meant(provider, protocol)
    name = (provider or "").strip() or ("" if base_url else os.environ.get("LESSON_PROVIDER", ""))
    if not base_url and name.strip().lower() == "practice":
        name = _classroom_address() or name
    if not base_url and name.strip().lower() in ("", "practice"):
        return _practice_client(timeout, azure, api_version)
    classroom = is_practice(api_key or os.environ.get("LESSON_API_KEY"))
    chosen = resolve(name.strip(), base_url, classroom)
    classroom = classroom and chosen.key_name == "LESSON_API_KEY"
    if classroom:
        _announce_classroom(chosen.base_url)
    else:
        _agree_to_cost(chosen, confirm)
    import openai

    # No blank around it: an error that tells of a header that cannot be sent would show the key.
    key = (api_key or "").strip() or find_key(chosen)
    direct = classroom or is_local(chosen.base_url)
    http_client = openai.DefaultHttpxClient(trust_env=not direct)
    azure = azure or chosen.name == "azure"
    return _client(chosen.base_url, key, timeout, http_client, azure, api_version)


def _client(
    base_url: str, key: str, timeout: float, http_client, azure: bool, api_version: str | None
) -> openai.OpenAI:
    """The official client, guarded: OpenAI's, or one for Azure."""
    import openai

    from lessonlib.services import guard

    guard.watch(http_client)
    if azure:
        return azure_client.client(base_url, key, timeout, http_client, api_version)
    return openai.OpenAI(
        base_url=base_url, api_key=key, timeout=timeout, http_client=http_client)


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
    classroom = is_practice(os.environ.get("LESSON_API_KEY"))
    chosen = resolve(address, None, classroom)
    if not classroom:
        raise LessonError(
            _("{address} is no practice service: its key does not begin with 'practice-'.").format(
                address=address),
            _("Use practice, or azure for your own Azure resource."),
        )
    key = find_key(chosen)
    return lambda: azure_client.practice_place(chosen.base_url, key)


def _classroom_address() -> str:
    """Where a classroom's practice service is, when the instructor's lines were pasted, else "".

    Every notebook asks for "practice" by name. In a classroom that is the room's service.
    """
    address = os.environ.get("LESSON_PROVIDER", "").strip()
    there = "://" in address and is_practice(os.environ.get("LESSON_API_KEY"))
    return address if there else ""


def _announce_classroom(url: str) -> None:
    if url not in _announced:
        _announced.add(url)
        print(_("Connected to the classroom's practice service (not OpenAI): {url}").format(
            url=url))


def _agree_to_cost(provider: Provider, confirm: bool | None) -> None:
    """Go on only after a yes to the price, once per provider and Python process.

    Raises:
        LessonError: there was no yes, or nobody to ask.
    """
    mark = f"{provider.name} {provider.base_url}"
    if mark in _agreed and confirm is not False:
        return
    if confirm is None:
        print(_(
            "{name} ({host}) is a real service: every request, every tuning job and every\n"
            "deployed model is charged to your account, and what you send leaves this machine.\n"
            "Prices: data/facts/prices.toml in this course, and the provider's own list."
        ).format(name=provider.name, host=host_of(provider.base_url)))
    cure = _("Use connect() without a provider for the free practice service.")
    consent.agree(
        _("Type yes to go on: "), confirm,
        nobody=LessonError(
            _("{name} costs money, and nobody is here to agree to it.").format(name=provider.name),
            _("In a script, write connect({name!r}, confirm=True). {other}").format(
                name=provider.name, other=cure),
        ),
        refused=LessonError(
            _("You did not agree to pay {name}.").format(name=provider.name), cure),
    )
    _agreed.add(mark)
