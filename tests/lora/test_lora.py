"""Tuning on this machine: what is learned, what is written, and what is said when it fails."""

import json
import math

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora import rows as lora_rows
from lessonlib.lora import tuning
from lessonlib.lora.history import Point, epoch_ends, loss_picture
from lessonlib.lora.tuning import LoraSettings
from lessonlib.models import folders
from lessonlib.models.chat_template import NO_LABEL
from lessonlib.practice.protocol.catalogue import find_base
from lessonlib.tasks import recipes
from lessonlib.tasks.training_rows import chat_rows

CHAT = [
    {"role": "system", "content": "You sort fruit."},
    {"role": "user", "content": "apple, salt"},
    {"role": "assistant", "content": '["apple"]'},
]
# Few steps, so large ones: the change must stand out from the rounding to bfloat16.
SMALL = LoraSettings(epochs=2, batch_size=4, rank=4, learning_rate=4e-3, keep_checkpoints=True)


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(paths.BUILT_IN)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A work folder of our own, so that tests never touch the learner's models."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "MODELS", folder / "models")
        patch.setattr(paths, "ADAPTERS", folder / "adapters")
        yield folder


@pytest.fixture(scope="module")
def rows():
    return chat_rows(recipes.load("train")[:18])


@pytest.fixture(scope="module")
def checks():
    return chat_rows(recipes.load("validation")[:6])


@pytest.fixture(scope="module")
def tuned(work, rows, checks):
    return tuning.tune(rows, "small", settings=SMALL, validation=checks, seed=1, show=False)


# What is learned


def learned(messages, tokenizer):
    """The texts that carry labels, one for each unbroken stretch."""
    (row,) = lora_rows.tokenise([{"messages": messages}], tokenizer, 1000, "Training")
    assert len(row["input_ids"]) == len(row["labels"])
    stretches, before = [], NO_LABEL
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        assert label in (token, NO_LABEL)
        if label != NO_LABEL:
            stretches = stretches if before != NO_LABEL else [*stretches, []]
            stretches[-1].append(label)
        before = label
    return [tokenizer.decode(stretch) for stretch in stretches]


def test_only_the_answer_and_its_end_are_learned(tokenizer):
    assert learned(CHAT, tokenizer) == ['["apple"]' + tokenizer.eos_token]


def test_every_answer_of_a_longer_chat_is_learned(tokenizer):
    more = [{"role": "user", "content": "plum"}, {"role": "assistant", "content": "[]"}]
    end = tokenizer.eos_token
    assert learned(CHAT + more, tokenizer) == ['["apple"]' + end, "[]" + end]


def test_an_answer_of_weight_zero_is_read_but_not_learned(tokenizer):
    shown = [*CHAT[:2], {**CHAT[2], "weight": 0}]
    more = [{"role": "user", "content": "plum"}, {"role": "assistant", "content": "[]"}]
    assert learned(shown + more, tokenizer) == ["[]" + tokenizer.eos_token]


def test_the_prompt_is_the_one_that_the_model_gets_when_it_is_asked(tokenizer):
    (row,) = lora_rows.tokenise([{"messages": CHAT}], tokenizer, 1000, "Training")
    prompt = [
        token
        for token, label in zip(row["input_ids"], row["labels"], strict=True)
        if label == NO_LABEL
    ]
    asked = tokenizer.apply_chat_template(CHAT[:2], add_generation_prompt=True, return_dict=True)
    assert prompt == list(asked["input_ids"])


def test_of_raw_text_every_token_is_learned(tokenizer):
    (row,) = lora_rows.tokenise([{"text": "2 c. flour"}], tokenizer, 1000, "Training")
    assert row["labels"][0] == NO_LABEL, "the token that begins a text is given"
    assert row["input_ids"][0] == tokenizer.bos_token_id
    assert row["labels"][1:] == row["input_ids"][1:]
    assert tokenizer.decode(row["labels"][1:]) == "2 c. flour"


# Bad input


