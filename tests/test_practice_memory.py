"""What the practice service keeps in memory of models that were asked some time ago."""

import queue
import shutil

import pytest

from lessonlib import paths
from lessonlib.practice.batch import Answer, Settings
from lessonlib.practice.engine import Engine
from lessonlib.practice.folders import ModelFolder


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
    return sum(one.nbytes for store in batch.model.slots.stores for one in store)


def test_a_model_that_is_not_asked_any_more_gives_its_memory_back(engine, tmp_path):
    """Each model that notebook 01 had tuned kept 100 MB: with 2 GB its kernel was killed."""
    shutil.copytree(paths.BUILT_IN, tmp_path / "other")
    first = engine.batch_for(ModelFolder("pantry", paths.BUILT_IN, 0, "0"))
    second = engine.batch_for(ModelFolder("other", tmp_path / "other", 0, "0"))
    said = ask(engine, first)
    assert said and held(first) > 0, "it is kept for the next question to the same model"
    assert ask(engine, second) == said
    assert held(first) == 0 and held(second) > 0
    assert ask(engine, first) == said, "and it answers as before"
