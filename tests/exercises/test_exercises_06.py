"""The exercises of notebook 06: right, nearly right and wrong answers."""

from __future__ import annotations

from types import SimpleNamespace as Thing

import pytest

from lessonlib.exercises import feedback, progress_file
from lessonlib.services.job_results import Step
from lessonlib.services.watch import Run


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


def lowest(steps):
    measured = (one for one in steps if one.full_valid_loss is not None)
    return min(measured, key=lambda one: one.full_valid_loss)


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda steps: lowest(steps).step, "[ok]"),
    (lowest, "returns the whole step"),
    (lambda steps: lowest(steps).full_valid_loss, "the lowest loss. We want the number"),
    (lambda steps: min((s for s in steps if s.valid_loss), key=lambda s: s.valid_loss).step,
     "only a few rows were looked at"),
    (lambda steps: steps[-1].step, "the last step"),
    (lambda steps: min(steps, key=lambda one: one.train_loss).step, "the last step"),
    (lambda steps: min(steps, key=lambda one: one.full_valid_loss).step, "stops with TypeError"),
    # A loss of exactly 0 is a loss: only None is left out.
    (lambda steps: min((s for s in steps if s.full_valid_loss),
                       key=lambda s: s.full_valid_loss).step, "should be step 2"),
    (lambda steps: ..., "not answered yet"),
    (lambda steps: None, "returns nothing"),
])
def test_06_1_best_step(function, sentence):
    assert sentence in said("06-1", function)


def job(loss, status="succeeded", model="ft:pantry:practice::1", id="ftjob-mine"):
    steps = [Step(3, 3, 0.1, 0.9, None, None, loss, 0.9)] if loss is not None else []
    return Run(Thing(id=id, status=status, model=model), steps=steps)


LONGER = job(0.68, id="ftjob-longer")


@pytest.mark.parametrize(("mine", "sentence"), [
    (job(0.5), "[ok]"),
    (job(0.7), "ends at 0.70, not below the 0.68"),
    (job(0.5, status="running"), "is running. Follow it"),
    (job(0.5, model="pantry"), "starts from pantry"),
    (job(None), "no loss on all validation rows"),
    (LONGER, "the job of section 8"),
    (Thing(id="ftjob-mine"), "Follow your job to its end"),
    (..., "not answered yet"),
])
def test_06_2_better_job(mine, sentence):
    assert sentence in said("06-2", mine, LONGER)


WAYS = {"invalid_training_file": "fix", "invalid_n_examples": "fix",
        "rate_limit_exceeded": "wait", "insufficient_quota": "pay",
        "training_not_available": "elsewhere"}


@pytest.mark.parametrize(("ways", "sentence"), [
    (WAYS, "[ok]"),
    (WAYS | {"training_not_available": "wait"}, "you may not"),
    (WAYS | {"rate_limit_exceeded": "elsewhere"}, "over after some seconds"),
    (WAYS | {"insufficient_quota": "wait"}, "the money is used up"),
    (WAYS | {"invalid_n_examples": "read"}, "the file is yours"),
    (WAYS | {"server_error": "wait"}, "none of the codes that you know"),
    (WAYS | {"rate_limit_exceeded": "sleep"}, "should be one of"),
])
def test_06_3_what_now(ways, sentence):
    assert sentence in said("06-3", lambda code: ways.get(code, "read"))


def test_06_3_a_blank_is_a_blank():
    assert "not answered yet" in said("06-3", lambda code: ...)
