"""Before a job trains a model of any size: settings that suit it, memory, threads, minutes."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.memory_left import available_memory
from lessonlib.lora import memory as lora_memory
from lessonlib.lora import plan
from lessonlib.lora.memory import gigabytes
from lessonlib.lora.settings import ROWS_AT_ONCE, LoraSettings
from lessonlib.models import catalogue
from lessonlib.practice.trainer.checking import JobFailure

#: How long a job waits for memory: the service lets large models go that nobody asks any more.
PATIENCE, LOOK = 60.0, 2.0
#: From so many weights on a job takes minutes: it says how many, and gets more threads.
LARGE = 50_000_000


class Size:
    """How large a model in a folder is, read from the beginnings of its files."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.weights = sum(weights_in(file) for file in folder.glob("*.safetensors"))

    @property
    def is_large(self) -> bool:
        return self.weights >= LARGE


def weights_in(file: Path) -> int:
    """How many numbers a safetensors file holds; 0 where it is damaged, which loading tells.

    The format: 8 bytes with the length of a JSON text, which has the shape of each tensor
    (https://huggingface.co/docs/safetensors).
    """
    try:
        with open(file, "rb") as opened:
            header = json.loads(opened.read(int.from_bytes(opened.read(8), "little")))
        return sum(prod(one["shape"]) for name, one in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError, OverflowError):
        return 0


def settings(size: Size, chosen: dict) -> LoraSettings:
    """The settings of a job: what it was told, and for the rest what suits a model of that size.

    ``learning_rate_multiplier`` multiplies the rate that suits the model: large ones bear smaller
    steps than the built-in one.
    """
    suited = plan.for_size(size.weights)
    return replace(
        suited,
        epochs=chosen["n_epochs"],
        batch_size=chosen["batch_size"],
        learning_rate=chosen["learning_rate_multiplier"] * suited.learning_rate,
    )


def fitting(size: Size, wanted: LoraSettings, device: str) -> tuple[LoraSettings, int]:
    """The settings with as many rows at a time as there is memory for, and the bytes they need.

    Fewer rows at a time are taken in more turns; so the same is learned in each step.

    Raises:
        JobFailure: the memory does not suffice for a single row.
    """
    ways = [replace(wanted, batch_size=rows, accumulate=wanted.batch_size // rows)
            for rows in range(wanted.batch_size, 0, -1)
            if wanted.batch_size % rows == 0 and rows <= ROWS_AT_ONCE]  # fmt: skip
    deadline = time.monotonic() + PATIENCE
    while True:
        free = available_memory()
        for way in ways:
            needed = _bytes_needed(size, way, device)
            if free is None or needed <= plan.FILL * free:
                return way, needed
        if time.monotonic() > deadline:
            raise JobFailure(
                "insufficient_memory",
                f"The memory does not suffice to train this model: it takes {gigabytes(needed)} "
                f"with a single row at a time, and {gigabytes(free)} are free. Shut down other "
                "notebooks, or tune a smaller model.",
                "model",
            )
        time.sleep(LOOK)


def _bytes_needed(size: Size, way: LoraSettings, device: str) -> int:
    """The peak of a training step; by a rule of thumb for an architecture that is not counted."""
    try:
        model = catalogue.from_folder(size.folder, size.folder.name)
        return lora_memory.estimate(model, way, device).total
    except (LessonError, AttributeError):
        weights = size.weights * lora_memory.BYTES[device.split("-")[1]]
        return weights + (weights // 4 + 2**27) * min(way.batch_size, ROWS_AT_ONCE)


@contextlib.contextmanager
def threads(size: Size) -> Iterator[None]:
    """Let a large model train with all threads that training gets on this machine.

    A small one trains with one, as its operations are short. A large one takes minutes, for which
    its learner waits; and the trainer gives way to whoever else wants the processor.
    """
    before, more = os.environ.get("OMP_NUM_THREADS"), os.environ.get("LESSON_LARGE_THREADS")
    if not (size.is_large and more):
        yield
        return
    os.environ["OMP_NUM_THREADS"] = more
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
