"""What the practice service keeps in memory of models that were asked some time ago."""

import queue
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lessonlib.common import paths
from lessonlib.practice.answers.batch import Answer, Settings
from lessonlib.practice.answers.engine import Engine
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.trainer import process as trainer_process


@pytest.fixture
def engine():
    running = Engine()
    yield running
    running.stop()


def ask(engine, batch, text="List the foods: 2 eggs, 1 cup milk"):
    prompt = batch.model.encode([{"role": "user", "content": text}])
    pieces, said = queue.Queue(), ""
    engine.submit(batch, [Answer(0, prompt, Settings(max_tokens=12), pieces.put)])
    while True:
        piece = pieces.get(timeout=60)
        if isinstance(piece, Exception):
            raise piece
        said += piece.text
        if piece.finish:
            return said


def held(batch):
    """Bytes that a model holds for its requests."""
    running = [one for store in batch.model.slots.stores for one in store]
    kept = [one for _tokens, memory in batch._prefixes._kept.values() for layer in memory
            for one in layer]
    return sum(one.nbytes for one in running + kept)


def test_a_model_that_is_not_asked_any_more_gives_its_memory_back(engine, tmp_path):
    """Each model that notebook 04 had tuned kept 100 MB: with 2 GB its kernel was killed."""
    shutil.copytree(paths.BUILT_IN, tmp_path / "other")
    first = engine.batch_for(ModelFolder("pantry", paths.BUILT_IN, 0, "0"))
    second = engine.batch_for(ModelFolder("other", tmp_path / "other", 0, "0"))
    said = ask(engine, first)
    # A beginning that two questions share is kept for a third one: that was never given back.
    long = "List the foods: " + "2 eggs, 1 cup milk, " * 20
    for last in ("salt", "sugar"):
        ask(engine, first, long + last)
    assert len(first._prefixes._kept) == 1
    assert said and held(first) > 0, "it is kept for the next question to the same model"
    assert ask(engine, second) == said
    assert held(first) == 0 and held(second) > 0
    assert ask(engine, first) == said, "and it answers as before"


class Jobs:
    """A store's jobs: whether there is one that is not finished."""

    waiting = True

    def unfinished(self, only_work):
        return ["job"] if self.waiting else []


@pytest.mark.parametrize(("free", "kept"), [(10**9, False), (10**10, True), (None, True)])
def test_where_memory_is_scarce_the_trainer_ends_with_its_work(monkeypatch, free, kept):
    """Notebook 11 lets the service train, then tunes by itself. The trainer waited for more work,
    with 0.6 GB, and with 2 GB in all the notebook's kernel was killed.
    """
    clock = SimpleNamespace(now=0.0)
    jobs = Jobs()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setattr(trainer_process, "available_memory", lambda: free)
    monkeypatch.setattr(trainer_process, "start_trainer", lambda: process)
    monkeypatch.setattr(trainer_process.time, "monotonic", lambda: clock.now)
    trainer = trainer_process.TrainerProcess(SimpleNamespace(jobs=jobs))
    trainer.get_ready()
    trainer._look()
    clock.now = 1000.0  # long work, looked at all the time
    trainer._look()
    assert process.poll() is None, "it has work"
    jobs.waiting, clock.now = False, 1000.0 + trainer_process.SCARCE_AFTER + 1
    trainer._look()
    assert (process.poll() is None) == kept
    trainer.stop()
    assert process.poll() is not None


def test_work_of_one_learner_does_not_shorten_what_another_was_promised(monkeypatch):
    """Where memory is scarce, an upload keeps the trainer for 60 seconds. A job of somebody else
    that ended in them made it two, and the next job waited for its libraries again."""
    clock, jobs = SimpleNamespace(now=0.0), ["job"]
    monkeypatch.setattr(trainer_process, "available_memory", lambda: 10**9)
    monkeypatch.setattr(trainer_process.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(trainer_process, "start_trainer", lambda: SimpleNamespace(
        pid=1, poll=lambda: None, kill=lambda: None, wait=lambda timeout: 0,
        stdin=SimpleNamespace(close=lambda: None)))
    store = SimpleNamespace(jobs=SimpleNamespace(unfinished=lambda only_work: jobs))
    process = trainer_process.TrainerProcess(store)
    process.get_ready()
    process._look()
    jobs.clear()
    clock.now = trainer_process.SCARCE_AFTER + 1
    process._look()
    assert process._process is not None, "announced for a minute"
    clock.now = trainer_process.SCARCE_BEFORE + 1
    process._look()
    assert process._process is None
