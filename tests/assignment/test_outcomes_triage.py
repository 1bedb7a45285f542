"""Does tuning help with the support messages of notebook 11? On the shipped model."""

from __future__ import annotations

import pytest

import lessonlib
from lessonlib import lora
from lessonlib.assignment import simple, starters, tuning
from lessonlib.measure.evaluation import Method, compare, evaluate

pytestmark = pytest.mark.long("trains as notebook 11 does, and asks in five ways")


@pytest.fixture(scope="module")
def triage():
    """Triage tuned as in the notebook, and everything that is measured with it."""
    client = lessonlib.connect()
    task = starters.load("support_triage")
    rows, checks = (task.rows(part, task.looked_up) for part in (task.train, task.validation))
    model = tuning.Tuned.by_lora(lora.tune(
        rows, "test-triage", validation=checks, show=False, reuse=True,
        settings=lora.LoraSettings(epochs=4, batch_size=8, learning_rate=1e-3)))

    def asked(name, which, messages):
        return evaluate(client, Method(name, which, messages, task.answer_tokens, task.ending),
                        task.test, progress=False)

    shots = task.pick_shots(5)
    return {
        "tuned": asked("tuned", model.name, task.looked_up),
        "instructions": asked("instructions", "pantry", task.told),
        "few-shot": asked("few-shot", "pantry", lambda one: task.few_shot(one, shots)),
        "similar rows": asked("RAG", "pantry",
                             lambda one: task.few_shot(one, task.most_similar(one))),
        "commonest": simple.commonest(task),
    }


@pytest.mark.parametrize(("other", "margin"), [("instructions", 0.4), ("few-shot", 0.3),
                                               ("similar rows", 0.2), ("commonest", 0.3)])
def test_tuning_beats_the_same_model_with_prompts_by_more_than_luck(triage, other, margin):
    gain = compare(triage["tuned"], triage[other])
    assert gain.low > 0 and gain.value > margin, gain


def test_the_tuned_model_has_learned_the_labels(triage):
    assert triage["tuned"].metrics()["known_label"].value > 0.9
