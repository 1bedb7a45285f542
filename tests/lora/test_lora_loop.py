"""One training loop: behind ``lora.tune`` and behind jobs, and what may happen in between."""

import json
import time
import weakref
from dataclasses import replace

import pytest
import torch
from fine_tuning_parts import jsonl, rows
from safetensors.torch import load_file

from lessonlib import lora
from lessonlib.common import paths
from lessonlib.lora import base as lora_base
from lessonlib.lora import loop
from lessonlib.lora import rows as lora_rows
from lessonlib.lora.loss import answer_loss, mean_loss, padded, row_losses
from lessonlib.lora.speed import LengthBatches
from lessonlib.lora.tuning import LoraSettings
from lessonlib.models.quiet import quiet
from lessonlib.practice.protocol import openai_view
from lessonlib.practice.store import states
from lessonlib.practice.store.file_store import StoredFile
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.store import DEFAULT, Store
from lessonlib.practice.trainer import job_training

ROWS, CHECKS, SEED = rows(11), rows(3, 40), 3
SETTINGS = LoraSettings(epochs=2, batch_size=4, rank=4)


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "ADAPTERS", tmp_path / "adapters")
    return tmp_path


def learner_of(settings=SETTINGS, examples=ROWS, device="cpu-fp32"):
    with quiet():
        model, tokenizer = lora_base.load(str(paths.BUILT_IN), settings, device, SEED)
    data = lora_rows.tokenise(examples, tokenizer, 10**6, "Training")
    return loop.Learner(model, settings, device), data


def trained(learner, data, **named):
    """The points of a whole training, and the adapter."""
    points = []
    with learner.at_work():
        loop.train(learner, data, [], SEED, lambda point, over: points.append(point), **named)
    return points, {name: weight.clone() for name, weight in learner.state()["adapter"].items()}


def same(one, two):
    assert one.keys() == two.keys()
    return all(torch.equal(one[name], two[name]) for name in one)


# --- both ways


def a_job(folder, training=ROWS, validation=CHECKS, **chosen):
    """A job that waits for its training, in a store of its own."""
    store = Store(folder)
    for name, examples in (("train", training), ("check", validation)):
        content = jsonl(examples)
        store.files.draft(name).write_bytes(content)
        store.files.add(StoredFile(
            name, DEFAULT, "openai", "fine-tune", f"{name}.jsonl", len(content), "", 1))
    chosen = {"n_epochs": 2, "batch_size": 4, "learning_rate_multiplier": 1.0} | chosen
    store.jobs.create(Job(
        id="the-job", organisation=DEFAULT, view=openai_view.NAME, model="pantry",
        training_file="train", validation_file="check", seed=SEED, created_at=1,
        tuned_model="ft:pantry:practice::12345678", asked=chosen,
    ))
    job = store.jobs.next_to_check()
    store.jobs.move(job.id, states.QUEUED, "queued", chosen=json.dumps(chosen))
    return store, store.jobs.next_to_train()


@pytest.mark.parametrize(("threads", "batch"), [("1", 4), ("2", 4), ("1", 40)])
def test_a_job_and_lora_tune_give_the_same_adapter(work, monkeypatch, threads, batch):
    """They trained by two loops, in other orders of rows and with two schedules: the same rows
    tuned both ways gave two models, and nobody said why."""
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    examples = ROWS * (1 if batch == 4 else 4)
    store, job = a_job(work / "practice", examples, batch_size=batch)
    kept = {}
    save = job_training.saving.save_adapter

    def keep(model, folder):
        save(model, folder)
        kept.update(load_file(folder / "adapter_model.safetensors"))

    monkeypatch.setattr(job_training.saving, "save_adapter", keep)
    job_training.JobTraining(store, job).run()
    assert store.jobs.find(job.id).status == states.SUCCEEDED
    by_job = {name: weight.clone() for name, weight in kept.items()}
    settings = LoraSettings(epochs=2, batch_size=batch)
    tuned = lora.tune(examples, "both", settings=settings, validation=CHECKS, seed=SEED, show=False)
    by_tune = load_file(tuned.adapter_folder / "adapter_model.safetensors")
    assert any(weight.abs().max() > 0 for name, weight in by_tune.items() if "lora_B" in name)
    assert same(by_job, by_tune)
    told = [(point.step, point.train_loss, point.validation_loss) for point in tuned.epochs]
    metrics = {one["step"]: one for one in store.jobs.metrics(job.id)}
    assert told == [(step, metrics[step]["train_loss"], metrics[step]["valid_loss"])
                    for step, *_losses in told]


def test_a_broken_validation_file_is_called_so(work):
    """A row of the validation file that was too long was called "Training row 1"."""
    long = {"messages": [{"role": "user", "content": "salt"},
                         {"role": "assistant", "content": "salt " * 5000}]}
    store, job = a_job(work / "practice", validation=[long])
    with pytest.raises(job_training.JobFailure) as failure:
        job_training.JobTraining(store, job).run()
    code, message, param = failure.value.args
    assert (code, param) == ("invalid_validation_file", "validation_file")
    assert "Validation row 1" in message


# --- the loop


