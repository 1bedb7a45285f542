"""The decision guide: asks the questions, shows evidence, writes the decision record.

    guide = DecisionGuide("recipe assistant")
    guide.answer(aspect="habits", prompting="not_enough")   # from code ...
    guide.show()                                            # ... or by Tab and Space
    guide.write("tune", because="...")

The questions are in ``lessonlib.decision.questionnaire``, the rules in ``decision.rules``, and
the form of the file is in ``lessonlib.decision.record``.
"""

from __future__ import annotations

import html
from datetime import date
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.decision import questionnaire
from lessonlib.decision import record as decision_record
from lessonlib.decision.measured import evidence
from lessonlib.decision.questionnaire import Question, Suggestion
from lessonlib.decision.record import Record
from lessonlib.decision.rules import suggest
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.show import widget_parts
from lessonlib.show.tables import Table
from lessonlib.show.widget_parts import QuestionView


class DecisionGuide:
    """Answers to the guide's questions, and the evidence as it stands now.

    Args:
        use_case: what the decision is about, in a few words; it names the record's file.
        board: where the evidence is taken from; the course's own scoreboard if not given.

    Introduced in notebook 03.
    """

    def __init__(self, use_case: str = "", board: Scoreboard | None = None):
        self.use_case = use_case
        self.evidence = evidence(board)
        self.answers: dict[str, tuple[str, ...]] = {}

    def answer(self, **answers: str | tuple[str, ...]) -> None:
        """Answer questions by their ids: ``answer(prompting="untried")``.

        Raises:
            LessonError: there is no such question, or it has no such answer.
        """
        self.answers = questionnaire.checked(self.answers | answers)

    def suggestion(self) -> Suggestion:
        """What the answers so far speak for."""
        return suggest(self.answers)

    def table(self) -> Table:
        """The questions and the answers so far, in words.

        Introduced in notebook 03.
        """
        rows = []
        for one in questionnaire.questions():
            given = [one.option(id).text for id in self.answers.get(one.id, ())]
            rows.append([one.id, one.text, "; ".join(given) or _("not answered")])
        return Table([_("name"), _("question"), _("answer")], rows, words=(0, 1, 2))

    def record(self, decided: str, because: str = "") -> Record:
        """The record of a decision made today. Raises LessonError where there is no such one."""
        if decided not in questionnaire.VERDICTS:
            raise LessonError(
                _("There is no decision {id!r}.").format(id=decided),
                _("Choose one of: {ids}.").format(ids=", ".join(questionnaire.VERDICTS)),
            )
        return Record(self.use_case, date.today(), decided, because, self.suggestion().verdict,
                      dict(self.answers), self.evidence)

    def write(self, decided: str, because: str = "") -> Path:
        """Write the record of a decision. An earlier one on the same use case is kept in it."""
        return decision_record.write(self.record(decided, because))

    def show(self) -> None:
        """Show the guide as a form; as plain text where no widgets can be shown."""
        text, markdown = _as_text(), _as_markdown()
        try:
            view = _GuideView(self)
        except ImportError:
            view = None
        widget_parts.show(view and view.box, text, markdown)


