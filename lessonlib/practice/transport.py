"""The client's way to the practice service: finds it again when it has moved.

A service that nobody has used for half an hour stops; a client made before that would then only see
a refused connection. This transport starts the service again and repeats the request, so that a
learner may come back from lunch and run the next cell.
"""

from __future__ import annotations

import importlib
from typing import Any

import openai

from lessonlib.practice import service

# openai 3 is built on httpx2, openai 2 on httpx; both have the classes that we need.
_client = next(kind for kind in openai.DefaultHttpxClient.__mro__ if kind.__name__ == "Client")
http: Any = importlib.import_module(_client.__module__.split(".")[0])


class PracticeTransport(http.BaseTransport):
    """Sends requests to the running practice service, starting it where needed."""

    def __init__(self, running: service.Running):
        self._running = running
        # trust_env=False: a proxy set for the internet must not catch calls to this machine.
        self._inner = http.HTTPTransport(trust_env=False, limits=http.Limits(max_connections=None))

    def handle_request(self, request: Any) -> Any:
        """One request; only one that never arrived is sent again, so nothing is done twice."""
        try:
            return self._inner.handle_request(self._addressed(request))
        except http.ConnectError:
            self._running = service.ensure()
            return self._inner.handle_request(self._addressed(request))

    def _addressed(self, request: Any) -> Any:
        """The request with the address and the key of the service as it runs now."""
        request.url = request.url.copy_with(port=self._running.port)
        request.headers["Host"] = f"{service.HOST}:{self._running.port}"
        request.headers["Authorization"] = f"Bearer {self._running.api_key}"
        return request

    def close(self) -> None:
        self._inner.close()


def http_client(running: service.Running) -> Any:
    """An HTTP client for ``openai.OpenAI(http_client=...)``."""
    return openai.DefaultHttpxClient(transport=PracticeTransport(running), trust_env=False)
