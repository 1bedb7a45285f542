"""Starting, finding and stopping the practice service: always one, never two."""

import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

import lessonlib
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.practice import __main__ as command_line
from lessonlib.practice import service

MESSAGES = [{"role": "user", "content": "- 2 onions"}]


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A work folder of its own: these tests end services, and others use the usual one."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("work with spaces and \u017elu\u0165")
    patch.setattr(paths, "WORK", folder)
    patch.setattr(paths, "MODELS", folder / "models")
    yield folder
    service.stop()
    patch.undo()


def in_this_work(*arguments, **options):
    """A Python process that belongs to the same work folder."""
    environment = os.environ | {"LESSON_WORK": str(paths.WORK), "PYTHONUTF8": "1"}
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        cwd=paths.PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        **options,
    )


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_starters_at_once_get_one_service(work):
    code = "from lessonlib.practice import service as s; r = s.ensure(); print(r.pid, r.instance)"
    starters = [in_this_work("-c", code) for _ in range(2)]
    said = {starter.communicate(timeout=90)[0] for starter in starters}
    assert len(said) == 1, said
    running = service.find()
    assert said == {f"{running.pid} {running.instance}\n"}
    # The starters have ended; the service has not.
    assert service.ensure() == running


def test_a_second_service_gives_way(work):
    running = service.ensure()
    second = in_this_work("-m", "lessonlib.practice")
    said = second.communicate(timeout=60)[0]
    assert second.returncode == 0 and "running already" in said and running.url in said
    assert service.find() == running


def test_the_log_says_what_it_is_and_holds_no_key(work):
    running = service.ensure()
    log = service.log_file().read_text(encoding="utf-8")
    assert "not OpenAI" in log and running.url in log and "threads: " in log
    assert running.api_key not in log and running.api_key not in repr(running)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes like this")
def test_only_this_user_can_read_the_key(work):
    service.ensure()
    assert (service.folder() / "service.json").stat().st_mode & 0o077 == 0


