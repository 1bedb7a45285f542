"""A room of learners on one practice service: how long for everyone's job, how quick the answers?

    python -m benchmarks.job_queue            all of it, about ten minutes on two idle cores
    python -m benchmarks.job_queue --small    a quick try: 4 jobs, 1 and 5 clients

First the queue: each learner uploads a file and starts a job at the same moment; we measure until
the last one has succeeded. Then the answers: so many clients ask at the same time, each its next
question as soon as it has the answer to its last, and every answer has exactly 64 tokens; once
with nothing else to do, once while a long job trains.

Seconds of a busy machine mean little. So the table also says how long the trainer and the service
had a processor, and the machine's load: on an idle machine with two cores, the queue takes about
as long as the trainer's processor seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chat_burst import endless_copy, prompts
from benchmarks.together import together

#: What we want on two cores: seconds until the last of 30 jobs, and p95 with 30 clients.
GOAL_QUEUE, GOAL_P95, GOAL_CLIENTS = 300.0, 3.0, 30
TOKENS = 64


class Room:
    """A classroom's service in a process of its own, and what it takes to ask it."""

    def __init__(self, learners: int):
        from lessonlib.common import paths
        from lessonlib.practice import service
        from lessonlib.practice.store.store import Store
        from lessonlib.practice.web import classroom

        with socket.socket() as probe:
            probe.bind((service.HOST, 0))
            port = probe.getsockname()[1]
        self.url = f"http://{service.HOST}:{port}/v1"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lessonlib.practice", "classroom", "--learners",
             str(learners), "--port", str(port)],
            cwd=paths.PROJECT, env=os.environ | {"LESSON_WORK": str(paths.WORK)},
            stdout=subprocess.DEVNULL)
        while (running := service.find()) is None:
            if self.process.poll() is not None:
                raise SystemExit("the service did not start: see work/practice/service.log")
            time.sleep(0.2)
        self.learners = classroom.learners(Store(service.folder()), learners)
        self.clients = [self.client(learner.key) for learner in self.learners]
        self.owner = self.client(running.api_key)

    def client(self, key: str, url: str | None = None):
        """A client for the service; with another address for its Azure side."""
        import openai

        return openai.OpenAI(base_url=url or self.url, api_key=key, timeout=600,
                             http_client=openai.DefaultHttpxClient(trust_env=False))

    def processor_seconds(self) -> tuple[float, float]:
        """Of the service itself, and of its trainer, so far."""
        import psutil

        def used(process) -> float:
            times = process.cpu_times()
            return times.user + times.system

        own = psutil.Process(self.process.pid)
        return used(own), sum(used(child) for child in own.children(recursive=True))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def upload(client, rows: list[dict]) -> str:
    """Send training rows; returns the file's id."""
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    return client.files.create(file=("rows.jsonl", content), purpose="fine-tune").id


def queue(room: Room, examples: int) -> tuple[float, float]:
    """Everyone's job at once: (seconds until the last has succeeded, the trainer's own)."""
    from lessonlib.tasks import recipes, training_rows

    rows = training_rows.chat_rows(recipes.load("train")[:examples])

    def learner(client) -> Callable[[], None]:
        def run() -> None:
            job = client.fine_tuning.jobs.create(
                model="pantry", training_file=upload(client, rows), seed=1)
            while job.status not in ("succeeded", "failed", "cancelled"):
                time.sleep(1)
                job = client.fine_tuning.jobs.retrieve(job.id)
            if job.status != "succeeded":
                raise SystemExit(f"a job {job.status}: {job.error}")

        return run

    before = room.processor_seconds()[1]
    seconds = together([learner(client) for client in room.clients])
    return seconds, room.processor_seconds()[1] - before


def chat(room: Room, clients: int, rounds: int) -> list[float]:
    """Seconds of each answer, ``rounds`` for each client."""
    questions, taken = prompts(max(clients, 1)), []

    def learner(number: int) -> Callable[[], None]:
        def run() -> None:
            for place in range(rounds):
                messages = questions[(number + 7 * place) % len(questions)]
                begun = time.perf_counter()
                answer = room.owner.chat.completions.create(
                    model="endless", messages=messages, max_tokens=TOKENS)
                taken.append(time.perf_counter() - begun)
                if answer.usage.completion_tokens != TOKENS:
                    raise SystemExit(f"{answer.usage.completion_tokens} tokens: not comparable")

        return run

    together([learner(number) for number in range(clients)])
    return taken


def start_long_job(room: Room):
    """A job that trains for longer than all questions take; returns (client, its id)."""
    from lessonlib.tasks import recipes, training_rows

    client, rows = room.clients[0], training_rows.chat_rows(recipes.load("train"))
    job = client.fine_tuning.jobs.create(
        model="pantry", training_file=upload(client, rows),
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50}}})
    while client.fine_tuning.jobs.retrieve(job.id).estimated_finish is None:
        time.sleep(0.2)  # it is told once the first step is done
    return client, job.id


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def answers(room: Room, sizes: list[int], rounds: int) -> dict:
    """{(clients, training?): seconds of each answer}."""
    chat(room, 2, 1)  # loads the model
    found = {(size, False): chat(room, size, rounds) for size in sizes}
    client, job = start_long_job(room)
    for size in sizes:
        found[size, True] = chat(room, size, rounds)
    if client.fine_tuning.jobs.retrieve(job).status != "running":
        raise SystemExit("the long job ended too early: the answers were not beside training")
    client.fine_tuning.jobs.cancel(job)
    return found


def report(jobs: int, examples: int, waited: tuple[float, float], found: dict) -> None:
    """The two tables."""
    seconds, own = waited
    print(f"\n{jobs} jobs x {examples} examples, until the last has succeeded: {seconds:.0f} s")
    print(f"  the trainer had a processor for {own:.0f} s of them, {own / jobs:.1f} s a job")
    if jobs == GOAL_CLIENTS:
        print(f"  goal on two idle cores: {GOAL_QUEUE:.0f} s")
    print(f"\nanswers of {TOKENS} tokens, seconds:")
    print(f"{'clients':>8}{'alone p50':>12}{'alone p95':>12}{'training p50':>14}"
          f"{'training p95':>14}{'answers/s':>11}")
    for size in dict.fromkeys(size for size, _training in found):
        alone, beside = found[size, False], found[size, True]
        mark = f"   goal: {GOAL_P95:.0f}" if size == GOAL_CLIENTS else ""
        print(f"{size:8}{statistics.median(alone):12.2f}{percentile(alone, 0.95):12.2f}"
              f"{statistics.median(beside):14.2f}{percentile(beside, 0.95):14.2f}"
              f"{size / statistics.mean(beside):11.1f}{mark}")


def load() -> str:
    """How busy the machine is, beside how many cores it has."""
    average = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "not told"
    return f"load average {average} on {os.cpu_count()} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a quick try")
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4, help="questions of each client")
    options = parser.parse_args()
    jobs, sizes = (4, [1, 5]) if options.small else (30, [1, 10, 30, 100])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        os.environ["LESSON_WORK"] = str(Path(scratch) / "work")  # read by lessonlib once
        from lessonlib.common import paths

        endless_copy(paths.BUILT_IN, paths.MODELS / "endless")
        print(f"at the beginning: {load()}", flush=True)
        room = Room(jobs)
        try:
            waited = queue(room, options.examples)
            print(f"after the queue:  {load()}", flush=True)
            found = answers(room, sizes, options.rounds)
        finally:
            room.close()
        report(jobs, options.examples, waited, found)
        print(f"\nat the end: {load()}")


if __name__ == "__main__":
    main()
