"""Notebooks 12 and 13: nothing is fetched unasked, an adapter belongs to its base, two curves."""

import re
from dataclasses import replace

import pytest
import torch
from peft import PeftConfig
from recipe_rows import recipe_row
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessonlib import lora
from lessonlib.common import paths
from lessonlib.lessons import nb13_sql_adapter, nb13_two_jobs
from lessonlib.lora import rows as lora_rows
from lessonlib.lora.base import load_base
from lessonlib.lora.loss import mean_loss
from lessonlib.lora.settings import LoraSettings
from lessonlib.measure.evaluation import Result
from lessonlib.tasks import recipes, text_to_sql, training_rows

SMALL = LoraSettings(epochs=2, batch_size=4, rank=4, keep_checkpoints=True, device="cpu-fp32")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "ADAPTERS", tmp_path / "adapters")
    return tmp_path


@pytest.mark.parametrize("number", ["12", "13"])
def test_by_default_nothing_is_fetched_and_the_model_is_the_built_in_one(project, number):
    (source,) = (project / "notebooks" / "source").glob(f"{number}_*.py")
    text = source.read_text(encoding="utf-8")
    assert re.search(r'^MODEL = "pantry"', text, re.M)
    assert number == "12" or re.search(r"^HUB = False", text, re.M)


def test_an_adapter_of_another_base_is_not_taken_but_tuned_anew(work, capsys):
    """Notebook 08 put pantry's adapter beside whatever MODEL named: it looked for the folder
    alone."""
    other = work / "other"
    AutoModelForCausalLM.from_pretrained(paths.BUILT_IN).save_pretrained(other)
    AutoTokenizer.from_pretrained(paths.BUILT_IN).save_pretrained(other)
    rows = training_rows.chat_rows(recipes.load("train")[:4])
    for base, taken in (("pantry", False), ("pantry", True), (other, False)):
        tuned = lora.tune(rows, "take-home", base=base, settings=SMALL, merge=False, show=False,
                          reuse=True)  # fmt: skip
        assert ("tuned here before" in capsys.readouterr().out) == taken
        beside = PeftConfig.from_pretrained(tuned.adapter_folder).base_model_name_or_path
        assert beside == tuned.base == str(paths.BUILT_IN if base == "pantry" else other)


def test_the_loss_after_each_epoch_is_that_of_the_kept_adapter():
    questions = text_to_sql.load("train")[:8]
    rows = [nb13_sql_adapter.row(one) for one in questions]
    targets = nb13_sql_adapter.TARGETS
    tuned = lora.tune(rows, "sql", settings=replace(SMALL, targets=targets), validation=rows,
                      merge=False, show=False)  # fmt: skip
    losses = nb13_sql_adapter.losses_by_epoch(tuned, questions)
    measured = [point.validation_loss for point in tuned.history
                if point.validation_loss is not None]
    assert len(losses) == 1 + SMALL.epochs and losses[0] > losses[1] > losses[2]
    assert losses == pytest.approx(measured, rel=1e-3)
    base, tokenizer = load_base(str(paths.BUILT_IN), "cpu-fp32")
    data = lora_rows.tokenise(rows, tokenizer, 10**9, "Test")
    with torch.no_grad():
        assert losses[0] == pytest.approx(mean_loss(base.eval(), data), rel=1e-4)


def test_the_settings_keep_the_adapter_of_each_epoch():
    assert nb13_sql_adapter.settings("pantry") == replace(
        nb13_sql_adapter.SETTINGS, keep_checkpoints=True)


def test_the_table_of_two_jobs_names_the_scores_as_the_scoreboard_does():
    """It said "micro f1", where every other table says micro-F1."""
    row = recipe_row("r", 3, 4)
    names = ("none", "recipes")
    results = {(name, "recipes"): Result(name, "pantry", (row,), "") for name in names}
    table = nb13_two_jobs.table(results)
    assert table.head == ["adapter", "recipes: micro-F1"]
    assert table.rows == [[name, "0.86 (0.06-1.00)"] for name in names]
