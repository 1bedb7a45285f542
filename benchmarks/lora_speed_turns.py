"""A real model trained in three ways at once, a step each in turn: how fast is each?

    python -m benchmarks.lora_speed --model gemma-3-270m
    python -m benchmarks.lora_speed --model gemma-3-270m --record

A step of TRL takes many seconds here, so a whole training in each way, several times over, is out
of the question. Instead each way is a thread with a model of its own, and only the one whose turn
it is computes. A machine that is busy for a minute so slows all of them. All learn from the same
rows, in as many steps; the held-out loss after the last says whether they learned the same.

The first step of each way is not counted: memory is fetched then, and kernels are chosen.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, TrainerCallback

from benchmarks.lora_speed_parts import SHORT, held_out_loss, record, section, trl_trainer
from lessonlib.lora import base, loop, tuning
from lessonlib.lora import rows as lora_rows
from lessonlib.models import folders
from lessonlib.models.chat_template import template_of
from lessonlib.models.device import choose_threads, share_out
from lessonlib.models.quiet import quiet
from lessonlib.tasks import recipes
from lessonlib.tasks.training_rows import chat_rows

STEPS, BATCH, HELD_OUT = 8, 8, 24
SETTINGS = tuning.LoraSettings(epochs=1, rank=16, learning_rate=5e-4, batch_size=BATCH)
WAYS = ("TRL's defaults", "TRL's best settings", "lessonlib.lora")
CLOSING = (
    "TRL's defaults: bfloat16 autocast over float32 weights, gradient checkpointing, batches at "
    "random. Its best settings: weights in bfloat16, no gradient checkpointing, rows of like "
    "length together. In all three only answer tokens count, and the adapter is the same. TRL's "
    "fused loss is in both: on a processor it still scores all positions of a row, and takes only "
    "those of the answer into the sum. The ways take turns after each step. Tokens are those of "
    "the rows, padding not counted. Ratios are against TRL's defaults, over all steps but the "
    "first of each way: by the clock on the wall, and by the processor's own time, which is the "
    "one to trust where other programs run. Memory is what the largest step needs beside the "
    "model and the adapter."
)


@dataclass(frozen=True)
class Step:
    """Seconds on the wall and of the processor, and megabytes on top of what was there before."""

    wall: float
    processor: float
    megabytes: float


def memory(line: str) -> float:
    """Megabytes of this process by ``/proc``: ``VmRSS`` now, ``VmHWM`` at most; else NaN."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    return int(text.partition(line + ":")[2].split()[0]) / 1024


def forget_peak() -> None:
    """Let ``VmHWM`` begin anew from what the process uses now (Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


class Turns:
    """Several trainings, a thread each, of which one computes at a time."""

    def __init__(self, ways, told: Callable[[str, Step], None] = lambda way, step: None):
        self.took = {way: [] for way in ways}
        self._order, self._next, self._told = list(ways), 0, told
        self._change, self._failed = threading.Condition(), False

    def begin(self, way: str, threads: int) -> None:
        """Wait until it is the turn of this way, which uses so many threads; start the watch."""
        with self._change:
            self._change.wait_for(lambda: self._failed or self._order[self._next] == way)
            if self._failed:
                raise RuntimeError("Another of the trainings failed.")
        torch.set_num_threads(threads)  # in part it holds for the whole process, so each time
        forget_peak()
        self._before = memory("VmRSS"), time.perf_counter(), time.process_time()

    def end(self, way: str) -> None:
        """Stop the watch; the next one's turn."""
        held, wall, processor = self._before
        step = Step(
            time.perf_counter() - wall, time.process_time() - processor, memory("VmHWM") - held
        )
        self.took[way].append(step)
        self._told(way, step)
        with self._change:
            self._next = (self._next + 1) % len(self._order)
            self._change.notify_all()

    def run(self, trainings: dict[str, Callable[[], None]]) -> None:
        """Let all train to their end; each calls ``begin`` and ``end`` around its steps."""

        def alone(training):
            try:
                training()
            except BaseException:
                with self._change:
                    self._failed = True
                    self._change.notify_all()
                raise

        with ThreadPoolExecutor(len(trainings)) as threads:
            for done in [threads.submit(alone, one) for one in trainings.values()]:
                done.result()


