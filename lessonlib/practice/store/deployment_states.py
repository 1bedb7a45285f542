"""The states of a deployment (ARM's ``provisioningState``), and the ways between them.

    Accepted -> Creating -> Succeeded -> Deleting -> (gone)
                    |           |            ^
                    v           |            |
                  Failed -------+------------+

A deployment can be deleted in any state. One that serves is gone at once when it has been idle for
too long, when its tier's day is over, or when another model takes its place.
"""

from __future__ import annotations

ACCEPTED, CREATING, SUCCEEDED = "Accepted", "Creating", "Succeeded"
FAILED, DELETING = "Failed", "Deleting"
#: No state of the protocol: the deployment is no longer there, only its bill is.
GONE = "gone"

#: From each state, the states that can follow.
NEXT: dict[str, frozenset[str]] = {
    ACCEPTED: frozenset({CREATING, FAILED, DELETING}),
    CREATING: frozenset({SUCCEEDED, FAILED, DELETING}),
    SUCCEEDED: frozenset({DELETING, GONE}),
    FAILED: frozenset({DELETING, GONE}),
    DELETING: frozenset({GONE}),
    GONE: frozenset(),
}
#: States that do not last: the service has something to do.
PASSING = (ACCEPTED, CREATING, DELETING)
#: Why a deployment is gone.
DELETED, REPLACED, IDLE, EXPIRED = "deleted", "replaced", "idle", "expired"


class WrongDeploymentState(Exception):
    """A deployment cannot go from the state that it is in to the one that was wanted."""

    def __init__(self, name: str, state: str, wanted: str):
        super().__init__(f"{name} is {state} and cannot become {wanted}")
        self.name, self.state, self.wanted = name, state, wanted
