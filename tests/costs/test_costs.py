"""Prices, costs and the break-even of tuning."""

import ast
import inspect
import math
import tomllib
from datetime import date

import pytest
from recipe_rows import recipe_row

from lessonlib.common.errors import LessonError
from lessonlib.costs import price_list
from lessonlib.costs.scenario import Scenario
from lessonlib.measure.evaluation import Result


def result(prompt_tokens, completion_tokens):
    row = recipe_row(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    return Result("x", "m", (row,))


def test_every_price_has_a_source_and_a_day():
    assert len(price_list.prices()) == 11
    for one in price_list.prices():
        assert 0 < one.input < one.output
        assert "http" in one.source and date(2026, 1, 1) < one.read <= date.today()
        assert (one.training is not None) == one.tuned
        assert one.cached_input is None or 0 < one.cached_input < one.input
    with open(price_list.PRICES, "rb") as file:
        hosting = tomllib.load(file)["hosting"]
    assert all("http" in one["source"] and one["read"] for one in hosting.values())
    assert price_list.hosting_per_hour() == 1.70
    assert price_list.hosting("rented-card").per_month == pytest.approx(365)
    with pytest.raises(LessonError, match="no hosting 'moon'(?s:.*)rented-processor"):
        price_list.hosting("moon")


def test_the_published_prices_are_those_of_the_list():
    tuned = price_list.price("gpt-4.1-mini", tuned=True)
    assert (tuned.training, tuned.input, tuned.output) == (5.00, 0.80, 3.20)
    assert price_list.price("gpt-4.1-mini").input == 0.40
    with pytest.raises(LessonError, match=r"(?s)no fine-tuned model 'gpt-5'.*gpt-4.1, fine-tuned"):
        price_list.price("gpt-5", tuned=True)


def test_a_thousand_requests():
    dollars = price_list.cost_per_1000(result(500, 20), price_list.price("gpt-4.1-mini"))
    assert dollars == pytest.approx(1000 * (500 * 0.40 + 20 * 1.60) / 1e6) == pytest.approx(0.232)


def test_cached_tokens_are_cheaper_and_at_most_the_whole_prompt():
    one = price_list.price("gpt-6-luna")
    assert one.of_request(1000, 0, 400) == pytest.approx(
        (600 * one.input + 400 * one.cached_input) / 1e6)
    assert one.of_request(1000, 0, 5000) == pytest.approx(1000 * one.cached_input / 1e6)
    full = price_list.price("Llama-3.1-8B", tuned=True)
    assert full.cached_input is None and full.of_request(10, 0, 5) == full.of_request(10, 0)


def test_training_counts_every_epoch():
    tuned = price_list.price("gpt-4o-mini", tuned=True)
    assert price_list.training_cost(100_000, 3, tuned) == pytest.approx(0.90)
    with pytest.raises(LessonError, match="Training has no price for gpt-4o-mini"):
        price_list.training_cost(100_000, 3, price_list.price("gpt-4o-mini"))


def scenario(prompt_tokens):
    """A tuned model of 100 prompt tokens, 2 dollars of training, against a longer prompt."""
    tokens = {"few-shot": (prompt_tokens, 20), "tuned": (100, 20)}
    return Scenario(tokens, trained_tokens=400_000, model="gpt-4.1-mini")


def test_break_even_of_a_short_tuned_prompt_against_a_long_one():
    one = scenario(1000)
    saving = (1000 * 0.40 + 20 * 1.60 - 100 * 0.80 - 20 * 3.20) / 1e6
    n = one.break_even("few-shot")
    assert one.once == pytest.approx(2.0)
    assert n == math.ceil(2.0 / saving) == 6945
    assert one.after("tuned", n) <= one.after("few-shot", n)
    assert one.after("tuned", n - 1) > one.after("few-shot", n - 1)
    assert "6,945 requests" in one.paid_back("few-shot")


def test_tuning_need_not_ever_pay():
    """A tuned model's tokens cost twice as much: a prompt barely longer is cheaper for ever."""
    one = scenario(150)
    assert one.break_even("few-shot") == math.inf and "never" in one.paid_back("few-shot")


def test_every_notebook_calls_the_scenario_with_what_it_takes(project):
    """Notebook 11 gave the trained tokens twice, in the branch that only a hosted model reaches, so
    whoever tuned one got a TypeError where the costs should have stood."""
    found = 0
    for path in sorted((project / "notebooks" / "source").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Scenario":
                given = {word.arg: 0 for word in node.keywords}
                inspect.signature(Scenario).bind(*[0] * len(node.args), **given)
                found += 1
    assert found >= 3
