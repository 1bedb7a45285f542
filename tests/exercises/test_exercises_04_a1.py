"""The exercises of notebooks 04 and A1: right, nearly right and wrong answers."""

from __future__ import annotations

import math

import pytest

from lessonlib.exercises import feedback, progress_file
from lessonlib.measure.bootstrap import Difference


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


RIGHT = {"A": "rate too large", "B": "rate too small", "C": "overfitting"}


@pytest.mark.parametrize(("diagnosis", "sentence"), [
    (RIGHT, "[ok]"),
    (RIGHT | {"C": " Overfitting "}, "[ok]"),
    (RIGHT | {"A": "overfitting"}, "A: look again: the training loss itself"),
    (RIGHT | {"B": "overfitting"}, "B: look again: both losses go down"),
    (RIGHT | {"C": "rate too small"}, "C: look again: the training loss goes to zero"),
    (RIGHT | {"A": "too fast"}, "A: 'too fast' is none of the three"),
    ({"A": "rate too large", "B": "rate too small"}, "C is missing"),
    (RIGHT | {"A": ...}, "not answered yet"),
    ("overfitting", "should be a dictionary; it is a text"),
])
def test_04_1_curves(diagnosis, sentence):
    text = said("04-1", diagnosis)
    assert sentence in text
    assert sentence == "[ok]" or "look again: rate" not in text, "a sign, and not the answer"


@pytest.mark.parametrize(("guess", "sentence"), [
    ("cannot tell", "[ok]"), (" Cannot  tell", "[ok]"),
    ("worse", "You expected 'worse'. Measured: -0.01 (-0.02 to +0.01): cannot tell."),
    ("better", "You expected 'better'."), ("the same", "Write one of these"),
    (..., "not answered yet"), (3, "Write one of these"),
])
def test_04_2_prediction(guess, sentence):
    assert sentence in said("04-2", guess, Difference(-0.01, -0.02, 0.01, 100))


def lora_config(**changes):
    from peft import LoraConfig

    return LoraConfig(**{"r": 16, "lora_alpha": 32, "target_modules": "all-linear",
                         "task_type": "CAUSAL_LM"} | changes)


ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.mark.parametrize(("changes", "four_bits", "sentence"), [
    ({}, True, "[ok]"),
    ({"r": 8, "lora_alpha": 8, "target_modules": ALL}, True, "[ok]"),
    ({}, False, "of it for the frozen model; the card has"),
    ({"r": 64, "lora_alpha": 128}, True, "The adapter has 2.4% of the model's weights"),
    ({"r": 256, "lora_alpha": 512}, True, "That takes about"),
    ({"target_modules": ["q_proj", "v_proj"]}, True,
     "These matrices get no adapter: down_proj, gate_proj, k_proj, o_proj, up_proj."),
    ({"target_modules": None}, True, "does not say that all matrices"),
    ({"lora_alpha": 160}, True, "counts 10 times"),
    ({}, "yes", "four_bits should be True or False"),
    ({}, ..., "not answered yet"),
])
def test_04_3_configuration(changes, four_bits, sentence):
    assert sentence in said("04-3", lora_config(**changes), four_bits)


def test_04_3_wants_pefts_own_configuration():
    assert "should be a LoraConfig" in said("04-3", {"r": 16}, True)


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
def test_04_4_merged(function, sentence):
    assert sentence in said("04-4", function)


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
