"""The models in memory, and the one thread that decodes for all of them.

One thread, because most models are small: two threads would only wait for each other. Models that
are asked at the same time share it by time, not by steps: a step of a large model takes as long as
a hundred of a small one, whose answers would otherwise come a hundred times slower.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict

import torch

from lessonlib.common.memory_left import available_memory
from lessonlib.models.device import choose_threads
from lessonlib.practice.answers.batch import Answer, Batch
from lessonlib.practice.answers.loading import SMALL_BYTES, load
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.protocol.errors import ApiError, server_error

#: Small models stay in memory up to so many parameters, but four in any case; the one unused for
#: the longest time goes first. A classroom's thirty small models all fit.
KEPT_PARAMETERS, KEPT_MODELS = 250_000_000, 4
#: Large models stay by themselves, so that neither kind pushes the other out: an untuned one, a
#: tuned one, and another. Where memory is scarce, one that was not asked for so many seconds goes.
KEPT_LARGE, SCARCE, UNASKED_SECONDS = 3, 2 * 10**9, 20.0

log = logging.getLogger("lessonlib.practice")


class Engine:
    """Loads models when they are asked for and answers requests in one thread."""

    def __init__(self) -> None:
        self.threads = choose_threads(for_answers=True)
        torch.set_num_threads(self.threads.value)
        self._loaded: OrderedDict[str, Batch] = OrderedDict()
        self._working: list[Batch] = []
        self._loading = threading.Lock()
        self._inbox: list[tuple[Batch, list[Answer]]] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="decoding", daemon=True)
        self._thread.start()

    def batch_for(self, found: ModelFolder) -> Batch:
        """The batch of a model, loading it where that is needed (slow: a second).

        A folder that changed since it was loaded is loaded again; requests that are still
        running finish with the weights they began with.

        Raises:
            ApiError: it cannot be loaded.
        """
        batch = self._in_memory(found)
        if batch is None:
            with self._loading:  # one at a time, while loaded models go on answering
                batch = self._in_memory(found) or self._load(found)
        return batch

    def _in_memory(self, found: ModelFolder) -> Batch | None:
        """The model as it is on disk now, if it is loaded."""
        with self._changed:
            batch = self._loaded.get(found.name)
            if batch is None or batch.model.fingerprint != found.fingerprint:
                return None
            self._loaded.move_to_end(found.name)
            batch.asked = time.monotonic()
            return batch

    def _load(self, found: ModelFolder) -> Batch:
        log.info("loading %s from %s", found.name, found.folder)
        while True:
            try:
                batch = Batch(load(found))
                break
            except ApiError as error:
                if error.code != "insufficient_memory" or not self._drop(self._idle_large()):
                    raise
        model = batch.model
        log.info("loaded %s (%s) on %s: %s", model.name, model.fingerprint, model.device,
                 model.about)  # fmt: skip
        with self._changed:
            self._loaded[found.name] = batch
            self._loaded.move_to_end(found.name)
        self._drop_surplus()
        return batch

    def models(self) -> list[Batch]:
        """What is in memory, the last asked first."""
        with self._changed:
            return [*self._loaded.values()][::-1]

    def _drop_surplus(self) -> None:
        """Let models go that are more than can be kept, the one unused for longest first."""
        oldest = self.models()[::-1]
        small = [batch for batch in oldest if batch.model.bytes <= SMALL_BYTES]
        large = [batch for batch in oldest if batch.model.bytes > SMALL_BYTES]
        while len(small) > KEPT_MODELS and _parameters(small) > KEPT_PARAMETERS:
            self._drop(small[:1])
            small = small[1:]
        self._drop(large[:-KEPT_LARGE])

    def _idle_large(self, since: float = 0.0) -> list[Batch]:
        """The large model unused for longest, if it has not been asked for ``since`` seconds."""
        before = time.monotonic() - since
        idle = [batch for batch in self.models()[::-1] if batch.model.bytes > SMALL_BYTES
                and batch not in self._working and batch.asked < before]  # fmt: skip
        return idle[:1]

    def _drop(self, batches: list[Batch]) -> bool:
        """Take these from memory; what runs on them ends undisturbed. False where there are none.
        """
        for batch in batches:
            with self._changed:
                if self._loaded.get(batch.model.name) is batch:
                    del self._loaded[batch.model.name]
            log.info("dropped %s from memory", batch.model.name)
        return bool(batches)

    def _release_others(self, working: list[Batch]) -> None:
        """Let loaded models that nobody asks now give the memory of their last requests back.

        A notebook asks one model after the other: in 04 each held about 100 MB.
        """
        with self._changed:
            idle = [batch for batch in self._loaded.values() if batch not in working]
        for batch in idle:
            batch.release()

    def submit(self, batch: Batch, answers: list[Answer]) -> None:
        """Begin these answers. Returns at once; each answer reports through its ``emit``."""
        with self._changed:
            self._inbox.append((batch, answers))
            self._changed.notify()

    def stop(self) -> None:
        """End the decoding thread after its current step."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._inbox and not self._working and not self._stopping:
                    self._changed.wait(UNASKED_SECONDS)
                if self._stopping:
                    return
                arrived, self._inbox = self._inbox, []
            if not arrived and not self._working:
                self._save_memory()
                continue
            for batch, answers in arrived:
                self._begin(batch, answers)
            batch = min(self._working, key=lambda one: one.spent)
            began = time.perf_counter()
            try:
                batch.step()
            except Exception:
                log.exception("a decoding step of %s failed", batch.model.name)
                batch.fail(server_error())
            batch.spent += time.perf_counter() - began
            self._working = [batch for batch in self._working if batch.busy]

    def _begin(self, batch: Batch, answers: list[Answer]) -> None:
        """Let a model take part in the work, at the turn of the one that has had least so far."""
        batch.waiting += answers
        batch.asked = time.monotonic()
        if batch not in self._working:
            batch.spent = min((one.spent for one in self._working), default=0.0)
            self._working = [*self._working, batch]
            self._release_others(self._working)

    def _save_memory(self) -> None:
        """Where memory is scarce, a large model that nobody asks makes room for a notebook."""
        free = available_memory()
        if free is not None and free < SCARCE:
            self._drop(self._idle_large(UNASKED_SECONDS))


def _parameters(batches: list[Batch]) -> int:
    return sum(batch.model.parameters for batch in batches)
