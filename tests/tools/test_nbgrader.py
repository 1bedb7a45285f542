"""The exercises for nbgrader: its metadata, graded checks that really fail, no double ids."""

from __future__ import annotations

import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lessonlib.exercises import feedback
from tools import nbgrader
from tools.notebooks import from_source, sources
from tools.own_environment import python_of

SOURCES = sources()


def marked(notebook):
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_solutions_are_the_learners_and_checks_are_graded(source):
    """The rules of nbgrader's format, version 3, as its own validator has them."""
    made = nbgrader.export(from_source(source))
    nbformat.validate(made)
    cells = marked(made)
    ids = [cell.metadata["nbgrader"]["grade_id"] for cell in cells]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[\w-]+", id) for id in ids)
    graded = [cell for cell in cells if cell.metadata["nbgrader"]["grade"]]
    number = source.stem.split("_")[0]
    assert len(graded) == len(feedback.all_exercises(number)), "one test for each exercise"
    for cell in cells:
        meta = cell.metadata["nbgrader"]
        assert meta["schema_version"] == 3 and meta["cell_type"] == cell.cell_type == "code"
        assert meta["grade"] == meta["locked"] == (not meta["solution"])
        assert meta["solution"] == ("### BEGIN SOLUTION" in cell.source
                                    or "# BEGIN SOLUTION" in cell.source)
        assert not meta["grade"] or (meta["points"] >= 1 and "exercises.require(" in cell.source)
    assert not any("exercises.check(" in cell.source for cell in made.cells
                   if cell.cell_type == "code")
    assert not any(cell.get("outputs") for cell in made.cells)


def test_a_check_in_the_same_cell_becomes_a_cell_of_its_own():
    cells = [new_markdown_cell("# T"), new_markdown_cell("### Exercise 00-1"),
             new_code_cell("# BEGIN SOLUTION\nx = 1\n# END SOLUTION\nexercises.check(\"00-1\", x)",
                           metadata={"tags": ["exercise"]}),
             new_markdown_cell("H", metadata={"tags": ["hint"]})]
    made = nbgrader.export(new_notebook(cells=cells))
    assert [cell.source for cell in marked(made)] == [
        "# BEGIN SOLUTION\nx = 1\n# END SOLUTION", 'exercises.require("00-1", x)']
    assert "<summary>Hint" in made.cells[-1].source


def test_require_fails_where_check_only_says_so():
    with pytest.raises(AssertionError, match="00-1: not answered yet"):
        feedback.require("00-1", ..., None, None)
    with pytest.raises(AssertionError, match="no exercise"):
        feedback.require("99-9", 1)


@pytest.mark.extras
def test_nbgrader_itself_accepts_and_clears_them(tmp_path):
    """For real: nbgrader from the package index makes the learners' edition of all of them."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = python_of(venv)
    subprocess.run([python, "-m", "pip", "install", "-q", "nbgrader>=0.9.5,<0.10"], check=True)
    course = tmp_path / "course"
    for source in SOURCES:
        target = course / "source" / source.stem / f"{source.stem}.ipynb"
        target.parent.mkdir(parents=True)
        nbformat.write(nbgrader.export(from_source(source)), target)
        (course / "nbgrader_config.py").write_text(nbgrader.CONFIG, encoding="utf-8")
        command = [python.with_name("nbgrader"), "generate_assignment", source.stem, "--create"]
        env = {"PATH": str(python.parent) + ":/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(command, cwd=course, capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stderr
        released = (course / "release" / source.stem / f"{source.stem}.ipynb").read_text("utf-8")
        assert "BEGIN SOLUTION" not in released and "YOUR CODE HERE" in released
