"""Refusals in Azure's words: {"error": {code, message}}, with codes in CamelCase.

``DeploymentNotFound``, ``DeploymentModelNotSupported``, ``InvalidResourceProperties``,
``RequestConflict``, ``ResourceNotFound`` and their first sentences are Azure's, as learners quote
them when they ask for help. Ours is what stands in brackets behind "Practice service:": the real
ones do not say what was mixed up, and that is what one wants to know.
"""

from __future__ import annotations

from lessonlib.common.facts import DATA_API_VERSION
from lessonlib.practice.protocol.errors import ApiError


class AzureError(ApiError):
    """A refusal as Azure sends it. ``hint``: what the practice service adds."""

    def __init__(self, code: str, message: str, *, status: int = 400, hint: str = "", **more):
        if hint:
            message = f"{message} (Practice service: {hint})"
        super().__init__(message, status=status, code=code, **more)

    def body(self) -> dict:
        return {"error": {"code": self.code, "message": self.message}}


def access_denied() -> AzureError:
    """401 where deployed models are asked, and files and jobs are kept."""
    return AzureError(
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide "
        "a valid key for an active subscription and use a correct regional API endpoint for your "
        "resource.",
        status=401,
        hint="its key changes with each start; lessonlib.connect(protocol='azure') knows it.",
    )


def token_denied() -> AzureError:
    """401 at the control plane, where deployments are made."""
    return AzureError(
        "AuthenticationFailed",
        "Authentication failed. The 'Authorization' header is missing or is invalid.",
        status=401,
        hint="here the token of the control plane is the service's own key, sent as "
        "'Authorization: Bearer ...'; an api-key header is not read at this address.",
    )


def not_found(method: str, path: str, hint: str = "") -> AzureError:
    return AzureError(
        "404", "Resource not found", status=404, hint=hint or f"it has no {method} {path}."
    )


def version_missing(path: str) -> AzureError:
    """Without api-version Azure says no more than that it finds nothing."""
    hint = f"this address wants '?api-version=...', such as {DATA_API_VERSION}."
    return not_found("", path, hint)


def deployment_not_found(hint: str) -> AzureError:
    return AzureError(
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within "
        "the last 5 minutes, please wait a moment and try again.",
        status=404,
        hint=hint,
    )


def model_not_supported(name: str, version: str, hint: str) -> AzureError:
    return AzureError(
        "DeploymentModelNotSupported",
        f"The model 'Format: OpenAI, Name: {name}, Version: {version}' of account deployment is "
        "not supported.",
        hint=hint,
    )


def invalid_properties(message: str, hint: str = "") -> AzureError:
    return AzureError("InvalidResourceProperties", message, hint=hint)


def conflict(name: str, state: str) -> AzureError:
    """409: it passes by itself, so a client may try again."""
    return AzureError(
        "RequestConflict",
        "Another operation is being performed on the parent resource. Please try again later.",
        status=409,
        hint=f"the deployment '{name}' is {state}; wait until that is over.",
        headers={"retry-after": "1"},
    )


def resource_not_found(kind: str, name: str, right: str) -> AzureError:
    return AzureError(
        f"{kind}NotFound", f"The {kind} '{name}' could not be found.", status=404,
        hint=f"yours is called '{right}'.",
    )
