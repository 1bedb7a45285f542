"""The states of a fine-tuning job, and the ways between them.

    validating_files -> queued -> running -> succeeded
                           ^         |
                           |         v
                           +------ paused

``failed`` can follow any of the first three, ``cancelled`` any state that is not an end.
"""

from __future__ import annotations

VALIDATING, QUEUED, RUNNING, PAUSED = "validating_files", "queued", "running", "paused"
SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"

#: From each state, the states that can follow.
NEXT: dict[str, frozenset[str]] = {
    VALIDATING: frozenset({QUEUED, FAILED, CANCELLED}),
    QUEUED: frozenset({RUNNING, PAUSED, FAILED, CANCELLED}),
    RUNNING: frozenset({SUCCEEDED, PAUSED, FAILED, CANCELLED}),
    PAUSED: frozenset({QUEUED, CANCELLED}),
    SUCCEEDED: frozenset(),
    FAILED: frozenset(),
    CANCELLED: frozenset(),
}
ENDS = frozenset(state for state, following in NEXT.items() if not following)
#: States in which the service has something to do: it does not stop for idleness then.
WORK = (VALIDATING, QUEUED, RUNNING)
#: States that count against the limit of pending jobs.
PENDING = (VALIDATING, QUEUED, RUNNING, PAUSED)


class WrongState(Exception):
    """A job cannot go from the state that it is in to the one that was wanted."""

    def __init__(self, job: str, state: str, wanted: str):
        super().__init__(f"{job} is {state} and cannot become {wanted}")
        self.job, self.state, self.wanted = job, state, wanted
