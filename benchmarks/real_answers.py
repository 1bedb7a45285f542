"""Recipes answered by a real model: the practice service against transformers' own ``generate``.

    python -m benchmarks.real_answers                       100 recipes, gemma-3-270m
    python -m benchmarks.real_answers --recipes 32 --record

The two take turns, a part of the recipes each, so that other programs on the machine slow both of
them alike. Both get the same prompts, and for each recipe as many tokens as its right answer has:
that is what a tuned model writes, and no training is needed to measure it. The service is asked as
``lessonlib.evaluate`` asks it, by 16 callers at once, through HTTP. ``generate`` gets 16 prompts at
a time, padded, and goes on until the longest answer of these is done.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import psutil
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import lessonlib
from lessonlib.models import folders
from lessonlib.models.chat_template import ask_ids
from lessonlib.models.device import choose_device, choose_threads
from lessonlib.practice import service
from lessonlib.practice.answers.folder import FORMATS
from lessonlib.tasks import prompting, recipes

CALLERS = 16
RECORD = Path(__file__).with_name("REAL_ANSWERS.md")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--recipes", type=int, default=100)
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    options = parser.parse_args()
    text = measure(options.model, recipes.load("test")[: options.recipes])
    print(text)
    if options.record:
        RECORD.write_text(f"# Answers of a real model on a processor\n\n{text}", encoding="utf-8")


def measure(name: str, asked: Sequence[recipes.Recipe]) -> str:
    """Both ways in turn; the result as text."""
    folder = folders.find_base(name)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    counts = [len(tokenizer(recipes.answer(one))["input_ids"]) for one in asked]
    prompts = [prompting.tuned(one) for one in asked]
    with lessonlib.connect() as client:
        served = psutil.Process(service.find().pid)
        wall, cpu = clocked(served, lambda: ask(client, name, prompts[:1], [1]))
        loading = f"loaded for the first question in {wall:.0f} s ({cpu:.0f} s of the processor)"
        plain = Plain(folder, tokenizer)
        plain.answer(prompts[:2], [2, 2])  # memory is fetched, kernels are chosen
        spent = {"service": [0.0, 0.0], "generate": [0.0, 0.0]}
        own = psutil.Process()
        for start in range(0, len(asked), 2 * CALLERS):
            part = slice(start, start + 2 * CALLERS)
            work = prompts[part], counts[part]
            for way, process, answer in (
                ("service", served, lambda *work: ask(client, name, *work)),
                ("generate", own, plain.answer),
            ):
                for place, seconds in enumerate(clocked(process, lambda: answer(*work))):  # noqa: B023
                    spent[way][place] += seconds
            done = min(len(asked), start + 2 * CALLERS)
            print(f"{done} of {len(asked)}: {spent}", flush=True)
    return report(name, len(asked), sum(counts), spent, loading)


def ask(client, name: str, prompts: Sequence[list[dict]], counts: Sequence[int]) -> None:
    """All of these through the service, by many callers."""
    def one(prompt: list[dict], count: int) -> None:
        found = client.chat.completions.create(model=name, messages=prompt, max_tokens=count)
        assert found.usage.completion_tokens <= count

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(one, prompts, counts))


class Plain:
    """transformers' own generate, in the number format of this machine, with all its cores."""

    def __init__(self, folder: str, tokenizer):
        torch.set_num_threads(choose_threads().value)
        number = FORMATS[choose_device().value.split("-")[1]]
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=number).eval()
        self.tokenizer = tokenizer

    @torch.inference_mode()
    def answer(self, prompts: Sequence[list[dict]], counts: Sequence[int]) -> None:
        for start in range(0, len(prompts), CALLERS):
            ids = [ask_ids(self.tokenizer, one) for one in prompts[start : start + CALLERS]]
            longest = max(map(len, ids))
            self.model.generate(
                torch.tensor([[0] * (longest - len(one)) + one for one in ids]),
                attention_mask=torch.tensor(
                    [[0] * (longest - len(one)) + [1] * len(one) for one in ids]
                ),
                min_new_tokens=max(counts[start : start + CALLERS]),
                max_new_tokens=max(counts[start : start + CALLERS]), do_sample=False,
            )  # fmt: skip


def clocked(process: psutil.Process, work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock on the wall, and of the processor in that process."""
    before, began = process.cpu_times(), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - began, process.cpu_times()
    return seconds, after.user + after.system - before.user - before.system


def report(name: str, count: int, tokens: int, spent: dict, loading: str) -> str:
    names = ("torch", "transformers")
    versions = ", ".join(f"{one} {importlib.metadata.version(one)}" for one in names)
    lines = [f"| {way} | {wall:.0f} | {tokens / wall:.0f} | {cpu:.0f} | {tokens / cpu:.0f} |"
             for way, (wall, cpu) in spent.items()]
    (wall, cpu), (plain_wall, plain_cpu) = spent.values()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return "\n".join([
        f"Made by `python -m benchmarks.real_answers --recipes {count}` on "
        f"{date.today().isoformat()}, Python {platform.python_version()}, {versions}.", "",
        f"{name}, {choose_device()}; {choose_threads().value} threads. {count} recipes, {tokens:,} "
        f"tokens of answers; the service {loading}. Other programs ran beside it: load {load:.1f}.",
        "", "| | seconds | tokens/s | processor seconds | tokens a processor second |",
        "| --- | --- | --- | --- | --- |", *lines, "",
        f"`generate` took {plain_wall / wall:.2f} times the seconds of the service, and "
        f"{plain_cpu / cpu:.2f} times its processor seconds.", "",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
