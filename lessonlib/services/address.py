"""Which provider is meant by a name or an address, and whether a key may travel there."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

#: Beginning of the keys of practice services, on this machine or in a classroom.
PRACTICE_KEY = "practice-"
OPENAI_URL = "https://api.openai.com/v1"


def is_practice(who: object) -> bool:
    """Whether a client, or a key, is that of a practice service, where everything is free.

    Such a key opens practice services alone: nothing can be charged to it, and it may travel
    unprotected in a classroom's own network. Introduced in notebook 06.
    """
    return str(getattr(who, "api_key", who) or "").strip().startswith(PRACTICE_KEY)


@dataclass(frozen=True)
class Provider:
    """Where requests go. ``key_name``: the environment variable or Colab secret to read."""

    name: str
    base_url: str
    key_name: str


def resolve(name: str, base_url: str | None, classroom: bool = False) -> Provider:
    """The provider that is meant by a name or an address."""
    if name.lower() == "openai":
        # Named here, so that a stray OPENAI_BASE_URL cannot send the key elsewhere.
        return Provider("openai", _checked(base_url or OPENAI_URL), "OPENAI_API_KEY")
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
    return Provider(host_of(_checked(address, classroom)), address, "LESSON_API_KEY")


def _checked(address: str, classroom: bool = False) -> str:
    """The address, when it is one: https; or http on this machine, or to a classroom nearby."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return address
    nearby = is_local(address) or (classroom and _is_nearby(parts.hostname))
    if parts.scheme == "http" and nearby:
        return address
    raise LessonError(
        _("This address would send your key unprotected, or is none: {address}").format(
            address=address
        ),
        _("Use one that begins with https:// (or http://127.0.0.1 for your own machine)."),
    )


def host_of(address: str) -> str:
    return urlsplit(address).hostname or address


def is_local(address: str) -> bool:
    return host_of(address) in ("127.0.0.1", "localhost", "::1")


def _is_nearby(host: str | None) -> bool:
    """Whether a host is in the own network: a private address, or a name without a domain."""
    try:
        return ipaddress.ip_address(host or "").is_private
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".local", ".lan", ".home.arpa")))
