"""Things to click in a notebook. Each can be used by keyboard alone.

We use only what ipywidgets 7.7 (Colab) and 8 (JupyterLab) have in common.
"""

from __future__ import annotations

import html
import re
import sys

from lessonlib import progress_file, quizzes
from lessonlib.i18n import _
from lessonlib.quizzes import Option, Question

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
#: Left borders of answers: the colours of Okabe and Ito. Words say the same.
GREEN, ORANGE = "#009E73", "#E69F00"
#: ipywidgets cuts a long option off with three dots. Ours go on in the next line.
STYLE = """<style>
.lesson-quiz .widget-checkbox { height: auto; padding: 0.15em 0; }
.lesson-quiz .widget-checkbox .widget-label-basic { display: flex; height: auto; }
.lesson-quiz .widget-checkbox span { white-space: normal; line-height: 1.45; }
.lesson-quiz .widget-checkbox input { flex: none; margin-right: 0.6em; }
</style>"""


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
        import ipywidgets
    except ImportError:
        show(None, text, markdown)
        return
    done = progress_file.load()[0]["quizzes"]
    parts = [
        _QuestionView(place, len(asked.questions), question, done.get(question.key) == "right").box
        for place, question in enumerate(asked.questions, start=1)
    ]
    keys = _("By keyboard: Tab goes on to the next option or button, Space presses it.")
    heading = ipywidgets.HTML(
        STYLE + _block(f"<strong>{html.escape(asked.title)}</strong><br><small>{keys}</small>")
    )
    box = ipywidgets.VBox([heading, *parts])
    box.add_class("lesson-quiz")
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
    """One question: its options, a button, and what is said after the button was pressed.

    All options are checkboxes, also where only one may be chosen. Radio buttons would look
    better, but in JupyterLab the arrow keys, which everyone presses on them, leave the quiz for
    the next cell (seen in 4.6 with ipywidgets 8.1).
    """

    def __init__(self, place: int, total: int, question: Question, done: bool):
        import ipywidgets

        self.question = question
        lead = _("Question {place} of {total}").format(place=place, total=total)
        text = f"<strong>{lead}.</strong> {_rich(question.text)}"
        text += f" <em>({quizzes.instruction(question)})</em>"
        layout = ipywidgets.Layout(width="auto", height="auto")
        self.boxes = [
            ipywidgets.Checkbox(False, description=option.text, indent=False, layout=layout)
            for option in question.options
        ]
        if not question.several:
            for box in self.boxes:
                box.observe(self.leave_only, "value")
        button = ipywidgets.Button(
            description=_("Check answer {place}").format(place=place),
            layout=ipywidgets.Layout(width="max-content", margin="0.4em 0"),
        )
        button.on_click(self.answer)
        self.said = ipywidgets.HTML(
            _block(_("You have answered this one before.")) if done else "", layout=layout
        )
        self.box = ipywidgets.VBox(
            [ipywidgets.HTML(_block(text), layout=layout), *self.boxes, button, self.said],
            layout=ipywidgets.Layout(margin="0 0 1em 0"),
        )

    def leave_only(self, change) -> None:
        """Where one may be chosen, the latest choice takes the place of an earlier one."""
        if change["new"]:
            for box in self.boxes:
                if box is not change["owner"]:
                    box.value = False

    def chosen(self) -> set[int]:
        """The numbers of the chosen options."""
        return {place for place, box in enumerate(self.boxes) if box.value}

    def answer(self, _button) -> None:
        """Say what is right and why. Options that were not chosen are explained at the end."""
        chosen = self.chosen()
        if not chosen:
            self.said.value = _alert(_("Nothing is chosen yet."), "")
            return
        right = self.question.is_right(chosen)
        problem = progress_file.record("quizzes", self.question.key, "right" if right else "tried")
        options = list(enumerate(self.question.options))
        told = [option for place, option in options if right or place in chosen]
        items = "".join(_explained(option) for option in told)
        self.said.value = _alert(self._summary(right, chosen), f"{items}{html.escape(problem)}")

    def _summary(self, right: bool, chosen: set[int]) -> str:
        if right:
            return _("Right! Here is why, option by option.")
        if self.question.several and all(self.question.options[one].right for one in chosen):
            return _("So far right, but not all of it: there is more to choose.")
        return _("Not quite. Read why, and try again.")


def _explained(option: Option) -> str:
    """An option, whether it is right, and why."""
    colour = GREEN if option.right else ORANGE
    return (
        f'<div style="border-left: 5px solid {colour}; padding: 0 0.8em; margin: 0.4em 0">'
        f"<em>{html.escape(option.text)}</em><br>"
        f"<strong>{quizzes.verdict(option)}</strong> {_rich(option.why)}</div>"
    )


def _alert(summary: str, details: str) -> str:
    """A screen reader reads an element with the role alert out as soon as it appears."""
    return _block(f"<strong>{html.escape(summary)}</strong>{details}", ' role="alert"')


def _block(inner: str, attributes: str = "") -> str:
    """ipywidgets gives each line of an HTML widget 28 pixels: too much for a paragraph."""
    return f'<div{attributes} style="line-height: 1.45; padding: 0.2em 0">{inner}</div>'


def _rich(text: str) -> str:
    """HTML of a text with `code` and *emphasis*."""
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"\*([^*\s][^*]*)\*", r"<em>\1</em>", escaped)
