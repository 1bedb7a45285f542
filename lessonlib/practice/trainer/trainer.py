"""The trainer's process: check the files of new jobs, train one job after another.

``python -m lessonlib.practice.trainer`` is started by the service (``process.py``). It ends
when its standard input closes, that is, when the service is gone for whatever reason. What it was
doing is in the store, and the next trainer goes on from there.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable

from filelock import FileLock

from lessonlib.chat_files import counters
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.practice.store import states
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.states import WrongState
from lessonlib.practice.store.store import Store
from lessonlib.practice.trainer import checking

#: Seconds between two looks for work, and after a step that failed.
LOOK, PAUSE = 0.2, 2.0
#: A job that has ended so many trainers and never came any further is given up.
MOST_ATTEMPTS = 4
#: The trainer's work ends with its process.
NEVER = threading.Event()

log = logging.getLogger("lessonlib.practice")


def lock(folder) -> FileLock:
    """Held by the one trainer of a work folder."""
    return FileLock(folder / "trainer.lock")


def main() -> None:
    """Work until the service is gone."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    threading.Thread(target=end_with_the_service, daemon=True).start()
    be_polite()
    store = Store(paths.WORK / "practice")
    with lock(store.folder):
        # Seconds, before the first job. Not beside the thread that checks: transformers finds its
        # parts on first use, and two threads at once make it say that there is no such part.
        import lessonlib.practice.trainer.job_training  # noqa: F401

        counters.counter_for()
        threading.Thread(target=check_files, args=[store], daemon=True).start()
        log.info("ready")
        keep_on(train_next, store)


def end_with_the_service() -> None:
    """Wait until standard input closes; then end at once, in whatever we are."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdin.buffer.read()
    os._exit(0)


def be_polite() -> None:
    """Leave the processor to the answers and the notebook whenever they want it."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        on_windows = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
        psutil.Process().nice(10 if on_windows is None else on_windows)


def keep_on(step: Callable[[Store], bool], store: Store, ended: threading.Event = NEVER) -> None:
    """Take one step after the other; rest a while after one that found nothing to do.

    A step that fails, on a locked database or a full disk, is taken again: were it the end of
    this loop, jobs would wait for ever in a service that looks alive.
    """
    while not ended.is_set():
        try:
            busy = step(store)
        except Exception:
            log.exception("%s failed", step.__name__)
            ended.wait(PAUSE)
        else:
            if not busy:
                ended.wait(LOOK)


def check_files(store: Store) -> None:
    """In a thread of its own: a new job is checked while another one trains."""
    keep_on(check_next, store)


def check_next(store: Store) -> bool:
    """Check the files of the job that has waited for the longest time; False where there is none.
    """
    job = store.jobs.next_to_check()
    if job is None:
        return False
    try:
        checking.check(store, job)
    except sqlite3.OperationalError:  # nothing is wrong with the files
        raise
    except Exception:
        log.exception("checking the files of %s failed", job.id)
        give_up(store, job, "The files could not be checked. See work/practice/trainer.log.")
    return True


def train_next(store: Store) -> bool:
    """Train the job whose turn it is; False where there is none."""
    job = store.jobs.next_to_train()
    if job is None:
        return False
    if job.attempts > MOST_ATTEMPTS:
        give_up(store, job, f"Training was interrupted {MOST_ATTEMPTS} times at the same place.")
        return True
    log.info("%s: attempt %d", job.id, job.attempts)
    from lessonlib.practice.trainer.job_training import JobFailure, JobTraining

    try:
        JobTraining(store, job).run()
    except WrongState as wrong:
        log.info("%s", wrong)
    except JobFailure as failure:
        with contextlib.suppress(WrongState):
            store.jobs.fail(job.id, *failure.args)
    except LessonError as error:
        give_up(store, job, str(error), "invalid_training_file", "training_file")
    except sqlite3.OperationalError:  # it is still running, and the next attempt goes on with it
        raise
    except Exception:
        log.exception("training %s failed", job.id)
        give_up(store, job, "Training failed. See work/practice/trainer.log.")
    clean_up(store, job)
    return True


def give_up(
    store: Store, job: Job, message: str, code: str = "server_error", param: str | None = None
) -> None:
    """Fail a job, if it has not ended in the meantime."""
    with contextlib.suppress(WrongState):
        store.jobs.fail(job.id, code, message, param)


def clean_up(store: Store, job: Job) -> None:
    """Remove the working folder of a job that has ended."""
    now = store.jobs.find(job.id)
    log.info("%s is %s", now.id, now.status)
    if now.status in states.ENDS:
        shutil.rmtree(store.folder / "jobs" / job.id, ignore_errors=True)

