"""Errors as OpenAI's API words them: {"error": {message, type, param, code}}.

The texts stay English in every edition of the course, since they are part of the protocol:
programs read them, and learners will meet the same words at the real service.
"""

from __future__ import annotations

import json

from fastapi import Request


class ApiError(Exception):
    """A refusal that the client sees.

    The official client retries 408, 409, 429 and 5xx by itself, so none of these
    may stand for something that a second try cannot change.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.param = param
        self.code = code
        self.headers = headers or {}

    def body(self) -> dict:
        """The JSON object that goes over the wire."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


def model_not_found(name: str, known: list[str], *, status: int = 404) -> ApiError:
    """404, as for a misspelled model; names the models that do exist here."""
    return ApiError(
        f"The model `{name}` does not exist or you do not have access to it. "
        f"This practice service has: {', '.join(known) or 'no model yet'}.",
        status=status,
        param="model",
        code="model_not_found",
    )


def server_error() -> ApiError:
    """500: our own mistake; what happened stands in the log."""
    return ApiError(
        "The practice service had an error while processing your request. "
        "See work/practice/service.log.",
        status=500,
        type="server_error",
    )


async def read_json(request: Request) -> object:
    """The request's body.

    Raises:
        ApiError: it is not JSON.
    """
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise ApiError(
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly. The API expects a JSON payload, but "
            "what was sent was not valid JSON.)"
        ) from None
