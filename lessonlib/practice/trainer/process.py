"""The service's side of training: keep one trainer process running while there is work.

The trainer (``trainer.py``) is a process of its own, so that training can neither block the
answers nor take them down with it. It reads its work from the store and writes its results
there; this side only starts it, and starts it again if it dies. The trainer ends by itself when
the service is gone, because its standard input then closes.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time

from lessonlib.common import child_process, paths
from lessonlib.common.memory_left import available_memory
from lessonlib.models.device import choose_threads
from lessonlib.practice.store.store import Store

log = logging.getLogger("lessonlib.practice")

#: Seconds between two looks at the trainer, and before a dead one is started again.
LOOK, PAUSE_AFTER_DEATH = 0.5, 1.0
#: A trainer without work stays for so long: to load its libraries again takes seconds.
KEPT_SECONDS = 600.0
#: Where memory is scarce, so many seconds: one before its work, which is announced by an upload,
#: and one after it. It holds 0.6 GB, and a kernel that finds none is killed without a word.
SCARCE_BEFORE, SCARCE_AFTER = 60.0, 2.0
#: Bytes available below which memory is scarce.
SCARCE = 2 * 10**9


class TrainerProcess:
    """Starts the trainer when it is needed, and ends it with the service."""

    def __init__(self, store: Store):
        self._store = store
        self._process: subprocess.Popen | None = None
        self._wanted_until = 0.0
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="trainer", daemon=True)

    def watch(self) -> None:
        """Begin to look after the trainer; unfinished jobs of an earlier service go on."""
        self._thread.start()

    def get_ready(self) -> None:
        """There is work, or will be soon: start the trainer now, since that takes seconds."""
        self._want(SCARCE_BEFORE)
        self._wake.set()

    def _want(self, scarce: float) -> None:
        """Keep the trainer for a while from now on, never for less than was wanted before."""
        until = time.monotonic() + kept_seconds(scarce)
        self._wanted_until = max(self._wanted_until, until)

    def has_work(self) -> bool:
        """Whether a job waits for its check, for its turn, or runs."""
        return bool(self._store.jobs.unfinished(only_work=True))

    def stop(self) -> None:
        """End the trainer. What it was doing goes on when a service starts again."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._end()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception:
                log.exception("looking after the trainer failed")
            self._wake.wait(LOOK)
            self._wake.clear()

    def _look(self) -> None:
        if self.has_work():
            self._want(SCARCE_AFTER)
        wanted = time.monotonic() < self._wanted_until
        if self._process is not None and self._process.poll() is not None:
            log.warning("the trainer ended with code %s", self._process.returncode)
            self._end()
            self._stopping.wait(PAUSE_AFTER_DEATH)
        elif wanted and self._process is None and not self._stopping.is_set():
            self._process = start_trainer()
            log.info("started the trainer, process %d", self._process.pid)
        elif not wanted and self._process is not None:
            log.info("no job for long: ending the trainer")
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()
        with contextlib.suppress(OSError):
            process.kill()
        process.wait(timeout=10)


def kept_seconds(scarce: float) -> float:
    """How long a trainer is kept without work; ``scarce``: seconds where memory is scarce."""
    free = available_memory()
    return scarce if free is not None and free < SCARCE else KEPT_SECONDS


def start_trainer() -> subprocess.Popen:
    """The trainer as a child process; it ends when its standard input closes."""
    return child_process.start(
        [sys.executable, "-m", "lessonlib.practice.trainer"],
        paths.PROJECT,
        # One thread: the other cores are the notebook's and the answers'. Large models get more.
        child_process.environment(
            OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false",
            LESSON_LARGE_THREADS=str(choose_threads().value),
        ),
        paths.WORK / "practice" / "trainer.log",
        stdin=subprocess.PIPE,
    )
