"""What the hub may refuse, said in our words: the real libraries against a hub of our own."""

import errno
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lessonlib.common.errors import LessonError
from lessonlib.models.hub_errors import hub_errors
from lessonlib.tasks import sql_create_context

#: First part of a name -> how the hub answers: status and its header X-Error-Code.
ANSWERS = {
    "gated": (403, "GatedRepo"),
    "private": (401, "RepoNotFound"),
    "gone": (404, "RepoNotFound"),
    "moved": (404, "RevisionNotFound"),
}
ASK = """
import json, sys
from transformers import AutoConfig
from lessonlib.common.errors import LessonError
from lessonlib.models.hub_errors import hub_errors
told = {}
for name in sys.argv[1:]:
    try:
        with hub_errors(name):
            AutoConfig.from_pretrained(name, revision="0" * 40)
    except LessonError as error:
        told[name] = [error.problem, error.cure]
print(json.dumps(told))
"""


class Hub(BaseHTTPRequestHandler):
    """Refuses everything, each name in its own way."""

    def do_GET(self):
        name = next((part for part in self.path.split("/") if part in ANSWERS), "gone")
        status, code = ANSWERS[name]
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", f"{name}, says the hub")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_arguments):
        pass


def ask(endpoint, names, project, home):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1",
                    "PYTHONPATH": str(project), "HF_HUB_DISABLE_TELEMETRY": "1"}  # fmt: skip
    run = subprocess.run([sys.executable, "-c", ASK, *names], capture_output=True, text=True,
                         cwd=project, env=environment, timeout=300)  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_each_refusal_of_the_hub_comes_with_a_way_on(project, tmp_path):
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{hub.server_port}"
        told = ask(address, [f"{name}/model" for name in ANSWERS], project, tmp_path)
    finally:
        hub.shutdown()
    wanted = {
        "gated": ("is gated", "agree to its terms"),
        "private": ("token is missing or not accepted", "huggingface.co/settings/tokens"),
        "gone": ("has nothing called gone/model", "Look for the right name"),
        "moved": ("no longer has the revision", "data/facts/open_models.toml"),
    }
    assert told.keys() == {f"{name}/model" for name in wanted}
    for name, (problem, cure) in wanted.items():
        assert problem in told[f"{name}/model"][0], told
        assert cure in told[f"{name}/model"][1], told


def test_no_network_is_said_and_the_built_in_model_proposed(project, tmp_path):
    told = ask("http://127.0.0.1:9", ["far/away"], project, tmp_path)
    assert "the hub does not answer" in told["far/away"][0]
    assert "the built-in model" in told["far/away"][1]


def test_a_full_disk_is_said_whatever_it_is_wrapped_in():
    with pytest.raises(LessonError, match="disk is full") as told, hub_errors("some/model"):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise OSError("We couldn't connect to the hub") from error
    assert "HF_HOME" in told.value.cure


def test_what_is_not_about_the_hub_passes_through():
    with pytest.raises(ZeroDivisionError), hub_errors("some/model"):
        raise ZeroDivisionError


def test_a_broken_folder_is_named(tmp_path):
    from transformers import AutoConfig

    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(LessonError, match="cannot be loaded"), hub_errors(tmp_path):
        AutoConfig.from_pretrained(tmp_path)


# --- the tutorial's data set


HEADS = {
    "question": "How many heads of the departments are older than 56 ?",
    "context": "CREATE TABLE head (age INTEGER)",
    "answer": "SELECT COUNT(*) FROM head WHERE age > 56",
}
JOINED = {
    "question": "Who heads department 3?",
    "context": "CREATE TABLE management (department_id VARCHAR, head_id VARCHAR);"
    " CREATE TABLE head (name VARCHAR, head_id VARCHAR)",
    "answer": "SELECT T2.name FROM management AS T1 JOIN head AS T2 ON T1.head_id = T2.head_id"
    ' WHERE T1.department_id = "3"',
}
OTHERS = [
    {**HEADS, "context": "CREATE TABLE t (2007 VARCHAR)"},
    {**HEADS, "context": "DROP TABLE head"},
    {**HEADS, "answer": "SELECT nothing FROM head"},
    {**HEADS, "answer": "SELECT age FROM head WHERE 1 = 2"},
]


@pytest.mark.parametrize("lines", [True, False], ids=["a row a line", "one list"])
def test_a_file_of_the_same_form_is_read_and_what_is_left_out_is_counted(tmp_path, lines):
    rows = [HEADS, JOINED, *OTHERS]
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    (tmp_path / "rows.json").write_text(text, encoding="utf-8")
    found = sql_create_context.load(100, tmp_path / "rows.json")
    assert [one.query for one in found.questions] == [HEADS["answer"], JOINED["answer"]]
    assert sorted(found.left_out.values()) == [1, 1, 2]
    assert "2 questions can be scored" in str(found) and "plain CREATE TABLE" in str(found)
    assert len(sql_create_context.load(1, tmp_path / "rows.json").questions) == 1


def test_the_rows_tell_a_wrong_query_from_a_right_one():
    def right(question, query):
        answer = dict(text=query, prompt_tokens=1, completion_tokens=1, seconds=0.0,
                      finish_reason="stop", error=None, error_message=None)  # fmt: skip
        return question.score(answer).right

    heads, joined = sql_create_context.prepare([HEADS, JOINED]).questions
    assert right(heads, HEADS["answer"])
    for wrong in ("SELECT COUNT(*) FROM head WHERE age >= 56", "SELECT COUNT(*) FROM head",
                  "SELECT COUNT(*) FROM head WHERE age < 56"):
        assert not right(heads, wrong), wrong
    assert right(joined, JOINED["answer"])
    assert not right(joined, JOINED["answer"].replace('"3"', '"4"'))
    assert not right(joined, "SELECT name FROM head")


def test_the_rows_are_the_same_each_time_and_schemas_are_kept_apart():
    rows = [{**HEADS, "context": f"CREATE TABLE head (age INTEGER, c{number} TEXT)"}
            for number in range(10)]  # fmt: skip
    found, again = (sql_create_context.prepare(rows + rows) for _turn in range(2))
    assert found.questions == again.questions
    train, test = found.split(0.8)
    assert (len(train), len(test)) == (16, 4)
    assert not {one.data.schema for one in train} & {one.data.schema for one in test}


def test_a_schema_from_the_net_is_never_run_as_it_stands():
    evil = "CREATE TABLE t (a INTEGER); ATTACH 'x.db' AS x; CREATE TABLE x.t (a INTEGER)"
    found = sql_create_context.prepare([{**HEADS, "context": evil}])
    assert not found.questions


def test_a_row_without_an_answer_and_a_broken_file_are_named(tmp_path):
    with pytest.raises(LessonError, match="Row 2: the key 'answer' is missing"):
        sql_create_context.prepare([HEADS, {"question": "x", "context": "y"}])
    (tmp_path / "rows.jsonl").write_text("{\n", encoding="utf-8")
    with pytest.raises(LessonError, match="not JSON"):
        sql_create_context.load(10, tmp_path / "rows.jsonl")
