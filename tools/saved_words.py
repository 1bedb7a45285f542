"""Words in a saved output that come from the package: are they still what the package says?

A notebook's text can be made anew without a run. But what a check says about a right answer comes
from lessonlib, and a quiz's questions from data/quizzes; change them there, and every saved output
that shows them is out of date. ``python start.py build --check`` and the tests notice it in a
second, before a run of the whole notebook does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from lessonlib.exercises import feedback, quizzes
from tools.exercise_cutting import CHECK
from tools.notebook_rules import output_text

QUIZ = re.compile(r"""(?m)^(?:\w+\.)?quiz\(["'](\w+)["']\)""")


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
        for name in QUIZ.findall(cell.source):
            if quizzes.as_text(quizzes.load(name)) not in shown:
                yield f"cell {number}: the questions of quiz {name} have changed since it was run"