class TakeTurns(TrainerCallback):
    """Hugging Face's trainer tells this of each step."""

    def __init__(self, turns: Turns, way: str):
        self.turns, self.way = turns, way

    def on_step_begin(self, *given, **named):
        self.turns.begin(self.way, choose_threads().value)

    def on_step_end(self, *given, **named):
        self.turns.end(self.way)


def ours(model: str, rows, turns: Turns, way: str) -> tuple:
    """The course's training, ready to start, and its model."""
    device = tuning.choose_device().value
    built, tokenizer = base.load(model, SETTINGS, device, 0)
    data = lora_rows.tokenise(rows, tokenizer, 10**6, "Training")
    learner = loop.Learner(built, SETTINGS, device)
    _lanes, threads = share_out(choose_threads().value)

    def train():
        with learner.at_work():
            loop.train(
                learner,
                data,
                [],
                seed=0,
                watch=lambda point, over: turns.end(way),
                stop=lambda: turns.begin(way, threads),  # None: go on
            )

    return train, built


def theirs(model: str, rows, turns: Turns, way: str, scratch: str, **better) -> tuple:
    """TRL's training, ready to start, and its model."""
    trainer = trl_trainer(rows, SETTINGS, 0, scratch, model, bf16=SHORT, **better)
    trainer.add_callback(TakeTurns(turns, way))
    return trainer.train, trainer.model


def report(took: dict[str, list[Step]], losses: dict[str, float], tokens: int) -> list[tuple]:
    """The table, a tuple a line; the first step of each way does not count.

    Args:
        tokens: mean tokens of a step.
    """
    lines = [("", "tokens/s", "seconds a step", "ratio", "ratio by processor",
              "memory of a step", "held-out loss")]
    means = {
        way: (sum(one.wall for one in steps[1:]) / len(steps[1:]),
              sum(one.processor for one in steps[1:]) / len(steps[1:]))
        for way, steps in took.items()
    }
    first = next(iter(means.values()))
    for way, (wall, processor) in means.items():
        most = max(one.megabytes for one in took[way])
        lines.append((way, f"{tokens / wall:,.0f}", f"{wall:.2f}", f"{first[0] / wall:.2f}x",
                      f"{first[1] / processor:.2f}x", f"{most / 1000:.1f} GB",
                      f"{losses[way]:.3f}"))
    return lines


def run(name: str, keep: bool, steps: int = STEPS) -> None:
    """Measure, print, and write the section of ``LORA_SPEED.md`` if asked to."""
    folder = str(folders.find_base(name))
    examples = chat_rows(recipes.load("train")[: steps * BATCH])
    checks = chat_rows(recipes.load("validation")[:HELD_OUT])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template_of(tokenizer)
    said = (f"{tuning.choose_device()}; {choose_threads().value} threads; {steps} steps of "
            f"{BATCH} rows, rank {SETTINGS.rank}; held out: {HELD_OUT} rows.")
    print(said, "\n", flush=True)
    turns = Turns(WAYS, lambda way, step: print(
        f"{way:<22}{step.wall:8.2f} s {step.processor:8.2f} s of the processor", flush=True))
    defaults, best, course = WAYS
    with tempfile.TemporaryDirectory() as scratch, quiet():
        ready = {
            defaults: theirs(folder, examples, turns, defaults, scratch),
            best: theirs(folder, examples, turns, best, scratch, dtype=torch.bfloat16,
                         gradient_checkpointing=False,
                         train_sampling_strategy="group_by_length"),
            course: ours(folder, examples, turns, course),
        }
        turns.run({way: train for way, (train, _model) in ready.items()})
        for way, (_train, model) in ready.items():
            model.save_pretrained(Path(scratch) / way)
        del ready, model
        checks = lora_rows.tokenise(checks, tokenizer, 10**6, "Validation")
        losses = {way: held_out_loss(Path(scratch) / way, checks, folder, 4) for way in WAYS}
    data = lora_rows.tokenise(examples, tokenizer, 10**6, "Training")
    lines = report(turns.took, losses, sum(len(row["input_ids"]) for row in data) / steps)
    print()
    for cells in lines:
        print(f"{cells[0]:<22}" + "".join(f"{cell:>20}" for cell in cells[1:]))
    if keep:
        record(section(name, lines, said, CLOSING))
