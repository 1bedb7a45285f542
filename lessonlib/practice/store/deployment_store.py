"""Deployments of the Azure view, and the clock by which they are paid for.

Each organisation has a clock of its own, which the learner can wind forward (ours; no real service
has that): it shows the machine's time, or some time ahead of it. Nothing has to run in the
background: whoever looks next ends what was due to end, and dates it to the second at which it was.

Every change of state follows ``deployment_states.NEXT``, in one transaction.
"""

from __future__ import annotations

import time

from lessonlib.practice.store import deployment_states as states
from lessonlib.practice.store.database import Database
from lessonlib.practice.store.deployment_states import WrongDeploymentState
from lessonlib.practice.store.hosting import Deployment

#: A deployment's last use is written down once in so many seconds: days are what counts.
USE_WRITTEN_EVERY = 60.0
#: The farthest that a clock can be wound ahead, in seconds: a hundred years.
MOST_AHEAD = 100 * 365 * 86400.0


class ModelGone(Exception):
    """The model of a new deployment was deleted a moment ago."""


class Deployments:
    """The table of deployments."""

    def __init__(self, database: Database):
        self._database = database

    # --- the clock

    def now(self, organisation: str) -> float:
        """The time of an organisation's clock, in seconds since 1970."""
        row = self._database.row("SELECT ahead FROM clocks WHERE organisation = ?", organisation)
        return time.time() + (row["ahead"] if row else 0.0)

    def wind(self, organisation: str, seconds: float) -> float:
        """Wind the clock forward, never back; returns what it shows then."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO clocks VALUES (?, ?) ON CONFLICT (organisation)"
                " DO UPDATE SET ahead = MIN(ahead + excluded.ahead, ?)",
                (organisation, min(max(0.0, seconds), MOST_AHEAD), MOST_AHEAD),
            )
        self._settle(organisation)
        return self.now(organisation)

    # --- looking

    def all(self, organisation: str) -> list[Deployment]:
        """The deployments that there are, the oldest first."""
        self._settle(organisation)
        query = "SELECT * FROM deployments WHERE organisation = ? AND NOT gone ORDER BY seq"
        return [_deployment(row) for row in self._database.rows(query, organisation)]

    def find(self, organisation: str, name: str) -> Deployment | None:
        """The deployment of that name; capitals do not count."""
        found = (one for one in self.all(organisation) if one.name.lower() == name.lower())
        return next(found, None)

    def history(self, organisation: str) -> list[Deployment]:
        """All that there ever were, for the bill, the oldest first."""
        self._settle(organisation)
        query = "SELECT * FROM deployments WHERE organisation = ? ORDER BY seq"
        return [_deployment(row) for row in self._database.rows(query, organisation)]

    def passing(self) -> list[Deployment]:
        """Everyone's deployments in a state that does not last."""
        marks = ", ".join("?" * len(states.PASSING))
        query = f"SELECT * FROM deployments WHERE NOT gone AND state IN ({marks}) ORDER BY seq"
        return [_deployment(row) for row in self._database.rows(query, *states.PASSING)]

    # --- changing

    def put(
        self, organisation: str, name: str, model: str, tuned: bool, sku: str, capacity: int,
        per_hour: float,
    ) -> tuple[Deployment, bool]:
        """Create a deployment, or change the one of that name.

        Returns:
            The deployment, and whether there was none of that name before.

        Raises:
            WrongDeploymentState: the one of that name is being created or deleted.
            ModelGone: there is no such model any more.
        """
        self._settle(organisation)
        with self._database.transaction() as connection:
            if tuned and not _model_is_there(connection, organisation, model):
                raise ModelGone(model)
            old = _live(connection, organisation, name)
            if old is not None and old.state in states.PASSING:
                raise WrongDeploymentState(old.name, old.state, states.ACCEPTED)
            same = old and (old.model, old.sku, old.state) == (model, sku, states.SUCCEEDED)
            if same:
                update = "UPDATE deployments SET capacity = ? WHERE seq = ?"
                connection.execute(update, (capacity, old.seq))
            else:
                now = self.now(organisation)
                if old is not None:
                    _end(connection, old, now, states.REPLACED)
                connection.execute(
                    "INSERT INTO deployments (organisation, name, model, tuned, sku, capacity,"
                    " per_hour, state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (organisation, old.name if old else name, model, tuned, sku, capacity,
                     per_hour, states.ACCEPTED, now),
                )
        return self.find(organisation, name), old is None

    def delete(self, organisation: str, name: str) -> bool:
        """Ask a deployment to go; it is not paid for from now on. False where there is none."""
        self._settle(organisation)
        with self._database.transaction() as connection:
            found = _live(connection, organisation, name)
            if found is not None and found.state != states.DELETING:
                now = self.now(organisation)
                connection.execute(
                    "UPDATE deployments SET state = ?, reason = ?, hosted_until = ? WHERE seq = ?",
                    (states.DELETING, states.DELETED, now, found.seq),
                )
        return found is not None

    def advance(self, deployment: Deployment, to: str, error: str | None = None) -> None:
        """Bring a deployment into its next state.

        Raises:
            WrongDeploymentState: its state is another one by now, and does not allow that.
        """
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM deployments WHERE seq = ?", (deployment.seq,))
            row = row.fetchone()
            now_in = states.GONE if row["gone"] else row["state"]
            if to not in states.NEXT[now_in]:
                raise WrongDeploymentState(deployment.name, now_in, to)
            if to == states.GONE:
                _end(connection, _deployment(row), self.now(row["organisation"]), row["reason"])
                return
            started = self.now(row["organisation"]) if to == states.SUCCEEDED else None
            connection.execute(
                "UPDATE deployments SET state = ?, error = ?, hosted_from = ? WHERE seq = ?",
                (to, error, started, deployment.seq),
            )

    def use(self, organisation: str, name: str) -> Deployment | None:
        """The deployment that answers a request, and so counts as used now; None for none."""
        found = self.find(organisation, name)
        if found is None or found.state != states.SUCCEEDED:
            return None
        now = self.now(organisation)
        if found.last_used is None or now - found.last_used >= USE_WRITTEN_EVERY:
            with self._database.transaction() as connection:
                update = "UPDATE deployments SET last_used = ? WHERE seq = ? AND NOT gone"
                connection.execute(update, (now, found.seq))
        return found

    def _settle(self, organisation: str) -> None:
        """End what has come to its end, at the time at which it did."""
        now = self.now(organisation)
        query = "SELECT * FROM deployments WHERE organisation = ? AND NOT gone AND state = ?"
        rows = self._database.rows(query, organisation, states.SUCCEEDED)
        if not any(_is_over(_deployment(row), now) for row in rows):
            return
        with self._database.transaction() as connection:
            for row in connection.execute(query, (organisation, states.SUCCEEDED)).fetchall():
                one = _deployment(row)
                if _is_over(one, now):
                    _end(connection, one, *one.end())


