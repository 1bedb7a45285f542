"""What is measured on a GPU, tried out without one: every step runs, no number is kept."""

from dataclasses import replace

import pytest
import torch

from benchmarks import gpu
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora import gpu_trial
from lessonlib.lora import plan as lora_plan
from lessonlib.models import catalogue


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "ADAPTERS", tmp_path / "adapters")


def test_the_whole_script_runs_dry_and_leaves_no_page(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "SHAPES", ("Qwen2.5-Coder-0.5B", "CodeLlama-7b"))
    monkeypatch.setattr(gpu, "REPORT", tmp_path / "GPU.md")
    gpu.main(["--dry-run", "--steps", "1"])
    printed = capsys.readouterr().out
    for name in ("Qwen2.5-Coder-0.5B", "CodeLlama-7b"):
        for way in ("LoRA", "QLoRA", "TRL's defaults"):
            line = next(line for line in printed.splitlines() if f"| {name} | {way} |" in line)
            assert float(line.split("|")[4].replace(",", "")) > 0
    assert "The built-in model on cpu" in printed and "transformers" in printed
    assert not (tmp_path / "GPU.md").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: it would measure")
def test_without_a_gpu_nothing_is_measured_and_a_learner_is_told(capsys):
    with pytest.raises(LessonError, match="no NVIDIA GPU"):
        gpu.main([])
    assert gpu_trial.run("SmolLM2-135M", []) is None
    said = capsys.readouterr().out
    assert said.startswith("Not run: this machine has no NVIDIA GPU") and said.count("\n") == 1


def test_the_page_names_card_date_and_versions():
    line = gpu.Line(("a model", "LoRA", "4 x 4", "1,000", "5.0 GB", "5.2 GB", "40.0%"))
    page = gpu.report([line], "The built-in model ...", "a card")
    assert "on a card" in page and "torch " in page and "| a model | LoRA | 4 x 4 |" in page


def test_the_share_of_the_peak_is_that_of_the_model_s_own_arithmetic():
    assert gpu._mfu(98.9e12, "NVIDIA H100 80GB HBM3") == "10.0%"
    assert gpu._mfu(1e12, "some other card") == ""
    plan = lora_plan.make("CodeLlama-7b", catalogue.card("24 GB"))
    flops = gpu_trial.needed_flops(plan)
    assert 4 * plan.model.matrices < flops < 5 * plan.model.parameters
    double = replace(plan, settings=replace(plan.settings, rank=2 * plan.settings.rank))
    assert gpu_trial.needed_flops(double) - flops == pytest.approx(
        6 * plan.model.adapter_weights(plan.settings.rank))


def test_the_first_steps_are_not_timed():
    clock = gpu_trial.Clock(on_gpu=False)
    clock.times = [0.0, 50.0, 90.0, 91.0, 92.0]
    assert clock.speed(tokens=400) == pytest.approx(100)
