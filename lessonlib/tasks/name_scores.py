"""Name by name: which ones does a method get right, and which half of retrieval fails?"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Result
from lessonlib.tasks.recipes import GlossaryEntry, Recipe, Row


def name_recall(
    result: Result,
    examples: Sequence[Recipe],
    written: Collection[str],
    entries: Sequence[GlossaryEntry],
) -> tuple[float, int]:
    """How often the names in ``written`` are answered by their house name.

    Args:
        result: answers on ``examples``, or on more of them.
        written: names as recipes write them; one that is not in the glossary stands for itself.
        entries: the house glossary.

    Returns:
        (share answered right, number of times the names occur). The share is nan for 0 times.

    Raises:
        LessonError: there is no answer on one of the examples.

    Introduced in notebook 01.
    """
    house = {entry.written: entry.house for entry in entries}
    right = asked = 0
    for row, example in _with_answers(examples, result):
        answered = set(row.items) if row.valid_json else set()
        for name in set(example.names) & set(written):
            asked += 1
            right += house.get(name, name) in answered
    return (right / asked if asked else float("nan")), asked


@dataclass(frozen=True)
class FoundAndUsed:
    """Counts over all recipes.

    Attributes:
        needed: glossary lines that the recipes need.
        found: those of them that stood in the prompt.
        used: those of the found ones whose house name the answer gives.
        shown: all lines that stood in prompts, needed or not.
    """

    needed: int
    found: int
    used: int
    shown: int

    @property
    def recall(self) -> float:
        """Found, of the needed: how good the search is. nan where nothing was needed."""
        return self.found / self.needed if self.needed else float("nan")

    @property
    def use(self) -> float:
        """Used, of the found: how well the model reads. nan where nothing was found."""
        return self.used / self.found if self.found else float("nan")


def found_and_used(
    result: Result,
    finder: Callable[[Recipe], Iterable[GlossaryEntry]],
    examples: Sequence[Recipe],
    entries: Iterable[GlossaryEntry],
) -> FoundAndUsed:
    """Finding the right line, or making use of it? Count what was needed, found and used.

    Args:
        result: answers on ``examples``, or on more of them, to prompts with the lines of
            ``finder``. An answer that is not valid JSON uses nothing.
        finder: what looked up the lines.
        entries: the glossary with all lines that could be needed.

    Raises:
        LessonError: there is no answer on one of the examples.

    Introduced in notebook 02.
    """
    by_key = {entry.written: entry for entry in entries}
    needed = found = used = shown = 0
    for row, example in _with_answers(examples, result):
        wanted = {by_key[name] for name in example.names if name in by_key}
        lines = set(finder(example))
        given = set(row.items) if row.valid_json else set()
        needed, shown = needed + len(wanted), shown + len(lines)
        found += len(wanted & lines)
        used += sum(entry.house in given for entry in wanted & lines)
    return FoundAndUsed(needed, found, used, shown)


def _with_answers(
    examples: Sequence[Recipe], result: Result
) -> Iterator[tuple[Row, Recipe]]:
    """Each example with its answer, whatever else the result holds, and in whichever order."""
    rows = {row.id: row for row in result.rows}
    for example in examples:
        if example.id not in rows:
            raise LessonError(
                _("{name!r} has no answer on {id}.").format(name=result.name, id=example.id),
                _("Give the examples on which it was measured."))
        yield rows[example.id], example
