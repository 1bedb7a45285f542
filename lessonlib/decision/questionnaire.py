"""Prompt, retrieve or tune? The questions, and what an answer may be.

The questions are in ``data/decisions/guide.toml``, in four groups: use case, alternatives, costs,
benefits. The rules that make a suggestion of the answers are in ``lessonlib.decision.rules``, the
widget is in ``lessonlib.decision.guide``.

Answers are a dictionary from the id of a question to the id of an option, or to a tuple of ids
where several may be chosen: ``{"aspect": ("habits",), "prompting": "not_enough"}``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _
from lessonlib.common.paths import DATA

QUESTIONS = DATA / "decisions" / "guide.toml"
#: The four groups, in order.
GROUPS = {
    "use_case": _("Use case: what should get better?"),
    "alternatives": _("Alternatives: what did you measure without tuning?"),
    "costs": _("Costs: what does tuning take?"),
    "benefits": _("Benefits: how much does it help?"),
}
#: What can be decided.
VERDICTS = {
    "prompt": _("Prompt: stay with instructions and examples"),
    "retrieve": _("Retrieve: look things up and put them into the prompt"),
    "tune": _("Tune a model"),
    "tune_and_retrieve": _("Tune a model, and look up what changes"),
    "measure_first": _("Not yet: measure first"),
    "improve": _("None yet: nothing is good enough, go on improving"),
    "not_yet": _("Not yet: something that tuning needs is missing"),
}

#: Answers of earlier records: (question, id of then) -> id of today. What was called "same" had
#: been measured as a difference that could be luck.
RETIRED = {("quality", "same"): "cannot_tell"}

Answers = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class Option:
    """One possible answer, and what it means for the decision."""

    id: str
    text: str
    means: str


@dataclass(frozen=True)
class Question:
    """One question of the guide. ``group`` is a key of ``GROUPS``."""

    id: str
    group: str
    text: str
    several: bool
    options: tuple[Option, ...]

    def option(self, id: str) -> Option:
        """The option with this id. Raises LessonError, which names those that there are."""
        for one in self.options:
            if one.id == id:
                return one
        raise LessonError(
            _("The question {question!r} has no answer {id!r}.").format(question=self.id, id=id),
            _("It has: {ids}.").format(ids=", ".join(one.id for one in self.options)),
        )


@dataclass(frozen=True)
class Suggestion:
    """What the answers speak for.

    Attributes:
        verdict: a key of ``VERDICTS``; None as long as an answer is missing that decides.
        reasons: why, one sentence each.
        cautions: what to keep in mind all the same.
        open: ids of the questions that have no answer.
    """

    verdict: str | None
    reasons: tuple[str, ...]
    cautions: tuple[str, ...] = ()
    open: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        if self.verdict:
            return VERDICTS[self.verdict]
        return _("Nothing can be said yet: an answer is missing")

    def __str__(self) -> str:
        lines = [self.headline, *(f"  - {reason}" for reason in self.reasons)]
        lines += [_("  - But: {caution}").format(caution=caution) for caution in self.cautions]
        if self.open:
            lines.append(_("  Not answered: {ids}").format(ids=", ".join(self.open)))
        return "\n".join(lines)


@cache
def questions() -> tuple[Question, ...]:
    """All questions of the guide, group by group."""
    return tuple(
        Question(
            row["id"], row["group"], row["text"], row["choose"] == "several",
            tuple(Option(**option) for option in row["option"]),
        )
        for row in tomllib.loads(read_text(QUESTIONS))["question"]
    )


def question(id: str) -> Question:
    """The question with this id. Raises LessonError, which names those that there are."""
    for one in questions():
        if one.id == id:
            return one
    raise LessonError(
        _("The guide has no question {id!r}.").format(id=id),
        _("It has: {ids}.").format(ids=", ".join(one.id for one in questions())),
    )


def checked(answers: Answers) -> dict[str, tuple[str, ...]]:
    """The answers as tuples of ids, in the guide's order. Raises LessonError for a wrong one."""
    for id in answers:
        question(id)
    made = {}
    for one in questions():
        given = answers.get(one.id) or ()
        given = (given,) if isinstance(given, str) else tuple(given)
        chosen = {one.option(RETIRED.get((one.id, id), id)).id for id in given}
        if len(chosen) > 1 and not one.several:
            raise LessonError(
                _("The question {id!r} has one answer, not {n}.").format(id=one.id, n=len(chosen)),
                _("Choose one of: {ids}.").format(ids=", ".join(sorted(chosen))),
            )
        if chosen:
            made[one.id] = tuple(option.id for option in one.options if option.id in chosen)
    return made