class _GuideView:
    """The form: all questions, the suggestion, the decision. Worked by Tab, Space and typing."""

    def __init__(self, guide: DecisionGuide):
        self.guide = guide
        self.questions = {one.id: _question_view(place, one, guide)
                          for place, one in enumerate(questionnaire.questions(), start=1)}
        parts, group = [], ""
        for one in questionnaire.questions():
            if one.group != group:
                group = one.group
                parts.append(_heading(questionnaire.GROUPS[group]))
            parts.append(self.questions[one.id].box)
        self.said = widget_parts.text()
        suggest = widget_parts.button(_("What does the guide suggest?"))
        suggest.on_click(self.suggest)
        parts += [_heading(_("What do the answers speak for?")), suggest, self.said,
                  *self._decision()]
        keys = _("By keyboard: Tab goes on, Space presses a box or a button.")
        self.box = widget_parts.form(_("Prompt, retrieve or tune?"), parts, keys)

    def _decision(self) -> list:
        """The last part: name, decision, reason, and the button that writes."""
        import ipywidgets

        # Sent when the field is left, not letter by letter: on a busy machine the press of the
        # button overtook the last letters, and the reason was written down without them.
        wide = {"layout": ipywidgets.Layout(width="95%"), "style": {"description_width": "9em"},
                "continuous_update": False}
        self.name = ipywidgets.Text(self.guide.use_case, description=_("Use case"), **wide)
        self.because = ipywidgets.Textarea(description=_("Because"), **wide)
        self.decided = widget_parts.Choices(list(questionnaire.VERDICTS.values()))
        self.written = widget_parts.text()
        write = widget_parts.button(_("Write my decision record"))
        write.on_click(self.write)
        asked = widget_parts.text(widget_parts.block(_("You decide, not the guide. Choose one.")))
        return [_heading(_("Your decision")), self.name, asked, *self.decided.boxes,
                self.because, write, self.written]

    def suggest(self, _button) -> None:
        suggestion = self.guide.suggestion()
        items = [*suggestion.reasons, *(_("But: {caution}").format(caution=one)
                                        for one in suggestion.cautions)]
        if suggestion.open:
            numbers = list(self.questions)
            places = ", ".join(str(numbers.index(id) + 1) for id in suggestion.open)
            items.append(_("Not answered: question {places}.").format(places=places))
        self.said.value = widget_parts.alert(suggestion.headline, _list(items))

    def write(self, _button) -> None:
        chosen = self.decided.chosen()
        if not chosen:
            self.written.value = widget_parts.alert(_("Nothing is chosen yet."))
            return
        self.guide.use_case = self.name.value
        decided = list(questionnaire.VERDICTS)[chosen.pop()]
        try:
            path = self.guide.write(decided, self.because.value)
        except (LessonError, OSError) as error:
            self.written.value = widget_parts.alert(
                _("Not written."), f" {html.escape(str(error))}")
            return
        where = "/".join((path.parent.parent.name, path.parent.name, path.name))
        self.written.value = widget_parts.alert(
            _("Written to {path}.").format(path=where),
            " " + _("Notebook 10 comes back to it. You can edit the file."))


def _question_view(place: int, question: Question, guide: DecisionGuide) -> QuestionView:
    """One question: the evidence, the options, and what the chosen ones mean."""
    how = _("choose all that hold") if question.several else _("choose one")
    words = f"<strong>{place}.</strong> {html.escape(question.text)} <em>({how})</em>"
    if said := guide.evidence.get(question.id, ()):
        words += f"<small><br>{_('What we know about it:')}{_list([*said])}</small>"

    def tell(chosen: set[int]) -> str:
        """Keep the answer, and say what it means."""
        options = [question.options[one] for one in sorted(chosen)]
        guide.answers.pop(question.id, None)
        if not options:
            return ""
        guide.answer(**{question.id: tuple(one.id for one in options)})
        means = "<br>".join(html.escape(one.means) for one in options)
        # "status": read out when the reader has finished the word it is at.
        return widget_parts.block(widget_parts.bar(means, widget_parts.GREEN), ' role="status"')

    answered = guide.answers.get(question.id, ())
    chosen = [number for number, one in enumerate(question.options) if one.id in answered]
    return QuestionView(words, [one.text for one in question.options], tell,
                        several=question.several, chosen=chosen)


def _heading(words: str):
    return widget_parts.text(widget_parts.block(
        f'<strong role="heading" aria-level="3">{html.escape(words)}</strong>'))


def _list(items: list[str]) -> str:
    listed = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f'<ul style="margin: 0.2em 0">{listed}</ul>'


def _as_text() -> str:
    """The questions and their options, for a terminal."""
    lines = [_("Prompt, retrieve or tune?")]
    for place, one in enumerate(questionnaire.questions(), start=1):
        lines += ["", f"{place}. {one.text}", *(f"   - {option.text}" for option in one.options)]
    return "\n".join([*lines, "", _("Run this cell to answer.")])


def _as_markdown() -> str:
    """The same, group by group, for where nothing can be clicked."""
    lines, group = [f"**{_('Prompt, retrieve or tune?')}**"], ""
    for place, one in enumerate(questionnaire.questions(), start=1):
        if one.group != group:
            group = one.group
            lines += ["", f"*{questionnaire.GROUPS[group]}*"]
        lines += ["", f"**{place}.** {one.text}", ""]
        lines += [f"- {option.text}" for option in one.options]
    return "\n".join([*lines, "", _("Run this cell to answer.")])
