"""Words in a saved output that come from the package: are they still what the package says?

A notebook's text can be made anew without a run. But what a check says about a right answer comes
from lessonlib, and a quiz's questions and reasons from data/quizzes; change them there, and every
saved output that shows them is out of date. ``python start.py build --check`` and the tests notice
it in a second, before a run of the whole notebook does. Quizzes and cases hold nothing but such
words, so ``--text`` puts today's in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from lessonlib.decision import cases
from lessonlib.exercises import feedback, quizzes
from tools.exercise_cutting import CHECK
from tools.notebook_rules import joined, output_text

QUIZ = re.compile(r"""(?m)^(?:\w+\.)?quiz\(["'](\w+)["']\)""")
CASES = re.compile(r"(?m)^cases\.show\(\)")


def old_words(notebook: NotebookNode) -> Iterator[str]:
    """For each saved output that shows other words than the package has today: which, and where.

    notebook: executed. A check that is not answered there shows none of these words.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        shown = output_text(cell)
        for name in CHECK.findall(cell.source):
            right = f"[ok] {name}: "
            if right in shown and feedback.find(name).learned not in shown:
                yield f"cell {number}: the words of exercise {name} have changed since it was run"
        for name, texts in _questions(cell.source):
            if not all(text in shown for text in texts):
                yield f"cell {number}: the questions of {name} have changed since it was run"


def renew(cell: NotebookNode) -> None:
    """Give a saved quiz, or the saved cases, the words that they have today."""
    for _name, (text, markdown) in _questions(cell.source):
        for output in cell.outputs:
            data = output.get("data", {})
            if "text/markdown" in data and str(joined(data["text/markdown"])).startswith("**"):
                data["text/plain"], data["text/markdown"] = text, markdown


def _questions(source: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """The quizzes and cases that a cell shows, by name: as text and as markdown."""
    for name in QUIZ.findall(source):
        asked = quizzes.load(name)
        yield f"quiz {name}", (quizzes.as_text(asked), quizzes.as_markdown(asked))
    if CASES.search(source):
        yield "the cases", cases.saved()
