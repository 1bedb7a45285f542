"""The browser tests look at their own JupyterLab, whatever else runs on this machine."""

from __future__ import annotations

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests import browser


class Other(BaseHTTPRequestHandler):
    """Answers everything, as the JupyterLab of a test in another process does."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"not yours")

    def log_message(self, *_words):
        pass


def test_another_server_on_the_chosen_port_is_not_taken_for_ours(tmp_path, monkeypatch):
    """Two tests chose port 8888 at the same moment. The later JupyterLab moved to 8889, its test
    opened 8888, and waited two minutes for a notebook that only the other one had.
    """
    other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    taken = other.server_address[1]
    monkeypatch.setattr(browser, "choose_port", lambda asked: taken)
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "only here.txt").touch()
    try:
        with browser.jupyterlab(folder, tmp_path / "work") as address:
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with direct.open(f"{address}/api/contents", timeout=30) as answer:
                found = json.load(answer)
    finally:
        other.shutdown()
        other.server_close()
    assert not address.endswith(f":{taken}")
    assert [one["name"] for one in found["content"]] == ["only here.txt"]
