"""The record of what the built-in model was measured to do: one part anew, the others kept."""

from __future__ import annotations

import json
from types import SimpleNamespace

from recipe_rows import recipe_row

from factory import bar, bar_record
from factory.bar import Claim
from lessonlib.measure.evaluation import Result


def measured(part, *claims):
    """A bar that has measured one part, with one result."""
    row = recipe_row(prompt_tokens=10)
    return SimpleNamespace(
        claims=[Claim(text, "new", True, part) for text in claims], part=part,
        results={("tuned", "test"): Result("tuned", "m", (row,))}, splits={"test": [1, 2]})


BEFORE = {
    "claims": [dict(text=text, measured="old", holds=False, part=part)
               for text, part in (("a", "ladder"), ("b", "overfitting"), ("c", "overfitting"),
                                  ("d", "forgetting"))],
    "results": [dict(method="tuned", split="test", prompt_tokens=1),
                dict(method="RAG, k = 1", split="test", prompt_tokens=2)],
    "recipes": 2,
    "tuning_seconds": 163,
}


def test_one_part_anew_takes_its_own_place_and_touches_no_other():
    """The record once took an hour: measuring one claim again must not lose fourteen others."""
    found = bar_record.record(measured("overfitting", "b2"), None, BEFORE)
    assert [(one["text"], one["measured"]) for one in found["claims"]] == [
        ("a", "old"), ("b2", "new"), ("d", "old")]
    assert [row["prompt_tokens"] for row in found["results"]] == [10, 2]
    assert found["tuning_seconds"] == 163


def test_a_part_that_was_never_measured_comes_last():
    found = bar_record.record(measured("field", "e"), 7, BEFORE)
    assert [one["text"] for one in found["claims"]] == ["a", "b", "c", "d", "e"]
    assert found["tuning_seconds"] == 7


def test_everything_anew_keeps_nothing_old():
    found = bar_record.record(measured("ladder", "x"), 9, None)
    assert [one["text"] for one in found["claims"]] == ["x"] and len(found["results"]) == 1


def test_each_claim_of_the_record_belongs_to_a_part_that_can_be_measured_again():
    record = json.loads(bar.OUTPUT.read_text(encoding="utf-8"))
    assert {one["part"] for one in record["claims"]} == {part.__name__ for part in bar.PARTS}
