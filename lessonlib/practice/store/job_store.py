"""Fine-tuning jobs with their events, metrics and checkpoints.

Every change of a job's state goes through ``Jobs.move``: in one transaction with the event that
reports it, and only as ``states.NEXT`` allows. Service and trainer may act at the same moment, one
to cancel a job and one to finish it; whichever comes second is refused.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from lessonlib.practice.store import states
from lessonlib.practice.store.database import Database, short_token
from lessonlib.practice.store.states import WrongState

#: Columns that hold JSON.
_JSON = ("asked", "chosen", "metadata", "extra", "error")


@dataclass(frozen=True)
class Job:
    """A job as stored.

    Attributes:
        view: the protocol that it was made through: it words ids, names and events.
        asked: n_epochs, batch_size and learning_rate_multiplier as asked for, or ``auto``.
        chosen: the same as numbers, once the files are checked.
        extra: what only the view knows.
        rehearse: the refusal or failure that the learner asked for (``rehearse.py``).
        tuned_model: the name that the model will have.
        turn: a number that rises with each job that starts; the queue's fairness needs it.
        attempts: starts since it last came further than before.
        fingerprint: of the request, to know it again when it is repeated.
    """

    id: str
    organisation: str
    view: str
    model: str
    training_file: str
    seed: int
    tuned_model: str
    created_at: int
    validation_file: str | None = None
    suffix: str | None = None
    asked: dict = field(default_factory=dict)
    chosen: dict | None = None
    metadata: dict | None = None
    extra: dict = field(default_factory=dict)
    rehearse: str | None = None
    status: str = states.VALIDATING
    started_at: int | None = None
    finished_at: int | None = None
    estimated_finish: int | None = None
    trained_tokens: int | None = None
    error: dict | None = None
    result_file: str | None = None
    turn: int | None = None
    attempts: int = 0
    total_steps: int | None = None
    fingerprint: str | None = None
    seq: int = 0


@dataclass(frozen=True)
class Event:
    """Something that happened to a job. The view puts ``kind`` and ``details`` into words."""

    seq: int
    token: str
    job: str
    created_at: int
    level: str
    kind: str
    step: int | None
    details: dict


class TooManyPending(Exception):
    """The organisation has as many unfinished jobs as it may have."""


class Jobs:
    """The table of jobs, and what belongs to them."""

    def __init__(self, database: Database):
        self._database = database

    # --- made and found

    def create(self, new: Job, most_pending: int | None = None) -> Job:
        """Keep a new job, with its first two events.

        Raises:
            TooManyPending: the organisation has ``most_pending`` unfinished ones.
        """
        values = {name: getattr(new, name) for name in Job.__dataclass_fields__ if name != "seq"}
        for name in _JSON:
            values[name] = None if values[name] is None else json.dumps(values[name])
        with self._database.transaction() as connection:
            if most_pending is not None:
                marks = ", ".join("?" * len(states.PENDING))
                query = f"SELECT COUNT(*) FROM jobs WHERE organisation = ? AND status IN ({marks})"
                pending = connection.execute(query, (new.organisation, *states.PENDING))
                if pending.fetchone()[0] >= most_pending:
                    raise TooManyPending
            names, marks = ", ".join(values), ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", (*values.values(),))
            add_event(connection, new.id, "created")
            add_event(connection, new.id, "validating")
        return self.find(new.id)

    def find(
        self, id: str, organisation: str | None = None, view: str | None = None
    ) -> Job | None:
        """The job of that id; of one organisation and one view, if they are given."""
        found = _job(self._database.row("SELECT * FROM jobs WHERE id = ?", id))
        if found is None or organisation not in (None, found.organisation):
            return None
        return found if view in (None, found.view) else None

    def same(self, organisation: str, view: str, fingerprint: str, since: int) -> Job | None:
        """The job that the same request made at or after the second ``since``."""
        query = (
            "SELECT * FROM jobs WHERE organisation = ? AND view = ? AND fingerprint = ?"
            " AND created_at >= ? ORDER BY seq DESC"
        )
        return _job(self._database.row(query, organisation, view, fingerprint, since))

    def page(
        self,
        organisation: str,
        metadata: dict[str, str] | None = None,
        without_metadata: bool = False,
        after: int | None = None,
        limit: int = 20,
        view: str | None = None,
    ) -> tuple[list[Job], bool]:
        """A page of jobs, newest first. ``metadata``: pairs that all must be there."""
        where, values = "organisation = ?", [organisation]
        if view is not None:
            where, values = f"{where} AND view = ?", [organisation, view]
        if without_metadata:
            where += " AND metadata IS NULL"
        for key, value in (metadata or {}).items():
            where += (
                " AND metadata IS NOT NULL AND EXISTS"
                " (SELECT 1 FROM json_each(metadata) WHERE key = ? AND value = ?)"
            )
            values += [key, value]
        rows, more = self._database.page("jobs", where, (*values,), after=after, limit=limit)
        return [_job(row) for row in rows], more

    def unfinished(self, only_work: bool = False) -> list[Job]:
        """All jobs that have not ended; with ``only_work`` without the paused ones."""
        wanted = states.WORK if only_work else states.PENDING
        marks = ", ".join("?" * len(wanted))
        query = f"SELECT * FROM jobs WHERE status IN ({marks}) ORDER BY seq"
        return [_job(row) for row in self._database.rows(query, *wanted)]

    def all(self, limit: int = 200) -> list[Job]:
        """The newest jobs of everyone, for the instructor."""
        query = "SELECT * FROM jobs ORDER BY seq DESC LIMIT ?"
        return [_job(row) for row in self._database.rows(query, limit)]

    # --- changes of state

    def move(self, id: str, to: str, event: str | None = None, level: str = "info", **columns):
        """Bring a job into another state; ``event`` tells of it, ``columns`` change with it.

        Raises:
            WrongState: the job's state does not allow that.
        """
        with self._database.transaction() as connection:
            move(connection, id, to, event, level, **columns)
        return self.find(id)

    def fail(self, id: str, code: str, message: str, param: str | None = None) -> Job:
        """End a job with an error.

        Raises:
            WrongState: it has ended already.
        """
        error = json.dumps({"code": code, "message": message, "param": param})
        return self.move(id, states.FAILED, "failed", "error", error=error)

    def next_to_check(self) -> Job | None:
        """The oldest job whose files are to be checked."""
        query = "SELECT * FROM jobs WHERE status = ? ORDER BY seq LIMIT 1"
        return _job(self._database.row(query, states.VALIDATING))

    def next_to_train(self) -> Job | None:
        """The job to train now, which is then running.

        One that runs already was interrupted; it goes first. Else it is the turn of the
        organisation that has waited for the longest time since a job of its own was started.
        """
        with self._database.transaction() as connection:
            query = "SELECT * FROM jobs WHERE status = ? ORDER BY seq LIMIT 1"
            row = connection.execute(query, (states.RUNNING,)).fetchone()
            if row is None:
                row = connection.execute(
                    "SELECT * FROM jobs WHERE status = ? ORDER BY (SELECT COALESCE(MAX(turn), 0)"
                    " FROM jobs AS own WHERE own.organisation = jobs.organisation), seq LIMIT 1",
                    (states.QUEUED,),
                ).fetchone()
                if row is None:
                    return None
                turn = connection.execute("SELECT COALESCE(MAX(turn), 0) + 1 FROM jobs")
                started = {} if row["started_at"] else {"started_at": int(time.time())}
                event = None if row["started_at"] else "started"
                turn = turn.fetchone()[0]
                move(connection, row["id"], states.RUNNING, event, turn=turn, **started)
            update = "UPDATE jobs SET attempts = attempts + 1 WHERE id = ?"
            connection.execute(update, (row["id"],))
        return self.find(row["id"])

    # --- what belongs to a job

    def events(
        self, job: str, after: int | None = None, limit: int = 20
    ) -> tuple[list[Event], bool]:
        """A page of events, newest first."""
        rows, more = self._database.page("events", "job = ?", (job,), after=after, limit=limit)
        return [Event(**{**dict(row), "details": json.loads(row["details"])}) for row in rows], more

    def checkpoints(self, job: str, after: int | None = None, limit: int = 10):
        """A page of checkpoints as rows, newest first; ``metrics`` as a dictionary."""
        rows, more = self._database.page("checkpoints", "job = ?", (job,), after=after, limit=limit)
        return [{**dict(row), "metrics": json.loads(row["metrics"])} for row in rows], more

    def place(self, table: str, job: str, mark: str) -> int | None:
        """The ``seq`` of the event or checkpoint with the token ``mark``."""
        query = f"SELECT seq FROM {table} WHERE job = ? AND token = ?"
        row = self._database.row(query, job, mark)
        return row["seq"] if row else None

    def metrics(self, job: str) -> list[dict]:
        """One row for each step so far."""
        query = "SELECT * FROM metrics WHERE job = ? ORDER BY step"
        return [dict(row) for row in self._database.rows(query, job)]


def move(connection, id: str, to: str, event: str | None, level: str = "info", **columns) -> None:
    """``Jobs.move`` inside a transaction."""
    state = connection.execute("SELECT status FROM jobs WHERE id = ?", (id,)).fetchone()["status"]
    if to not in states.NEXT[state]:
        raise WrongState(id, state, to)
    columns = {"status": to, "estimated_finish": None, **columns}
    if to in states.ENDS:
        columns["finished_at"] = int(time.time())
    names = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"UPDATE jobs SET {names} WHERE id = ?", (*columns.values(), id))
    if event:
        add_event(connection, id, event, level)


def add_event(
    connection, job: str, kind: str, level: str = "info", step: int | None = None, **details
) -> None:
    """Tell of something, inside a transaction. A step is told of once, however often done."""
    connection.execute(
        "INSERT OR IGNORE INTO events (token, job, created_at, level, kind, step, details)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (short_token(), job, int(time.time()), level, kind, step, json.dumps(details)),
    )


def _job(row) -> Job | None:
    if row is None:
        return None
    values = {name: row[name] for name in Job.__dataclass_fields__}
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    return Job(**values)
