"""The minutes that a notebook states under its title, and where they come from.

A notebook says: **Time:** 25 minutes, of which the computer works for about one. The first number
lies between only reading it and doing everything in it. The second is measured whenever the
notebook is run by ``start.py rehearse`` and ``start.py test``, which print both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbformat import NotebookNode

from lessonlib.exercises import feedback, quizzes
from tools.terminal import duration

STATED = re.compile(r"\*\*Time:\*\* (\d+) minutes, of which the computer works for about (\w+)\b")
NUMBERS = {"half": 0.5, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
           "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12}
#: Reading to learn: words of text, and lines of code, in a minute.
WORDS, LINES = 200, 30
#: A quiz question with its explanations.
QUESTION = 0.75
#: So many times the stated computing is still "about": machines differ.
ABOUT = 1.5


@dataclass(frozen=True)
class Stated:
    """What a notebook says: minutes for the learner, and for the computer."""

    minutes: int
    computer: float

    def against(self, seconds: float) -> str:
        """A line for a report: measured seconds beside the stated minutes."""
        mark = ", longer than it says" if seconds > 60 * ABOUT * self.computer else ""
        return f"{duration(seconds)} of computing; it says about {self.computer:g} min{mark}"


def stated(notebook: NotebookNode) -> Stated | None:
    """The minutes under the title; None where the notebook does not say them as it should."""
    found = STATED.search(notebook.cells[0].source) if notebook.cells else None
    if not found or found[2] not in NUMBERS:
        return None
    return Stated(int(found[1]), NUMBERS[found[2]])


def expected(notebook: NotebookNode, number: str, computer: float) -> tuple[float, float]:
    """(minutes to read and run it, minutes with all exercises and the quiz).

    notebook: its source or learner's edition. number: such as "01". computer: stated minutes.
    """
    words = lines = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words += len(re.findall(r"\w+", cell.source))
        else:
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    reading = words / WORDS + lines / LINES + computer
    work = sum(exercise.minutes for exercise in feedback.all_exercises(number))
    work += QUESTION * len(quizzes.load(number).questions)
    return reading, reading + work
