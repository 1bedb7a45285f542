"""Exercises that check themselves.

How to use, in a notebook's source::

    # %% [markdown]
    # ### Exercise 01-1
    # What the learner is asked. Title, difficulty and minutes are added by the build.

    # %% tags=["exercise"]
    # BEGIN SOLUTION
    extra = 1000 * (four.prompt_tokens - none.prompt_tokens)
    # END SOLUTION

    # %%
    exercises.check("01-1", extra, none, four)

    # %% [markdown] tags=["hint"]
    # The hint. It is folded by the build, and the solution beneath it.

and, in ``lessonlib/exercises/checks/notebook_01.py``, what makes the answer right::

    @exercise("01-1", title=_("The price of four examples"), difficulty=1, minutes=3,
              learned=_("You pay for them again with every call."))
    def price_of_examples(extra, none, four):
        extra = answers.number(extra, "extra")
        if extra < 0:
            yield _("Examples make a prompt longer, and extra is negative.")

A check is a generator of sentences: each names one thing that is missing, and none gives the answer
away. No sentence means that the answer is right. ``lessonlib.exercises.answers`` reads numbers,
lists and functions. ``check`` itself never raises, whatever the learner passes, and an unanswered
blank (``...``) is no mistake: it says so and goes on. CONTRIBUTING.md tells how an exercise is cut
from its solution.
"""

from __future__ import annotations

import html
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from lessonlib.common.i18n import _
from lessonlib.exercises import answers, progress_file
from lessonlib.show.widget_parts import GREEN, ORANGE

Check = Callable[..., Iterator[str]]
#: Beyond that many sentences a learner is not helped but drowned.
MOST_SENTENCES = 4
DIFFICULTY = {1: _("easy"), 2: _("medium"), 3: _("hard")}
#: How a check's text begins, and the look of its HTML: a sign and a colour.
OK, OPEN, NOT_YET = "[ok]", "[..]", "[not yet]"
LOOK = {OK: ("✔", GREEN), OPEN: ("…", "#767676"), NOT_YET: ("↻", ORANGE)}

_registered: dict[str, Exercise] = {}


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        id: the notebook's number and its own: ``01-1``.
        title: a few words.
        difficulty: 1 easy, 2 medium, 3 hard.
        minutes: how long it takes, about.
        check: yields a sentence for each thing that is missing in the answers it is given.
        learned: one sentence to take along, shown when the answer is right.
    """

    id: str
    title: str
    difficulty: int
    minutes: int
    check: Check = field(repr=False)
    learned: str = ""

    @property
    def effort(self) -> str:
        return _("Difficulty: {word} ({number} of 3). About {minutes} minutes.").format(
            word=DIFFICULTY[self.difficulty], number=self.difficulty, minutes=self.minutes
        )


def exercise(
    id: str, title: str, difficulty: int, minutes: int, learned: str = ""
) -> Callable[[Check], Check]:
    """Register the check below as that of exercise ``id``.

    Raises:
        ValueError: for whoever writes the check, as soon as its module is imported.
    """

    def register(check: Check) -> Check:
        if id in _registered:
            raise ValueError(f"exercise {id} is there twice")
        if difficulty not in DIFFICULTY or minutes < 1:
            raise ValueError(f"exercise {id}: difficulty is 1, 2 or 3, minutes are at least 1")
        if not inspect.isgeneratorfunction(check):
            raise ValueError(f"exercise {id}: the check must yield its sentences")
        _registered[id] = Exercise(id, title, difficulty, minutes, check, learned)
        return check

    return register


@cache
def _load_checks() -> None:
    """Import every module of lessonlib.exercises.checks, which registers what it holds."""
    package = importlib.import_module("lessonlib.exercises.checks")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def all_exercises(notebook: str = "") -> list[Exercise]:
    """All exercises in order, or those of one notebook ("01")."""
    _load_checks()
    found = sorted(_registered.values(), key=lambda one: one.id)
    return [one for one in found if not notebook or one.id.startswith(f"{notebook}-")]


def find(id: str) -> Exercise:
    """The exercise with this id. Raises KeyError."""
    _load_checks()
    return _registered[id]


@dataclass(frozen=True)
class Feedback:
    """What a check says: as text, and as HTML for a notebook."""

    mark: str
    headline: str
    sentences: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        lines = [f"{self.mark} {self.headline}"]
        lines += [f"  - {sentence}" for sentence in self.sentences]
        return "\n".join(lines + [self.note] * bool(self.note))

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        """No background of its own, so that light and dark themes both fit."""
        sign, colour = LOOK[self.mark]
        inner = f'<span aria-hidden="true">{sign}</span> {html.escape(self.headline)}'
        if self.sentences:
            listed = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.sentences)
            inner += f'<ul style="margin: 0.2em 0 0">{listed}</ul>'
        if self.note:
            inner += f"<br><small>{html.escape(self.note)}</small>"
        box = f"border-left: 5px solid {colour}; padding: 0.2em 0.8em"
        return {"text/plain": str(self),
                "text/html": f'<div role="status" style="{box}">{inner}</div>'}


def check(id: str, *given: object) -> None:
    """Show what is still missing in an answer, or that it is right. Never raises.

    Args:
        id: the exercise, such as ``01-1``.
        given: the answer, or answers, and the results from the notebook that they rest on.

    Introduced in notebook 00.
    """
    from IPython.display import display

    display(_feedback(id, given))


def require(id: str, *given: object) -> None:
    """The same check for a grading program: silent where the answer is right.

    Raises:
        AssertionError: not answered, or something is missing; it says what.
    """
    feedback = _feedback(id, given)
    if feedback.mark != OK:
        raise AssertionError(str(feedback))


def _feedback(id: str, given: tuple) -> Feedback:
    """The exercise's own check, with everything caught that an answer can set off."""
    try:
        one = find(id)
    except (KeyError, TypeError):
        known = ", ".join(exercise.id for exercise in all_exercises())
        return Feedback(NOT_YET, _("There is no exercise {id!r}.").format(id=id),
                        (_("There are: {known}.").format(known=known),))
    if any(answers.is_blank(value) for value in given):
        return _unanswered(one)
    wanted = inspect.signature(one.check)
    try:
        wanted.bind(*given)
    except TypeError:
        names = ", ".join(wanted.parameters)
        return Feedback(NOT_YET, _("{id}: this check takes: {names}.").format(id=id, names=names))
    sentences: list[str] = []
    try:
        for sentence in one.check(*given):
            sentences.append(sentence)
            if len(sentences) == MOST_SENTENCES:
                break
    except answers.Unanswered:
        return _unanswered(one)
    except answers.NotYet as not_yet:
        sentences.append(str(not_yet))
    except (Exception, SystemExit) as error:
        sentences.append(
            _("We cannot make sense of this answer: {error}. Is it the kind of thing that was"
              " asked for?").format(error=answers.described(error))
        )
    note = progress_file.record("exercises", id, "tried" if sentences else "right")
    if sentences:
        return Feedback(NOT_YET, _("{id}: not there yet.").format(id=id), tuple(sentences), note)
    headline = _("{id}: right.").format(id=id)
    return Feedback(OK, f"{headline} {one.learned}".strip(), note=note)


def _unanswered(one: Exercise) -> Feedback:
    return Feedback(OPEN, _("{id}: not answered yet, going on.").format(id=one.id))
