"""The client's side of a service: connect, follow a job, read its results, deploy a model.

Read it with notebooks 06 and 07: ``clients.py`` makes the official client, and ``guard.py`` asks
before a job spends money (``deployments.py`` does so before a model is deployed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.services.clients import connect
    from lessonlib.services.deployments import resource
    from lessonlib.services.watch import follow

__all__ = ["connect", "follow", "resource"]

__getattr__, __dir__ = face(__name__, {
    "connect": "clients",
    "follow": "watch",
    "resource": "deployments",
})
