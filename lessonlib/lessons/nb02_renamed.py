"""Answers that were given already, sent through the glossary afterwards.

``Method(..., then=...)`` renames the answers of a model that is asked here. A recorded answer is
not asked again, but can be renamed all the same: what would the score have been, had the program
put the names through the glossary?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Result
from lessonlib.measure.rows import Answered
from lessonlib.tasks import recipes
from lessonlib.tasks.recipes import GlossaryEntry, Recipe


def renamed(
    result: Result, examples: Sequence[Recipe], entries: Sequence[GlossaryEntry]
) -> Result:
    """The same answers with each name put through the glossary, scored again.

    Args:
        result: answers on ``examples``, or on some of them.
        entries: the glossary.

    Raises:
        LessonError: an answer is on a recipe that is not among ``examples``.

    Introduced in notebook 02.
    """
    known = {example.id: example for example in examples}
    unknown = [row.id for row in result.rows if row.id not in known]
    if unknown:
        raise LessonError(
            _("{name!r} has an answer on {id}, which is not among these examples.").format(
                name=result.name, id=unknown[0]),
            _("Give the examples on which it was measured."),
        )  # fmt: skip
    names = [one.name for one in fields(Answered) if one.name != "id"]
    rows = []
    for row in result.rows:
        answer = {name: getattr(row, name) for name in names}
        answer["text"] = recipes.rename(row.text, entries)
        rows.append(known[row.id].score(answer))
    return replace(result, rows=tuple(rows))
