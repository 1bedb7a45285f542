"""How long until the last of 30 learners has an answer? Ours against ``transformers serve``.

    python -m benchmarks.chat_burst                  the built-in model
    python -m benchmarks.chat_burst --model FOLDER   any other small model folder

Both servers get the same model folder, the same prompts, one thread, greedy decoding and
exactly as many new tokens: in a copy of the folder, the token that ends an answer is
replaced by one that the model never writes. Rounds alternate between the two, so that a
busy moment of the machine hits both; the table shows medians and the ratio.

The practice service computes in float32 everywhere, so that an answer is the same on every
machine. transformers serve uses the file's bfloat16 where the processor has a unit for it; where
it would have to emulate that, many times slower, it is given float32 as well. Where there is such
a unit, the comparison is made twice: as it is, and with both sides limited to what laptops have
(AVX2, float32).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import partial
from pathlib import Path

from benchmarks.together import together

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
#: Read by PyTorch and its two libraries of kernels.
LAPTOP = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def endless_copy(model: Path, target: Path) -> None:
    """A copy of the model folder whose answers do not end before max_tokens."""
    shutil.copytree(model, target)
    for name, key in (
        ("config.json", "eos_token_id"),
        ("generation_config.json", "eos_token_id"),
        ("tokenizer_config.json", "eos_token"),
    ):
        path = target / name
        if path.exists():
            values = json.loads(path.read_text(encoding="utf-8"))
            values[key] = values.get(key.replace("eos", "pad"))
            path.write_text(json.dumps(values), encoding="utf-8")


def prompts(count: int) -> list[list[dict[str, str]]]:
    """The tutorial's bare prompt with the first recipes of the test split."""
    from lessonlib.tasks import prompting, recipes

    return [prompting.bare(recipe) for recipe in recipes.load("test")[:count]]


class Served:
    """A running server and a client for it."""

    def __init__(self, name: str, client, model: str):
        self.name, self.client, self.model = name, client, model
        self.bursts: list[float] = []
        self.singles: list[float] = []

    def ask(self, messages: list[dict[str, str]], tokens: int) -> None:
        """One request; it must have done the same work as any other."""
        answer = self.client.chat.completions.create(
            model=self.model, messages=messages, max_tokens=tokens, temperature=0
        )
        made = answer.usage.completion_tokens
        if made != tokens:
            raise SystemExit(f"{self.name} made {made} tokens in place of {tokens}: not comparable")

    def burst(self, questions: list, tokens: int) -> float:
        """Seconds from the common start until the last answer."""
        return together([partial(self.ask, messages, tokens) for messages in questions])

    def single(self, messages: list, tokens: int) -> float:
        """Seconds for one request with nobody else there."""
        begun = time.perf_counter()
        self.ask(messages, tokens)
        return time.perf_counter() - begun


def start_theirs(model: Path, log: Path, dtype: str):
    """``transformers serve --continuous-batching``; returns (process, client)."""
    import openai

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-c", "from transformers.cli.transformers import main; main()"),
        *("serve", str(model), "--continuous-batching", "--device", "cpu", "--dtype", dtype),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    alone = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | alone)
    client = openai.OpenAI(
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key="none",
        timeout=300,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )
    open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    deadline = time.monotonic() + 180
    while True:
        try:
            open_url(f"http://127.0.0.1:{port}/health", timeout=5).close()
            return process, client
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise SystemExit(
                    f"transformers serve did not start:\n{log.read_text(errors='replace')[-2000:]}"
                ) from None
            time.sleep(0.5)


def measure(both: list[Served], questions: list, tokens: int, rounds: int) -> None:
    """Warm both up, then alternate."""
    for served in both:
        served.burst(questions[:4], tokens)
    for number in range(rounds):
        for served in both if number % 2 == 0 else both[::-1]:
            served.bursts.append(served.burst(questions, tokens))
            served.singles += [served.single(questions[0], tokens) for _ in range(3)]
            print(f"round {number + 1}: {served.name} {served.bursts[-1]:.2f} s", flush=True)


def report(both: list[Served], requests: int, tokens: int, machine: str) -> None:
    """Side by side: medians, and how many times as fast ours is."""
    names = [served.name for served in both]
    print(f"\n{machine}: {tokens} new tokens each, one thread, {names[0]} against {names[1]}")
    for title, times in (
        (f"burst of {requests}, until the last answer", [s.bursts for s in both]),
        ("one request alone", [s.singles for s in both]),
    ):
        ours, theirs = map(statistics.median, times)
        ratio = theirs / ours
        print(f"{title:42} {ours:7.2f} s {theirs:8.2f} s   {ratio:5.1f} times as fast", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model folder (default: the built-in model)")
    parser.add_argument("--requests", type=int, default=30)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", help="of transformers serve (default: the faster one)")
    options = parser.parse_args()
    os.environ.update(ONE_THREAD)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        os.environ["LESSON_WORK"] = str(Path(scratch) / "work")  # read by lessonlib once
        from lessonlib.models.device import bfloat16_feature

        # For each machine: what is set in the environment, and transformers serve's number format.
        settings = {"this machine": ({}, "auto" if bfloat16_feature() else "float32")}
        if bfloat16_feature():
            settings["as on a laptop (AVX2)"] = LAPTOP, "float32"
        for machine, (limits, dtype) in settings.items():
            os.environ.update(limits)
            run(options, Path(scratch), machine, options.dtype or dtype)


def run(options: argparse.Namespace, scratch: Path, machine: str, dtype: str) -> None:
    """Start both servers on the same model, measure, stop them, print the table."""
    from lessonlib import connect
    from lessonlib.common import paths
    from lessonlib.practice import service

    model = paths.MODELS / "burst"
    if not model.exists():
        endless_copy(options.model or paths.BUILT_IN, model)
    questions = prompts(options.requests)
    theirs_process, theirs = start_theirs(model, scratch / "theirs.log", dtype)
    try:
        both = [
            Served("practice service", connect(), "burst"),
            Served("transformers serve", theirs, str(model)),
        ]
        measure(both, questions, options.tokens, options.rounds)
    finally:
        theirs_process.terminate()
        theirs_process.wait()
        service.stop()
    report(both, options.requests, options.tokens, machine)


if __name__ == "__main__":
    main()
