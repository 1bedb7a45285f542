"""What the checks of notebook 08 say to right answers and to likely wrong ones."""

import pytest

from lessonlib.exercises import feedback, progress_file


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda p, a, e: ([*p, *a, e], [-100] * len(p) + [*a, e]), "[ok]"),
    (lambda p, a, e: ([*p, *a], [-100] * len(p) + a), "never reads the mark"),
    (lambda p, a, e: ([*p, *a, e], [-100] * len(p) + [*a, -100]), "would never learn to stop"),
    (lambda p, a, e: ([*p, *a, e], [*p, *a, e]), "learns to write recipes"),
    (lambda p, a, e: ([*p, *a, e], [0] * len(p) + [*a, e]), "0 is a token like any other"),
    (lambda p, a, e: ([*p, *a, e], [*a, e]), "each token needs a label"),
    (lambda p, a, e: ([*a, *p, e], [-100] * len(p) + [*a, e]), "in that order"),
    (lambda p, a, e: ([*p, *a, e], [-100] * (len(p) - 1) + [7, *a, e]), "should carry -100"),
    (lambda p, a, e: ([*p, *a, e],), "Return two lists"),
    (lambda p, a, e: p + e, "stops with TypeError"),
    (..., "not answered yet"),
])  # fmt: skip
def test_08_1_labels(function, sentence):
    assert sentence in said("08-1", function)


def stopping(looks, patience, better=lambda new, low: new < low, restart=True):
    kept, low, waited = looks[0][0], looks[0][1], 0
    for step, loss in looks[1:]:
        if better(loss, low):
            kept, low, waited = step, loss, 0 if restart else waited
        else:
            waited += 1
        if waited == patience:
            return step, kept
    return looks[-1][0], kept


@pytest.mark.parametrize(("function", "sentence"), [
    (stopping, "[ok]"),
    (lambda looks, patience: tuple(reversed(stopping(looks, patience))), "the other way round"),
    (lambda looks, patience: (looks[-1][0], min(looks, key=lambda one: one[1])[0]),
     "doesn't end at step 50"),
    (lambda looks, patience: (stopping(looks, patience)[0],) * 2, "not the one with the lowest"),
    (lambda looks, patience: stopping(looks, patience, restart=False), "doesn't end at step"),
    (lambda looks, patience: stopping(looks, patience, lambda new, low: new <= low),
     "has not fallen"),
    (lambda looks, patience: stopping(looks, patience)[1], "should be a list"),
    (lambda looks, patience: (1, 2, 3), "Return two steps"),
])  # fmt: skip
def test_08_2_early_stopping(function, sentence):
    assert sentence in said("08-2", function)


def config(**changes):
    from peft import LoraConfig

    right = dict(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=["q_proj", "v_proj"],
                 task_type="CAUSAL_LM")
    return LoraConfig(**right | changes)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({}, "[ok]"),
    ({"r": 32, "lora_alpha": 64}, "1,474,560 weights, and there is room for a million"),
    ({"r": 8, "lora_alpha": 16}, "368,640 weights. A larger one fits"),
    ({"r": 21, "lora_alpha": 42}, "isn't a power of two"),
    ({"lora_alpha": 16}, "The factor is 1."),
    ({"lora_dropout": 0.1}, "dropout"),
    ({"target_modules": "all-linear"}, "name the two matrices"),
    ({"target_modules": ["q_proj"]}, "name the two matrices"),
    ({"task_type": None}, "task_type"),
])  # fmt: skip
def test_08_3_a_config(changes, sentence):
    assert sentence in said("08-3", config(**changes))


def test_08_3_something_else():
    assert "should be a LoraConfig" in said("08-3", {"r": 16})
