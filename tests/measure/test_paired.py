"""Paired tests between routes, and the results that the scoreboard keeps for them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe_rows import recipe_row

from lessonlib.assignment.scores import LabelRow
from lessonlib.common.errors import LessonError
from lessonlib.measure import bootstrap, paired
from lessonlib.measure.evaluation import Result
from lessonlib.measure.scoreboard import Scoreboard


def row(name, right, of=4):
    return recipe_row(name, right, of, predicted=of, text=f"text of {name}", items=("salt", "egg"))


def label_row(name):
    return LabelRow(id=name, text="billing", prompt_tokens=9, completion_tokens=2, seconds=0.1,
                    right=True, known=True)


def result(name, hits, model="pantry", first=0):
    rows = tuple(row(f"r{number}", right) for number, right in enumerate(hits, start=first))
    return Result(name, model, rows, "practice")


@pytest.fixture
def board(tmp_path):
    return Scoreboard(tmp_path / "scoreboard.json")


# --- kept results ---


def test_a_result_is_read_back_as_it_was(board):
    before = result("tuned", [4, 2, 0], model="mine")
    board.add(before, "test", route="my route")
    (kept,) = Scoreboard(board.path).results_of("test").values()
    assert (kept.rows, kept.model, kept.owner) == (before.rows, before.model, before.owner)
    assert kept.name == "my route"
    assert kept.metrics() == before.metrics()


def test_a_label_row_is_kept_as_well(board):
    rows = (label_row("row-2"),)
    board.add(Result("tuned", "mine", rows), "own test")
    assert board.results_of("own test")["tuned"].rows == rows


def test_a_route_that_is_measured_again_keeps_the_later_result(board):
    board.add(result("tuned", [0, 0]), "test")
    board.add(result("tuned", [4, 4, 4]), "test")
    assert len(board.results_of("test")["tuned"].rows) == 3
    assert len(list(board.results.glob("*.json"))) == 1


def test_the_same_route_by_two_models_is_told_apart(board):
    board.add(result("tuned", [1]), "test")
    board.add(result("tuned", [2], model="other"), "test")
    assert set(board.results_of("test")) == {"tuned (pantry)", "tuned (other)"}


def test_a_board_from_before_results_were_kept_still_shows_its_scores(board):
    """Learners have boards from earlier versions: rows without kept results."""
    board.add(result("old", [1, 2]), "test")
    for path in board.results.glob("*.json"):
        path.unlink()
    assert board.results_of("test") == {} and len(board.rows("test")) == 1


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"measured": 1}'])
def test_a_damaged_result_counts_as_not_kept(board, damage):
    board.add(result("tuned", [1, 2]), "test")
    for path in board.results.glob("*.json"):
        path.write_text(damage, encoding="utf-8")
    assert board.results_of("test") == {}


def test_a_result_of_an_older_measurement_is_not_taken_for_this_row(board):
    """A run that is stopped between the two writes leaves a result that its row does not know."""
    board.add(result("tuned", [1, 2]), "test")
    (path,) = board.results.glob("*.json")
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(kept | {"measured": "2020-01-01T00:00:00"}), encoding="utf-8")
    assert board.results_of("test") == {}


def test_clearing_the_board_takes_the_results_away(board):
    board.add(result("tuned", [1, 2]), "test")
    board.clear()
    assert list(board.results.glob("*")) == []


# --- pairs ---


def test_routes_are_compared_on_the_examples_that_both_have_answered():
    """Notebook 01 measures on 100 recipes, notebook 02 on 50: their first 50 are the same."""
    long, short = result("a", [4] * 30), result("b", [0] * 20, first=10)
    test = paired.permutation_test(long, short)
    assert test.examples == 20
    assert test.difference.value == 1 and test.p < 0.001
    assert test.verdict == "a is better"


def test_order_does_not_matter():
    a = result("a", [4, 0, 2, 3])
    b = Result("b", "pantry", tuple(reversed(result("b", [1, 1, 1, 1]).rows)))
    assert paired.permutation_test(a, b).difference.value == pytest.approx(9 / 16 - 4 / 16)


def test_what_shares_no_example_or_no_task_cannot_be_compared():
    with pytest.raises(LessonError, match="no example in common"):
        paired.permutation_test(result("a", [1]), result("b", [1], first=5))
    label = Result("b", "m", (label_row("r0"),))
    with pytest.raises(LessonError, match="different tasks"):
        paired.permutation_test(result("a", [1]), label)


def test_equal_routes_cannot_be_told_apart():
    test = paired.permutation_test(result("a", [1, 2, 3, 4] * 10), result("b", [1, 2, 3, 4] * 10))
    assert test.p == 1 and test.verdict == "cannot tell"


def test_few_examples_cannot_be_significant():
    """With three examples there are 8 shuffles, so p is 1/4 at least, two-sided."""
    assert paired.permutation_test(result("a", [4] * 3), result("b", [0] * 3)).p > 0.2


def test_the_p_value_of_randomisation_agrees_with_the_exact_one():
    """All 2^6 ways to swap, counted one by one."""
    a = np.array([[1, 1]] * 5 + [[0, 1]])
    b = np.array([[0, 1]] * 5 + [[1, 1]])
    ways = [[bool(number >> bit & 1) for bit in range(6)] for number in range(64)]
    measured, hits = abs(a[:, 0].sum() - b[:, 0].sum()), 0
    for way in ways:
        swapped = sum((b if s else a)[i, 0] - (a if s else b)[i, 0] for i, s in enumerate(way))
        hits += abs(swapped) >= measured
    assert paired.randomisation(a, b, bootstrap.share) == pytest.approx(hits / 64, abs=0.02)


def test_between_equals_about_one_in_twenty_passes():
    """The level is what it says: no test that is always content, none that never is."""
    generator, passed = np.random.default_rng(1), 0
    for _trial in range(200):
        hits = generator.integers(0, 2, size=(2, 60))
        counts = [np.stack([one, np.ones(60, int)], axis=1) for one in hits]
        passed += paired.randomisation(*counts, bootstrap.share) < 0.05
    assert 1 <= passed <= 20, passed


def test_holm():
    """The worked example of any textbook: multiply by what is left, never go down again."""
    assert paired.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert paired.holm([]) == [] and paired.holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=12))
@settings(deadline=None)
def test_holm_never_makes_a_p_value_smaller_and_keeps_their_order(values):
    adjusted = paired.holm(values)
    assert all(0 <= before <= after <= 1 for before, after in zip(values, adjusted, strict=True))
    by_value = sorted(range(len(values)), key=lambda place: values[place])
    in_order = [adjusted[place] for place in by_value]
    assert in_order == sorted(in_order)


def test_the_table_has_every_pair_best_first():
    table = paired.table({"low": result("x", [0] * 40), "high": result("y", [4] * 40),
                          "high too": result("z", [4] * 39 + [3])})
    assert table.routes == ("high", "high too", "low")
    shown = table.table()
    assert shown.head == ["", "high too", "low"]
    assert shown.rows[0][1].endswith("?") and shown.rows[0][2] == "+1.00"
    assert table.pair("low", "high").p < 0.01
    text, page = str(table), table._repr_html_()
    assert "3 pairs" in text and "(40)" in text and "color" not in page
    with pytest.raises(LessonError, match="no pair"):
        table.pair("low", "other")


def test_an_unknown_metric_is_told_with_those_that_there_are():
    """``table`` told it as KeyError: 'micro-F1'; it looks at the scores before the pairs do."""
    for compared in (paired.table, lambda both, metric: paired.permutation_test(
            both["a"], both["b"], metric)):
        with pytest.raises(LessonError, match="micro_f1, exact_match, valid_json"):
            compared({"a": result("a", [1]), "b": result("b", [2])}, "micro-F1")
