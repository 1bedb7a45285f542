"""Better, worse, cannot tell: what an interval says, and how it is written."""

from __future__ import annotations

import numpy as np
import pytest
from recipe_rows import recipe_row

from lessonlib.assignment.scores import LabelRow
from lessonlib.common.errors import LessonError
from lessonlib.measure import bootstrap
from lessonlib.measure.evaluation import Result, compare
from lessonlib.measure.verdicts import Difference, Interval, decimals


def yes_no(right, of):
    return np.array([[1, 1]] * right + [[0, 1]] * (of - right))


# --- how numbers are written ---


def test_a_bound_that_is_not_zero_is_not_written_as_zero():
    """The course printed "+0.05 (+0.00 to +0.10) up", and elsewhere "-0.02 (-0.04 to +0.00), could
    be luck": two verdicts for what read like the same thing."""
    assert Difference(0.05, 0.003, 0.1).numbers == "+0.05 (+0.003 to +0.10)"
    assert Difference(-0.02, -0.04, 0.001).numbers == "-0.02 (-0.04 to +0.001)"
    assert Difference(0.02, -0.0004, 0.05).numbers == "+0.02 (-0.0004 to +0.05)"
    assert Difference(0.1, 0.0, 0.2).numbers == "+0.10 (+0.00 to +0.20)"


def test_there_is_no_minus_zero():
    assert decimals(-0.0) == decimals(-1e-17) == "0.00" and decimals(-1e-17, sign=True) == "+0.00"
    assert decimals(-0.004) == "-0.004"


def test_one_and_hundred_percent_are_written_only_where_they_are_meant():
    assert str(Interval(0.998, 0.9962, 1)) == "0.998 (0.996-1.00)"
    assert str(Interval(1.0, 0.963, 1.0)) == "1.00 (0.96-1.00)"
    assert decimals(1.002) == "1.00", "a loss may be above 1"
    assert decimals(float("nan")) == "nan"


# --- verdicts ---


@pytest.mark.parametrize(("low", "high", "verdict"), [
    (0.01, 0.09, "better"), (-0.01, 0.09, "cannot tell"), (-0.09, -0.01, "worse"),
    (0.0, 0.09, "cannot tell"), (1e-17, 0.09, "cannot tell"),
])  # fmt: skip
def test_the_verdict_follows_the_interval(low, high, verdict):
    apart = Difference((low + high) / 2, low, high, 100)
    assert apart.verdict == verdict
    assert str(apart).endswith(f": {verdict}")
    assert apart.significant == (verdict != "cannot tell")


def test_a_falling_loss_is_better():
    assert Difference(-0.3, -0.4, -0.2, lower_is_better=True).verdict == "better"
    assert Difference(0.3, 0.2, 0.4, lower_is_better=True).verdict == "worse"


def test_how_many_examples_would_decide():
    """Four times the examples halve the interval."""
    apart = Difference(0.04, -0.04, 0.12, 100)
    assert apart.examples_to_tell() == 400
    assert "about 400 examples" in apart.what_would_decide()
    assert Difference(-0.02, -0.05, 0.02, 100).examples_to_tell() == 400, "towards zero"
    assert Difference(0.01, -0.3, 0.3, 10_000).examples_to_tell() == 9_610_000
    assert "million" in Difference(0.01, -0.3, 0.3, 10_000).what_would_decide()
    assert Difference(0.04, 0.01, 0.07, 100).what_would_decide().startswith("100 examples were")
    assert Difference(0.0, -0.1, 0.1, 100).examples_to_tell() is None
    assert Difference(0.04, -0.04, 0.12).examples_to_tell() is None


def drawn(rng, n):
    """Two routes on n recipes of ten names; the first is a little better, by 0.03 on average."""
    b = rng.integers(2, 9, size=n)
    a = b + rng.integers(-2, 3, size=n) + (rng.random(n) < 0.3)
    counts = [np.stack([hits, np.full(n, 10), np.full(n, 10)], axis=1) for hits in (a, b)]
    return bootstrap.difference(*counts, bootstrap.micro_f1)


