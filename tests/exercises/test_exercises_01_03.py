"""The checks of notebook 03: what they say to right answers and to likely wrong ones."""

from __future__ import annotations

import math

import pytest

from lessonlib.decision import cases
from lessonlib.exercises import feedback, progress_file
from lessonlib.exercises.checks.notebook_03 import (
    OURS,
    THINK,
    WORDS,
    WRONG_WAY,
    cheapest_first,
)


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "work" / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


# --- 03 ---


def test_the_order_of_costs():
    right = cheapest_first()
    assert right == ["tuned", "glossary", "few-shot", "rented"], "else the notebook's text is wrong"
    assert said("03-1", right).startswith("[ok]") and said("03-1", tuple(right)).startswith("[ok]")
    for place in range(3):
        swapped = [*right]
        swapped[place:place + 2] = reversed(swapped[place:place + 2])
        text = said("03-1", swapped)
        assert WRONG_WAY[right[place], right[place + 1]] in text and text.startswith("[not yet]")
    assert "each of these names once" in said("03-1", ["tuned"] * 4)
    assert "a list of four names" in said("03-1", "tuned")
    assert said("03-1", ...).startswith("[..]")


@pytest.mark.parametrize(("function", "hint"), [
    (lambda h, p, t: math.ceil(h / (p - t)) if p > t else math.inf, ""),
    (lambda h, p, t: h / (p - t) if p > t else math.inf, "Round"),
    (lambda h, p, t: h // (p - t) if p > t else math.inf, "not paid yet"),
    (lambda h, p, t: h // (p - t) + 1 if p > t else math.inf, "fewer are enough"),
    (lambda h, p, t: math.ceil(h / (p - t)), "ZeroDivisionError"),
    (lambda h, p, t: math.ceil(h / (p - t)) if p != t else math.inf, "saves nothing"),
    (lambda h, p, t: math.inf, "does save something"),
])
def test_requests_that_pay_hosting(function, hint):
    text = said("03-3", function)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")


def test_six_decisions_with_one_fact_changed():
    assert set(OURS) == set(THINK) == set(cases.load()) and set(OURS.values()) <= set(WORDS)
    assert said("03-2", OURS).startswith("[ok]")
    assert said("03-2", OURS | {"help": " Tune "}).startswith("[ok]")
    wrong = said("03-2", OURS | {"mails": "tune"})
    assert "mails: think again" in wrong and "prompt" not in wrong
    assert "none of the words" in said("03-2", OURS | {"mails": "fly"})
    assert "'mails' is missing" in said("03-2", {k: v for k, v in OURS.items() if k != "mails"})
    assert "no case 'weather'" in said("03-2", OURS | {"weather": "tune"})
    assert "should be a dictionary" in said("03-2", list(OURS))
    assert said("03-2", ...).startswith("[..]")


def test_every_changed_fact_turns_the_decision_around():
    """The exercise asked for the same six answers once more, typed as texts."""
    for id, ours in OURS.items():
        before = next(option for option in cases.load()[id].options if option.right)
        was = before.text.lower().split()[0].strip(":")
        was = "tune and retrieve" if "looking up" in before.text else was
        assert was in (*WORDS, "nothing") and not ours.startswith(was), id
