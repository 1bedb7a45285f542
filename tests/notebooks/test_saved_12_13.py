"""What the texts of notebooks 12 and 13 conclude, against the outputs that they were saved with."""

from __future__ import annotations

import pytest

from tests import saved_notebooks


@pytest.fixture(params=saved_notebooks.EDITIONS)
def serving(request):
    return saved_notebooks.load("12", request.param)


@pytest.fixture(params=saved_notebooks.EDITIONS)
def sql(request):
    return saved_notebooks.load("13", request.param)


def test_an_adapter_on_the_wrong_base_is_worth_nothing(serving):
    assert serving.score("tuned ")[0] > 0.5 > serving.score("base alone")[0]
    (wrong,) = serving.numbers(r"micro-F1 ([\d.]+) \([^)]*\)\nIt wrote:")
    assert wrong < 0.05


def test_merging_changes_some_answers_and_hardly_the_score(serving):
    before, after = serving.score("beside its base:"), serving.score("merged:")
    assert abs(before[0] - after[0]) <= 0.03 < before[2] - before[1]
    same, asked = serving.numbers(r"the same answer, letter for letter: (\d+) of (\d+)")
    assert 0.8 * asked <= same < asked


def test_a_model_that_moved_answers_as_before(serving):
    assert serving.score("before:") == serving.score("after: ")
    assert "The same as without a service: True" in serving.said and "stopped: True" in serving.said


def test_two_validation_sets_tell_two_stories(sql):
    known = sql.numbers(r"known databases +([\d.]+) +[\d.]+ +[\d.]+ +([\d.]+)")
    unknown = sql.numbers(r"unknown databases +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)")
    assert known[1] < 0.1 * known[0]
    first, one, two, last = unknown
    assert first - one > 3 * (one - last), "fast at first, and then hardly any more"
    assert last > 3 * known[1], "several times as high"


def test_known_tables_are_learned_and_unknown_ones_are_not(sql):
    assert sql.verdict("tuned against two examples in the prompt") == "better"
    assert sql.score("known ")[0] > 0.4
    assert sql.score("unknown ")[2] < 0.2 and sql.score("by hand ")[2] < 0.2
    assert "base untouched: True" in sql.said


def test_each_adapter_does_its_own_job_and_no_other(sql):
    recipes, query = sql.numbers(r"\nrecipes +([\d.]+) \([^)]*\) +([\d.]+) ")
    assert recipes > 0.5 and query == 0
    recipes, query = sql.numbers(r"\nsql +([\d.]+) \([^)]*\) +([\d.]+) ")
    assert recipes < 0.05 and query > 0.4