def _model_is_there(connection, organisation: str, model: str) -> bool:
    query = "SELECT 1 FROM models WHERE name = ? AND organisation = ? AND deleted_at IS NULL"
    return connection.execute(query, (model, organisation)).fetchone() is not None


def _is_over(one: Deployment, now: float) -> bool:
    end = one.end()
    return end is not None and end[0] <= now


def _live(connection, organisation: str, name: str) -> Deployment | None:
    query = (
        "SELECT * FROM deployments WHERE organisation = ? AND name = ? COLLATE NOCASE"
        " AND NOT gone"
    )
    return _deployment(connection.execute(query, (organisation, name)).fetchone())


def _end(connection, one: Deployment, when: float, reason: str) -> None:
    """It is gone. What is paid for ends when it ended, or was asked to go."""
    until = when if one.hosted_until is None else one.hosted_until
    connection.execute(
        "UPDATE deployments SET gone = 1, reason = ?, hosted_until = ? WHERE seq = ?",
        (reason, until, one.seq),
    )


def _deployment(row) -> Deployment | None:
    if row is None:
        return None
    values = {name: row[name] for name in Deployment.__dataclass_fields__}
    values["tuned"] = bool(values["tuned"])
    if row["gone"]:
        values["state"] = states.GONE
    return Deployment(**values)
