"""Prompt, retrieve or tune? The lesson's questions, and what the answers suggest.

The questions are in ``data/decisions/guide.toml``, in the lesson's four groups: use case,
alternatives, costs, benefits. The rules are here, in ``suggest``: they are few, and each one says
why. A suggestion is not a decision. The widget is in ``lessonlib.decision.guide``.

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
#: The lesson's four groups, in its order.
GROUPS = {
    "use_case": _("Use case: what should get better?"),
    "alternatives": _("Alternatives: what did you measure without tuning?"),
    "costs": _("Costs: what does tuning take?"),
    "benefits": _("Benefits: what does it bring?"),
}
#: What can be decided.
VERDICTS = {
    "prompt": _("Prompt: stay with instructions and examples"),
    "retrieve": _("Retrieve: look things up and put them into the prompt"),
    "tune": _("Tune a model"),
    "tune_and_retrieve": _("Tune a model, and look up what changes"),
    "measure_first": _("Not yet: measure first"),
    "not_yet": _("Not yet: something that tuning needs is missing"),
}

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
        return _("Not yet to be said: an answer is missing")

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
        chosen = {one.option(id).id for id in given}
        if len(chosen) > 1 and not one.several:
            raise LessonError(
                _("The question {id!r} has one answer, not {n}.").format(id=one.id, n=len(chosen)),
                _("Choose one of: {ids}.").format(ids=", ".join(sorted(chosen))),
            )
        if chosen:
            made[one.id] = tuple(option.id for option in one.options if option.id in chosen)
    return made


def suggest(answers: Answers) -> Suggestion:
    """What the answers speak for, by the first rule that applies.

    The order of the rules is the lesson's: cheaper ways first, then what tuning needs, then
    what it brought when it was measured.
    """
    given = checked(answers)
    left = tuple(one.id for one in questions() if one.id not in given)
    verdict, *reasons = _without_tuning(given) or _tuning(given)
    cautions = _cautions(given) if verdict in ("tune", "tune_and_retrieve", "not_yet") else ()
    return Suggestion(verdict, tuple(reasons), tuple(cautions), left)


def _without_tuning(given: dict) -> tuple | None:
    """(verdict, reason) where one of the alternatives decides; None where tuning is next."""
    wants = given.get("aspect", ())
    if not wants:
        return None, _("Say first what should get better.")
    for id, verdict in (("prompting", "prompt"), ("retrieval", "retrieve")):
        answer = given.get(id, (None,))[0]
        if answer is None:
            return None, _("The question {id!r} decides, and has no answer.").format(id=id)
        if answer == "untried":
            return "measure_first", _("Without this baseline nobody can say what tuning adds:"
                                      " {question}").format(question=question(id).text)
        if answer == "enough" and "length" not in wants:
            return verdict, _("It was measured, and it is good enough. It needs no training, and"
                              " can be changed in a minute.")
    return None


#: What keeps from tuning: question, answers, and the sentence.
OBSTACLES = (
    ("tunability", ("unknown", "no"), _("It is not certain that there is a model to tune.")),
    ("effort", ("nobody",), _("Nobody has the time to prepare data, to measure, to tune again.")),
    ("compute", ("no",), _("It is not certain where the model would be trained and hosted.")),
    ("data", ("few",), _("There are too few checked examples.")),
)


def _tuning(given: dict) -> tuple:
    """(verdict, reason, ...) where no alternative was good and cheap enough."""
    missing = [text for id, bad, text in OBSTACLES if given.get(id, ("",))[0] in bad]
    if missing:
        return "not_yet", *missing
    for id in [id for id, *_rest in OBSTACLES] + ["quality"]:
        if id not in given:
            return None, _("The question {id!r} decides, and has no answer.").format(id=id)
    wants, quality = given["aspect"], given["quality"][0]
    other = "prompt" if given["retrieval"][0] in ("nothing", "untried") else "retrieve"
    if quality == "unknown":
        return "measure_first", _("All that tuning needs is there. Tune once, small, and measure"
                                  " it against the best alternative.")
    if quality == "worse":
        return other, _("The tuned model does worse than what you have. Use what you have, and"
                        " look into the examples.")
    if quality == "same" and not ("length" in wants and given.get("cost") == ("yes",)):
        return other, _("The tuned model is no better, and no cheaper as far as we know.")
    reason = (_("It beats the best alternative on held-out examples, by more than luck.")
              if quality == "better" else _("It is as good as the long prompt, and costs less."))
    if "facts" in wants:
        return "tune_and_retrieve", reason, _("What changes is looked up: training learns only"
                                              " what was true on that day.")
    return "tune", reason


def _cautions(given: dict) -> list[str]:
    """What to keep in mind when tuning, from the answers that do not decide."""
    said = []
    if given.get("effort") == ("once",):
        said.append(_("nobody is there to tune again; set a day on which it is measured again."))
    if given.get("data") == ("dozens",):
        said.append(_("dozens of examples are a beginning; measure whether more would help."))
    if given.get("cost") == ("no",):
        said.append(_("it costs more than it saves, so the gain in quality must be worth it."))
    if given.get("cost", ("unknown",)) == ("unknown",):
        said.append(_("what it costs is not worked out; hosting by the hour may outweigh all."))
    return said
