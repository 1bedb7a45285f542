"""Which half of retrieval fails: finding, or using."""

import math
from datetime import date

import pytest
from recipe_rows import recipe_row

from lessonlib.common.errors import LessonError
from lessonlib.measure.evaluation import Result
from lessonlib.tasks.name_scores import FoundAndUsed, found_and_used, name_recall
from lessonlib.tasks.recipes import GlossaryEntry, Recipe

ENTRIES = [GlossaryEntry(written, house, date(2026, 1, 1)) for written, house in
           (("scallions", "green onion"), ("spuds", "potatoes"), ("yams", "sweet potatoes"))]
FIRST = Recipe("a", "a", ("x",), ("scallions", "spuds", "salt"),
               ("green onion", "potatoes", "salt"))
SECOND = Recipe("b", "b", ("x",), ("yams",), ("sweet potatoes",))


def answered(*lists, valid=True):
    rows = [recipe_row(id, 0, items=items, valid_json=valid)
            for id, items in zip("abc", lists, strict=False)]
    return Result("m", "pantry", tuple(rows))


def test_needed_found_and_used_are_counted_line_by_line():
    found = {"a": ENTRIES[:1] + ENTRIES[2:], "b": ENTRIES}  # spuds missed, others beside
    result = answered(("green onion", "potatoes"), ("yams",))
    counts = found_and_used(result, lambda one: found[one.id], [FIRST, SECOND], ENTRIES)
    assert counts == FoundAndUsed(needed=3, found=2, used=1, shown=5)
    assert counts.recall == 2 / 3 and counts.use == 1 / 2


def test_an_answer_that_no_program_can_read_uses_nothing():
    result = answered(("green onion",), valid=False)
    counts = found_and_used(result, lambda one: ENTRIES, [FIRST], ENTRIES)
    assert (counts.found, counts.used) == (2, 0)


def test_nothing_needed_or_found_is_no_share():
    counts = found_and_used(answered(()), lambda one: [], [FIRST], ENTRIES)
    assert counts.recall == 0 and math.isnan(counts.use)
    assert math.isnan(FoundAndUsed(0, 0, 0, 0).recall)


def test_answers_are_found_by_the_examples_name():
    """Whoever asked more questions in notebook 02 than notebook 10 does got the longer result from
    the board there, and the share of right names ended in "zip() argument 2 is shorter". Answers
    on as many other recipes were counted without a word.
    """
    longer = answered(("green onion",), ("sweet potatoes",), ("salt",))
    assert name_recall(longer, [FIRST], ["scallions"], ENTRIES) == (1, 1)
    assert name_recall(longer, [SECOND, FIRST], ["scallions", "yams"], ENTRIES) == (1, 2)
    assert found_and_used(longer, lambda one: ENTRIES, [SECOND], ENTRIES).used == 1
    other = Recipe("d", "d", ("x",), ("yams",), ("sweet potatoes",))
    for measure in (lambda: name_recall(longer, [other], ["yams"], ENTRIES),
                    lambda: found_and_used(longer, lambda one: [], [other], ENTRIES)):
        with pytest.raises(LessonError, match="'m' has no answer on d"):
            measure()
