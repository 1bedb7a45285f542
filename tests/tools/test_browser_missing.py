"""Where there is no browser, the test command says so, and is an error only where one was asked."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests import browser

#: What is given to pytest, and variables of its environment.
CASES = {
    "nothing": ([], {}),
    "the mark": (["-m", "browser"], {}),
    "the setting": ([], {"LESSON_NEED_BROWSER": "1"}),
    "workers": (["-n", "2"], {"LESSON_NEED_BROWSER": "1"}),
    "all others": (["-m", "not browser"], {}),
}
#: pytest in a process of its own, a case after the other: a test file of ours, and no browser to be
#: found.
CODE = """
import contextlib, io, json, os, sys, pytest
from tests import browser
browser.program = lambda: ""
ran = {}
for case, (words, settings) in json.loads(sys.argv[1]).items():
    os.environ.pop("LESSON_NEED_BROWSER", None)
    os.environ.update(settings)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main(["tests/exercises/test_browser_quiz.py", "-q",
                              "-p", "no:cacheprovider", *words])
    ran[case] = [int(status), said.getvalue()]
print(json.dumps(ran))
"""


@pytest.fixture(scope="module")
def ran(project):
    """Of each case (exit status, what pytest said)."""
    asked = subprocess.run([sys.executable, "-c", CODE, json.dumps(CASES)], cwd=project,
                           capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


def test_without_a_browser_the_run_passes_and_its_last_lines_say_what_was_not_run(ran):
    status, said = ran["nothing"]
    assert status == 0, said
    assert "not run" in said and "4 tests were NOT run: there is no browser" in said
    assert browser.CURE in said, "it says what to install"


@pytest.mark.parametrize("case", ["the mark", "the setting", "workers"])
def test_a_browser_that_was_asked_for_must_be_there(ran, case):
    status, said = ran[case]
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "There is no browser on this machine. Cure: install Chromium" in said


def test_those_who_leave_the_browser_out_are_not_told_to_install_one(ran):
    status, said = ran["all others"]
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED and "NOT run" not in said


def test_a_browser_is_found_on_the_path_and_in_its_usual_place(tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "PLACES", (str(tmp_path / "Chrome"),))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert browser.program() == ""
    (tmp_path / "Chrome").write_text("", encoding="utf-8")
    assert browser.program() == str(tmp_path / "Chrome")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "chromium").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "bin" / "chromium").chmod(0o755)
    assert browser.program().startswith(str(tmp_path / "bin"))