def test_a_training_that_is_stopped_and_goes_on_ends_where_another_ends():
    learner, data = learner_of()
    points, whole = trained(learner, data)
    assert [point.step for point in points] == [1, 2, 3, 4, 5, 6]
    first, data = learner_of()
    asked = []
    begun, _half = trained(first, data, stop=lambda: asked.append(1) or len(asked) > 4)
    assert len(begun) == 4
    second, data = learner_of()
    second.restore(first.state())
    rest, again = trained(second, data, start=4)
    assert same(whole, again)
    assert [p.train_loss for p in begun + rest] == [p.train_loss for p in points]


def test_the_order_of_rows_is_made_once_an_epoch(monkeypatch):
    """A job made the order of all its rows anew at every step."""
    made, really = [], LengthBatches.epoch
    monkeypatch.setattr(LengthBatches, "epoch",
                        lambda self, number: made.append(number) or really(self, number))
    trained(*learner_of())
    assert made == [0, 1]


@pytest.mark.parametrize("accumulate", [1, 4])
def test_two_lanes_are_repeatable_whichever_is_done_first(monkeypatch, accumulate):
    """With accumulated batches two lanes added to the same sum as they came: (a + b) + c in one
    run, (a + c) + b in the next, which is not the same number."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    really, found = loop.Learner._forward, []
    for slow in (0, 1, 2):
        turns = []

        def sometimes_slow(self, *given, slow=slow, turns=turns):
            turns.append(1)
            if slow and len(turns) % slow == 0:
                time.sleep(0.05)
            return really(self, *given)

        monkeypatch.setattr(loop.Learner, "_forward", sometimes_slow)
        settings = replace(SETTINGS, batch_size=2, accumulate=accumulate, epochs=1)
        found.append(trained(*learner_of(settings))[1])
    assert same(found[0], found[1]) and same(found[0], found[2])


@pytest.mark.parametrize("change", [
    {"batch_size": 2, "accumulate": 4},  # in four parts
    {"recompute": True},
])  # fmt: skip
def test_what_saves_memory_learns_the_same(change):
    whole, _adapter = trained(*learner_of(replace(SETTINGS, batch_size=8)))
    frugal, _adapter = trained(*learner_of(replace(SETTINGS, **({"batch_size": 8} | change))))
    assert [p.train_loss for p in frugal] == pytest.approx([p.train_loss for p in whole], rel=1e-3)


def test_a_large_batch_is_never_in_memory_as_a_whole(monkeypatch):
    learner, data = learner_of(replace(SETTINGS, batch_size=40, epochs=1), ROWS * 4)
    sizes, really = [], learner._forward
    monkeypatch.setattr(learner, "_forward",
                        lambda rows, *given: sizes.append(len(rows)) or really(rows, *given))
    learner.learn(data[:40], 1e-3)
    assert sizes == [16, 16, 8]


def test_of_a_large_batch_only_the_sum_of_the_gradients_is_kept(monkeypatch):
    """While a part was computed the gradients of the one before lay in memory beside the sum."""
    learner, data = learner_of(replace(SETTINGS, batch_size=2, accumulate=4))
    made, alive, really = [], [], learner._forward

    def watched(*given):
        alive.append(sum(gradient() is not None for gradient in made))
        found = really(*given)
        made.append(weakref.ref(found[2][0]))
        return found

    monkeypatch.setattr(learner, "_forward", watched)
    learner.learn(data[:8], 1e-3)
    assert alive == [0, 1, 0, 0], "the first part's are the sum so far"


@pytest.mark.parametrize(("schedule", "half"), [
    ("cosine", 0.5), ("linear", 0.5), ("constant_with_warmup", 1.0)])
def test_the_learning_rate_rises_and_falls_as_scheduled(schedule, half):
    settings = LoraSettings(learning_rate=1.0, warmup=0.2, schedule=schedule)
    rates = [loop.learning_rate(done, 20, settings) for done in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0]), "no step is without effect"
    assert rates[12] == pytest.approx(half)
    falling = schedule != "constant_with_warmup"
    assert rates[5:] == sorted(rates[5:], reverse=True) and (rates[-1] < 0.1) == falling


# --- the loss


def test_all_mean_losses_are_one():
    learner, data = learner_of()
    model = learner.model.get_base_model().eval()
    each = row_losses(model, data)
    assert each.shape == (len(data), 2)
    for row, (nats, tokens) in zip(data, each.tolist(), strict=True):
        with torch.no_grad():
            assert nats == pytest.approx(float(answer_loss(model, *padded([row]))), rel=1e-4)
        assert tokens == sum(label != -100 for label in row["labels"][1:])
    mean = float(each[:, 0].sum() / each[:, 1].sum())
    assert mean_loss(model, data) == pytest.approx(mean)
    assert learner.measure(data)[0] == pytest.approx(mean, rel=1e-4)


# --- what was tuned before


def test_another_validation_set_is_another_training(work, capsys):
    """Asked again with other validation rows, ``reuse`` gave the model with the old losses."""
    settings = replace(SETTINGS, epochs=1)
    first = lora.tune(ROWS, "checked", settings=settings, show=False, merge=False, reuse=True)
    assert first.epochs[-1].validation_loss is None
    found = [lora.tune(ROWS, "checked", settings=settings, validation=checks, show=False,
                       merge=False, reuse=True) for checks in (CHECKS, CHECKS[:1])]
    assert "tuned here before" not in capsys.readouterr().out
    losses = [one.epochs[-1].validation_loss for one in found]
    assert None not in losses and losses[0] != losses[1]
