"""A trainer that dies at a chosen moment: a helper process of test_practice_crashes.py.

It loads the libraries once. For each line ``<store's folder>|<stage>`` on its input it splits
off a child, which does all the work that waits in that store and kills itself at the stage, as
``kill -9`` would. It answers with the child's exit code: 0, or -9 where it was killed.
"""

import os
import signal
import sys
import traceback
from pathlib import Path

import torch

from lessonlib.models import folders
from lessonlib.practice.store import job_store, states
from lessonlib.practice.store.store import Store
from lessonlib.practice.trainer import checking, finishing, job_training, trainer


def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner, name, call=1):
    """Die when this function is called for the ``call``-th time."""
    original, calls = getattr(owner, name), []

    def counted(*arguments, **options):
        calls.append(name)
        if len(calls) == call:
            die()
        return original(*arguments, **options)

    setattr(owner, name, counted)


def after(owner, name, call=1):
    """Die when this function returns for the ``call``-th time."""
    original, calls = getattr(owner, name), []

    def counted(*arguments, **options):
        answer = original(*arguments, **options)
        calls.append(name)
        if len(calls) == call:
            die()
        return answer

    setattr(owner, name, counted)


def half_a_model():
    """Die while the folder of the first checkpoint is being written."""

    def write_half(base, adapter, target):
        with folders.new_folder(target) as folder:
            (folder / "config.json").write_text("{}", encoding="utf-8")
            die()

    job_training.saving.save_merged = write_half


#: The moments, in the order of a job's life.
STAGES = {
    "while its files are checked": lambda: before(checking.chat_files, "check"),
    "between check and queue": lambda: before(job_store, "move"),
    "in the queue's transaction": lambda: after(job_store, "add_event"),
    "when its turn has come": lambda: after(job_store.Jobs, "next_to_train"),
    "while the model is loaded": lambda: before(job_training.lora_base, "load"),
    "before the first step is written down": lambda: before(finishing.JobRecord, "step"),
    "in the middle of the first epoch": lambda: after(finishing.JobRecord, "step", 1),
    "while a checkpoint is written": half_a_model,
    "before a checkpoint is told of": lambda: before(finishing.JobRecord, "checkpoint"),
    "in the transaction of a checkpoint": lambda: before(finishing, "insert_model"),
    "before the state is saved": lambda: before(job_training.JobTraining, "_save"),
    "while the state is saved": lambda: after(torch, "save"),
    "in the middle of the last epoch": lambda: after(finishing.JobRecord, "step", 7),
    "before old checkpoints are removed": lambda: before(finishing.Finisher, "_remove", 4),
    "before the result is told of": lambda: before(finishing.JobRecord, "succeed"),
    "in the transaction of the end": lambda: after(finishing, "insert_file"),
    "after the end, before cleaning up": lambda: before(trainer, "clean_up"),
}


def work(folder, stage):
    """What the trainer's process does until nothing is left to do."""
    torch.set_num_threads(1)
    if stage:
        STAGES[stage]()
    store = Store(Path(folder))
    while job := store.jobs.next_to_check():
        checking.check(store, job)
    while trainer.train_next(store):
        pass
    assert not any(job.status in states.WORK for job in store.jobs.unfinished())


def main():
    print("ready", flush=True)
    for line in sys.stdin:
        folder, stage = line.rstrip("\n").split("|")
        child = os.fork()
        if child == 0:
            try:
                work(folder, stage)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _child, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
