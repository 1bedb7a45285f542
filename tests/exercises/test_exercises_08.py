"""What the checks of notebook 08 say to right answers and to likely wrong ones."""

import math

import pytest

from lessonlib.exercises import feedback, progress_file


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda step, fits, gpus: math.ceil(step / (fits * gpus)), "[ok]"),
    (lambda step, fits, gpus: math.ceil(step / fits), "for one GPU alone"),
    (lambda step, fits, gpus: step // (fits * gpus), "at least one batch"),
    (lambda step, fits, gpus: max(1, step // (fits * gpus)), "round up"),
    (lambda step, fits, gpus: max(1, step / (fits * gpus)), "round up"),
    (lambda step, fits, gpus: 77, "that is not the number"),
    (..., "not answered yet"),
])  # fmt: skip
def test_08_1_batches(function, sentence):
    assert sentence in said("08-1", function)


def holding(parameters, bits, cards, enough=lambda memory, size: memory >= size):
    size = parameters * bits / 8
    return [name for name, memory in cards.items() if enough(memory, size)]


@pytest.mark.parametrize(("function", "sentence"), [
    (holding, "[ok]"),
    (lambda p, b, c: holding(p, b * 8, c), "a card that can hold the weights is missing"),
    (lambda p, b, c: holding(p, b / 8, c), "a card is in the list that cannot hold"),
    (lambda p, b, c: holding(p, b, c, lambda memory, size: memory > size), "just enough is enough"),
    (lambda p, b, c: sorted(holding(p, b, c)), "another order"),
    (lambda p, b, c: list(c), "a card is in the list that cannot hold"),
])  # fmt: skip
def test_08_2_cards(function, sentence):
    assert sentence in said("08-2", function)


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda a, b, o: a == b if o else sorted(a, key=repr) == sorted(b, key=repr), "[ok]"),
    (lambda a, b, o: a == b, "another order where it does not count"),
    (lambda a, b, o: a == b if o else set(a) == set(b), "a row that occurs twice"),
    (lambda a, b, o: sorted(a, key=repr) == sorted(b, key=repr), "where the order counts"),
    (lambda a, b, o: a == b if o else sorted(a) == sorted(b), "'<' not supported"),
    (lambda a, b, o: 1, "Return True or False"),
])  # fmt: skip
def test_08_3_same_answer(function, sentence):
    assert sentence in said("08-3", function)
