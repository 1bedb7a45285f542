"""The official client for Azure OpenAI, and for the Azure half of the practice service.

There are two styles, and both are in use. Since 2025 Azure has OpenAI's own addresses, below
``/openai/v1``, for which the plain ``openai.OpenAI`` is enough. Before that, each address carried
an ``api-version``; for these there is ``openai.AzureOpenAI``, and tutorials of 2024 use it::

    lessonlib.connect(PROVIDER, protocol="azure")
    lessonlib.connect(PROVIDER, protocol="azure", api_version="2024-10-21")

``PROVIDER`` is "practice" or "azure"; nothing else changes between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.services import control_plane
from lessonlib.services.control_plane import Place

if TYPE_CHECKING:
    import openai

V1 = "/openai/v1"


def is_meant(provider: str | None, protocol: str) -> bool:
    """Whether Azure's protocol is to be spoken.

    Raises:
        LessonError: there is no such protocol, or the provider does not speak it.
    """
    if protocol not in ("openai", "azure"):
        raise LessonError(
            _("Unknown protocol: {name}").format(name=protocol), _("Use openai or azure."))
    if protocol == "azure" and (provider or "").strip().lower() == "openai":
        raise LessonError(
            _("OpenAI does not speak Azure's protocol."),
            _("Use PROVIDER = 'practice', or 'azure' for your own Azure resource."),
        )
    return protocol == "azure"


def client(
    base_url: str, key: str, timeout: float, http_client, api_version: str | None
) -> openai.OpenAI:
    """A client for the resource at an address, in the newer style or with a version.

    Args:
        base_url: the resource's endpoint, or its ``.../openai/v1``, or a practice service's
            ``.../v1``.
    """
    import openai

    endpoint = endpoint_of(base_url)
    if api_version:
        return openai.AzureOpenAI(
            azure_endpoint=endpoint, api_key=key, api_version=api_version, timeout=timeout,
            http_client=http_client)
    return openai.OpenAI(
        base_url=endpoint + V1, api_key=key, timeout=timeout, http_client=http_client)


def endpoint_of(base_url: str) -> str:
    """The endpoint that an address belongs to."""
    return base_url.rstrip("/").removesuffix("/v1").removesuffix("/openai")


def local_place() -> Place:
    """Where the control plane of this machine's practice service is now; starts the service."""
    from lessonlib.practice import service

    running = service.ensure()
    return practice_place(running.url, running.api_key)


def practice_place(base_url: str, key: str) -> Place:
    """The control plane of a practice service, for the learner with this key.

    The service itself tells how the learner's resource is called (ours: Azure's portal does).

    Raises:
        LessonError: it does not answer, does not know the key, or is none.
    """
    unnamed = Place(endpoint_of(base_url), key, "", "", "")
    _status, names = control_plane.request(unnamed, "GET", "/practice/resource", versioned=False)
    try:
        return Place(unnamed.address, key, **names)
    except TypeError:  # a page for people, or the JSON of another program
        raise LessonError(
            _("What answers at {address} is no practice service.").format(
                address=unnamed.address),
            _("Check the address that you were given (LESSON_PROVIDER)."),
        ) from None
