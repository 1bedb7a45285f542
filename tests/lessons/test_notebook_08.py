"""Notebook 08 promises that its parts stand alone, and that nothing is fetched or run unasked."""

import ast
import builtins
import re

import jupytext
import pytest
from recipe_rows import recipe_row

from lessonlib.lessons import nb08_two_jobs
from lessonlib.measure.evaluation import Result

SOURCE = "notebooks/source/08_tune_hugging_face.py"


@pytest.fixture(scope="module")
def parts(project):
    """The names that the first code cell gives, and the code of each part by its letter."""
    cells = jupytext.read(project / SOURCE, fmt="py:percent").cells
    parts, part, first = {}, None, None
    for cell in cells:
        if cell.cell_type == "markdown":
            if heading := re.match(r"## ([A-Z])\. ", cell.source):
                part = heading[1]
        elif first is None:
            first = cell.source
        else:
            parts[part] = parts.get(part, "") + cell.source + "\n"
    return names(first)[0], first, parts


def names(code):
    """What code gives a name to, and what it uses, in any of its functions too."""
    given, used = set(), set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else given).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            given.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            given |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.arg):
            given.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            given.add(node.name)
    return given, used


@pytest.mark.parametrize("part", "ABCDEFGH")
def test_each_part_needs_the_first_cell_and_no_other_part(parts, part):
    from_the_start, _first, code = parts
    given, used = names(code[part])
    missing = used - given - from_the_start - set(dir(builtins))
    assert not missing, f"part {part} uses what another part makes: {missing}"


def test_by_default_nothing_is_fetched_and_the_model_is_the_built_in_one(parts):
    _names, first, _code = parts
    assert re.search(r'^MODEL = "pantry"', first, re.M)
    assert re.search(r"^HUB = False", first, re.M)


def test_the_table_of_two_jobs_names_the_scores_as_the_scoreboard_does():
    """It said "micro f1", where every other table says micro-F1."""
    row = recipe_row("r", 3, 4)
    names = ("none", "recipes")
    results = {(name, "recipes"): Result(name, "pantry", (row,), "") for name in names}
    table = nb08_two_jobs.table(results)
    assert table.head == ["adapter", "recipes: micro-F1"]
    assert table.rows == [[name, "0.86 (0.86-0.86)"] for name in names]
