"""A room of 30 learners runs notebooks 06 and 07 at once, and the trainer dies twice meanwhile.

    python -m benchmarks.classroom                   30 learners, two kills: 16 min on two cores
    python -m benchmarks.classroom --learners 4 --kills 1

Is anything lost, is anything doubled? One service serves all. Each learner has a kernel and a work
folder of their own, pastes their three lines into the first cell, and runs the whole notebook: 06
for one half of the room, 07 for the other. They read nothing and wait for nobody, so this is
harder than a workshop. Only the numbers of examples and of questions are smaller than in the
notebook, since all of it runs on one machine. Thirty kernels took 5 GB.

Printed are the minutes until the first, the middle and the last learner was through, each
notebook that stopped with an error, and everything at the service that should not be so. How long
a queue takes, and how quick answers are, is measured with more care by ``benchmarks.job_queue``.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.job_queue import Room

AZURE = "07_tune_azure_openai"
#: Which notebook, and how its jobs have ended when it is through. In 06 a second job goes on from
#: the first one's model, one gets a broken file, and one is cancelled.
NOTEBOOKS = {
    "06_tune_openai": ["cancelled", "failed", "succeeded", "succeeded"],
    AZURE: ["succeeded"],
}
#: The longest that a cell may wait for the jobs of all others.
CELL_SECONDS = 3600
#: So long a trainer is at work before it is killed, in seconds.
AT_WORK = 20


@dataclass
class Learner:
    """One learner: which notebook, the cell at work, and what came of it."""

    name: str
    stem: str
    key: str
    lines: str
    cell: int = 0
    seconds: float = 0.0
    trouble: str = ""


def prepared(learner: Learner, examples: int, questions: int):
    """The learner's notebook, with their lines and smaller numbers in its first code cell."""
    import nbformat

    from lessonlib.common import paths

    path = paths.PROJECT / "notebooks" / f"{learner.stem}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        cell.outputs, cell.execution_count = [], None
    # In Colab alone a cell of its own fetches the course; the settings stand in the one after it.
    settings = next(cell for cell in code if "\nPROVIDER = " in cell.source)
    for name, value in (("EXAMPLES", examples), ("QUESTIONS", questions)):
        settings.source, found = re.subn(rf"(?m)^{name} = \d+", f"{name} = {value}",
                                         settings.source)
        if not found:
            raise SystemExit(f"{path.name} sets no {name} any more: mend benchmarks/classroom.py")
    settings.source = f"{learner.lines}\n{settings.source}"
    return notebook


def learn(learner: Learner, notebook, work: Path) -> None:
    """Run the notebook to its end, in a kernel of its own."""
    from nbclient.exceptions import CellExecutionError

    from tools import notebook_run

    try:
        learner.seconds = notebook_run.execute(
            notebook, work, on_cell=lambda index: setattr(learner, "cell", index + 1),
            cell_seconds=CELL_SECONDS)
    except CellExecutionError as error:
        learner.trouble = f"cell {learner.cell}: {error.ename}: {error.evalue}".splitlines()[0]
    except Exception as error:  # a dead kernel, a timeout: results, too
        learner.trouble = f"cell {learner.cell}: {type(error).__name__}: {error}".splitlines()[0]


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


def client_of(room: Room, learner: Learner):
    """Each learner's own client. Azure's side of the service has files and jobs of its own."""
    from lessonlib.services import azure_client

    azure = azure_client.endpoint_of(room.url) + azure_client.V1
    return room.client(learner.key, azure if learner.stem == AZURE else None)


def busy(clients: list) -> bool:
    """Whether somebody's job is being trained at this moment."""
    return any(job.status == "running" for client in clients
               for job in client.fine_tuning.jobs.list(limit=3).data)


