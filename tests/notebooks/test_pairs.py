"""A learner's notebook and its solved copy are tested in one run; see tests/pairs.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

#: Cells: (code, what it prints, tags). The beginning is the same in both, the end differs.
HEAD = [("runs = globals().get('runs', 0) + 1", "", []), ("print(runs)", "1\n", [])]
CHECKED = "print('not yet' if answer is ... else f'right: {answer}')"
LEARNERS = [*HEAD, ("answer = ...", "", ["exercise"]), (CHECKED, "not yet\n", [])]
SOLVED = [*HEAD, ("answer = 42", "", ["exercise"]), (CHECKED, "right: 42\n", [])]
ANY_OUTPUT = "nbval-ignore-output"
ADDRESS = "print('at', id(object()))"
FOLDER = "import os; print(os.path.basename(os.getcwd()))"

#: Each pair: the learner's cells and the solved copy's.
PAIRS = {
    "usual": (LEARNERS, SOLVED),
    "two_truths": (LEARNERS, [HEAD[0], ("print(runs)", "2\n", []), *SOLVED[2:]]),
    "wrong_for_learners": ([*LEARNERS[:3], (CHECKED, "right: 42\n", [])], SOLVED),
    "wrong_solution": (LEARNERS, [*HEAD, ("answer = 6 * 9", "", ["exercise"]), SOLVED[3]]),
    "not_compared": ([(ADDRESS, "at 1\n", [ANY_OUTPUT]), *LEARNERS],
                     [(ADDRESS, "at 2\n", [ANY_OUTPUT]), *SOLVED]),
    "folders": ([*LEARNERS, (FOLDER, "", [ANY_OUTPUT])], [*SOLVED, (FOLDER, "solutions\n", [])]),
    "longer_copy": (LEARNERS[:2], [*SOLVED, ("print(answer)", "42\n", [])]),
}


def write(path: Path, cells: list[tuple[str, str, list[str]]]) -> None:
    made = [new_code_cell(code, execution_count=1, metadata={"tags": tags},
                          outputs=[new_output("stream", text=said)] if said else [])
            for code, said, tags in cells]
    nbformat.write(new_notebook(cells=made), path)


@pytest.fixture(scope="module")
def run(tmp_path_factory, project):
    """Runs pytest on what is named: {notebook: {"3" or "solved 3": "PASSED"}}, cells in order."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "solutions").mkdir()
    for name, (learners, solved) in PAIRS.items():
        write(folder / f"{name}.ipynb", learners)
        write(folder / "solutions" / f"{name}.ipynb", solved)

    def run_these(*named):
        command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder),
                   "-p", "no:cacheprovider", "-p", "tests.pairs", "--nbval",
                   "--nbval-current-env", "-v", *named]
        env = dict(os.environ, PYTHONPATH=str(project))
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        found = {}
        for copied, name, cell, end in re.findall(
                r"(?m)^(solutions/)?(\w+)\W+ipynb::Cell (\d+) (\w+)", done.stdout):
            found.setdefault(name, {})["solved " * bool(copied) + cell] = end
        assert found, done.stdout + done.stderr
        return found

    return run_these


@pytest.fixture(scope="module")
def ran(run):
    return run(".")


def test_what_is_the_same_runs_once_and_the_solved_end_after_the_learners(ran):
    assert list(ran["usual"].items()) == [
        (cell, "PASSED") for cell in ("0", "1", "2", "3", "solved 2", "solved 3")]


@pytest.mark.parametrize(("pair", "cell"), [
    ("two_truths", "solved 1"), ("wrong_for_learners", "3"), ("wrong_solution", "solved 3")])
def test_a_cell_that_fails_is_reported_under_its_own_notebook(ran, pair, cell):
    """two_truths: one code that is said to print 1 in one copy and 2 in the other."""
    assert [where for where, end in ran[pair].items() if end != "PASSED"] == [cell]
    assert len(ran[pair]) == len(ran["usual"]) + (pair == "two_truths")


def test_outputs_that_are_not_compared_do_not_make_a_cell_run_twice(ran):
    assert set(ran["not_compared"].values()) == {"PASSED"}
    assert list(ran["not_compared"]) == ["0", "1", "2", "3", "4", "solved 3", "solved 4"]


def test_a_copy_stands_in_its_own_folder(ran):
    assert set(ran["folders"].values()) == {"PASSED"}
    assert list(ran["folders"])[-1] == "solved 4"


def test_a_longer_copy_is_run_to_its_end(ran):
    assert set(ran["longer_copy"].values()) == {"PASSED"}
    assert list(ran["longer_copy"]) == ["0", "1", "solved 2", "solved 3", "solved 4"]


def test_a_copy_named_by_its_path_runs_whole_and_a_learners_notebook_brings_its_copy_along(run):
    """Named beside its learner's notebook, a copy was left to the pair, and pytest complained of a
    file in which there is nothing."""
    found = run("solutions/usual.ipynb", "usual.ipynb", "folders.ipynb")
    assert list(found["usual"]) == [f"{copied}{n}" for copied in ("solved ", "") for n in range(4)]
    assert "solved 4" in found["folders"]
    assert {end for cells in found.values() for end in cells.values()} == {"PASSED"}
