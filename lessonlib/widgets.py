"""Things to click in a notebook. Each can be used by keyboard alone.

We use only what ipywidgets 7.7 (Colab) and 8 (JupyterLab) have in common.
"""

from __future__ import annotations

import html
import sys

from lessonlib import progress_file, quizzes, widget_parts
from lessonlib.i18n import _
from lessonlib.quizzes import Option, Question
from lessonlib.widget_parts import GREEN, ORANGE, STYLE, alert, bar, block, rich

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def quiz(number: str, explain: bool = False) -> None:
    """Show the quiz of one notebook, such as ``quiz("00")``. Progress is kept in ``work/``.

    Where no widgets can be shown (a terminal, GitHub, a printed page) its text is shown.

    Args:
        number: the notebook's number.
        explain: show the questions as text, with what is right and why.

    Raises:
        LessonError: there is no such quiz.
    """
    asked = quizzes.load(number)
    if explain:
        print(quizzes.as_text(asked, explain=True))
        return
    text, markdown = quizzes.as_text(asked), quizzes.as_markdown(asked)
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        show(None, text, markdown)
        return
    done = progress_file.load()[0]["quizzes"]
    parts = [
        _QuestionView(place, len(asked.questions), question, done.get(question.key) == "right").box
        for place, question in enumerate(asked.questions, start=1)
    ]
    keys = _("By keyboard: Tab goes on to the next option or button, Space presses it.")
    heading = widget_parts.text(
        STYLE + block(f"<strong>{html.escape(asked.title)}</strong><br><small>{keys}</small>")
    )
    box = widget_parts.box([heading, *parts])
    box.add_class("lesson-widget")
    show(box, text, markdown)


def show(widget, text: str, markdown: str) -> None:
    """Show a widget together with the words that stand for it where it is not alive.

    A saved notebook keeps only the words (``tools/notebooks.py`` takes the widget out, whose
    number differs from run to run). So they must say what there is to do, and nothing that
    changes: tests compare them.
    """
    from IPython.display import display

    bundle = {"text/plain": text, "text/markdown": markdown}
    if widget is not None:
        # Not display(widget): its text would be a list of Python objects.
        bundle[WIDGET_VIEW] = {
            "version_major": 2, "version_minor": 0, "model_id": widget.model_id,
        }
        if "google.colab" in sys.modules:
            del bundle["text/markdown"]  # whether Colab prefers the widget is not documented
    display(bundle, raw=True)


class _QuestionView:
    """One question: its options, a button, and what is said after the button was pressed."""

    def __init__(self, place: int, total: int, question: Question, done: bool):
        self.question = question
        lead = _("Question {place} of {total}").format(place=place, total=total)
        text = f"<strong>{lead}.</strong> {rich(question.text)}"
        text += f" <em>({quizzes.instruction(question)})</em>"
        texts = [option.text for option in question.options]
        choices = widget_parts.Choices(texts, question.several)
        self.boxes, self.chosen = choices.boxes, choices.chosen
        button = widget_parts.button(_("Check answer {place}").format(place=place))
        button.on_click(self.answer)
        before = block(_("You have answered this one before.")) if done else ""
        asked, self.said = widget_parts.text(block(text)), widget_parts.text(before)
        self.box = widget_parts.box([asked, *self.boxes, button, self.said], gap="1em")

    def answer(self, _button) -> None:
        """Say what is right and why. Options that were not chosen are explained at the end."""
        chosen = self.chosen()
        if not chosen:
            self.said.value = alert(_("Nothing is chosen yet."), "")
            return
        right = self.question.is_right(chosen)
        problem = progress_file.record("quizzes", self.question.key, "right" if right else "tried")
        options = list(enumerate(self.question.options))
        told = [option for place, option in options if right or place in chosen]
        items = "".join(_explained(option) for option in told)
        self.said.value = alert(self._summary(right, chosen), f"{items}{html.escape(problem)}")

    def _summary(self, right: bool, chosen: set[int]) -> str:
        if right:
            return _("Right! Here is why, option by option.")
        if self.question.several and all(self.question.options[one].right for one in chosen):
            return _("So far right, but not all of it: there is more to choose.")
        return _("Not quite. Read why, and try again.")


def _explained(option: Option) -> str:
    """An option, whether it is right, and why."""
    inner = (f"<em>{html.escape(option.text)}</em><br>"
             f"<strong>{quizzes.verdict(option)}</strong> {rich(option.why)}")
    return bar(inner, GREEN if option.right else ORANGE)
