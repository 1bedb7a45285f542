"""A room of 30 learners, and the trainer dies twice meanwhile: is anything lost or doubled?

    python -m benchmarks.classroom                     30 learners, two kills
    python -m benchmarks.classroom --learners 5 --kills 0

How long a room waits is measured with more care by ``benchmarks.job_queue``. Here each learner,
at the same moment, uploads a training file, starts a fine-tuning job, asks the base model ten
questions while it waits, then asks the tuned model one. Printed are the seconds until the first,
the middle and the last learner was there, and every answer that was not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.job_queue import Room

ENDS = ("succeeded", "failed", "cancelled")


@dataclass
class Learner:
    """One learner's seconds from the beginning: first answer, tuned model; and what went wrong."""

    name: str
    answered: float = 0.0
    tuned: float = 0.0
    troubles: list[str] = field(default_factory=list)
    jobs: int = 0


def trainer_of(room: Room):
    """The trainer's process, or None while there is none."""
    import psutil

    for child in psutil.Process(room.process.pid).children():
        try:
            if "lessonlib.practice.trainer" in " ".join(child.cmdline()):
                return child
        except psutil.Error:
            continue
    return None


def learn(learner: Learner, client, rows: bytes, epochs: int, started: float) -> None:
    """What a learner does in notebook 06, without the pauses in which they read."""
    try:
        file = client.files.create(file=("train.jsonl", rows), purpose="fine-tune")
        method = {"type": "supervised",
                  "supervised": {"hyperparameters": {"n_epochs": epochs}}}
        job = client.fine_tuning.jobs.create(model="pantry", training_file=file.id, method=method)
        question = json.loads(rows.splitlines()[0])["messages"][:-1]
        for _number in range(10):
            answer = client.chat.completions.create(model="pantry", messages=question,
                                                    max_tokens=48)
            learner.answered = learner.answered or time.monotonic() - started
            if answer.usage.completion_tokens < 1:
                learner.troubles.append("an empty answer")
        while (job := client.fine_tuning.jobs.retrieve(job.id)).status not in ENDS:
            time.sleep(1)
        if job.status != "succeeded":
            learner.troubles.append(f"the job is {job.status}: {job.error}")
            return
        client.chat.completions.create(model=job.fine_tuned_model, messages=question, max_tokens=8)
        learner.tuned = time.monotonic() - started
        learner.jobs = len(list(client.fine_tuning.jobs.list()))
    except Exception as error:  # every trouble is a result here
        learner.troubles.append(f"{type(error).__name__}: {error}"[:200])


def kill_trainers(room: Room, times: int, learners: list[Learner], say=print) -> None:
    """Kill the trainer when it has been at work for a while, some times over."""
    killed, seen, since = 0, 0, 0.0
    while killed < times and not all(one.tuned or one.troubles for one in learners):
        trainer = trainer_of(room)
        if trainer and trainer.pid != seen:
            seen, since = trainer.pid, time.monotonic()
        elif trainer and time.monotonic() - since > 20:
            trainer.kill()
            killed += 1
            say(f"killed the trainer, process {trainer.pid}")
            since = time.monotonic()
        time.sleep(0.5)


def main() -> int:
    """Measure. 1 where a learner did not get what they asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classroom", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LESSON_WORK"] = folder  # before lessonlib.paths is imported
        from benchmarks.job_queue import Room
        from lessonlib import training_rows
        from lessonlib.tasks import recipes

        chats = training_rows.chat_rows(recipes.load("train")[: options.rows])
        rows = "".join(json.dumps(row) + "\n" for row in chats).encode()
        room = Room(options.learners)
        learners = [Learner(f"learner {number + 1}") for number in range(options.learners)]
        started = time.monotonic()
        threads = [threading.Thread(target=learn, args=(one, client, rows, options.epochs, started))
                   for one, client in zip(learners, room.clients, strict=True)]
        for thread in threads:
            thread.start()
        kill_trainers(room, options.kills, learners)
        for thread in threads:
            thread.join()
        room.close()
    return report(learners, options.rows, options.epochs)


def report(learners: list[Learner], rows: int, epochs: int) -> int:
    """Print the result. Returns 1 where anything went wrong."""
    print(f"{len(learners)} learners, {rows} examples, {epochs} epochs each. Seconds until the"
          " first, the middle and the last learner had")
    for words, seconds in (("a first answer", [one.answered for one in learners if one.answered]),
                           ("their tuned model", [one.tuned for one in learners if one.tuned])):
        if seconds:
            print(f"  {words + ':':<20}{min(seconds):6.0f} {statistics.median(seconds):6.0f}"
                  f" {max(seconds):6.0f}")
    troubles = [f"{one.name}: {text}" for one in learners for text in one.troubles]
    troubles += [f"{one.name}: {one.jobs} jobs in place of 1" for one in learners
                 if one.tuned and one.jobs != 1]
    print("\n".join(troubles) or "Nothing lost, nothing doubled.")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
