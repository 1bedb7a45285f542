"""The quiz of a notebook, to be clicked or worked by keyboard alone.

We use only what ipywidgets 7.7 (Colab) and 8 (JupyterLab) have in common.
"""

from __future__ import annotations

import html

from lessonlib.common.i18n import _
from lessonlib.exercises import progress_file, quizzes
from lessonlib.exercises.quizzes import Choice, QuizQuestion
from lessonlib.show.widget_parts import (
    GREEN,
    ORANGE,
    QuestionView,
    alert,
    bar,
    block,
    form,
    rich,
    show,
)


def quiz(number: str, explain: bool = False) -> None:
    """Show the quiz of one notebook, such as ``quiz("00")``. Progress is kept in ``work/``.

    Where no widgets can be shown (a terminal, GitHub, a printed page) its text is shown, with the
    answers folded.

    Args:
        number: the notebook's number.
        explain: show the questions as text, with what is right and why.

    Raises:
        LessonError: there is no such quiz.

    Introduced in notebook 00.
    """
    asked = quizzes.load(number)
    if explain:
        print(quizzes.as_text(asked, explain=True))
        return
    done = progress_file.load()[0]["quizzes"]
    try:
        parts = [
            _view(place, len(asked.questions), one, done.get(one.key) == "right").box
            for place, one in enumerate(asked.questions, start=1)
        ]
        box = form(asked.title, parts)
    except ImportError:
        box = None
    show(box, quizzes.as_text(asked), quizzes.as_markdown(asked))


def _view(place: int, total: int, question: QuizQuestion, done: bool) -> QuestionView:
    """One question: its options, a button, and what is said after the button was pressed."""
    lead = _("Question {place} of {total}").format(place=place, total=total)
    return QuestionView(
        f"<strong>{lead}.</strong> {rich(question.text)}"
        f" <em>({quizzes.instruction(question)})</em>",
        [option.text for option in question.options],
        lambda chosen: _told(question, chosen),
        press=_("Check answer {place}").format(place=place),
        several=question.several,
        said=block(_("You have answered this one before.")) if done else "",
    )


def _told(question: QuizQuestion, chosen: set[int]) -> str:
    """What is right and why. Options that were not chosen are explained at the end."""
    right = question.is_right(chosen)
    problem = progress_file.record("quizzes", question.key, "right" if right else "tried")
    told = [one for place, one in enumerate(question.options) if right or place in chosen]
    if right:
        summary = _("Right! Here is why, option by option.")
    elif question.several and all(question.options[one].right for one in chosen):
        summary = _("So far right, but not all of it: there is more to choose.")
    else:
        summary = _("Not quite. Read why, and try again.")
    return alert(summary, "".join(map(_explained, told)) + html.escape(problem))


def _explained(option: Choice) -> str:
    """An option, whether it is right, and why."""
    inner = (f"<em>{html.escape(option.text)}</em><br>"
             f"<strong>{quizzes.verdict(option)}</strong> {rich(option.why)}")
    return bar(inner, GREEN if option.right else ORANGE)
