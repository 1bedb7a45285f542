"""The starter sets of the assignment, for learners who bring no rows of their own.

Each is a file in ``data/assignment`` with words that say what it is for. They were written by
the author, with the help of a language model; their cards are in ``data/README.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lessonlib.assignment import own_rows, splits
from lessonlib.assignment.chosen import Base
from lessonlib.assignment.task import Task
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.paths import DATA

FOLDER = DATA / "assignment"


@dataclass(frozen=True)
class Starter:
    """One starter set.

    Attributes:
        name: its key in ``STARTERS``.
        title: a few words.
        file, test_file: in ``data/assignment``; a set without a test file is split.
        system: the short system message.
        instructions: the long one: what a person would be told who should do the job.
        kind: see ``lessonlib.assignment.scores``.
    """

    name: str
    title: str
    file: str
    kind: str
    system: str
    instructions: str
    test_file: str | None = None

    @property
    def path(self) -> Path:
        return FOLDER / self.file


STARTERS = {one.name: one for one in (
    Starter(
        "support_triage", _("which team answers a customer's message"),
        "support_triage.csv", "label",
        "Sort the message.",
        "Sort the message of a customer of a lamp shop: which team answers it? billing: bills,"
        " payments, refunds. delivery: shipping, tracking, parcels. returns: broken, wrong or"
        " unwanted goods, guarantee. account: login, profile, newsletter, personal data. advice:"
        " questions about a lamp before or after buying it. Answer with the team's name alone.",
        "support_triage_test.csv"),
    Starter(
        "sarcastic_facts", _("an assistant that is factual, and sarcastic about it"),
        "sarcastic_facts.jsonl", "text",
        "You state facts, sarcastically.",
        "You are a chatbot that answers questions with true facts, in one to three sentences, and"
        " is sarcastic about having been asked. The fact itself must be right and complete. Make"
        " fun of the question or the situation, never of a group of people."),
    Starter(
        "element_limericks", _("limericks on chemical elements"),
        "element_limericks.jsonl", "text",
        "Write a limerick on the element.",
        "Write a limerick on the chemical element: five lines, rhyming A A B B A, lines 1, 2 and 5"
        " with three beats and lines 3 and 4 with two. It names the element and tells something"
        " true about it."),
)}


def load(
    name: str, window: int | None = None, seed: int = 0, base: Base | None = None
) -> Task:
    """A starter set as a task in three splits; arguments as for ``splits.make``.

    Raises:
        LessonError: there is no such set.

    Introduced in notebook 11.
    """
    one = find(name)
    rows = own_rows.read(one.path, kind=one.kind)
    test = own_rows.read(FOLDER / one.test_file, kind=one.kind) if one.test_file else None
    return splits.make(rows, one.system, one.instructions, name, test, window, seed, base=base)


def find(name: str) -> Starter:
    """What is known of a starter set. Raises LessonError, which names those that there are.

    Introduced in notebook 11.
    """
    if name not in STARTERS:
        raise LessonError(
            _("There is no starter set {name!r}.").format(name=name),
            _("Choose one of: {names}; or give the path of your own file.").format(
                names=", ".join(STARTERS)))
    return STARTERS[name]
