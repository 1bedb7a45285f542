"""Nothing is paid for by accident: the estimate before each job, and a yes that was typed."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest
from fine_tuning_parts import jsonl, rows, supervised, upload
from IPython.core.error import StdinNotImplementedError

import lessonlib
from lessonlib import costs
from lessonlib.common import facts
from lessonlib.common.errors import LessonError
from lessonlib.practice import service
from lessonlib.services import azure_client, clients, guard, jobs
from lessonlib.services.address import is_practice
from tools.notebook_rules import SECRET

KEY = "sk-proj-abcdefghij0123456789"
MODEL = "gpt-4.1-mini-2025-04-14"
NANO = facts.ends("gpt-4.1-nano").ends.isoformat()
JOB = {"id": "ftjob-1", "object": "fine_tuning.job", "model": MODEL, "status": "queued",
       "created_at": 1, "training_file": "file-1", "result_files": [], "seed": 1,
       "organization_id": "o", "hyperparameters": {"n_epochs": 4}}


class PaidService:
    """A service that charges, over real HTTP. It keeps what it was asked, method and path.

    ``trouble``: statuses that the next orders are refused with. ``content``: of its only file.
    """

    def __init__(self):
        self.requests, self.orders, self.trouble, self.content = [], [], [], jsonl(rows(100))
        paid = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, content = paid.answer(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                if status == 307:
                    self.send_header("location", f"{paid.url}/elsewhere/fine_tuning/jobs")
                self.send_header("retry-after-ms", "1")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do

            def log_message(self, *line):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method, path, headers, body):
        self.requests.append((method, path, headers))
        if method == "GET":
            if "/content" in path:
                return 200, self.content
            return 200, json.dumps(JOB).encode()
        if "/files" in path:
            return 200, json.dumps({"id": "file-1", "object": "file", "bytes": 1, "created_at": 1,
                                    "filename": "x", "purpose": "fine-tune",
                                    "status": "processed"}).encode()
        self.orders.append((path, headers, body))
        return (self.trouble.pop(0) if self.trouble else 200), json.dumps(JOB).encode()


@pytest.fixture
def paid(monkeypatch):
    paid = PaidService()
    monkeypatch.setattr(clients, "_agreed", set())
    # A key that lies in the environment must change nothing at all.
    monkeypatch.setenv("OPENAI_API_KEY", "sk-lying-around")
    yield paid
    paid.server.shutdown()
    paid.server.server_close()


@pytest.fixture
def client(paid):
    with lessonlib.connect(f"{paid.url}/v1", api_key=KEY, confirm=True) as client:
        yield client


def azure(paid, **more):
    """A client for an Azure resource there, in the newer style or with a version."""
    return clients._client(paid.url, KEY, 20, openai.DefaultHttpxClient(), True, **more)


def typed(monkeypatch, *answers):
    """Somebody types these; None is nobody. Returns what was asked."""
    left, asked = list(answers), []

    def read(question=""):
        asked.append(question)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if not isinstance(answer, str):
            raise answer or EOFError
        return answer

    monkeypatch.setattr("builtins.input", read)
    return asked


def order(client, **more):
    return client.fine_tuning.jobs.create(**{"model": MODEL, "training_file": "file-1"} | more)


# --- the official call ---------------------------------------------------------------------


def test_without_a_yes_the_official_call_sends_nothing(paid, client, monkeypatch):
    """The question stood in a call of our own: whoever wrote the official one was not asked."""
    typed(monkeypatch, None)
    training = upload(client, rows(100))
    with pytest.raises(LessonError, match="nothing was sent") as caught:
        client.fine_tuning.jobs.create(model=MODEL, training_file=training)
    assert paid.orders == [] and guard.AGREED in caught.value.cure
    assert [method for method, path, _h in paid.requests if "fine_tuning" in path] == []


@pytest.mark.parametrize("answer", [
    "", "no", "y", "ja", "yes please", None, OSError(), NotImplementedError(),
    StdinNotImplementedError("nobody can answer")])
def test_anything_but_yes_sends_nothing(paid, client, monkeypatch, answer):
    asked = typed(monkeypatch, answer)
    with pytest.raises(guard.NotAgreed):
        order(client)
    assert paid.orders == [] and len(asked) == 1, "a refusal is not tried again"


def test_an_interruption_at_the_question_sends_nothing(paid, client, monkeypatch):
    typed(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        order(client)
    assert paid.orders == []


def test_a_yes_sends_the_order_once_after_the_estimate(paid, client, monkeypatch, capsys):
    asked = typed(monkeypatch, "yes")
    assert order(client, method=supervised(n_epochs=3)).id == "ftjob-1"
    assert len(paid.orders) == 1 and len(asked) == 1
    said = capsys.readouterr().out
    price = costs.price("gpt-4.1-mini", tuned=True)
    for part in ("100 examples, 3 epochs", "training tokens", f"(read {price.read})", "$",
                 facts.ends("gpt-4.1-mini").ends.isoformat()):
        assert part in said
    tokens = int(said.split("epochs: ")[1].split()[0].replace(",", ""))
    assert f"${tokens * price.training / 1e6:,.2f}" in said
    assert not any(secret in said for secret in (KEY, "sk-")), "no key is ever printed"


def test_each_job_is_asked_for(paid, client, monkeypatch):
    """A yes to one job is none to the next: it may be a hundred times as large."""
    asked = typed(monkeypatch, "yes", "yes", "no")
    for _time in range(2):
        order(client)
    with pytest.raises(LessonError):
        order(client)
    assert len(asked) == 3 and len(paid.orders) == 2


def test_the_clients_own_second_try_does_not_ask_again(paid, client, monkeypatch):
    asked = typed(monkeypatch, "yes")
    paid.trouble = [429, 500]
    order(client)
    assert len(asked) == 1 and len(paid.orders) == 3
    paid.trouble = [307]
    order(client)
    assert len(asked) == 2 and len(paid.orders) == 5, "one question for a redirected order"


def test_a_script_agrees_in_writing_for_one_call(paid, client, monkeypatch, capsys):
    asked = typed(monkeypatch, None)
    order(client, extra_headers={guard.AGREED: "yes"})
    ((_path, headers, body),) = paid.orders
    assert not asked and "100 examples" in capsys.readouterr().out
    assert guard.AGREED.lower() not in map(str.lower, headers), "the guard's word is not sent"
    assert json.loads(body)["training_file"] == "file-1"
    with pytest.raises(LessonError):
        order(client)
    with pytest.raises(LessonError):
        order(client, extra_headers={guard.AGREED: "no"})
    assert len(paid.orders) == 1


def test_a_yes_does_not_outlive_its_call(paid, client, monkeypatch):
    """What was agreed to was remembered for good. When the question of a later call broke down
    (a program without a terminal), openai 2 sent that call a second time as its own second try,
    and as such it passed unasked.
    """
    order(client, extra_headers={guard.AGREED: "yes"})
    typed(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        order(client)
    asked = typed(monkeypatch, "no")
    with pytest.raises(guard.NotAgreed):
        order(client, extra_headers={"x-stainless-retry-count": "1"})
    assert len(asked) == 1 and len(paid.orders) == 1


def test_a_request_that_is_sent_twice_is_asked_for_twice(paid, client, monkeypatch):
    """The mark that lets a redirection pass stayed on the request, whoever sent it again."""
    request = client._client.build_request("POST", f"{client.base_url}fine_tuning/jobs", json=WISH)
    request.headers["authorization"] = f"Bearer {KEY}"
    asked = typed(monkeypatch, "yes", "no")
    client._client.send(request)
    with pytest.raises(guard.NotAgreed):
        client._client.send(request)
    assert len(asked) == 2 and len(paid.orders) == 1


@pytest.mark.parametrize("trouble", [
    RuntimeError("input(): lost sys.stdin"), ValueError("I/O operation on closed file.")])
def test_a_program_without_a_terminal_is_told_how_to_agree(paid, client, monkeypatch, trouble):
    """Python's own error came out, or a 'Connection error.', and neither says what to do."""
    asked = typed(monkeypatch, trouble)
    with pytest.raises(guard.NotAgreed, match="nobody is here") as caught:
        order(client)
    assert guard.AGREED in caught.value.cure and len(asked) == 1 and not paid.orders


