"""Six short cases to decide, with reasons that are told after the choice.

The cases stand in ``data/decisions/cases.toml``, in the form of a quiz. Unlike a quiz they have
no wrong answers that are told off: after a choice every option is discussed, ours among them.
"""

from __future__ import annotations

import html

from lessonlib import quizzes, widget_parts, widgets
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.paths import DATA
from lessonlib.quizzes import Option, Question, Quiz

CASES = DATA / "decisions" / "cases.toml"


def load() -> dict[str, Question]:
    """The cases by their ids, in order."""
    return {case.key.split("/")[1]: case for case in _all().questions}


def _all() -> Quiz:
    return quizzes.load_file(CASES)


def case(id: str) -> Question:
    """One case. Raises LessonError, which names those that there are."""
    known = load()
    if id not in known:
        raise LessonError(_("There is no case {id!r}.").format(id=id),
                          _("There are: {ids}.").format(ids=", ".join(known)))
    return known[id]


def reveal(id: str, chosen: int) -> str:
    """What is said after option number ``chosen`` (from 1) was chosen, as text.

    Raises:
        LessonError: there is no such case, or no such option.
    """
    asked = case(id)
    if chosen not in range(1, len(asked.options) + 1):
        raise LessonError(
            _("The case {id!r} has no option {chosen}.").format(id=id, chosen=chosen),
            _("Choose a number from 1 to {n}.").format(n=len(asked.options)))
    lines = [_verdict(asked.options[chosen - 1])]
    for place, option in enumerate(asked.options, start=1):
        mark = _(" (ours)") if option.right else ""
        lines += [f"  {place}. {option.text}{mark}", f"     {option.why}"]
    return "\n".join(lines)


def show() -> None:
    """Show all cases; as plain text where no widgets can be shown."""
    asked = _all()
    text, markdown = quizzes.as_text(asked), quizzes.as_markdown(asked)
    try:
        views = [_CaseView(place, one) for place, one in enumerate(asked.questions, start=1)]
    except ImportError:
        widgets.show(None, text, markdown)
        return
    keys = _("By keyboard: Tab goes on to the next option or button, Space presses it.")
    heading = widget_parts.text(widget_parts.STYLE + widget_parts.block(
        f"<strong>{html.escape(asked.title)}</strong><br><small>{keys}</small>"))
    box = widget_parts.box([heading, *(view.box for view in views)])
    box.add_class("lesson-widget")
    widgets.show(box, text, markdown)


class _CaseView:
    """One case: its options, a button, and the reasons after it was pressed."""

    def __init__(self, place: int, asked: Question):
        self.asked = asked
        self.choices = widget_parts.Choices([option.text for option in asked.options])
        self.said = widget_parts.text()
        button = widget_parts.button(_("Decide case {place}").format(place=place))
        button.on_click(self.decide)
        text = widget_parts.text(widget_parts.block(
            f"<strong>{place}.</strong> {widget_parts.rich(asked.text)}"))
        self.box = widget_parts.box([text, *self.choices.boxes, button, self.said], gap="1em")

    def decide(self, _button) -> None:
        """Tell what speaks for and against each option."""
        chosen = self.choices.chosen()
        if not chosen:
            self.said.value = widget_parts.alert(_("Nothing is chosen yet."))
            return
        inner = "".join(_discussed(option) for option in self.asked.options)
        verdict = _verdict(self.asked.options[chosen.pop()])
        self.said.value = widget_parts.alert(verdict, inner)


def _verdict(chosen: Option) -> str:
    if chosen.right:
        return _("We would decide the same. What speaks for and against each:")
    return _("We would decide otherwise. What speaks for and against each:")


def _discussed(option: Option) -> str:
    mark = f" <strong>{_('This is ours.')}</strong>" if option.right else ""
    inner = f"<em>{html.escape(option.text)}</em>{mark}<br>{widget_parts.rich(option.why)}"
    return widget_parts.bar(inner, widget_parts.GREEN if option.right else widget_parts.ORANGE)
