"""The minutes that a notebook states under its title, and where they come from.

    python -m tools.minutes 03       what it states, and what it should

A notebook says: **Time:** 25 minutes, of which the computer works for about one. The first number
is that of doing everything in it: reading its text at 180 words a minute and its code at four
seconds a line, the exercises and the quiz as they say, and waiting for the computer; rounded up.
The second is measured whenever the notebook is run by ``start.py rehearse`` and ``start.py test``,
which print both.
"""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass

from nbformat import NotebookNode

from lessonlib.decision import cases
from lessonlib.exercises import feedback, quizzes
from tools import notebooks
from tools.saved_words import CASES
from tools.terminal import Stop, duration, line

STATED = re.compile(r"\*\*Time:\*\* (\d+) minutes, of which the computer works for about (\w+)\b")
NUMBERS = {"half": 0.5, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
           "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13,
           "fifteen": 15, "twenty": 20}
#: Reading to learn: words of text in a minute, and seconds for a line of code.
WORDS, LINE = 180, 4
#: Minutes for a question of a quiz, or one of the cases to decide, with its reasons.
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


def expected(notebook: NotebookNode, number: str, computer: float) -> int:
    """The minutes that a notebook takes with all that is in it, rounded up.

    notebook: its source or learner's edition. number: such as "03". computer: stated minutes.
    """
    words = lines = cases_shown = 0
    for cell in notebook.cells:
        if {"hint", "colab"} & set(cell.metadata.get("tags", [])):
            continue  # a hint is part of its exercise
        if cell.cell_type == "markdown":
            shown = re.sub(r"(?s)<!--.*?-->|\]\([^)]*\)", " ", cell.source)
            words += len(re.findall(r"\w+", shown))
        elif "exercise" not in cell.metadata.get("tags", []):
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
            cases_shown += bool(CASES.search(cell.source))
    questions = len(quizzes.load(number).questions) + cases_shown * len(cases.load())
    exercises = sum(exercise.minutes for exercise in feedback.all_exercises(number))
    reading = words / WORDS + lines * LINE / 60
    return math.ceil(reading + QUESTION * questions + exercises + computer)


def main(arguments: list[str] | None = None) -> int:
    """Print what each notebook states, and what it should."""
    for source in notebooks.sources(sys.argv[1:] if arguments is None else arguments):
        notebook, number = notebooks.from_source(source), source.stem.split("_")[0]
        said = stated(notebook)
        if not said:
            raise Stop(f"{source.name} does not say its minutes under the title.",
                       "**Time:** 25 minutes, of which the computer works for about one.")
        due = expected(notebook, number, said.computer)
        line("ok" if within(said.minutes, due) else "fail",
             f"{source.stem}: states {said.minutes} minutes, should state {due}")
    return 0


def within(minutes: int, due: int) -> bool:
    """Whether stated minutes are those that are due, but for a few words more or less."""
    return abs(minutes - due) <= max(1, 0.03 * due)


if __name__ == "__main__":
    sys.exit(main())