@pytest.mark.parametrize(
    ("row", "rule", "cure"),
    [
        ({}, "has no messages", 'Write {"messages"'),
        ({"messages": []}, "has no messages", 'Write {"messages"'),
        ("text", "has no messages", 'Write {"messages"'),
        ({"messages": "text"}, "messages must be a list", "square brackets"),
        ({"text": " "}, "its text is empty", "under 'text'"),
        ({"text": ["salt"]}, "its text is empty", "under 'text'"),
        ({"messages": CHAT[:2]}, "no message is the assistant's", "End the example with"),
        ({"messages": [*CHAT[:2], {**CHAT[2], "weight": 0}]}, "has weight 0", "the weight 1"),
        ({"messages": [{**CHAT[0], "role": "bot"}, *CHAT[1:]]}, "message 1: the role is 'bot'",
         "should be 'assistant'"),
        ({"messages": [*CHAT[:2], {**CHAT[2], "content": " "}]}, "message 3: the content is empty",
         "Fill it in"),
        ({"messages": [CHAT[0], {"role": "user"}, CHAT[2]]}, "message 2: the message has",
         'Add "content"'),
        ({"messages": [*CHAT[:2], {**CHAT[2], "content": "\ud83d"}]}, "half a character", "whole"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_with_its_rule_and_the_cure(row, rule, cure):
    with pytest.raises(LessonError) as told:
        tuning.tune([{"messages": CHAT}, row], "bad")
    assert "Training row 2: " in str(told.value)
    assert rule in told.value.problem
    assert cure in told.value.cure


def test_a_bad_validation_row_is_called_so():
    with pytest.raises(LessonError, match="Validation row 1: the example has no messages"):
        tuning.tune([{"messages": CHAT}], "bad", validation=[{}])


@pytest.mark.parametrize("weight", ["0", 0.5, 2, True, None])
def test_a_weight_that_is_neither_0_nor_1_is_refused(weight):
    """The text "0" was learned, 0.5 and 2 counted as 1: the check of files always refused them."""
    rows = [{"messages": [*CHAT[:2], {**CHAT[2], "weight": weight}]}]
    with pytest.raises(LessonError, match="Training row 1: message 3: the weight is"):
        lora_rows.check_rows(rows, "Training")


def test_what_training_passes_over_is_no_mistake():
    """Rows made of an SDK's answers hold keys with nothing in them; notes of one's own are fine."""
    said = {**CHAT[2], "tool_calls": None, "refusal": None, "function_call": None, "name": ""}
    lora_rows.check_rows([{"id": 7, "messages": [*CHAT[:2], said]}], "Training")


@pytest.mark.parametrize(
    ("rows", "problem"), [([], "there are none"), ({"messages": CHAT}, "must be a list")]
)
def test_rows_must_be_some(rows, problem):
    with pytest.raises(LessonError, match=problem):
        tuning.tune(rows, "bad")


def test_a_row_longer_than_the_context_is_refused_with_both_numbers(work, rows):
    long = {"messages": [*CHAT[:2], {"role": "assistant", "content": "salt " * 3000}]}
    with pytest.raises(LessonError, match=r"Training row 2: it has \d{4,} tokens, the limit is"):
        tuning.tune([rows[0], long], "long", show=False)
    assert not (paths.MODELS / "long").exists()
    assert not (paths.ADAPTERS / "long").exists()


@pytest.mark.parametrize(
    "name", ["", "my model", "ft:pantry", "../up", ".hidden", "a/b", "café", "x" * 65, "end.", None]
)
def test_a_name_must_do_as_a_folder_on_every_system(name):
    with pytest.raises(LessonError, match="cannot be called") as told:
        tuning.tune([{"messages": CHAT}], name)
    suggested = told.value.cure.split(": ")[1].rstrip(".")
    folders.check_name(suggested)


def test_the_built_in_model_cannot_be_replaced():
    with pytest.raises(LessonError, match="name of the built-in model"):
        tuning.tune([{"messages": CHAT}], "Pantry")


def test_a_model_that_was_fetched_cannot_be_replaced():
    """A tuned model called gemma-3-270m took the place of the real one, without a word."""
    with pytest.raises(LessonError, match="can be fetched") as told:
        tuning.tune([{"messages": CHAT}], "gemma-3-270m")
    folders.check_name(told.value.cure.split(": ")[1].rstrip("."))


def test_an_unknown_base_is_named():
    with pytest.raises(LessonError, match="no model 'no-such-model'"):
        tuning.tune([{"messages": CHAT}], "x", base="no-such-model")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rank": 0},
        {"epochs": 1.5},
        {"batch_size": True},
        {"learning_rate": 0},
        {"dropout": 1.0},
        {"warmup": -0.1},
        {"schedule": "zigzag"},
        {"max_length": 1},
    ],
)
def test_a_setting_out_of_range_is_named(wrong):
    (field,) = wrong
    with pytest.raises(LessonError, match=field):
        LoraSettings(**wrong)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
    ],
)
def test_too_little_memory_comes_with_a_way_on(monkeypatch, work, error):
    def fails(*args, **kwargs):
        raise error

    monkeypatch.setattr(tuning, "_run", fails)
    with pytest.raises(LessonError, match="enough memory for 8 rows") as told:
        tuning.tune([{"messages": CHAT}], "big", show=False)  # 16, and once more with half as many
    assert "batch_size=4" in told.value.cure


