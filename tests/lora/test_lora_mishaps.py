"""What can happen around a training: two at once, a full disk, a base that is gone, odd rows."""

import datetime
import json
import threading
from dataclasses import replace

import pytest
import torch
from fine_tuning_parts import rows
from safetensors import SafetensorError
from safetensors.torch import load_file

from lessonlib import lora
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora import rows as lora_rows
from lessonlib.lora import saving
from lessonlib.lora.record import fingerprint

ROWS = rows(8)
SETTINGS = lora.LoraSettings(epochs=1, batch_size=4, rank=2, device="cpu-fp32")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "ADAPTERS", tmp_path / "adapters")
    return tmp_path


def tune(name, examples=ROWS, settings=SETTINGS, **more):
    return lora.tune(examples, name, settings=settings, show=False, **more)


def weights(name):
    return load_file(paths.ADAPTERS / name / "adapter_model.safetensors")


def test_two_trainings_at_once_end_as_one_after_the_other():
    """Two threads that loaded a model at once both failed ("Cannot copy out of meta tensor"), and
    so did every later training in that process, until the kernel was restarted."""
    failed = []

    def begin(name):
        try:
            tune(name)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=begin, args=[f"beside-{number}"]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    tune("alone")
    alone = weights("alone")
    for number in range(3):
        beside = weights(f"beside-{number}")
        assert all(torch.equal(beside[name], alone[name]) for name in alone)


def test_rows_may_carry_notes_that_json_does_not_know(capsys):
    """Rows from a spreadsheet carry dates. Notes of one's own are passed over in training, but the
    fingerprint of what was asked for broke off with a TypeError."""
    dated = [{**row, "bought": datetime.date(2026, 11, 27)} for row in ROWS]
    tune("dated", dated, validation=dated[:2], reuse=True)
    tune("dated", dated, validation=dated[:2], reuse=True)
    assert "dated was tuned here before" in capsys.readouterr().out
    later = [{**row, "bought": datetime.date(2026, 11, 28)} for row in ROWS]
    asked = {fingerprint(some, None, "", SETTINGS, 0) for some in (ROWS, dated, later)}
    assert len(asked) == 3


def test_a_checkpoint_whose_base_is_gone_says_so():
    """The libraries took the folder's path for a name on the hub, and complained of its slashes."""
    base = tune("base")
    tuned = tune("upon-it", settings=replace(SETTINGS, keep_checkpoints=True), base="base")
    for path in base.folder.iterdir():
        path.unlink()
    with pytest.raises(LessonError, match="No base model found at .*base"):
        lora.load("upon-it").checkpoint(1)
    assert tuned.folder.is_dir() and not (paths.MODELS / "upon-it-epoch-1").exists()


@pytest.mark.parametrize("change", [
    lambda record: "",
    lambda record: json.dumps(record)[:200],
    lambda record: json.dumps(record | {"of_a_later_version": 1}),
    lambda record: json.dumps(record | {"settings": record["settings"] | {"schedule": "zigzag"}}),
])  # fmt: skip
def test_a_record_that_cannot_be_read_is_as_good_as_none(change, capsys):
    """With ``reuse=True`` a cell could never be run again: half a record, or one of another version
    of the course, ended it with a JSONDecodeError or a TypeError before anything was trained."""
    record = tune("odd").adapter_folder / "tuning.json"
    record.write_text(change(json.loads(record.read_text("utf-8"))), encoding="utf-8")
    with pytest.raises(LessonError, match="No model called odd was tuned here"):
        lora.load("odd")
    tune("odd", reuse=True)
    assert "tuned here before" not in capsys.readouterr().out
    assert lora.load("odd").settings == SETTINGS


def test_without_merging_no_older_model_answers_to_the_name(capsys):
    """Tuned anew without merging, a name kept the old merged model beside the new adapter, and
    ``reuse`` took the two for one: the service answered with what other rows had taught."""
    old = tune("renewed")
    assert old.folder.is_dir()
    tune("renewed", ROWS[:4], merge=False)
    assert not old.folder.exists()
    again = tune("renewed", ROWS[:4], reuse=True)
    assert "tuned here before" not in capsys.readouterr().out
    assert again.folder.is_dir()


def test_without_merging_a_base_of_the_same_name_stays():
    folder = tune("self").folder
    tune("self", base="self", merge=False)
    assert (folder / "config.json").is_file()


@pytest.mark.parametrize("error", [
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    OSError(28, "No space left on device"),
    OSError("[WinError 112] There is not enough space on the disk"),
])  # fmt: skip
def test_a_full_disk_comes_with_a_way_on_and_leaves_nothing_behind(monkeypatch, error):
    """After minutes of training it was told in the words of a library, ``SafetensorError``."""
    def full(*given):
        raise error

    monkeypatch.setattr(saving, "save_merged", full)
    with pytest.raises(LessonError, match="The disk is full") as told:
        tune("full")
    assert str(paths.MODELS) in told.value.cure
    assert not list(paths.ADAPTERS.iterdir())


def test_a_text_of_which_nothing_can_be_learned_is_named():
    """A model without a token that begins a text has nothing to predict a single token from. A
    batch of such rows was divided by its number of answer tokens, zero."""

    class Bare:
        bos_token_id = None

        def encode(self, text, add_special_tokens):
            return list(text.encode())

    texts = [{"text": "ab"}, {"text": "a"}]
    with pytest.raises(LessonError, match="Training row 2: its text is a single token"):
        lora_rows.tokenise(texts, Bare(), 100, "Training")
    assert lora_rows.tokenise(texts[:1], Bare(), 100, "Training")[0]["labels"] == [97, 98]