def kill_trainers(room: Room, clients: list, times: int, going_on: Callable[[], bool],
                  say=print) -> int:
    """Kill the trainer while it trains, some times over. Returns how often that was done."""
    killed, seen, since = 0, 0, 0.0
    while killed < times and going_on():
        trainer = trainer_of(room)
        if trainer and trainer.pid != seen:
            seen, since = trainer.pid, time.monotonic()
        elif trainer and time.monotonic() - since > AT_WORK and busy(clients):
            trainer.kill()
            killed += 1
            say(f"killed the trainer, process {trainer.pid}", flush=True)
        time.sleep(0.5)
    return killed


def deployed(room: Room, learner: Learner) -> list[str]:
    """The names of a learner's deployments, each of which would cost money by the hour."""
    from lessonlib.services import azure_client, deployments

    place = azure_client.practice_place(room.url, learner.key)
    return [one.name for one in deployments.Resource(place, practice=True).deployments()]


def left_behind(room: Room, learners: list[Learner], clients: list) -> list[str]:
    """What a learner has at the service and should not have, or lacks: a sentence each."""
    told = []
    for learner, client in zip(learners, clients, strict=True):
        if learner.trouble:
            continue
        states = sorted(job.status for job in client.fine_tuning.jobs.list())
        if states != NOTEBOOKS[learner.stem]:
            told.append(f"{learner.name}: jobs {states} in place of {NOTEBOOKS[learner.stem]}")
        files = [file.filename for file in client.files.list() if file.purpose == "fine-tune"]
        if files:
            told.append(f"{learner.name}: files that the notebook has deleted: {files}")
        if names := deployed(room, learner):
            told.append(f"{learner.name}: still deployed: {names}")
    return told


def watched(learners: list[Learner], threads: list[threading.Thread]) -> None:
    """Wait for all; a line each minute, so that nobody thinks that it hangs."""
    begun = time.monotonic()
    for thread in threads:
        while thread.is_alive():
            thread.join(timeout=60)
            through = sum(bool(one.seconds) for one in learners)
            minutes = (time.monotonic() - begun) / 60
            print(f"after {minutes:3.0f} min: {through} of {len(learners)} through", flush=True)


def main() -> int:
    """Measure. 1 where a learner's notebook did not run through, or something is left or lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classroom", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["LESSON_WORK"] = folder  # before lessonlib.common.paths is imported
        from benchmarks.job_queue import Room, load
        from lessonlib.practice.web import classroom

        print(f"at the beginning: {load()}", flush=True)
        room = Room(options.learners)
        learners = [
            Learner(f"learner {number + 1:2}", list(NOTEBOOKS)[number % len(NOTEBOOKS)],
                    known.key, classroom.lines_to_paste(room.url, known))
            for number, known in enumerate(room.learners)]
        clients = [client_of(room, one) for one in learners]
        threads = [
            threading.Thread(target=learn, daemon=True, args=(
                one, prepared(one, options.examples, options.questions),
                Path(folder) / f"learner-{number}"))
            for number, one in enumerate(learners)]
        try:
            for thread in threads:
                thread.start()
            waiter = threading.Thread(target=watched, args=(learners, threads))
            waiter.start()
            killed = kill_trainers(room, clients, options.kills, waiter.is_alive)
            waiter.join()
            troubles = left_behind(room, learners, clients)
        finally:
            room.close()
    if killed < options.kills:
        troubles.append(f"the trainer was killed {killed} times, not {options.kills}: too little"
                        " work for it")
    return report(learners, troubles)


def report(learners: list[Learner], troubles: list[str]) -> int:
    """Print the result. Returns 1 where anything went wrong."""
    for stem in NOTEBOOKS:
        minutes = [one.seconds / 60 for one in learners if one.stem == stem and one.seconds]
        if minutes:
            print(f"{stem}: {len(minutes)} through, after {min(minutes):.1f} min (first),"
                  f" {statistics.median(minutes):.1f} (middle), {max(minutes):.1f} (last)")
    stopped = [f"{one.name}, {one.stem}, {one.trouble}" for one in learners if one.trouble]
    print("\n".join(stopped + troubles) or "Nothing lost, nothing doubled.")
    return 1 if stopped or troubles else 0


if __name__ == "__main__":
    sys.exit(main())
