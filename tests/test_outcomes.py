"""Does tuning help, and do the alternatives do what the lessons say? On the shipped model.

``python -m factory.bar`` measures all claims in full; these tests repeat the chief ones on fewer
recipes, so that no change to prompts, training or service can quietly make a lesson untrue.
"""

from __future__ import annotations

import pytest

from factory.bar import Bar
from lessonlib import lora, training_rows
from lessonlib.evaluation import Method, compare, evaluate
from lessonlib.forgetting import general_loss
from lessonlib.prompting import tuned as tuned_prompt

QUESTIONS = 60


@pytest.fixture(scope="module")
def bar() -> Bar:
    """Two models tuned as in the lessons, and everything that is measured with them."""
    measured = Bar(QUESTIONS)
    lora.tune(training_rows.chat_rows(measured.train), "bar-tuned", show=False)
    rows = training_rows.glossary_rows(measured.train, measured.known)
    lora.tune(rows, "bar-tuned-glossary", show=False)
    return measured


def test_each_route_beats_the_cheaper_one(bar):
    steps = ["bare prompt", "instructions", bar.best("few-shot", "test"), bar.best("RAG", "test"),
             "tuned"]  # fmt: skip
    gains = {
        f"{better} over {worse}": bar.difference(better, worse).value
        for worse, better in zip(steps, steps[1:], strict=False)
    }
    assert min(gains.values()) > 0, gains


def test_tuning_learns_the_house_names(bar):
    assert bar.f1("tuned") >= 0.9
    assert bar.difference("tuned", "instructions").low > 0.2


def test_tuning_does_not_know_names_that_came_later_and_retrieval_does(bar):
    split = "test_new_names"
    rag = bar.best("RAG", split)
    assert bar.difference(rag, "tuned", split).low > 0
    assert bar.difference("tuned + glossary", "tuned", split).low > 0


def test_tuning_holds_on_text_that_no_grammar_wrote(bar):
    untuned = [name for name, (model, _) in bar.methods().items() if model == "pantry"]
    best = max(untuned, key=lambda name: bar.f1(name, "field"))
    assert bar.difference("tuned", best, "field").low > 0


def test_tuning_forgets_a_little(bar):
    folder = lora.load("bar-tuned").folder
    assert general_loss() + 0.01 < general_loss(folder)


def test_wrong_labels_from_one_source_do_harm(bar):
    spoilt = training_rows.from_one_bad_source(bar.train, share=0.3)
    lora.tune(training_rows.chat_rows(spoilt), "bar-bad-labels", show=False)
    method = Method("tuned on bad labels", "bar-bad-labels", tuned_prompt)
    result = evaluate(bar.client, method, bar.splits["test"], progress=False)
    assert compare(bar.run("tuned", "test"), result).low > 0
