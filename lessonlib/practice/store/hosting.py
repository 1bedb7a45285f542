"""What keeping a deployment costs, and when it ends by itself: the rules of the hosting meter.

The price comes from ``data/facts/prices.toml``, the two limits from ``data/facts/limits.toml``.
A tuned model is paid for by the hour from the moment it is ready, whether it is asked or not. In
the developer tier it is not, and neither is a base model (both are paid for by the token).

Ours, since it is not documented: that an hour which has begun counts in part, to the second.
"""

from __future__ import annotations

from dataclasses import dataclass

from lessonlib import costs
from lessonlib.common.facts import limits
from lessonlib.practice.store import deployment_states as states

HOUR, DAY = 3600.0, 86400.0
STANDARD, GLOBAL, DEVELOPER = "standard", "globalstandard", "developertier"
SKUS = (STANDARD, GLOBAL, DEVELOPER)


@dataclass(frozen=True)
class Deployment:
    """A deployment as stored. Times in seconds of its organisation's clock.

    Attributes:
        name: by which it is asked.
        model: what answers. ``tuned``: it was made by a job.
        sku: one of ``SKUS``, in small letters.
        capacity: thousands of tokens a minute on Azure; kept here, and not enforced.
        per_hour: US dollars for each hour.
        state: see ``deployment_states.py``.
        hosted_from, hosted_until: what is paid for; None before it is ready, and while it runs.
        last_used: the last request, to the minute.
        reason: why it is gone, or was asked to go.
    """

    seq: int
    organisation: str
    name: str
    model: str
    tuned: bool
    sku: str
    capacity: int
    per_hour: float
    state: str
    created_at: float
    hosted_from: float | None = None
    last_used: float | None = None
    hosted_until: float | None = None
    reason: str | None = None
    error: str | None = None

    def hours(self, now: float) -> float:
        """Hours for which it has been kept so far."""
        if self.hosted_from is None:
            return 0.0
        until = now if self.hosted_until is None else self.hosted_until
        return max(0.0, until - self.hosted_from) / HOUR

    def cost(self, now: float) -> float:
        """US dollars so far."""
        return self.hours(now) * self.per_hour

    def end(self) -> tuple[float, str] | None:
        """When it ends by itself, if nobody asks it until then, and why; None for never."""
        if not self.tuned or self.state != states.SUCCEEDED:
            return None
        rule = limits("azure")["deployment"]
        idle = (self.last_used or self.hosted_from) + rule["idle_days"] * DAY
        if self.sku != DEVELOPER:
            return idle, states.IDLE
        expires = self.hosted_from + rule["developer_hours"] * HOUR
        return min((expires, states.EXPIRED), (idle, states.IDLE))


def price_per_hour(tuned: bool, sku: str) -> float:
    """US dollars an hour for a new deployment."""
    return costs.hosting_per_hour() if tuned and sku != DEVELOPER else 0.0
