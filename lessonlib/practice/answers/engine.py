"""The models in memory, and the one thread that decodes for all of them.

One thread, because the models are small: two threads would only wait for each other.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict

import torch

from lessonlib.models.device import choose_threads
from lessonlib.practice.answers.batch import Answer, Batch
from lessonlib.practice.answers.model import LoadedModel
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.protocol.errors import server_error

#: Models stay in memory up to so many parameters, but four in any case; the one unused for the
#: longest time goes first. A classroom's thirty small models all fit.
KEPT_PARAMETERS, KEPT_MODELS = 250_000_000, 4

log = logging.getLogger("lessonlib.practice")


class Engine:
    """Loads models when they are asked for and answers requests in one thread."""

    def __init__(self) -> None:
        self.threads = choose_threads(for_answers=True)
        torch.set_num_threads(self.threads.value)
        self._loaded: OrderedDict[str, Batch] = OrderedDict()
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
            return batch

    def _load(self, found: ModelFolder) -> Batch:
        batch = Batch(LoadedModel(found))
        log.info("loaded %s (%s) on %s", found.name, found.fingerprint, batch.model.device)
        with self._changed:
            self._loaded[found.name] = batch
            self._loaded.move_to_end(found.name)
            while len(self._loaded) > KEPT_MODELS and self._parameters() > KEPT_PARAMETERS:
                gone, _ = self._loaded.popitem(last=False)
                log.info("dropped %s from memory", gone)
        return batch

    def _release_others(self, working: list[Batch]) -> None:
        """Let loaded models that nobody asks now give the memory of their last requests back.

        A notebook asks one model after the other: in 01 each held about 100 MB.
        """
        with self._changed:
            idle = [batch for batch in self._loaded.values() if batch not in working]
        for batch in idle:
            batch.release()

    def _parameters(self) -> int:
        return sum(batch.model.parameters for batch in self._loaded.values())

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
        working: list[Batch] = []
        while True:
            with self._changed:
                while not self._inbox and not working and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                arrived, self._inbox = self._inbox, []
            for batch, answers in arrived:
                batch.waiting += answers
                if batch not in working:
                    working.append(batch)
                    self._release_others(working)
            for batch in working:
                try:
                    batch.step()
                except Exception:
                    log.exception("a decoding step of %s failed", batch.model.name)
                    batch.fail(server_error())
            working = [batch for batch in working if batch.busy]
