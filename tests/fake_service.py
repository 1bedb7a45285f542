"""A tiny real HTTP service with the OpenAI protocol, whose answers a test can choose."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai


class FakeService:
    """Counts what it is asked. ``answer(messages)`` gives a text, or (status, error object).

    ``by_model`` holds other answers for models of a certain name.
    """

    def __init__(self, answer, created=1, delay=0.0, by_model=None):
        self.answer, self.created, self.delay = answer, created, delay
        self.by_model = by_model or {}
        self.asked: list[dict] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    def model(self, name):
        known = {"object": "model", "created": self.created, "owned_by": "fake"}
        return 200, {"id": name, **known}

    def chat(self, body):
        with self.lock:
            self.asked.append(body)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay)
        with self.lock:
            self.at_once -= 1
        given = self.by_model.get(body["model"], self.answer)(body["messages"])
        if not isinstance(given, str):
            status, error = given
            return status, {"error": error}
        prompt = sum(len(message["content"].split()) for message in body["messages"])
        completion = len(given.split())
        return 200, {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": given},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            },
        }


def client_of(url):
    """A client that goes past any proxy of the machine and never tries twice."""
    direct = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=url, api_key="test", max_retries=0, http_client=direct)


@contextmanager
def serving(service: FakeService):
    """An ``openai.OpenAI`` client of the service, which listens on a free port meanwhile."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, status, body):
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def do_GET(self):
            self.reply(*service.model(self.path.rsplit("/", 1)[-1]))

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            self.reply(*service.chat(json.loads(self.rfile.read(length))))

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        with client_of(url) as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()
