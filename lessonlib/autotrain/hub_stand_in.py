"""A stand-in for the Hugging Face hub on this machine, with just enough for AutoTrain's web page.

Before it shows anything, AutoTrain's page asks the hub who the user is; later it asks whether a
project of the same name exists already. Without a network and an account it would not open. This
little server answers both questions: the user is called ``practice``, the hub is empty. It is
for practice: nothing is uploaded, and nothing leaves this machine.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

USER = "practice"
#: A made-up token: the stand-in takes any.
TOKEN = "practice-token"


class _Answers(BaseHTTPRequestHandler):
    """Three answers: who am I, which models are there, and "no such thing"."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/api/whoami-v2":
            self._send(200, {"type": "user", "id": USER, "name": USER, "orgs": []})
        elif path == "/api/models":
            self._send(200, [])
        else:
            self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        # Read what was sent: what is left in the line would be taken for the next request.
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send(403, {"error": "This is a stand-in for practice; nothing can be uploaded."})

    do_PUT = do_DELETE = do_POST

    def _send(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args) -> None:
        """Say nothing: a notebook would show each request."""


class HubStandIn:
    """Runs in a thread of this process: ``hub = HubStandIn(); hub.url; hub.close()``."""

    def __init__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
