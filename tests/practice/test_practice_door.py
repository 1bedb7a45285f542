"""What every request passes, whatever becomes of it behind the door. Without a network."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from lessonlib.practice.store.store import Store
from lessonlib.practice.web.app import create_app
from lessonlib.practice.web.door import Activity, attempt


def broken(*arguments, **options):
    raise OSError("no space left")


@pytest.fixture
def app(tmp_path):
    """A service whose catalogue is out of order."""
    house = SimpleNamespace(
        store=Store(tmp_path), engine=None, trainer=None, keeper=None,
        catalogue=SimpleNamespace(all=broken))
    return create_app(house, api_key="key", about={}, activity=Activity(), stop=broken)


def get(app, path, **headers):
    """(status, headers, body) of an answer."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = {"authorization": "Bearer key", **headers}
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "scheme": "http", "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1)}
    asyncio.run(app(scope, receive, send))
    start = sent[0]
    known = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], known, b"".join(part.get("body", b"") for part in sent[1:])


def test_a_fault_of_ours_is_told_in_the_words_of_the_protocol(app, caplog):
    """It was "Internal Server Error" as plain text, and nobody learned of the log."""
    status, headers, body = get(app, "/v1/models")
    assert status == 500 and headers["content-type"] == "application/json"
    assert headers["x-request-id"].startswith("req_practice_")
    error = json.loads(body)["error"]
    assert error["type"] == "server_error" and "service.log" in error["message"]
    assert "no space left" in caplog.text


@pytest.mark.parametrize(("said", "meant"), [("2", 2), ("x", 0), ("9" * 5000, 0)])
def test_how_often_a_request_was_tried_is_read_with_care(app, said, meant):
    """5,000 digits in this header were a status 500."""
    assert attempt({"x-stainless-retry-count": said}) == meant
    assert get(app, "/v1/none", **{"x-stainless-retry-count": said})[0] == 404
