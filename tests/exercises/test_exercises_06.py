"""The exercises of notebook 06: right, nearly right and wrong answers."""

from __future__ import annotations

import pytest

from lessonlib.exercises import feedback, progress_file


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


def lowest(steps):
    return min((one for one in steps if one.valid_loss is not None), key=lambda one: one.valid_loss)


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda steps: lowest(steps).step, "[ok]"),
    (lowest, "returns the whole step"),
    (lambda steps: lowest(steps).valid_loss, "the lowest loss. We want the number"),
    (lambda steps: steps.index(lowest(steps)), "its place in the list"),
    (lambda steps: steps[-1].step, "the last step"),
    (lambda steps: min(steps, key=lambda one: one.train_loss).step, "the last step"),
    (lambda steps: min(steps, key=lambda one: one.valid_loss).step, "stops with TypeError"),
    # A loss of exactly 0 is a loss: only None is left out.
    (lambda steps: min((s for s in steps if s.valid_loss), key=lambda s: s.valid_loss).step,
     "should be step 2"),
    (lambda steps: ..., "not answered yet"),
    (lambda steps: None, "returns nothing"),
])
def test_06_1_best_step(function, sentence):
    assert sentence in said("06-1", function)


@pytest.mark.parametrize(("dollars", "sentence"), [
    (0.45, "[ok]"),
    (450_000, "not for one"),
    (450, "six zeros"),
    (1.35, "do not count them again"),
    (0.15, "the price of one epoch"),
    (7.77, "That is not it"),
    (..., "not answered yet"),
    ("0.45", "it is a text"),
])
def test_06_2_bill(dollars, sentence):
    assert sentence in said("06-2", dollars, 90_000, 5.0)


WAYS = {"invalid_training_file": "mend", "invalid_n_examples": "mend",
        "rate_limit_exceeded": "wait", "training_not_available": "elsewhere"}


@pytest.mark.parametrize(("ways", "sentence"), [
    (WAYS, "[ok]"),
    (WAYS | {"training_not_available": "wait"}, "you may not"),
    (WAYS | {"rate_limit_exceeded": "elsewhere"}, "over after some seconds"),
    (WAYS | {"invalid_n_examples": "read"}, "the file is yours"),
    (WAYS | {"server_error": "wait"}, "none of the codes that you know"),
    (WAYS | {"rate_limit_exceeded": "sleep"}, "should be one of"),
])
def test_06_3_what_now(ways, sentence):
    assert sentence in said("06-3", lambda code: ways.get(code, "read"))


def test_06_3_a_blank_is_a_blank():
    assert "not answered yet" in said("06-3", lambda code: ...)
