"""Six short cases to decide. The reasons are told after the choice.

The cases are in ``data/decisions/cases.toml``, in the form of a quiz. Unlike in a quiz, no answer
is marked as wrong: after a choice every option is discussed, ours among them.
"""

from __future__ import annotations

import html

from lessonlib.common.i18n import _
from lessonlib.common.paths import DATA
from lessonlib.exercises import quizzes
from lessonlib.exercises.quizzes import Choice, QuizQuestion
from lessonlib.show import widget_parts
from lessonlib.show.widget_parts import QuestionView

CASES = DATA / "decisions" / "cases.toml"


def load() -> dict[str, QuizQuestion]:
    """The cases by their ids, in order."""
    return {case.key.split("/")[1]: case for case in quizzes.load_file(CASES).questions}


def show() -> None:
    """Show all cases; as plain text where no widgets can be shown.

    Introduced in notebook 03.
    """
    asked = quizzes.load_file(CASES)
    words, markdown = saved()
    try:
        views = [_view(place, one) for place, one in enumerate(asked.questions, start=1)]
        box = widget_parts.form(asked.title, [view.box for view in views])
    except ImportError:
        box = None
    widget_parts.show(box, words, markdown)


def saved() -> tuple[str, str]:
    """What a saved notebook keeps of the cases: their words as text, and as markdown with what
    speaks for and against each option folded beneath its case."""
    asked = quizzes.load_file(CASES)
    return quizzes.as_text(asked), quizzes.as_markdown(asked, _mark)


def _view(place: int, asked: QuizQuestion) -> QuestionView:
    """One case: its options, a button, and the reasons after it was pressed."""
    return QuestionView(
        f"<strong>{place}.</strong> {widget_parts.rich(asked.text)}",
        [option.text for option in asked.options],
        lambda chosen: _told(asked, chosen),
        press=_("Decide case {place}").format(place=place),
    )


def _told(asked: QuizQuestion, chosen: set[int]) -> str:
    """What speaks for and against each option."""
    (place,) = chosen
    verdict = _("We would decide otherwise. What speaks for and against each:")
    if asked.options[place].right:
        verdict = _("We would decide the same. What speaks for and against each:")
    return widget_parts.alert(verdict, "".join(map(_discussed, asked.options)))


def _mark(option: Choice) -> str:
    return _("This is ours.") if option.right else ""


def _discussed(option: Choice) -> str:
    mark = f" <strong>{_mark(option)}</strong>" if option.right else ""
    inner = f"<em>{html.escape(option.text)}</em>{mark}<br>{widget_parts.rich(option.why)}"
    return widget_parts.bar(inner, widget_parts.GREEN if option.right else widget_parts.ORANGE)