# --- all the ways to it ----------------------------------------------------------------------


WISH = {"model": MODEL, "training_file": "file-1"}
WAYS = {
    "raw": lambda c: c.fine_tuning.jobs.with_raw_response.create(**WISH),
    "streamed": lambda c: c.fine_tuning.jobs.with_streaming_response.create(**WISH).__enter__(),
    "copy": lambda c: order(c.copy()),
    "options": lambda c: order(c.with_options(max_retries=0, timeout=9)),
    "another key": lambda c: order(c.with_options(api_key="sk-another")),
    "post": lambda c: c.post("/fine_tuning/jobs", body=WISH, cast_to=object),
    "slashes": lambda c: c.post("/fine_tuning//jobs/", body=WISH, cast_to=object),
    "letters": lambda c: c.post("/Fine_Tuning/JOBS", body=WISH, cast_to=object),
    "code": lambda c: c.post("/fine%5Ftuning/jobs", body=WISH, cast_to=object),
    "dots": lambda c: c.post("/fine_tuning/x/../jobs", body=WISH, cast_to=object),
    "hyphens": lambda c: c.post("/fine-tuning/jobs", body=WISH, cast_to=object),
    "parameters": lambda c: c.post("/fine_tuning/jobs;v=1", body=WISH, cast_to=object),
    "a blank": lambda c: c.post("/fine_tuning/jobs%20", body=WISH, cast_to=object),
    "backslash": lambda c: c.post("/fine_tuning\\jobs", body=WISH, cast_to=object),
    "the first address": lambda c: c.post("/fine-tunes", body=WISH, cast_to=object),
    "another host": lambda c: c.post(
        str(c.base_url.copy_with(host="localhost")) + "fine_tuning/jobs", body=WISH,
        cast_to=object),
    "half an address": lambda c: c.with_options(base_url=f"{c.base_url}fine_tuning").post(
        "/jobs", body=WISH, cast_to=object),
    "packed": lambda c: c._client.post(
        f"{c.base_url}fine_tuning/jobs", content=gzip.compress(json.dumps(WISH).encode()),
        headers={"content-encoding": "gzip"}),
    "put": lambda c: c.put("/fine_tuning/jobs", body=WISH, cast_to=object),
    "query": lambda c: order(c, extra_query={"api-version": "1"}),
    "http": lambda c: c._client.post(f"{c.base_url}fine_tuning/jobs", json=WISH),
    "stream": lambda c: c._client.post(f"{c.base_url}fine_tuning/jobs", content=iter([b"{}"])),
    "resume": lambda c: c.fine_tuning.jobs.resume("ftjob-1"),
    "raw resume": lambda c: c.fine_tuning.jobs.with_raw_response.resume("ftjob-1"),
    "a word we do not know": lambda c: c.post("/fine_tuning/jobs/ftjob-1/extend", cast_to=object),
    "two keys": lambda c: order(c, extra_headers={"api-key": "practice-1"}),
    "two in one": lambda c: order(c, extra_headers={
        "authorization": f"Bearer practice-1, Bearer {KEY}"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_order_is_guarded(paid, client, monkeypatch, way):
    typed(monkeypatch, "no")
    with pytest.raises(guard.NotAgreed):
        WAYS[way](client)
    assert paid.orders == []
    asked = typed(monkeypatch, "yes")
    WAYS[way](client)
    assert len(paid.orders) == 1 and len(asked) == 1


@pytest.mark.parametrize("version", [None, facts.DATA_API_VERSION])
def test_azures_addresses_are_guarded(paid, monkeypatch, version, capsys):
    typed(monkeypatch, "no")
    client = azure(paid, api_version=version)
    with pytest.raises(guard.NotAgreed):
        order(client)
    fetched = [(path, headers) for _m, path, headers in paid.requests]
    assert "100 examples" in capsys.readouterr().out and paid.orders == []
    ((path, headers),) = fetched
    kept = f"?api-version={version}" if version else ""
    root = azure_client.V1 if version is None else "/openai"
    assert path == f"{root}/files/file-1/content{kept}"
    assert KEY in (headers.get("api-key", ""), headers.get("authorization", "Bearer ")[7:],
                   headers.get("Authorization", "Bearer ")[7:])
    with pytest.raises(guard.NotAgreed):
        order(client.with_options(max_retries=0))
    assert paid.orders == []
    typed(monkeypatch, "yes")
    order(client, extra_body={"trainingType": "Standard"})
    assert len(paid.orders) == 1


def test_what_costs_nothing_is_not_asked_for(paid, client, monkeypatch):
    asked = typed(monkeypatch, None)
    upload(client, rows(10))
    client.fine_tuning.jobs.retrieve("ftjob-1")
    client.fine_tuning.jobs.cancel("ftjob-1")
    client.fine_tuning.jobs.pause("ftjob-1")
    assert not asked and len(paid.orders) == 2


def test_practice_is_free_and_nobody_is_asked(monkeypatch):
    asked = typed(monkeypatch, None)
    for more in ({}, {"protocol": "azure"},
                 {"protocol": "azure", "api_version": facts.DATA_API_VERSION}):
        with lessonlib.connect("practice", **more) as client:
            assert is_practice(client)
            job = order(client, model="pantry", training_file=upload(client, rows(10)),
                        method=supervised(n_epochs=50, batch_size=1))
            client.fine_tuning.jobs.cancel(job.id)
            # Followed after its end, a job is not waited for.
            assert jobs.follow(client, job, show=False).job.status.startswith("cancel")
    assert not asked and is_practice(client.api_key)
    for who in ("sk-practice-1", "", None, openai.OpenAI(api_key="sk-practice-1")):
        assert not is_practice(who)


def test_a_client_of_a_room_that_is_turned_to_a_paid_service_asks(paid, monkeypatch):
    """The guard goes by the key of each request, not by what the client was made for."""
    typed(monkeypatch, None)
    client = lessonlib.connect("http://127.0.0.1:9/v1", api_key="practice-1")
    with pytest.raises(guard.NotAgreed):
        order(client.with_options(base_url=f"{paid.url}/v1", api_key=KEY))
    assert paid.orders == []


# --- the estimate ------------------------------------------------------------------------------


def told(wish, content=b""):
    return guard.estimate({"model": MODEL, "training_file": "file-1"} | wish,
                              lambda path: content)


def test_where_the_service_chooses_the_epochs_its_rule_is_told():
    for wish in ({}, {"method": supervised(n_epochs="auto")}, {"hyperparameters": 7}):
        text = told(wish, b"\xef\xbb\xbf" + jsonl(rows(20)))
        assert "20 examples, 5 epochs" in text and "published rule" in text
    assert "20 examples, 2 epochs" in told({"hyperparameters": {"n_epochs": 2}}, jsonl(rows(20)))


@pytest.mark.parametrize("wish", [
    {"method": supervised(n_epochs="9")}, {"method": supervised(n_epochs=9.0)},
    {"method": supervised(n_epochs="auto"), "hyperparameters": {"n_epochs": 9}},
    {"n_epochs": 9}])
def test_epochs_are_those_that_the_service_reads(wish):
    """'9' counted as left to the service: the estimate was a ninth of the price, or nine times."""
    text = told(wish, jsonl(rows(40)))
    assert "40 examples, 9 epochs" in text and "published rule" not in text


def test_examples_that_we_cannot_count_are_not_free():
    """OpenAI trains examples with tools, which we do not read: 990 of 1,000 may be missing from an
    estimate that looked like any other.
    """
    tools = [row | {"tools": []} for row in rows(30)]
    text = told({}, jsonl(rows(12) + tools))
    assert "12 examples" in text and "30 of the file's 42 examples" in text
    assert "could not be counted" not in told({}, jsonl(rows(12)))


def test_the_end_of_a_model_is_told_without_its_price_and_is_openais():
    """gpt-4.1-nano had ended a month before, and the estimate did not say so: it has no price in
    our list. And at Azure the day was told as if it held there.
    """
    for model in ("gpt-4.1-nano-2025-04-14", "ft:gpt-4.1-nano-2025-04-14:me::abc"):
        text = told({"model": model}, jsonl(rows(12)))
        assert f"At OpenAI, gpt-4.1-nano and all that is tuned from it end on {NANO}" in text


def test_a_resumed_job_is_estimated_by_what_it_is(client, monkeypatch, capsys):
    typed(monkeypatch, "no")
    with pytest.raises(LessonError):
        client.fine_tuning.jobs.resume("ftjob-1")
    said = capsys.readouterr().out
    assert "ftjob-1 goes on" in said and "100 examples, 4 epochs" in said


@pytest.mark.parametrize("content", [b"", b"nonsense", "\u017e".encode("utf-16")])
def test_what_cannot_be_estimated_is_told_and_still_asked_for(paid, client, monkeypatch, capsys,
                                                             content):
    asked = typed(monkeypatch, "no")
    paid.content = content
    with pytest.raises(LessonError):
        order(client)
    assert "cannot estimate" in capsys.readouterr().out and asked and not paid.orders


@pytest.mark.parametrize("wish", [
    {"training_file": None}, {"training_file": 7}, {"method": {"type": "reinforcement"}},
    {"method": {"type": ["x"]}}, {"model": None, "training_file": ""}])
def test_an_odd_order_is_told_as_such(wish):
    assert "cannot estimate" in told(wish)


def test_a_model_without_a_price_is_told():
    text = told({"model": "llama-9", "method": supervised(n_epochs=2)}, jsonl(rows(12)))
    assert "does not have llama-9" in text and "12 examples, 2 epochs" in text and "$" not in text
    assert guard.base_of("ft:gpt-4.1-mini-2025-04-14:me::abc") == "gpt-4.1-mini"
    assert guard.base_of("gpt-4.1-nano-2025-04-14") is None


# --- keys ---------------------------------------------------------------------------------------


def test_no_key_of_practice_is_ever_printed(capsys):
    with lessonlib.connect() as practice:
        shown = repr(practice) + repr(service.find()) + "".join(capsys.readouterr())
        assert practice.api_key not in shown


@pytest.mark.parametrize("turn", [
    lambda c: c.with_options(api_key=f"{KEY}\nx"),
    lambda c: c.with_options(default_query={"subscription-key": KEY})])
def test_no_key_is_printed_where_the_estimate_fails(paid, client, monkeypatch, capsys, turn):
    """The reason why a file could not be fetched was told in the HTTP client's words. They quote a
    header that cannot be sent, or the whole address.
    """
    typed(monkeypatch, "no")
    answer = paid.answer
    monkeypatch.setattr(paid, "answer", lambda method, *more: (
        (404, b"{}") if method == "GET" else answer(method, *more)))
    for way in (order, lambda c: c.fine_tuning.jobs.resume("ftjob-1")):
        with pytest.raises(guard.NotAgreed):
            way(turn(client))
        said = capsys.readouterr().out
        assert "cannot estimate" in said and KEY not in said
    assert not paid.orders


def test_the_scan_of_notebooks_knows_the_keys_of_practice_services():
    """A learner's key of a classroom is theirs; a saved notebook would hand it to everyone."""
    record = service.new_record(1, "")
    assert SECRET.search(json.dumps({"key": record.api_key}))
    assert not SECRET.search("practice-01") and not SECRET.search("ft:pantry:practice-01::x")
