"""The front door: what it says to old Pythons, full disks, dead networks and taken ports."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import start
from tools import diagnose, lab, own_environment, pytorch, terminal
from tools.own_environment import Condition, condition, python_of, set_up
from tools.terminal import Stop

# --- Python ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 7), (3, 13, 1)])
def test_supported_pythons_are_welcome(version):
    assert start.python_problem(version) == ""


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 10), (3, 10, 13), (3, 14, 0)])
def test_other_pythons_get_one_cause_and_one_cure(version):
    cause, cure = start.python_problem(version).splitlines()
    assert cause.startswith("[fail] This is Python " + ".".join(map(str, version)))
    assert cure.startswith("       Cure: ")


def test_an_old_python_can_read_start_py_as_far_as_its_message(project):
    # Python 3.6 would stop at a newer construction with a SyntaxError and no cure.
    ast.parse((project / "start.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_start_needs_nothing_but_the_standard_library(project):
    # -I and -S: no site-packages, no .pth files, as in a bare Python.
    code = (f"import sys; sys.path.insert(0, {str(project)!r}); import start;"
            " print([name for name in sys.modules if name in"
            " ('torch', 'numpy', 'openai', 'jupyter', 'psutil', 'packaging')])")
    asked = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert asked.stdout.strip() == "[]", asked.stderr


# --- the words ------------------------------------------------------------------------


def test_help_names_every_word():
    text = start.parser().format_help()
    for word in start.WORDS:
        assert f"start.py {word}".strip() in text
    for option in ("--no-browser", "--port", "--yes", "--rebuild"):
        assert option in text


@pytest.mark.parametrize("words", [["launch"], ["check", "01"], ["kit", "01"], ["--prot", "1"],
                                   ["check", "--with", "gemma-3-270m"]])
def test_unknown_words_are_refused_before_anything_is_done(words, capsys, monkeypatch):
    monkeypatch.setattr(own_environment, "set_up", lambda **given: pytest.fail("set up was called"))
    with pytest.raises(SystemExit) as stopped:
        start.main(words)
    assert stopped.value.code == 2
    assert "error" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "expected"), [
    (["test"], ("pytest", "-n", "2", "-m", "not long and not embeddings and not extras")),
    (["test", "--all"], ("pytest", "-n", "2")),
    (["test", "--all", "-n", "3", "--yes"], ("pytest", "-n", "2", "-n", "3")),
    (["test", "tests/tools/test_start.py", "-k", "port", "-x"],
     ("pytest", "tests/tools/test_start.py", "-k", "port", "-x")),
    (["test", "--yes", "-q"], ("pytest", "-q")),
    (["rehearse"], ("tools.rehearse",)),
    (["build", "01", "--check"], ("tools.notebooks", "01", "--check")),
    (["build", "--take", "00", "01"], ("tools.notebooks", "00", "01", "--take")),
    (["build", "08", "--lend", "gemma-3-270m"],
     ("tools.notebooks", "08", "--lend=gemma-3-270m")),
    (["freeze"], ("tools.freeze",)),
    (["kit"], ("tools.kit",)),
    (["kit", "--with", "gemma-3-270m", "--yes"], ("tools.kit", "gemma-3-270m", "--yes")),
    (["fetch"], ("lessonlib.models.fetching",)),
    (["fetch", "gemma-3-270m"], ("lessonlib.models.fetching", "gemma-3-270m")),
    (["fetch", "gemma-3-270m", "--yes"], ("lessonlib.models.fetching", "gemma-3-270m", "--yes")),
    (["site"], ("tools.site",)),
    (["slides", "01", "05"], ("tools.slides", "01", "05")),
    (["nbgrader"], ("tools.nbgrader",)),
])
def test_words_run_inside_the_environment(words, expected, monkeypatch):
    ran = []
    monkeypatch.setattr(own_environment, "set_up", lambda **given: False)
    monkeypatch.setattr(start, "inside", lambda *arguments: ran.append(arguments) or 7)
    assert start.main(words) == 7, "the exit status is the program's own"
    assert ran == [expected]


def test_nothing_opens_where_the_check_fails(monkeypatch):
    monkeypatch.setattr(own_environment, "set_up", lambda **given: False)
    monkeypatch.setattr(start, "inside", lambda *arguments: 1)
    monkeypatch.setattr(lab, "open_course", lambda *given, **more: pytest.fail("JupyterLab opened"))
    assert start.main([]) == 1


# --- what an installer says, in one line -------------------------------------------------


@pytest.mark.parametrize(("said", "kind"), [
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
     "disk"),
    ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError('<urllib3."
     "connection.HTTPSConnection object>: Failed to establish a new connection: [Errno -3] "
     "Temporary failure in name resolution')': /simple/torch/\n"
     "ERROR: Could not find a version that satisfies the requirement torch==2.13.0\n"
     "ERROR: No matching distribution found for torch==2.13.0", "network"),
    ("error: Request failed after 3 retries\n  Caused by: Failed to fetch: "
     "`https://index.example.org/simple/openai/`\n  Caused by: dns error: failed to lookup address",
     "network"),
    ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
     "failed: unable to get local issuer certificate'))", "certificate"),
    ("The virtual environment was not created successfully because ensurepip is not\navailable. "
     " On Debian/Ubuntu systems, you need to install the python3-venv\npackage", "ensurepip"),
    ("ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied",
     "permission"),
    ("ERROR: No matching distribution found for peft==0.21.2", "resolution"),
    ("ERROR: Exception:\nTraceback:\nAssertionError: strange", "unknown"),
])
def test_an_installers_pages_become_a_cause_and_a_cure(said, kind):
    stop = diagnose.explain(said, Path("work/logs/setup.log"))
    assert stop.kind == kind
    cause, cure, log = str(stop).splitlines()
    assert cause.startswith("[fail] ") and len(cause) < 240
    assert cure.startswith("       Cure: ") and log.endswith("setup.log")


def test_real_pip_without_a_network_is_called_no_network(tmp_path):
    # Port 9 of this machine answers nobody: what pip says then is what a learner's pip says.
    command = [sys.executable, "-m", "pip", "install", *pytorch.QUIET_PIP, "--dry-run",
               "--index-url", "http://127.0.0.1:9/simple", "nothing-at-all"]
    env = {k: v for k, v in os.environ.items() if not k.upper().startswith("PIP_")}
    env["PIP_CONFIG_FILE"] = os.devnull
    status, said = terminal.run(command, tmp_path / "pip.log", env)
    assert status != 0
    assert diagnose.explain(said, tmp_path / "pip.log").kind == "network"
    assert "nothing-at-all" in (tmp_path / "pip.log").read_text(encoding="utf-8")


def test_a_full_disk_stops_before_anything_is_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(own_environment, "NEEDED_DISK", {"cpu": 10**18, "cuda": 10**18})
    monkeypatch.setattr(own_environment, "LOGS", tmp_path)
    monkeypatch.setattr(own_environment, "_create", lambda *given: pytest.fail("it went on"))
    with pytest.raises(Stop, match="Too little disk") as stopped:
        set_up(venv=tmp_path / ".venv")
    assert "free some space" in stopped.value.cure


# --- the environment --------------------------------------------------------------------


@pytest.fixture
def small_project(tmp_path):
    """A project without requirements, whose environment is made in a moment."""
    (tmp_path / "constraints").mkdir()
    for version in ("311", "312", "313"):
        path = tmp_path / "constraints" / f"tested-py{version}.txt"
        path.write_text("torch==2.13.0\n", encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("# none\n", encoding="utf-8")
    return tmp_path


def make_venv(folder):
    base = getattr(sys, "_base_executable", None) or sys.executable
    subprocess.run([base, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder


def stamp(venv, project):
    found = condition(venv, project).fingerprint
    (venv / "course-stamp.json").write_text(json.dumps(found), encoding="utf-8")


def test_conditions_of_an_environment(small_project):
    venv = small_project / ".venv"
    assert condition(venv, small_project).state == "missing"
    make_venv(venv)
    assert condition(venv, small_project).state == "outdated", "set-up was interrupted"
    stamp(venv, small_project)
    assert condition(venv, small_project).state == "ready"
    (small_project / "requirements.txt").write_text("never-published-1>=1\n", encoding="utf-8")
    now = condition(venv, small_project)
    assert now.state == "outdated" and "never-published-1" in now.why


def test_a_changed_constraint_is_noticed(small_project):
    venv = make_venv(small_project / ".venv")
    stamp(venv, small_project)
    for path in (small_project / "constraints").iterdir():
        path.write_text("torch==2.13.1\n", encoding="utf-8")
    assert condition(venv, small_project).state == "outdated"


@pytest.mark.parametrize("damage", ["removed", "not a program", "fails"])
def test_a_broken_environment_is_recognised(small_project, damage):
    venv = make_venv(small_project / ".venv")
    stamp(venv, small_project)
    python = python_of(venv)
    python.unlink()
    if damage == "not a program":
        python.write_text("", encoding="utf-8")
    elif damage == "fails":
        python.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
        python.chmod(0o755)
    assert condition(venv, small_project).state == "broken"


def test_a_broken_environment_is_not_deleted_unasked(monkeypatch, tmp_path):
    monkeypatch.setattr(own_environment, "condition", lambda venv: Condition("broken", "so it is"))
    monkeypatch.setattr(own_environment, "_remove", lambda venv: pytest.fail("it was deleted"))
    monkeypatch.setattr(own_environment, "LOGS", tmp_path)
    monkeypatch.setattr(sys, "stdin", open(os.devnull, encoding="utf-8"))
    with pytest.raises(Stop, match="broken: so it is") as stopped:
        set_up(yes=False, venv=tmp_path)
    assert "--yes" in stopped.value.cure


def test_yes_rebuilds_a_broken_environment(monkeypatch, tmp_path):
    done = []
    conditions = iter([Condition("broken", "so it is"),
                       Condition("outdated", "", {"python": "3.11"}, tmp_path)])
    monkeypatch.setattr(own_environment, "condition", lambda venv: next(conditions))
    monkeypatch.setattr(own_environment, "LOGS", tmp_path)
    for name in ("_remove", "_create", "_install_packages", "_write_settings"):
        monkeypatch.setattr(own_environment, name, lambda *given, name=name: done.append(name))
    monkeypatch.setattr(pytorch, "install", lambda *given: done.append("pytorch"))
    assert set_up(yes=True, venv=tmp_path) is True
    assert done == ["_remove", "_create", "pytorch", "_install_packages", "_write_settings"]
    assert json.loads((tmp_path / "course-stamp.json").read_text(encoding="utf-8"))["python"]


def test_an_exact_set_is_found_for_every_supported_python():
    for version in ("3.11", "3.12", "3.13"):
        tested = own_environment.constraints(version)
        assert own_environment.pinned("torch", tested).startswith("torch==2.")


def test_programs_that_we_start_see_only_the_courses_packages(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intranet")
    env = terminal.child_environment()
    assert "PYTHONPATH" not in env and env["PIP_USER"] == "0" and env["PYTHONNOUSERSITE"] == "1"
    assert env["HTTPS_PROXY"] == "http://proxy:3128", "the user's proxy is kept"
    assert env["NO_PROXY"] == "intranet,127.0.0.1,localhost"


# --- PyTorch ------------------------------------------------------------------------------


@pytest.mark.parametrize(("system", "gpu", "build", "word"), [
    ("Linux", "", "cpu", "no NVIDIA GPU"),
    ("Linux", "NVIDIA T4", "cuda", "NVIDIA T4"),
    ("Darwin", "", "cpu", "Mac"),
    ("Windows", "", "cpu", "no NVIDIA GPU"),
    ("Windows", "NVIDIA RTX 4060", "cpu", "pytorch.org"),
])
def test_the_build_of_pytorch_fits_the_machine(system, gpu, build, word):
    plan = pytorch.plan(system, gpu)
    assert plan.build == build and word in plan.reason


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has to choose")
@pytest.mark.parametrize(("offered", "answers", "expected"), [
    ("2.13.0+cpu", False, [[]]),
    ("2.13.0", True, [["--index-url", pytorch.CPU_INDEX], []]),
    ("2.13.0", False, [[]]),
    ("", True, [["--index-url", pytorch.CPU_INDEX], []]),
])
def test_where_the_cpu_build_is_taken_from(monkeypatch, offered, answers, expected):
    monkeypatch.setattr(pytorch, "_pip_would_take", lambda *given: offered)
    monkeypatch.setattr(pytorch, "_answers", lambda url: answers)
    plan = pytorch.Plan("cpu", "")
    assert pytorch.sources(Path(sys.executable), plan, "torch==2.13.0", {}) == expected


# --- the port -----------------------------------------------------------------------------


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_was_asked_for_and_is_taken_stops_with_a_free_one(taken):
    with pytest.raises(Stop, match=f"Port {taken} is taken") as stopped:
        lab.choose_port(taken)
    offered = int(stopped.value.cure.split()[-1])
    assert lab.is_free(offered)


def test_without_a_wish_the_next_free_port_is_used(taken, monkeypatch, capsys):
    monkeypatch.setattr(lab, "DEFAULT_PORT", taken)
    chosen = lab.choose_port(None)
    assert chosen > taken and lab.is_free(chosen)
    assert f"port {taken} is taken" in capsys.readouterr().out


@pytest.mark.parametrize("port", [0, 80, 70000, -1])
def test_impossible_ports_are_refused(port):
    with pytest.raises(Stop, match="cannot be used"):
        lab.choose_port(port)


# --- the terminal -------------------------------------------------------------------------


def test_a_step_is_one_line_each_at_start_and_end_in_a_log(capsys):
    with terminal.Step("packages") as step:
        step.now("numpy")
    assert capsys.readouterr().out == "[..]   packages\n[ok]   packages\n"


def test_a_failing_step_does_not_say_ok(capsys):
    with pytest.raises(ValueError), terminal.Step("packages"):
        raise ValueError
    assert "[ok]" not in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal is a thing of Unix")
def test_a_terminal_shows_what_is_going_on_and_keeps_one_line(project):
    import pty

    code = ("from tools.terminal import Step; import time\n"
            "with Step('packages') as step:\n    step.now('downloading numpy'); time.sleep(0.6)")
    leader, follower = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], cwd=project, stdout=follower) as process:
        process.wait()
    shown = os.read(leader, 65536).decode("ascii")
    os.close(leader), os.close(follower)
    assert "packages: 0 s, downloading numpy" in shown
    assert shown.split("\r")[-2].endswith("[ok]   packages")
    assert shown.count("\n") == 1


@pytest.mark.parametrize(("text", "note"), [
    ("Collecting numpy<3,>=2.1", "collecting numpy"),
    ("  Downloading pyarrow-26.0.1-cp311-cp311-manylinux.whl (45.1 MB)",
     "downloading pyarrow-26.0.1-cp311-cp311-manylinux.whl"),
    ("Installing collected packages: six, numpy", "installing 2 packages"),
    ("Requirement already satisfied: six", ""),
])
def test_what_is_going_on_is_told_in_a_few_words(text, note):
    assert diagnose.activity(text) == note


def test_durations_are_told_as_people_do():
    assert [terminal.duration(s) for s in (0.4, 12, 75, 600)] == [
        "0 s", "12 s", "1 min 15 s", "10 min 00 s"]