def test_so_many_examples_do_decide_it():
    """With the number that is named the verdict is clear in about half of all draws; with four
    times as many nearly always, with a quarter of them seldom."""
    rng = np.random.default_rng(4)
    needed = drawn(rng, 20_000).examples_to_tell()
    assert 20 < needed < 500
    decided = {n: np.mean([drawn(rng, n).verdict == "better" for _trial in range(60)])
               for n in (needed // 4, needed, 4 * needed)}
    quarter, exactly, four = decided.values()
    assert quarter < 0.35 < exactly < 0.7 and four > 0.9, decided


# --- shares ---


@pytest.mark.parametrize(("right", "of", "low", "high"), [
    (100, 100, 0.963, 1), (0, 100, 0, 0.037), (140, 200, 0.633, 0.759), (1, 10, 0.018, 0.404),
])  # fmt: skip
def test_a_share_has_wilsons_interval_and_never_a_point(right, of, low, high):
    """From 100 valid answers of 100 the course concluded (1.00-1.00): never a failure."""
    found = bootstrap.interval(yes_no(right, of), bootstrap.share)
    assert found.value == right / of
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.001)


def test_a_score_of_exactly_0_or_1_is_no_point_either():
    none = bootstrap.interval(np.array([[0, 3, 4]] * 100), bootstrap.micro_f1)
    assert none.value == none.low == 0 and none.high == pytest.approx(0.037, abs=0.001)
    most = bootstrap.interval(np.array([[2, 2]] * 100), bootstrap.share)  # two checks each
    assert most.high == 1 and most.low == pytest.approx(0.963, abs=0.001)


def test_a_loss_is_no_share_though_it_has_its_formula():
    losses = np.array([[2.5, 2.0]] * 30)
    found = bootstrap.interval(losses, bootstrap.share)
    assert (found.value, found.low, found.high) == (1.25, 1.25, 1.25)


def test_the_difference_of_shares_is_newcombes():
    """An example of his: 36 pairs both, 12 the first alone, 2 the second alone. And what a
    bootstrap calls better, though a test by the four unequal pairs (McNemar) gives p = 0.125: 100
    of 100 against 96."""
    a = np.array([1] * 36 + [1] * 12 + [0] * 2)
    b = np.array([1] * 36 + [0] * 12 + [1] * 2)
    assert bootstrap.newcombe(a, b) == pytest.approx((0.0569, 0.3404), abs=0.0006)
    close = bootstrap.difference(yes_no(100, 100), yes_no(96, 100), bootstrap.share)
    assert close.verdict == "cannot tell" and close.value == pytest.approx(0.04)
    clear = bootstrap.difference(yes_no(100, 100), yes_no(90, 100), bootstrap.share)
    assert clear.verdict == "better"


def test_newcombes_interval_holds_the_truth_as_often_as_it_says():
    rng, held = np.random.default_rng(8), 0
    for _trial in range(400):
        first = rng.random(60) < 0.9
        second = np.where(rng.random(60) < 0.8, first, rng.random(60) < 0.8)
        truth = 0.9 - (0.8 * 0.9 + 0.2 * 0.8)
        low, high = bootstrap.newcombe(first.astype(float), second.astype(float))
        held += low <= truth <= high
    assert held / 400 > 0.92


# --- precision and recall ---


def test_precision_and_recall_are_the_halves_of_f1():
    rows = (recipe_row("a", 3, 4, predicted=5), recipe_row("b", 1, 4, predicted=1))
    result = Result("x", "m", rows)
    halves = result.precision_recall()
    assert (halves.precision.value, halves.recall.value) == (4 / 6, 4 / 8)
    f1 = result.metrics()["micro_f1"].value
    assert f1 == pytest.approx(2 / (1 / halves.precision.value + 1 / halves.recall.value))
    assert "precision 0.67 (" in str(halves) and "recall 0.50 (" in str(halves)


def test_a_task_without_f1_has_no_such_halves():
    row = LabelRow(id="1", text="x", prompt_tokens=1, completion_tokens=1, seconds=0.1, right=True,
                   known=True)  # fmt: skip
    with pytest.raises(LessonError, match="micro-F1"):
        Result("x", "m", (row,)).precision_recall()


def test_a_comparison_knows_its_examples():
    results = [Result("x", "m", tuple(recipe_row(f"r{i}", hit, 4) for i in range(30)))
               for hit in (3, 2)]  # fmt: skip
    assert compare(*results).examples == 30
