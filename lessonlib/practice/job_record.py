"""What the trainer writes down about the job that it trains.

Each function is one transaction, and each first sees that the job is still running: one that
was cancelled or paused a moment ago gets no further step, no checkpoint and no model. Written
twice, after a crash, nothing is there twice.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from lessonlib.practice import states
from lessonlib.practice.database import Database, short_token
from lessonlib.practice.file_store import StoredFile, insert_file
from lessonlib.practice.job_store import Job, add_event, move
from lessonlib.practice.model_store import TunedModel, forget_model, insert_model
from lessonlib.practice.states import WrongState

#: How many checkpoints a job keeps: those of its last epochs, the finished model among them.
KEPT_CHECKPOINTS = 3
_COLUMNS = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")


@dataclass(frozen=True)
class StepMetrics:
    """Losses in nats per answer token; accuracies as shares of answer tokens."""

    step: int
    train_loss: float
    train_accuracy: float
    valid_loss: float | None = None
    valid_accuracy: float | None = None


class JobRecord:
    """Writes down the progress of one running job."""

    def __init__(self, database: Database, job: Job):
        self._database, self._job = database, job

    def _see_that_it_runs(self, connection) -> None:
        query = "SELECT status FROM jobs WHERE id = ?"
        status = connection.execute(query, (self._job.id,)).fetchone()["status"]
        if status != states.RUNNING:
            raise WrongState(self._job.id, status, states.RUNNING)

    def status(self) -> str:
        query = "SELECT status FROM jobs WHERE id = ?"
        return self._database.row(query, self._job.id)["status"]

    def begin(self, total_steps: int, done: int) -> None:
        """The model is loaded; ``done`` steps were taken before an interruption."""
        with self._database.transaction() as connection:
            self._see_that_it_runs(connection)
            update = "UPDATE jobs SET total_steps = ? WHERE id = ?"
            connection.execute(update, (total_steps, self._job.id))
            if self._job.attempts > 1 or done:
                add_event(connection, self._job.id, "continued", done=done, total=total_steps)

    def step(self, metrics: StepMetrics, total: int, tell: bool, finish: int | None) -> None:
        """One step is done. ``tell``: by an event; ``finish``: when all will be (Unix time)."""
        values = {name: getattr(metrics, name) for name in _COLUMNS}
        with self._database.transaction() as connection:
            self._see_that_it_runs(connection)
            further = connection.execute(
                "INSERT OR IGNORE INTO metrics (job, step, train_loss, train_accuracy, valid_loss,"
                " valid_accuracy) VALUES (?, ?, ?, ?, ?, ?)",
                (self._job.id, metrics.step, *values.values()),
            ).rowcount
            update = "UPDATE jobs SET estimated_finish = ? WHERE id = ?"
            connection.execute(update, (finish, self._job.id))
            if further:  # than any attempt before: it is not always the same place that ends it
                update = "UPDATE jobs SET attempts = 1 WHERE id = ?"
                connection.execute(update, (self._job.id,))
            if tell:
                add_event(
                    connection, self._job.id, "step", step=metrics.step, total=total, **values
                )

    def checkpoint(self, metrics: StepMetrics, model: TunedModel) -> list[str]:
        """An epoch before the last is over, and its model in place.

        Returns:
            Folders of older checkpoints, which are no longer kept.
        """
        with self._database.transaction() as connection:
            self._see_that_it_runs(connection)
            self._add_checkpoint(connection, metrics, model)
            step = metrics.step
            add_event(connection, self._job.id, "checkpoint", step=step, model=model.name)
            return self._forget_old_checkpoints(connection)

    def succeed(
        self, metrics: StepMetrics, model: TunedModel, result: StoredFile, tokens: int
    ) -> list[str]:
        """All is done: the model and the result file are in place."""
        with self._database.transaction() as connection:
            self._see_that_it_runs(connection)
            self._add_checkpoint(connection, metrics, model)
            insert_file(connection, result)
            add_event(connection, self._job.id, "model", model=model.name)
            columns = {"trained_tokens": tokens, "result_file": result.id}
            move(connection, self._job.id, states.SUCCEEDED, "completed", **columns)
            return self._forget_old_checkpoints(connection)

    def _add_checkpoint(self, connection, metrics: StepMetrics, model: TunedModel) -> None:
        connection.execute(
            "INSERT OR IGNORE INTO checkpoints (token, job, step, model, created_at, metrics)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (short_token(), self._job.id, metrics.step, model.name, int(time.time()),
             json.dumps(vars(metrics))),
        )
        insert_model(connection, model)

    def _forget_old_checkpoints(self, connection) -> list[str]:
        query = "SELECT * FROM checkpoints WHERE job = ? ORDER BY step DESC LIMIT -1 OFFSET ?"
        folders = []
        for old in connection.execute(query, (self._job.id, KEPT_CHECKPOINTS)).fetchall():
            named = connection.execute("SELECT folder FROM models WHERE name = ?", (old["model"],))
            folders += [row["folder"] for row in named.fetchall()]
            forget_model(connection, old["model"])
            connection.execute("DELETE FROM checkpoints WHERE seq = ?", (old["seq"],))
        return folders
