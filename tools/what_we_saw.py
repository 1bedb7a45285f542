"""The folded cells that say what a measurement showed, and whether their numbers were measured.

In a source such a cell is a markdown cell with the tag ``what-we-saw``, right under the code cell
whose output it talks about::

    # %% [markdown] tags=["what-we-saw"]
    # The tuned model reached 0.87, the instructions 0.42: better, by more than twice.
    # <!-- derived: 2.07 = 0.87 / 0.42 -->

The build folds it under a line with the day of the saved run, so that a reader looks at the output
first. ``unfounded`` then finds every number in it that the saved outputs do not hold. A number that
they do not print is vouched for in a comment, which the build leaves out:

    <!-- derived: 0.45 = 0.87 - 0.42; 600 = 800 - 200 -->   a sum of numbers from the outputs
    <!-- record: tuned on 400 | field -->                   the real model's record: route | split

Numbers of one or two digits up to 12 need no source, nor do those that stand in the code.
"""

from __future__ import annotations

import ast
import datetime
import operator
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from lessonlib.lessons import real_runs
from tools.notebook_rules import joined

TAG = "what-we-saw"
#: Where a saved notebook keeps the day on which it was run: metadata["lesson"]["run"].
RUN = "run"
COMMENT = re.compile(r"[ \t]*<!--\s*(.*?)\s*-->\n?", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.,])[+\-\N{MINUS SIGN}]?\$?(\d[\d,]*(?:\.\d+)?)( ?%)?(?![\w]|\.\d)")
#: Whole numbers up to this may be said without a source: "three of 8", "section 4".
SMALL = 12
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
             ast.Div: operator.truediv}


def is_one(cell: NotebookNode) -> bool:
    return TAG in cell.metadata.get("tags", [])


def day_of(notebook: NotebookNode) -> str | None:
    """The day on which a saved notebook was run, such as ``2026-11-28``."""
    return notebook.metadata.get("lesson", {}).get(RUN)


def fold(notebook: NotebookNode, day: str | None) -> NotebookNode:
    """Fold these cells under their line. day: of the run whose outputs stand in the notebook."""
    when = "when this notebook was last run"
    if day:
        date = datetime.date.fromisoformat(day)
        when = f"on {date.day} {date:%B %Y}"
    summary = f"What we saw {when}, and what we make of it"
    for cell in filter(is_one, notebook.cells):
        text = COMMENT.sub("", cell.source).strip()
        cell.source = f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"
    return notebook


def misplaced(notebook: NotebookNode) -> Iterator[str]:
    """Such a cell stands right under a measurement, and is a text."""
    for number, cell in enumerate(notebook.cells, start=1):
        if is_one(cell) and (number == 1 or cell.cell_type != "markdown"
                             or notebook.cells[number - 2].cell_type != "code"):
            yield f"cell {number}: tagged {TAG}, but no text right under a code cell"


def unfounded(source: NotebookNode, saved: NotebookNode) -> list[str]:
    """The numbers that nothing vouches for, each with its cell in the source.

    source: what the source describes (``notebooks.from_source``). saved: an executed edition.
    """
    known = _numbers("\n".join(map(_shown, saved.cells)))
    known |= _numbers("\n".join(one.source for one in source.cells if one.cell_type == "code"))
    found = []
    for number, cell in enumerate(source.cells, start=1):
        if is_one(cell):
            vouched, wrong = _vouched(cell.source, known)
            text = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", COMMENT.sub("", cell.source))
            wrong += [f"{match[0].strip()} is in no output" for match in NUMBER.finditer(text)
                      if not _is_known(match, known | vouched)]
            found += [f"cell {number}: {one}" for one in wrong]
    return found


def _shown(cell: NotebookNode) -> str:
    """What a cell's outputs say in words; the HTML beside them has numbers of its own."""
    parts = []
    for output in cell.get("outputs", []):
        parts.append(str(joined(output.get("text", ""))))
        parts += [str(joined(text)) for kind, text in output.get("data", {}).items()
                  if kind in ("text/plain", "text/markdown")]
    return "\n".join(parts)


def _numbers(text: str) -> set[str]:
    """All numbers of a text as they are written, without signs and commas."""
    return {one.replace(",", "").rstrip(".") for one in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def _is_known(match: re.Match, known: set[str]) -> bool:
    written, percent = match[1].replace(",", ""), bool(match[2])
    if written in known or (percent and f"{float(written) / 100:.2f}" in known):
        return True
    return "." not in written and not percent and int(written) <= SMALL


def _vouched(text: str, known: set[str]) -> tuple[set[str], list[str]]:
    """The numbers that a cell's comments vouch for, and what is wrong with a comment."""
    vouched, wrong = set(), []
    for comment in COMMENT.findall(text):
        kind, _colon, rest = comment.partition(":")
        if kind == "record":
            route, _bar, split = (part.strip() for part in rest.partition("|"))
            result = real_runs.load().result(route, split or "test")
            for one in result.metrics().values():
                vouched |= _numbers(f"{one}")
            continue
        for equation in rest.split(";") if kind == "derived" else ():
            left, _equals, right = (part.strip() for part in equation.partition("="))
            strange = {one for one in _numbers(right) if "." in one} - known - vouched
            if strange:
                wrong.append(f"{equation.strip()}: {min(strange)} is in no output")
            elif _agrees(left, right):
                vouched |= _numbers(left)
            else:
                wrong.append(f"{equation.strip()} is not so")
    return vouched, wrong


def _agrees(left: str, right: str) -> bool:
    """Whether a sum comes to what is written: rounded, and made of rounded numbers."""
    digits = len(left.partition(".")[2])
    apart = float(left.replace(",", "")) - _value(ast.parse(right, mode="eval").body)
    return abs(apart) <= 0.5 * 10**-digits + 0.0101


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    return float(ast.literal_eval(node))
