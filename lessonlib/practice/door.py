"""What every request passes on its way in and out: key, request id, log line, errors."""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi.responses import Response

from lessonlib.practice import responses
from lessonlib.practice.errors import ApiError, server_error

log = logging.getLogger("lessonlib.practice")


@dataclass
class Activity:
    """When the service was last of use: what the idle clock looks at."""

    running: int = 0
    last: float = 0.0

    def idle_seconds(self) -> float:
        return 0.0 if self.running else time.monotonic() - self.last


class Door:
    """Every request passes here: request id, key, one log line, errors as JSON.

    Plain ASGI rather than FastAPI's middleware, because that one hides from a route
    that its client has gone away.
    """

    def __init__(self, app: Callable, api_key: str, activity: Activity):
        self._app = app
        self._api_key = api_key
        self._activity = activity

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_practice_{secrets.token_hex(12)}"
        begun = time.monotonic()
        status = 0

        async def send_with_id(message: dict) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        counts = scope["path"] != "/health"  # asking whether it lives must not keep it alive
        self._activity.running += counts
        try:
            refusal = self._refusal(scope) if counts else None
            app = self._app if refusal is None else error_response(refusal)
            await app(scope, receive, send_with_id)
        except Exception:
            log.exception("%s failed", request_id)
            if status == 0:
                await error_response(server_error())(scope, receive, send_with_id)
        finally:
            if counts:
                self._activity.running -= 1
                self._activity.last = time.monotonic()
                took = (time.monotonic() - begun) * 1000
                log.info(
                    "%s %s %s %.0f ms %s", scope["method"], scope["path"], status, took, request_id
                )

    def _refusal(self, scope: dict) -> ApiError | None:
        header = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key:
            return ApiError(
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY). "
                "lessonlib.connect() does that for you.",
                status=401,
            )
        if hmac.compare_digest(key.strip().encode(), self._api_key.encode()):
            return None
        shown = f"{key[:3]}***{key[-2:]}" if len(key) > 8 else "***"
        return ApiError(
            f"Incorrect API key provided: {shown}. The key of this practice service changes "
            "with each start; lessonlib.connect() knows it.",
            status=401,
            code="invalid_api_key",
        )


def error_response(error: ApiError) -> Response:
    return json_response(error.body(), error.status)


def json_response(value: object, status: int = 200) -> Response:
    return Response(responses.to_json(value), status, media_type="application/json")