def test_a_killed_service_is_replaced_for_old_clients_too(work):
    client = lessonlib.connect()
    before = service.find()
    os.kill(before.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    wait_until(lambda: not service.is_alive())
    assert service.find() is None and service.read_record() == before, "a stale record"
    # The same client goes on: it starts the service again and learns the new address and key.
    wish = {"model": "pantry", "messages": MESSAGES, "max_tokens": 2}
    assert client.chat.completions.create(**wish).usage.completion_tokens <= 2
    after = service.find()
    assert after.pid != before.pid and after.api_key != before.api_key


def test_an_older_version_is_replaced(work, monkeypatch):
    before = service.ensure()
    monkeypatch.setattr(service, "version", lambda: "changed")
    monkeypatch.setattr(service, "_start", lambda: "a new one")
    assert service.ensure() == "a new one"
    assert not service.is_alive() and service.find() is None
    assert before.version != "changed"


@pytest.mark.parametrize("changed", [
    "lessonlib/lora/rows.py", "lessonlib/practice/answers/engine.py", "lessonlib/tasks/recipes.py",
    "data/facts/limits.toml"])
def test_a_service_is_older_when_any_file_it_runs_on_was_changed(tmp_path, monkeypatch, changed):
    """The version was made of lessonlib/practice alone: after an update of the course, an old
    service went on training and checking files by the old rules."""
    for folder in ("lessonlib", "data/facts"):
        shutil.copytree(paths.PROJECT / folder, tmp_path / folder)
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    before = service.version()
    (tmp_path / "lessonlib" / "notes.txt").write_text("no code", encoding="utf-8")
    assert service.version() == before
    with open(tmp_path / changed, "a", encoding="utf-8") as file:
        file.write("\n# a word more\n")
    assert service.version() != before


class Impostor(http.server.BaseHTTPRequestHandler):
    """Another program that now has the dead service's port."""

    def do_GET(self):
        body = json.dumps({"status": "ok", "instance": "another"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"{",
        b"[]",
        b'{"pid": 1}',
        "impostor",
        "nobody listens",
    ],
)
def test_a_stale_record_fools_nobody(work, record):
    # Its process number belongs to a living program (this one); it must not be touched.
    service.stop()
    server = http.server.ThreadingHTTPServer((service.HOST, 0), Impostor)
    port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if record == "nobody listens":
        server.shutdown()
        server.server_close()
    if isinstance(record, str):
        service.write_record(service.new_record(port, f"http://{service.HOST}:{port}/v1"))
    else:
        (service.folder() / "service.json").write_bytes(record)
    assert service.find() is None and not service.is_alive()
    assert service.stop() is False
    server.shutdown()
    server.server_close()


def test_the_command_line_tells_where_it_is_and_stops_it(work, capsys):
    assert command_line.main(["--status"]) == 1
    running = service.ensure()
    assert command_line.main(["--status"]) == 0
    assert running.url in capsys.readouterr().out
    assert command_line.main(["--stop"]) == 0
    assert capsys.readouterr().out == "Stopped.\n"
    assert service.find() is None and not (service.folder() / "service.json").exists()
    assert command_line.main(["--stop"]) == 0
    assert "No practice service" in capsys.readouterr().out


def test_an_idle_service_stops_by_itself(work):
    idle = in_this_work("-m", "lessonlib.practice", "--idle-minutes", "0.02")
    said = idle.communicate(timeout=60)[0]
    assert idle.returncode == 0
    assert "not OpenAI" in said and "http://127.0.0.1:" in said and "only this machine" in said
    assert not service.is_alive() and service.read_record() is None
    assert "nobody asked for 0.02 minutes" in service.log_file().read_text(encoding="utf-8")


STOPS_WHILE_LOADING = """
import time
from lessonlib.practice import __main__
from lessonlib.practice.web import serving

def slowly(engine):
    time.sleep(4)
    print("loaded", flush=True)

serving.load_built_in = slowly
__main__.main(["--idle-minutes", "0.001"])
print("ended", flush=True)
"""


def test_a_service_that_stops_while_it_loads_its_model_lets_that_end_first(work):
    """On a busy machine it was idle before its model was loaded: Python aborted (SIGABRT)."""
    idle = in_this_work("-c", STOPS_WHILE_LOADING)
    said = idle.communicate(timeout=60)[0]
    assert idle.returncode == 0, said
    assert said.splitlines()[-2:] == ["loaded", "ended"]


def test_a_taken_port_is_named_with_a_cure(work, capsys):
    server = http.server.HTTPServer((service.HOST, 0), Impostor)
    try:
        assert command_line.main(["--port", str(server.server_address[1])]) == 1
    finally:
        server.server_close()
    said = capsys.readouterr().err
    assert str(server.server_address[1]) in said and "Leave out --port" in said
    assert not service.is_alive()


def test_a_service_that_cannot_start_shows_its_log(work, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(broken_python(work)))
    with pytest.raises(
        LessonError, match=r"(?s)did not start.*no such module here.*python start.py"
    ):
        service.ensure()


def broken_python(folder):
    """An interpreter that fails at once."""
    if os.name == "nt":
        program = folder / "python.bat"
        program.write_text("@echo no such module here 1>&2\n@exit /b 3\n", encoding="ascii")
    else:
        program = folder / "python"
        program.write_text("#!/bin/sh\necho no such module here >&2\nexit 3\n", encoding="ascii")
        program.chmod(0o755)
    return program


def test_a_service_that_hangs_can_be_stopped(work, monkeypatch):
    # A process that holds the lock and answers nothing, as a frozen service would.
    code = (
        "import time; from lessonlib.practice import service as s\n"
        "with s.lock(): s.write_record(s.new_record(9, '')); print('up', flush=True);"
        " time.sleep(600)"
    )
    frozen = in_this_work("-c", code)
    assert frozen.stdout.readline() == "up\n"
    monkeypatch.setattr(service, "START_SECONDS", 0.5)
    monkeypatch.setattr(service, "STOP_SECONDS", 0.5)
    with pytest.raises(LessonError, match="does not answer"):
        service.ensure()
    assert service.stop() is True
    assert frozen.wait(timeout=10) != 0 and not service.is_alive()
    frozen.stdout.close()


WATCH_THE_START = """
import os, sys, threading
from lessonlib.practice.trainer import trainer

class Watched(threading.Thread):
    def start(self):
        if self._target is trainer.check_files:
            transformers = vars(sys.modules.get("transformers", trainer))
            print("lessonlib.practice.trainer.job_training" in sys.modules,
                  "PreTrainedTokenizerFast" in transformers, flush=True)
            os._exit(0)

threading.Thread = Watched
trainer.main()
"""


def test_files_are_checked_only_when_all_that_it_takes_was_imported(tmp_path):
    """A job in notebook 07 failed: "cannot import name 'PreTrainedTokenizerFast'". The trainer's
    two threads imported from transformers at the same moment, which it does not stand."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH_THE_START], cwd=paths.PROJECT, text=True, timeout=120,
        env=os.environ | {"LESSON_WORK": str(tmp_path)}, stdin=subprocess.DEVNULL,
        capture_output=True, encoding="utf-8")
    assert done.stdout == "True True\n", done.stderr[-2000:]
