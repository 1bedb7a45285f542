"""A decision, looked at again: what has changed since the last record on the same use case."""

from __future__ import annotations

from lessonlib import decision, decision_record
from lessonlib.decision_record import Record
from lessonlib.i18n import _


def last(use_case: str) -> Record | None:
    """The record that was written before; None where there is none yet.

    Raises:
        LessonError: there is a file, and it is no decision record.
    """
    path = decision_record.path_of(use_case)
    return decision_record.read(path) if path.exists() else None


def changes(before: Record | None, after: Record) -> list[str]:
    """Sentences on what is different: the decision, the answers, the evidence."""
    if before is None:
        return [_("There was no record on {use_case!r} yet: this is the first.").format(
            use_case=after.use_case)]
    said = []
    if before.decided == after.decided:
        said.append(_("The decision stands: {decided}.").format(
            decided=decision.VERDICTS[after.decided]))
    else:
        said.append(_("The decision has changed, from {before!r} to {after!r}.").format(
            before=decision.VERDICTS[before.decided], after=decision.VERDICTS[after.decided]))
    for one in decision.questions():
        old, new = before.answers.get(one.id, ()), after.answers.get(one.id, ())
        if old != new:
            said.append(_("{question} Before: {old}. Now: {new}.").format(
                question=one.text, old=_texts(one, old), new=_texts(one, new)))
    fresh = [id for id, texts in after.evidence.items() if texts != before.evidence.get(id, ())]
    if fresh:
        said.append(_("There is new evidence on: {ids}.").format(ids=", ".join(fresh)))
    return said


def _texts(question: decision.Question, ids: tuple[str, ...]) -> str:
    return " and ".join(f"'{question.option(id).text}'" for id in ids) or _("no answer")
