"""How fast is our LoRA training? The same rows, steps and seed in four ways, side by side.

    python -m benchmarks.lora_speed
    python -m benchmarks.lora_speed --record      and write benchmarks/LORA_SPEED.md
    python -m benchmarks.lora_speed --formats     ours alone, in each number format and lanes
    python -m benchmarks.lora_speed --model gemma-3-270m [--record]      a real model

A real model takes TRL half a minute a step, so there all ways train at once and take turns after
each step: ``benchmarks/lora_speed_turns.py``.

Each round trains once in each way, one after the other, so that a busy machine slows all of
them alike; what counts is the ratio within a round, and of the rounds the median. Tokens per
second are tokens of the rows, padding not counted, over the time of the training loop alone.
The ratio is given by the clock on the wall and by the processor's time; on a machine that does
other work too, the second is the one to trust. The held-out loss is taken from each saved
adapter by the same plain float32 code.

As it comes, TRL computes in bfloat16, also on a processor that has to emulate it. There all ways
compute in float32, and one step of TRL as it comes is measured apart: a step took 21 seconds on
two cores, and three rounds of it would take most of an hour.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from peft import get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks import lora_speed_turns
from benchmarks.lora_speed_parts import (
    BASE,
    SHORT,
    held_out_loss,
    padded,
    record,
    section,
    trl_trainer,
)
from lessonlib.lora import base, loop, tuning
from lessonlib.lora import rows as lora_rows
from lessonlib.models.device import choose_threads
from lessonlib.models.quiet import quiet
from lessonlib.tasks import recipes
from lessonlib.tasks.training_rows import chat_rows


@dataclass(frozen=True)
class Took:
    """Seconds on the wall, and of the processor (all threads together)."""

    wall: float
    processor: float


@contextlib.contextmanager
def stopwatch() -> Iterator[list[Took]]:
    """``with stopwatch() as took: ...``; afterwards ``took[0]`` says how long it was."""
    took, wall, processor = [], time.perf_counter(), time.process_time()
    yield took
    took.append(Took(time.perf_counter() - wall, time.process_time() - processor))


def ours(rows, settings, seed, folder) -> Took:
    """Train as the course does."""
    device = tuning.choose_device(settings.device).value
    model, tokenizer = base.load(BASE, settings, device, seed)
    data = lora_rows.tokenise(rows, tokenizer, 10**6, "Training")
    learner = loop.Learner(model, settings, device)
    with learner.at_work(), stopwatch() as took:
        loop.train(learner, data, [], seed, lambda point, epoch_is_over: None)
    model.save_pretrained(folder)
    return took[0]


def trl(rows, settings, seed, folder, **better) -> Took:
    """Train with TRL's trainer."""
    with tempfile.TemporaryDirectory() as scratch:
        trainer = trl_trainer(rows, settings, seed, scratch, **better)
        with stopwatch() as took:
            trainer.train()
    trainer.model.save_pretrained(folder)
    return took[0]


def plain_trl(rows, settings, seed, folder) -> Took:
    """As it comes, in a number format that the processor has."""
    return trl(rows, settings, seed, folder, bf16=SHORT)


def better_trl(rows, settings, seed, folder) -> Took:
    """The same, with the setting that helps: no gradient checkpointing."""
    return trl(rows, settings, seed, folder, gradient_checkpointing=False, bf16=SHORT)


def bare_loop(rows, settings, seed, folder) -> Took:
    """The loop one writes first: PyTorch, PEFT, autocast, no trainer."""
    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    data = lora_rows.tokenise(rows, tokenizer, 10**6, "Training")
    model = AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    model = get_peft_model(model, base.adapter_config(settings, merged=False)).train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    steps = settings.epochs * math.ceil(len(data) / settings.batch_size)
    warmup = max(1, round(settings.warmup * steps))
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(step / warmup, 0.5 + 0.5 * math.cos(math.pi * step / steps)),
    )
    order = random.Random(seed)
    with stopwatch() as took:
        for _epoch in range(settings.epochs):
            order.shuffle(data)
            for start in range(0, len(data), settings.batch_size):
                ids, mask, labels = padded(data[start : start + settings.batch_size])
                with torch.autocast("cpu", torch.bfloat16, enabled=SHORT):
                    scores = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
                scores = scores[:, :-1].flatten(0, 1).float()
                F.cross_entropy(scores, labels[:, 1:].flatten()).backward()
                torch.nn.utils.clip_grad_norm_(weights, 1.0)
                optimizer.step()
                rate.step()
                optimizer.zero_grad()
    model.save_pretrained(folder)
    return took[0]


WAYS = {
    "TRL's defaults": plain_trl,
    "TRL's better settings": better_trl,
    "bare loop": bare_loop,
    "lessonlib.lora": ours,
}


