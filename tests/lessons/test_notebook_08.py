"""Notebook 08 promises: nothing is fetched unasked, every number stands in a cell, and little of
lessonlib is needed."""

import ast
import re

import jupytext
import pytest

SOURCE = "notebooks/source/08_tune_hugging_face.py"


@pytest.fixture(scope="module")
def cells(project):
    return [cell.source for cell in jupytext.read(project / SOURCE, fmt="py:percent").cells
            if cell.cell_type == "code"]  # fmt: skip


def call_of(cells, name):
    """The keyword arguments of the only call of that name, as source."""
    calls = [node for node in ast.walk(ast.parse("\n".join(cells)))
             if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name]  # fmt: skip
    return [{word.arg: ast.unparse(word.value) for word in call.keywords} for call in calls]


def test_nothing_is_fetched_and_no_licence_accepted_unasked(cells):
    assert re.search(r"^FETCH = False\b", cells[0], re.M)
    code = "\n".join(cells)
    assert code.count("fetching.fetch(") == 1 and "agreed=FETCH" in code


def test_without_gpu_and_without_gemma_it_goes_on_with_pantry_and_says_how_to_fetch(
        cells, tmp_path, monkeypatch, capsys):  # fmt: skip
    """Each way has all the numbers, as numbers."""
    import torch

    from lessonlib.common import paths
    from lessonlib.models import fetching

    monkeypatch.setattr(paths, "MODELS", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    space = {"torch": torch, "paths": paths, "fetching": fetching, "FETCH": False}
    exec(cells[1], space)
    assert space["way"] == "small" and space["BASE"] == paths.BUILT_IN
    assert "python start.py fetch gemma-3-270m" in capsys.readouterr().out
    keys = {frozenset(numbers) for numbers in space["ways"].values()}
    assert len(keys) == 1
    rates = {name: numbers["learning_rate"] for name, numbers in space["ways"].items()}
    assert rates["GPU"] < rates["processor"] < rates["small"], "the larger, the smaller the step"


def test_with_gemma_it_takes_gemma(cells, tmp_path, monkeypatch):
    import torch

    from lessonlib.common import paths
    from lessonlib.models import fetching

    (tmp_path / "gemma-3-270m").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "gemma-3-270m" / name).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    space = {"torch": torch, "paths": paths, "fetching": fetching, "FETCH": False}
    exec(cells[1], space)
    assert (space["way"], space["BASE"]) == ("processor", tmp_path / "gemma-3-270m")


def test_the_configurations_stand_in_the_open(cells):
    (quantized,) = call_of(cells, "BitsAndBytesConfig")
    assert quantized["bnb_4bit_quant_type"] == "'nf4'"
    assert quantized["bnb_4bit_use_double_quant"] == "True"
    adapter = call_of(cells, "LoraConfig")[0]
    assert {"r", "lora_alpha", "target_modules", "task_type"} <= set(adapter)
    (settings,) = call_of(cells, "SFTConfig")
    assert settings["eval_steps"] == settings["save_steps"], "a checkpoint for each look"
    assert settings["load_best_model_at_end"] == "True"
    assert len(call_of(cells, "EarlyStoppingCallback")) == 1


def test_of_lessonlib_only_recipes_scorer_pictures_and_fetching_are_used(cells):
    """`lora.tune` serves for one thing: pantry's own row on the board. `lessons` is there for the
    record, which is read and not run."""
    used = set(re.findall(r"^from (lessonlib[\w.]*) import", cells[0], re.M))
    assert used == {"lessonlib", "lessonlib.common", "lessonlib.lessons",
                    "lessonlib.measure.evaluation", "lessonlib.models", "lessonlib.show",
                    "lessonlib.tasks"}
    assert "\n".join(cells[1:]).count("lora.") == 1


def test_answers_only_gives_the_plain_loss_and_its_gradients(cells, tmp_path):
    """On rows of different length, so that there is padding, and with and without the count of
    tokens that the trainer hands over."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    from lessonlib.common import paths

    space = {"SFTTrainer": SFTTrainer, "torch": torch}
    exec(next(cell for cell in cells if "class AnswersOnly" in cell), space)
    rows = [{"prompt": [{"role": "user", "content": "salt " * length}],
             "completion": [{"role": "assistant", "content": '["salt"]'}]}
            for length in (3, 9, 20)]  # fmt: skip
    trainer = space["AnswersOnly"](
        model=AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32),
        args=SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none",
                       gradient_checkpointing=False, per_device_train_batch_size=3),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(paths.BUILT_IN),
        peft_config=LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    with torch.no_grad():  # an adapter that does something
        for name, weight in trainer.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.02)

    def gradients(kind, count):
        loss = kind.compute_loss(trainer, trainer.model, dict(batch), num_items_in_batch=count)
        loss.backward()
        found = [weight.grad.clone() for weight in trainer.model.parameters()
                 if weight.requires_grad]  # fmt: skip
        trainer.model.zero_grad()
        return [loss.detach(), *found]

    for count in (None, torch.tensor(50)):
        ours, plain = gradients(space["AnswersOnly"], count), gradients(SFTTrainer, count)
        assert len(ours) > 20
        for one, other in zip(ours, plain, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
