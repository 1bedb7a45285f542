"""Does notebook 13 hold what it says? On the shipped model, with the notebook's own settings.

The SQL adapter takes a minute and a half to train, once for all tests here.
"""

from __future__ import annotations

import pytest
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessonlib import lora
from lessonlib.lora import plan
from lessonlib.common import paths
from lessonlib.tasks import prompting, training_rows
from lessonlib.lessons import nb13_sql_adapter
from lessonlib.measure.evaluation import Method, compare
from lessonlib.measure.local_model import evaluate_here, fingerprint
from lessonlib.lora.tuning import LoraSettings
from lessonlib.models.quiet import quiet
from lessonlib.tasks import recipes, text_to_sql

pytestmark = pytest.mark.long("trains notebook 13's SQL adapter")

#: Known databases: the first of the test set's 150 questions about them.
QUESTIONS, RECIPES = 100, 30


@pytest.fixture(scope="module")
def sql():
    """The notebook's SQL adapter, with those of each epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ADAPTERS", paths.WORK / "sql-outcomes")
        yield lora.tune(nb13_sql_adapter.rows(), "sql", show=False, merge=False,
                        settings=nb13_sql_adapter.settings("pantry"))  # fmt: skip


@pytest.fixture(scope="module")
def adapters(sql):
    """A recipe adapter, briefly trained, and the SQL adapter; the base under both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "ADAPTERS", paths.WORK / "sql-outcomes")
        rows = training_rows.chat_rows(recipes.load("train")[:200])
        settings = LoraSettings(epochs=3, batch_size=8)
        lora.tune(rows, "recipes", settings=settings, show=False, merge=False)
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                paths.BUILT_IN, **plan.make().loading())
            before = fingerprint(model)
            model = PeftModel.from_pretrained(model, paths.ADAPTERS / "recipes", "recipes")
        tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
        alone = ask(model, tokenizer, "recipes", prompting.tuned, recipes.load("test")[:RECIPES])
        model.load_adapter(sql.adapter_folder, adapter_name="sql")
        yield model, tokenizer, before, alone


def ask(model, tokenizer, adapter, messages, examples):
    model.set_adapter(adapter)
    method = Method(adapter, adapter, messages)
    return evaluate_here(model, tokenizer, method, examples, progress=False)


def test_a_second_adapter_teaches_sql_on_known_databases(adapters):
    model, tokenizer, _before, _alone = adapters
    seen = [one for one in text_to_sql.load("test") if one.seen][:QUESTIONS]
    with model.disable_adapter():
        method = Method("base", "base", text_to_sql.messages)
        base = evaluate_here(model, tokenizer, method, seen, progress=False)
    tuned = ask(model, tokenizer, "sql", text_to_sql.messages, seen)
    gain = compare(tuned, base)
    assert gain.value >= 0.4 and gain.low > 0, f"{gain}; {tuned}"


def test_what_the_notebook_calls_out_of_reach_is_out_of_reach(adapters):
    """Should a better model reach new databases one day, the notebook's words must change."""
    model, tokenizer, _before, _alone = adapters
    unseen = [one for one in text_to_sql.load("test") if not one.seen]
    result = ask(model, tokenizer, "sql", text_to_sql.messages, unseen)
    assert result.metrics()["execution_accuracy"].value < 0.4


def test_the_loss_on_new_databases_stays_high_while_that_on_known_ones_falls(sql):
    """The notebook's two validation curves."""
    questions = {split: [one for one in text_to_sql.load(split) if one.seen == seen][:50]
                 for split, seen in (("validation", True), ("test", False))}  # fmt: skip
    known, new = (nb13_sql_adapter.losses_by_epoch(sql, some) for some in questions.values())
    assert known == sorted(known, reverse=True) and known[-1] < 0.5 * known[1]
    assert new[-1] > 0.5 * new[1] and new[-1] > 3 * known[-1]


def test_the_first_adapter_and_the_base_are_unchanged_by_the_second(adapters):
    model, tokenizer, before, alone = adapters
    again = ask(model, tokenizer, "recipes", prompting.tuned, recipes.load("test")[:RECIPES])
    assert alone.metrics()["micro_f1"].value > 0.5, "it must be able to do something"
    assert [row.text for row in again.rows] == [row.text for row in alone.rows]
    assert again.metrics() == alone.metrics()
    assert fingerprint(model) == before


def test_each_adapter_knows_its_own_job_alone(adapters):
    model, tokenizer, _before, alone = adapters
    wrong = ask(model, tokenizer, "sql", prompting.tuned, recipes.load("test")[:RECIPES])
    assert wrong.metrics()["micro_f1"].value < alone.metrics()["micro_f1"].value - 0.4