def measure(arguments) -> dict[str, list[tuple[Took, float]]]:
    """For each way and round: seconds for one token, and held-out loss."""
    rows = chat_rows(recipes.load("train")[: arguments.rows])
    checks = chat_rows(recipes.load("validation"))
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    data = lora_rows.tokenise(rows, tokenizer, 10**6, "Training")
    held_out = lora_rows.tokenise(checks, tokenizer, 10**6, "Validation")
    tokens = arguments.epochs * sum(len(row["input_ids"]) for row in data)
    settings = tuning.LoraSettings(epochs=arguments.epochs, batch_size=arguments.batch)
    found = {way: [] for way in WAYS}
    for seed in range(arguments.rounds):
        for way, train in WAYS.items():
            with tempfile.TemporaryDirectory() as folder, quiet():
                torch.set_num_threads(choose_threads().value)  # the same for all
                took = train(rows, settings, seed, Path(folder))
                loss = held_out_loss(Path(folder), held_out)
            took = Took(took.wall / tokens, took.processor / tokens)
            found[way].append((took, loss))
            print(f"round {seed + 1}  {way:<24}{1 / took.wall:8,.0f} tokens/s", flush=True)
    return found


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    """Train with so many threads, a lane each: the environment variable decides it."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(number)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def formats(rows, held_out, settings) -> None:
    """What is fastest on this processor: for each number format, one lane and two."""
    cores = choose_threads().value
    for device in ("cpu-fp32", "cpu-bf16"):
        for lanes in sorted({1, min(2, cores)}):
            with tempfile.TemporaryDirectory() as folder, quiet(), threads(lanes):
                took = ours(rows, replace(settings, device=device), 0, Path(folder))
                loss = held_out_loss(Path(folder), held_out)
            print(f"{device}  lanes {lanes}  {took.wall:6.1f} s  {took.processor:6.1f} s of the "
                  f"processor  held-out loss {loss:.4f}", flush=True)


def emulated(rows, settings) -> str:
    """What one step of TRL as it comes takes, in words; '' where bfloat16 is not emulated."""
    if SHORT:
        return ""
    one = replace(settings, epochs=1)
    with tempfile.TemporaryDirectory() as folder, quiet():
        torch.set_num_threads(choose_threads().value)
        slow = trl(rows[: one.batch_size], one, 0, Path(folder)).wall
        quick = plain_trl(rows[: one.batch_size], one, 0, Path(folder)).wall
    return (f"This processor has no unit for bfloat16, so the table is in float32. As it comes, TRL"
            f" asks for bfloat16 here, too, and a step of {one.batch_size} rows takes {slow:.1f} s"
            f" where it takes {quick:.1f} s in float32 (measured once).")


def report(found: dict[str, list[tuple[Took, float]]], tokens_a_step: float) -> list[tuple]:
    """The table, a tuple a line. Ratios are against the first way, within each round.

    Args:
        tokens_a_step: mean tokens of a batch, which turns speed into seconds for a step.
    """
    first = [took for took, _loss in next(iter(found.values()))]
    lines = [("", "tokens/s", "seconds a step", "ratio", "ratio by processor", "held-out loss")]
    for way, results in found.items():
        tooks = [took for took, _loss in results]
        pairs = list(zip(first, tooks, strict=True))
        speed = statistics.median(1 / took.wall for took in tooks)
        wall = statistics.median(one.wall / took.wall for one, took in pairs)
        processor = statistics.median(one.processor / took.processor for one, took in pairs)
        loss = statistics.mean(loss for _took, loss in results)
        lines.append((way, f"{speed:,.0f}", f"{tokens_a_step / speed:.2f}", f"{wall:.2f}x",
                      f"{processor:.2f}x", f"{loss:.4f}"))
    return lines


CLOSING = (
    "Ratios are against TRL's defaults, within each round: by the clock on the wall, and by the "
    "processor's own time, which is the one to trust where other programs run. The bare loop is "
    "what PyTorch and PEFT need without a trainer."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="pantry")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--formats", action="store_true")
    arguments = parser.parse_args()
    if arguments.model != "pantry":
        return lora_speed_turns.run(arguments.model, arguments.record)
    said = (
        f"{tuning.choose_device()}; {choose_threads().value} threads; {arguments.rows} rows, "
        f"{arguments.batch} a step, {arguments.epochs} epochs, {arguments.rounds} rounds."
    )
    print(said, "\n")
    rows = chat_rows(recipes.load("train")[: arguments.rows])
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    data = lora_rows.tokenise(rows, tokenizer, 10**6, "Training")
    each = sum(len(row["input_ids"]) for row in data) / math.ceil(len(data) / arguments.batch)
    settings = tuning.LoraSettings(epochs=1, batch_size=arguments.batch)
    if arguments.formats:
        checks = chat_rows(recipes.load("validation"))
        held_out = lora_rows.tokenise(checks, tokenizer, 10**6, "Validation")
        return formats(rows, held_out, replace(settings, epochs=arguments.epochs))
    if slow := emulated(rows, settings):
        print(slow, "\n", flush=True)
        said += "\n\n" + slow
    lines = report(measure(arguments), each)
    print()
    for cells in lines:
        print(f"{cells[0]:<24}" + "".join(f"{cell:>20}" for cell in cells[1:]))
    if arguments.record:
        record(section("The built-in model", lines, said, CLOSING))


if __name__ == "__main__":
    main()
