"""The exercises of notebooks 04 and A1: right, nearly right and wrong answers."""

from __future__ import annotations

import math

import pytest

from lessonlib.exercises import feedback, progress_file


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda rows, columns, rank: rank * (rows + columns), "[ok]"),
    (lambda rows, columns, rank: rank * rows + columns * rank, "[ok]"),
    (lambda rows, columns, rank: rows * columns, "without LoRA"),
    (lambda rows, columns, rank: rows * columns * rank, "without LoRA"),
    (lambda rows, columns, rank: rank * rows, "one of the two narrow matrices"),
    (lambda rows, columns, rank: rows + columns, "where is the rank?"),
    (lambda rows, columns, rank: 0, "that is not it"),
    (lambda rows, columns, rank: ..., "not answered yet"),
    (lambda rows: 0, "stops with TypeError"),
])
def test_04_1_weights(function, sentence):
    assert sentence in said("04-1", function)


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda logprobs: math.exp(sum(logprobs)), "[ok]"),
    (lambda logprobs: math.prod(map(math.exp, logprobs)), "[ok]"),
    (sum, "still a logarithm"),
    (lambda logprobs: sum(map(math.exp, logprobs)), "one of them"),
    (lambda logprobs: math.exp(sum(logprobs) / len(logprobs)), "the mean for one token"),
    (lambda logprobs: 7, "is no probability"),
    (lambda logprobs: 0.123, "0.123 is not it"),
    (lambda logprobs: "0.5", "it is a text"),
])
def test_04_2_name(function, sentence):
    assert sentence in said("04-2", function)


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda w, b, a, alpha, rank: w + alpha / rank * (b @ a), "[ok]"),
    (lambda w, b, a, alpha, rank: (w + b @ a * alpha / rank).tolist(), "[ok]"),
    (lambda w, b, a, alpha, rank: w + b @ a, "the factor before B A"),
    (lambda w, b, a, alpha, rank: w + alpha * (b @ a), "alpha is not the whole factor"),
    (lambda w, b, a, alpha, rank: alpha / rank * (b @ a), "What does it add to?"),
    (lambda w, b, a, alpha, rank: w, "as it was"),
    (lambda w, b, a, alpha, rank: w + alpha / rank * (a @ b), "stops with ValueError"),
    (lambda w, b, a, alpha, rank: b @ a @ w.T, "has the shape of W"),
    (lambda w, b, a, alpha, rank: w - b @ a, "not the sum"),
    (lambda w, b, a, alpha, rank: "W", "should return a matrix"),
])
def test_04_3_merged(function, sentence):
    assert sentence in said("04-3", function)


@pytest.mark.parametrize(("hours", "sentence"), [
    (10.0, "[ok]"), (10.1, "[ok]"), (36_000, "Those are seconds"), (600, "Those are minutes"),
    (0.01, "our own run"), (-1, "above zero"), (3, "How many times our run"),
    ("10", "it is a text")])
def test_a1_1_hours(hours, sentence):
    assert sentence in said("A1-2", hours, 1_000_000, 1000, 36)


@pytest.mark.parametrize(("function", "sentence"), [
    (math.log, "[ok]"),
    (lambda vocabulary: -math.log(1 / vocabulary), "[ok]"),
    (lambda vocabulary: math.log(1 / vocabulary), "Look at the sign"),
    (lambda vocabulary: 1 / vocabulary, "the probability of each token"),
    (math.log2, "not the natural one"), (math.log10, "not the natural one"),
    (lambda vocabulary: 8.0, "8 is not it"),
])
def test_a1_2_loss(function, sentence):
    assert sentence in said("A1-1", function)


def right(examples, texts):
    known = [f" {' '.join(text.lower().split())} " for text in texts]
    return [one for one in examples
            if any(f" {' '.join(one.lower().split())} " in text for text in known)]


@pytest.mark.parametrize(("function", "sentence"), [
    (right, "[ok]"),
    (lambda examples, texts: [e for e in examples if any(e in t for t in texts)],
     "It was not found: an example in other capitals"),
    (lambda examples, texts: [e for e in examples if any(e in t.lower() for t in texts)],
     "a line end and two spaces"),
    (lambda examples, texts: [e for e in examples
                              if any(e in " ".join(t.lower().split()) for t in texts)],
     "only a part of a word"),
    (lambda examples, texts: list(texts), "should hold examples"),
    (lambda examples, texts: right(examples, texts) * 2, "twice"),
    (lambda examples, texts: examples, "Something was found that is not there"),
    (lambda examples, texts: 3, "should be a list"),
])
def test_a1_3_contaminated(function, sentence):
    assert sentence in said("A1-3", function)
