"""The exercises as source notebooks for nbgrader (https://nbgrader.readthedocs.io).

    python start.py nbgrader         all notebooks with exercises: work/nbgrader/source/...
    python start.py nbgrader 01      only these

Each notebook is an assignment of its own. The solution cells carry nbgrader's own two markers
already, so ``nbgrader generate_assignment`` cuts them out. Each check becomes an autograded test:
``exercises.require`` in place of ``exercises.check``, which fails where the answer is not right.
Points are the exercise's difficulty, 1 to 3. The notebooks are exported without outputs.

nbgrader is not installed by the course: see INSTRUCTORS.md. Metadata: nbgrader's format, version 3.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lessonlib.exercises import feedback
from tools.exercise_cutting import CHECK, HEADING, full_heading, has_exercises, tags
from tools.notebooks import NOTEBOOK_METADATA, NOTEBOOKS, from_source, sources
from tools.terminal import Stop, line, shown

PROJECT = Path(__file__).resolve().parent.parent
COURSE = PROJECT / "work" / "nbgrader"
CALL = re.compile(r"\bexercises\.check\(")
CONFIG = '''"""nbgrader's settings for this folder; written by python start.py nbgrader."""
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "fine-tuning"
# Cells train models: give them the time.
c.Execute.timeout = 900
c.ExecutePreprocessor.timeout = 900
'''


def export(notebook: NotebookNode) -> NotebookNode:
    """The source notebook of an assignment, from a source with exercises."""
    cells: list[NotebookNode] = []
    for cell in nbformat.from_dict(notebook).cells:
        if "hint" in tags(cell):
            cell.source = f"<details>\n<summary>Hint</summary>\n\n{cell.source}\n\n</details>"
        elif cell.cell_type == "markdown":
            cell.source = HEADING.sub(full_heading, cell.source)
        cells += _split(cell) if "exercise" in tags(cell) else [cell]
    ids: set[str] = set()
    for number, cell in enumerate(cells):
        _mark(cell, ids)
        cell.metadata.pop("reason", None)
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    return made


def _split(cell: NotebookNode) -> list[NotebookNode]:
    """An exercise, and its check as a cell of its own where it stands in the same one."""
    lines = cell.source.split("\n")
    end = max(number for number, text in enumerate(lines) if "END SOLUTION" in text)
    after = next((number for number in range(end + 1, len(lines)) if CHECK.search(lines[number])),
                 None)
    if after is None:
        return [cell]
    check = nbformat.v4.new_code_cell("\n".join(lines[after:]))
    cell.source = "\n".join(lines[:after]).rstrip()
    return [cell, check]


def _mark(cell: NotebookNode, ids: set[str]) -> None:
    """nbgrader's metadata: a solution is the learner's, a check is graded and locked."""
    found = CHECK.findall(cell.source) if cell.cell_type == "code" else []
    is_exercise = "exercise" in tags(cell)
    cell.metadata.pop("tags", None)
    if not (found or is_exercise):
        return
    if found:
        cell.source = CALL.sub("exercises.require(", cell.source)
        name, points = f"check-{found[0]}", sum(feedback.find(id).difficulty for id in found)
    else:
        name, points = f"exercise-{len(ids) + 1}", 0
    ids.add(name)
    cell.metadata["nbgrader"] = {
        "cell_type": cell.cell_type, "schema_version": 3, "task": False, "grade_id": name,
        "grade": bool(found), "locked": bool(found), "solution": not found}
    if found:
        cell.metadata["nbgrader"]["points"] = points


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="start.py nbgrader")
    parser.add_argument("names", nargs="*")
    chosen = sources(parser.parse_args(arguments).names, NOTEBOOKS)
    for source in chosen:
        notebook = from_source(source)
        if not has_exercises(notebook):
            line("..", f"{source.stem} has no exercises")
            continue
        target = COURSE / "source" / source.stem / f"{source.stem}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        made = export(notebook)
        nbformat.write(made, target)
        points = [cell.metadata["nbgrader"].get("points", 0) for cell in made.cells
                  if "nbgrader" in cell.metadata]
        line("ok", f"{shown(target)}: {sum(map(bool, points))} exercises, {sum(points)} points")
    (COURSE / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(str(stop))
