"""Moves deployments on from states that do not last: it plays the part of Azure that makes them.

On Azure it takes minutes until a deployment is ready; here the model is loaded, which takes a
second. A service that was killed goes on with what it was doing, since the states are stored. A
deployment does not keep the service awake; it is back when the service starts again.
"""

from __future__ import annotations

import contextlib
import logging
import threading

from lessonlib.practice.answers.engine import Engine
from lessonlib.practice.protocol import azure_view
from lessonlib.practice.protocol.catalogue import Catalogue
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.store import deployment_states as states
from lessonlib.practice.store.deployment_states import WrongDeploymentState
from lessonlib.practice.store.hosting import Deployment
from lessonlib.practice.store.store import Store

log = logging.getLogger("lessonlib.practice")

#: Seconds for which a state is there to be seen, at the least.
LOOK = 0.3
#: Seconds until the next try after one that failed, such as on a locked database.
PAUSE = 1.0


class DeploymentKeeper:
    """A thread that brings each deployment from one state to the next."""

    def __init__(self, store: Store, engine: Engine, catalogue: Catalogue):
        self._store, self._engine, self._catalogue = store, engine, catalogue
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="deployments", daemon=True)

    def watch(self) -> None:
        """Begin; what an earlier service left in the middle goes on."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                found = self._store.deployments.passing()
                for one in found:
                    self._stopping.wait(LOOK)
                    self._step(one)
            except Exception:
                # What could not be done is still to do, and nobody will wake us for it.
                log.exception("looking after the deployments failed")
                self._stopping.wait(PAUSE)
                continue
            if not found:
                self._wake.wait()

    def _step(self, one: Deployment) -> None:
        """One deployment, one state further."""
        advance = self._store.deployments.advance
        with contextlib.suppress(WrongDeploymentState):  # deleted in this moment
            if one.state == states.ACCEPTED:
                advance(one, states.CREATING)
            elif one.state == states.CREATING:
                error = self._load(one)
                advance(one, states.FAILED if error else states.SUCCEEDED, error)
            else:
                advance(one, states.GONE)

    def _load(self, one: Deployment) -> str | None:
        """Have the model in memory; or the reason why that cannot be."""
        try:
            found = self._catalogue.usable(one.organisation, one.model, azure_view.NAME)
            self._engine.batch_for(found)
        except ApiError as error:
            log.warning("deployment %s failed: %s", one.name, error.message)
            return error.message
        return None
