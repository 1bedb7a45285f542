"""Which names a method gets right: those that it was shown, those that it was not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lessonlib.evaluation import Result
from lessonlib.tasks.recipes import GlossaryEntry, Recipe


def name_recall(
    result: Result,
    examples: Sequence[Recipe],
    written: Collection[str],
    entries: Sequence[GlossaryEntry],
) -> tuple[float, int]:
    """How often the names in ``written`` are answered by their house name.

    Args:
        result: answers on ``examples``, in the same order.
        written: names as recipes write them; one that is not in the glossary stands for itself.
        entries: the house glossary.

    Returns:
        (share answered right, number of times the names occur). The share is nan for 0 times.
    """
    house = {entry.written: entry.house for entry in entries}
    right = asked = 0
    for row, example in zip(result.rows, examples, strict=True):
        answered = set(row.items) if row.valid_json else set()
        for name in set(example.names) & set(written):
            asked += 1
            right += house.get(name, name) in answered
    return (right / asked if asked else float("nan")), asked