def test_other_errors_are_not_taken_for_a_lack_of_memory(monkeypatch, work):
    def fails(*args, **kwargs):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(tuning, "_run", fails)
    with pytest.raises(RuntimeError, match="shapes"):
        tuning.tune([{"messages": CHAT}], "other", show=False)


# What comes out


def test_the_loss_falls_and_the_history_says_so(tuned):
    steps = 2 * math.ceil(18 / 4)
    assert [point.step for point in tuned.history] == list(range(steps + 1))
    assert [point.epoch for point in tuned.epochs] == [1, 2]
    losses = [p.validation_loss for p in tuned.history if p.validation_loss is not None]
    assert len(losses) == 3, "before, and after each epoch"
    assert losses[0] > losses[1] > losses[2]
    assert tuned.history[0].train_loss is None
    assert all(point.train_loss > 0 for point in tuned.history[1:])
    seconds = [point.seconds for point in tuned.history]
    assert seconds == sorted(seconds) and seconds[-1] < tuned.seconds


def loss_by_transformers(folder, rows, tokenizer):
    """Mean loss per answer token, by the library's own code, a row at a time, in float32."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.requires_grad_(False)
    total = tokens = 0
    for row in lora_rows.tokenise(rows, tokenizer, 1000, "Validation"):
        ids, labels = (torch.tensor([row[key]]) for key in ("input_ids", "labels"))
        count = int((labels != NO_LABEL).sum())
        total += float(model(input_ids=ids, labels=labels).loss) * count
        tokens += count
    return total / tokens


def test_the_validation_loss_is_that_of_the_model_that_is_served(tuned, checks, tokenizer):
    """Whatever is done for speed, the last number must be the one that a learner would find."""
    found = loss_by_transformers(tuned.folder, checks, tokenizer)
    assert tuned.history[-1].validation_loss == pytest.approx(found, rel=0.01)
    first = loss_by_transformers(paths.BUILT_IN, checks, tokenizer)
    assert tuned.history[0].validation_loss == pytest.approx(first, rel=0.01)


def test_the_merged_model_is_whole_and_served_by_name(tuned, tokenizer):
    files = {path.name for path in tuned.folder.iterdir()}
    assert {"config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja",
            "model.safetensors"} <= files  # fmt: skip
    assert find_base("small").folder == tuned.folder
    again = AutoTokenizer.from_pretrained(tuned.folder)
    assert again.chat_template == tokenizer.chat_template
    merged = AutoModelForCausalLM.from_pretrained(tuned.folder)
    base = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN)
    assert merged.dtype == base.dtype
    assert merged.num_parameters() == base.num_parameters()


def test_the_merged_model_is_the_base_with_the_adapter(tuned, tokenizer):
    from peft import PeftModel

    ids = tokenizer.apply_chat_template(CHAT, return_dict=True, return_tensors="pt")["input_ids"]
    base = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, str(tuned.adapter_folder)).eval()
    merged = AutoModelForCausalLM.from_pretrained(tuned.folder, dtype=torch.float32)
    with torch.no_grad():
        # The merged weights are rounded to bfloat16, so the last digits differ.
        distance = (adapted(ids).logits - merged(ids).logits).abs().max()
        with adapted.disable_adapter():
            change = (adapted(ids).logits - merged(ids).logits).abs().max()
    assert distance < 0.1 * change


def test_the_same_seed_gives_the_same_model(tuned, rows, checks):
    again = tuning.tune(rows, "again", settings=SMALL, validation=checks, seed=1, show=False)
    assert again.history[-1].validation_loss == tuned.history[-1].validation_loss
    weights = [(model.folder / "model.safetensors").read_bytes() for model in (tuned, again)]
    assert weights[0] == weights[1]


def test_two_lanes_learn_the_same_and_are_repeatable(tuned, rows, checks, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    one, two = (
        tuning.tune(rows, "lanes", settings=SMALL, validation=checks, seed=1, show=False)
        for _turn in range(2)
    )
    assert [p.train_loss for p in one.history] == [p.train_loss for p in two.history]
    assert one.history[-1].validation_loss == two.history[-1].validation_loss
    alone = tuned.history[-1].validation_loss
    assert one.history[-1].validation_loss == pytest.approx(alone, rel=0.02)


def test_another_seed_gives_another_model(tuned, rows, checks):
    other = tuning.tune(rows, "other", settings=SMALL, validation=checks, seed=2, show=False)
    assert other.history[-1].validation_loss != tuned.history[-1].validation_loss


def test_an_earlier_checkpoint_becomes_a_model_of_its_own(tuned, checks, tokenizer):
    early = tuned.checkpoint(1)
    assert early.name == "small-epoch-1"
    assert find_base(early.name).folder == early.folder
    assert early.history[-1] == tuned.epochs[0]
    assert early.tokens == tuned.tokens // 2
    found = loss_by_transformers(early.folder, checks, tokenizer)
    assert tuned.epochs[0].validation_loss == pytest.approx(found, rel=0.01)
    last = tuned.checkpoint(2)
    weights = [(model.folder / "model.safetensors").read_bytes() for model in (last, tuned)]
    assert weights[0] == weights[1]


def test_a_checkpoint_that_was_not_kept_is_refused(tuned):
    with pytest.raises(LessonError, match="no checkpoint of small after epoch 7") as told:
        tuned.checkpoint(7)
    assert told.value.cure == "Kept are: 1, 2."


def test_a_tuned_model_is_found_again_after_a_restart(tuned):
    again = tuning.load("small")
    assert again.history == tuned.history
    assert again.settings == SMALL
    assert again.device == tuned.device
    assert again.checkpoint(1).name == "small-epoch-1"
    with pytest.raises(LessonError, match="No model called never"):
        tuning.load("never")


def test_a_tuned_model_can_be_tuned_further_by_its_name(tuned, rows):
    further = tuning.tune(rows[:4], "further", base="small", settings=LoraSettings(epochs=1),
                        show=False)  # fmt: skip
    assert further.base == str(tuned.folder.resolve())
    assert find_base("further") is not None


def test_colab_s_old_torchao_does_not_stop_us(work, rows, monkeypatch):
    """PEFT raises ImportError when it meets torchao below 0.16; Colab brings 0.10."""

    def too_old():
        raise ImportError("Found an incompatible version of torchao.")

    monkeypatch.setattr("peft.tuners.lora.torchao.is_torchao_available", too_old)
    settings = LoraSettings(epochs=1, dropout=0.1, rank=2)  # with dropout by PEFT's own layer
    tuning.tune(rows[:2], "colab", settings=settings, show=False)
    assert find_base("colab") is not None


# Half a model


def test_no_half_model_is_ever_seen_and_a_failure_keeps_the_old_one(work):
    target = paths.MODELS / "slow"
    with folders.new_folder(target) as folder:
        (folder / "config.json").write_text("1", encoding="utf-8")
        assert not target.exists()
        assert find_base(folder.name) is None, "names with a dot are never served"
    assert (target / "config.json").read_text(encoding="utf-8") == "1"
    with pytest.raises(KeyboardInterrupt), folders.new_folder(target) as folder:
        (folder / "config.json").write_text("2", encoding="utf-8")
        raise KeyboardInterrupt
    assert (target / "config.json").read_text(encoding="utf-8") == "1"
    with folders.new_folder(target) as folder:
        (folder / "config.json").write_text("3", encoding="utf-8")
    assert (target / "config.json").read_text(encoding="utf-8") == "3"
    assert not [path for path in paths.MODELS.iterdir() if path.name.startswith(".")]


def test_a_folder_that_stays_in_use_is_named_and_the_old_model_stays(work, monkeypatch):
    target = paths.MODELS / "held"
    with folders.new_folder(target) as folder:
        (folder / "config.json").write_text("old", encoding="utf-8")

    def refuses(self, other):
        raise PermissionError("in use")

    monkeypatch.setattr(folders.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(type(target), "rename", refuses)
    with pytest.raises(LessonError, match="held cannot be replaced"):
        with folders.new_folder(target):
            pass
    monkeypatch.undo()
    assert (target / "config.json").read_text(encoding="utf-8") == "old"


# What a learner sees


def test_a_terminal_shows_one_line_an_epoch_and_nothing_else(work, rows, checks, capfd):
    tuning.tune(rows[:6], "lines", settings=LoraSettings(epochs=2), validation=checks)
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1 of 2: training loss ")
    assert "validation loss" in lines[1]
    assert lines[2].startswith("lines: 2 epochs in ")
    assert err == ""


@pytest.mark.parametrize("progress", ["0", "1"])
def test_a_notebook_shows_one_picture_with_its_words_and_no_noise(
    tmp_path, project, monkeypatch, progress
):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("LESSON_WORK", str(tmp_path))
    monkeypatch.setenv("LESSON_PROGRESS", progress)
    cell = """
