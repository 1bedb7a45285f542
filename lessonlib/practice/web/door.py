"""What every request passes on its way in and out: key, limits, request id, log line, errors."""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi.responses import Response

from lessonlib.practice.protocol import rehearse
from lessonlib.practice.protocol.errors import ApiError, server_error
from lessonlib.practice.store.store import DEFAULT, Organisation, Store
from lessonlib.practice.web import azure_door, responses
from lessonlib.practice.web.classroom import STATUS_PATH

log = logging.getLogger("lessonlib.practice")


@dataclass
class Activity:
    """When the service was last of use: what the idle clock and the instructor look at.

    ``refusals``: the last answers with an error, as (time, organisation, status, method, path).
    """

    running: int = 0
    last: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)
    refusals: deque[tuple] = field(default_factory=lambda: deque(maxlen=50))

    def idle_seconds(self) -> float:
        return 0.0 if self.running else time.monotonic() - self.last


class Door:
    """Every request passes here: request id, key, one log line, errors as JSON.

    Plain ASGI rather than FastAPI's middleware, because that one hides from a route
    that its client has gone away.
    """

    def __init__(self, app: Callable, store: Store, api_key: str, activity: Activity):
        self._app = app
        self._store = store
        self._api_key = api_key
        self._activity = activity
        self._recent: dict[str, deque[float]] = {}

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

        # Asking whether it lives must not keep it alive; nor may the instructor's page.
        counts = scope["path"] not in ("/health", STATUS_PATH)
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
                self._note(scope, status)
                took = (time.monotonic() - begun) * 1000
                log.info(
                    "%s %s %s %.0f ms %s", scope["method"], scope["path"], status, took, request_id
                )

    def _note(self, scope: dict, status: int) -> None:
        """Remember a request for the instructor's page."""
        owner = scope["organisation"].id if "organisation" in scope else ""
        self._activity.requests[owner] += 1
        if status >= 400:
            line = (time.time(), owner, status, scope["method"], scope["path"])
            self._activity.refusals.append(line)

    def _refusal(self, scope: dict) -> ApiError | None:
        """What a request is refused with before any route sees it; None to let it in."""
        headers = {name.decode("latin-1"): value.decode("latin-1")
                   for name, value in scope["headers"]}
        found = self._whose(scope["path"], headers)
        if isinstance(found, ApiError):
            return found
        scope["organisation"] = found
        if azure_door.is_azure(scope["path"]) and (refusal := azure_door.take_version(scope)):
            return refusal
        creates_job = scope["method"] == "POST" and scope["path"].endswith("/fine_tuning/jobs")
        return self._limit(found) or rehearse.refusal(
            headers.get(rehearse.HEADER), attempt(headers), creates_job
        )

    def _whose(self, path: str, headers: dict[str, str]) -> Organisation | ApiError:
        """The organisation whose key came with the request."""
        key = azure_door.key_of(path, headers)
        if hmac.compare_digest(key.encode(), self._api_key.encode()):
            return self._store.organisation(DEFAULT)
        found = self._store.organisation_of(key) if key else None
        if found is not None:
            return found
        if azure_door.is_azure(path):
            return azure_door.denied(path)
        if not key:
            return ApiError(
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY). "
                "lessonlib.connect() does that for you.",
                status=401,
            )
        shown = f"{key[:3]}***{key[-2:]}" if len(key) > 8 else "***"
        return ApiError(
            f"Incorrect API key provided: {shown}. The key of this practice service changes "
            "with each start; lessonlib.connect() knows it.",
            status=401,
            code="invalid_api_key",
        )

    def _limit(self, owner: Organisation) -> ApiError | None:
        """429 where an organisation has had its requests of the last minute."""
        if owner.requests_per_minute is None:
            return None
        recent, now = self._recent.setdefault(owner.id, deque()), time.monotonic()
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) < owner.requests_per_minute:
            recent.append(now)
            return None
        seconds = max(1, round(recent[0] + 60 - now))
        return rehearse.rate_limit(owner.id, owner.requests_per_minute, seconds)


def attempt(headers: Mapping[str, str]) -> int:
    """0 for a request, 1 for its first repetition: the official client says which it is."""
    text = headers.get("x-stainless-retry-count", "0")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def error_response(error: ApiError) -> Response:
    return json_response(error.body(), error.status, error.headers)


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(responses.to_json(value), status, headers, "application/json")
