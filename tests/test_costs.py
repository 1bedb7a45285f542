"""Prices, costs and the break-even of tuning."""

import math
import tomllib
from datetime import date

import pytest
from recipe_rows import recipe_row

from lessonlib import costs
from lessonlib.errors import LessonError
from lessonlib.evaluation import Result


def result(prompt_tokens, completion_tokens):
    row = recipe_row(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    return Result("x", "m", (row,))


def test_every_price_has_a_source_and_a_day():
    assert len(costs.prices()) == 9
    for one in costs.prices():
        assert 0 < one.input < one.output
        assert "http" in one.source and date(2026, 1, 1) < one.read <= date.today()
        assert (one.training is not None) == one.tuned
    with open(costs.PRICES, "rb") as file:
        hosting = tomllib.load(file)["hosting"]
    assert all("http" in one["source"] and one["read"] for one in hosting.values())
    assert costs.hosting_per_hour() == 1.70


def test_the_published_prices_are_those_of_the_list():
    tuned = costs.price("gpt-4.1-mini", tuned=True)
    assert (tuned.training, tuned.input, tuned.output) == (5.00, 0.80, 3.20)
    assert costs.price("gpt-4.1-mini").input == 0.40
    with pytest.raises(LessonError, match=r"(?s)no fine-tuned model 'gpt-5'.*gpt-4.1, fine-tuned"):
        costs.price("gpt-5", tuned=True)


def test_a_thousand_requests():
    dollars = costs.cost_per_1000(result(500, 20), costs.price("gpt-4.1-mini"))
    assert dollars == pytest.approx(1000 * (500 * 0.40 + 20 * 1.60) / 1e6) == pytest.approx(0.232)


def test_training_counts_every_epoch():
    tuned = costs.price("gpt-4o-mini", tuned=True)
    assert costs.training_cost(100_000, 3, tuned) == pytest.approx(0.90)
    with pytest.raises(LessonError, match="Training has no price for gpt-4o-mini"):
        costs.training_cost(100_000, 3, costs.price("gpt-4o-mini"))


def test_break_even_of_a_short_tuned_prompt_against_a_long_one():
    dear, cheap = costs.price("gpt-4.1-mini", tuned=True), costs.price("gpt-4.1-mini")
    even = costs.break_even(result(100, 20), result(1000, 20), 2.0, dear, cheap)
    saving = (1000 * 0.40 + 20 * 1.60 - 100 * 0.80 - 20 * 3.20) / 1e6
    assert even.requests == math.ceil(2.0 / saving) == 6945
    tuned, prompted = even.after(even.requests)
    assert tuned <= prompted
    tuned, prompted = even.after(even.requests - 1)
    assert tuned > prompted
    assert "6,945 requests" in str(even)


def test_tuning_need_not_ever_pay():
    """A tuned model's tokens cost twice as much: a prompt barely longer is cheaper for ever."""
    dear, cheap = costs.price("gpt-4.1-mini", tuned=True), costs.price("gpt-4.1-mini")
    even = costs.break_even(result(100, 20), result(150, 20), 2.0, dear, cheap)
    assert even.requests == math.inf and "never" in str(even)