from lessonlib import lora
chat = [{"role": "user", "content": "salt"}, {"role": "assistant", "content": "[]"}]
settings = lora.LoraSettings(epochs=2, batch_size=2)
model = lora.tune([{"messages": chat}] * 4, "seen", settings=settings,
                  validation=[{"messages": chat}])
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, resources={"metadata": {"path": str(project)}}).execute()
    outputs = notebook.cells[0].outputs
    assert not [output for output in outputs if output.output_type == "stream"]
    shown = [output.data["text/html"] for output in outputs if "<img" in str(output.data)]
    assert len(shown) == 1
    assert 'alt="Loss while tuning seen: loss per token by epoch. Training: from' in shown[0]
    assert (tmp_path / "models" / "seen" / "config.json").is_file()


def test_the_picture_says_in_words_where_the_validation_loss_is_lowest():
    history = [Point(0, 0.0, None, 1.5, 0.0), Point(1, 0.5, 1.4, None, 1.0)]
    history += [Point(2, 1.0, 0.8, 0.9, 2.0), Point(3, 1.5, 0.6, None, 3.0)]
    history += [Point(4, 2.0, 0.2, 1.1, 4.0)]
    assert [point.step for point in epoch_ends(history)] == [2, 4]
    words = loss_picture(history, "mine").alt
    assert "from 1.40 to 0.20" in words
    assert "1.50, 0.90, 1.10; lowest at epoch 1" in words


def test_the_record_on_disk_is_plain_json(tuned):
    saved = json.loads((tuned.adapter_folder / "tuning.json").read_text(encoding="utf-8"))
    assert saved["settings"]["learning_rate"] == SMALL.learning_rate
    assert saved["device"]["reason"]
    assert "folder" not in saved
