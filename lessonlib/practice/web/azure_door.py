"""What is different at the door for requests that come through the Azure view.

There are two planes, as on Azure. The *data plane* below /openai holds files, jobs and answers; it
wants the resource's key, in a header ``api-key`` or as a bearer token. The *control plane* below
/subscriptions (Azure Resource Manager, ARM) makes deployments; it wants a bearer token. On Azure
that is a different one, from ``az account get-access-token``; here the service's key will do.

Paths below /openai/v1 have no version, the others want ``api-version``. Which one does not matter
here: the protocol shown is that of 2024-10-21.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from lessonlib.practice.protocol import azure_errors
from lessonlib.practice.protocol.errors import ApiError

DATA_PLANE, CONTROL_PLANE = "/openai/", "/subscriptions/"
UNVERSIONED = "/openai/v1/"


def is_azure(path: str) -> bool:
    return path.startswith((DATA_PLANE, CONTROL_PLANE))


def key_of(path: str, headers: dict[str, str]) -> str:
    """The key that came with a request; '' for none."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    bearer = key.strip() if scheme.lower() == "bearer" else ""
    if path.startswith(DATA_PLANE):
        return bearer or headers.get("api-key", "").strip()
    return bearer


def denied(path: str) -> ApiError:
    """The refusal of a wrong key or none, in the words of the plane."""
    if path.startswith(CONTROL_PLANE):
        return azure_errors.token_denied()
    return azure_errors.access_denied()


def take_version(scope: dict) -> ApiError | None:
    """Take ``api-version`` out of a request's address, so that no route needs to know it.

    Returns:
        The refusal where it is missing.
    """
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    rest = [(name, value) for name, value in pairs if name != "api-version"]
    if len(rest) == len(pairs) and not scope["path"].startswith(UNVERSIONED):
        return azure_errors.version_missing(scope["path"])
    scope["query_string"] = urlencode(rest).encode("latin-1")
    return None
