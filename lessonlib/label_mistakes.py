"""Make the mistakes that happen when people label examples, to see what they do to a model.

``slipped`` is for notebook 05. Another kind, a contributor with a habit of their own, is
``training_rows.from_one_bad_source``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.tasks.recipes import Recipe


def slipped(examples: Sequence[Recipe], share: float) -> list[Recipe]:
    """The same recipes, the last share of them with the answers moved up by one row.

    This is what a table looks like after one cell was deleted in the column of answers: from
    there on each recipe stands beside the answer of the next. The last one gets the first of
    the moved answers, so that all answers remain.

    Args:
        examples: labelled recipes. They are not changed.
        share: how many of them get a wrong answer, from 0 to 1.

    Raises:
        LessonError: ``share`` is not from 0 to 1, or comes to a single recipe, whose answer
            has no other recipe to go to.
    """
    count = round(share * len(examples)) if 0 <= share <= 1 else -1
    if count < 0 or count == 1:
        raise LessonError(
            _("A share of {share} of {n} examples cannot slip.").format(
                share=share, n=len(examples)),
            _("Give a share from 0 to 1 that comes to two examples or more."),
        )
    right, wrong = list(examples[: len(examples) - count]), examples[len(examples) - count :]
    moved = [*wrong[1:], *wrong[:1]]
    return right + [
        replace(one, names=other.names, ingredients=other.ingredients)
        for one, other in zip(wrong, moved, strict=True)
    ]
