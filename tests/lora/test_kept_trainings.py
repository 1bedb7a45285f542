"""In a run of the tests the same training is done once; whatever differs is trained."""

from __future__ import annotations

import pytest

from lessonlib.common import paths
from lessonlib.lora import tuning
from lessonlib.tasks import recipes
from lessonlib.tasks.training_rows import chat_rows
from tests import kept_trainings

ROWS = chat_rows(recipes.load("train")[:4])
SHORT = tuning.LoraSettings(rank=2, epochs=1, batch_size=2, keep_checkpoints=True)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """How often something was really trained, with a folder for finished trainings."""
    times, train = [], tuning._run

    def count(*given, **named):
        times.append(1)
        return train(*given, **named)

    monkeypatch.setattr(tuning, "_run", count)
    kept_trainings.install()
    monkeypatch.setenv(kept_trainings.VARIABLE, str(tmp_path / "trainings"))
    return times


def tune(name, rows=ROWS, settings=SHORT, **more):
    return tuning.tune(rows, name, settings=settings, show=False, **more)


def test_the_same_training_is_taken_under_another_name_and_is_whole(trained):
    first, second = tune("kept-a"), tune("kept-b")
    assert len(trained) == 1
    assert second.name == "kept-b" and second.history == first.history
    assert tuning.load("kept-b").tokens == first.tokens
    weights = [(one.folder / "model.safetensors").read_bytes() for one in (first, second)]
    assert weights[0] == weights[1]
    assert second.checkpoint(1).folder.is_dir()


@pytest.mark.parametrize("change", [
    {"rows": ROWS[:3]}, {"seed": 1}, {"validation": ROWS[:1]},
    {"settings": tuning.LoraSettings(rank=2, epochs=1, batch_size=1)}])
def test_whatever_differs_is_trained(trained, change):
    tune("kept-a")
    tune("kept-a", **change)
    assert len(trained) == 2


def test_another_base_is_always_trained_on(trained):
    """Another base may have new weights under its old name."""
    tune("kept-base")
    for _ in range(2):
        tune("kept-further", base=paths.MODELS / "kept-base")
    assert len(trained) == 3


def test_learners_always_train(trained, monkeypatch):
    monkeypatch.delenv(kept_trainings.VARIABLE)
    tune("kept-a")
    tune("kept-a")
    assert len(trained) == 2
