"""Where there is no browser, the test command says so, and is an error only where one was asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests import browser

#: pytest in a process of its own: the mark of a test of ours, and no browser to be found.
CODE = """
import sys, pytest
from tests import browser
browser.program = lambda: ""
sys.exit(pytest.main(["tests/test_browser_quiz.py", "-q", "-p", "no:cacheprovider"] + sys.argv[1:]))
"""


def without_browser(project, *words, **settings):
    env = {name: value for name, value in os.environ.items() if name != "LESSON_NEED_BROWSER"}
    asked = subprocess.run([sys.executable, "-c", CODE, *words], cwd=project, env=env | settings,
                           capture_output=True, text=True)
    return asked.returncode, asked.stdout + asked.stderr


def test_without_a_browser_the_run_passes_and_its_last_lines_say_what_was_not_run(project):
    status, said = without_browser(project)
    assert status == 0, said
    assert "not run" in said and "4 tests were NOT run: there is no browser" in said
    assert browser.CURE in said, "it says what to install"


@pytest.mark.parametrize(("words", "settings"), [
    (["-m", "browser"], {}), ([], {"LESSON_NEED_BROWSER": "1"}),
    (["-n", "2"], {"LESSON_NEED_BROWSER": "1"})])
def test_a_browser_that_was_asked_for_must_be_there(project, words, settings):
    status, said = without_browser(project, *words, **settings)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "There is no browser on this machine. Cure: install Chromium" in said


def test_those_who_leave_the_browser_out_are_not_told_to_install_one(project):
    status, said = without_browser(project, "-m", "not browser")
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
