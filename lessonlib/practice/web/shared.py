"""What all routes share: the parts of the running service, and whose request it is."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from lessonlib.practice.answers.engine import Engine
from lessonlib.practice.protocol.catalogue import Catalogue
from lessonlib.practice.store.store import Organisation, Store
from lessonlib.practice.trainer.process import TrainerProcess
from lessonlib.practice.web.deployment_keeper import DeploymentKeeper


@dataclass(frozen=True)
class House:
    """The service's parts: stored things, models in memory, the trainer's process, and the
    keeper of deployments."""

    store: Store
    engine: Engine
    catalogue: Catalogue
    trainer: TrainerProcess
    keeper: DeploymentKeeper


def whose(request: Request) -> Organisation:
    """The organisation whose key the request came with; the door has seen to it."""
    return request.scope["organisation"]
