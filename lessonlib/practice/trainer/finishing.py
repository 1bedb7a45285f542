"""Write down a job's progress, and hand over what it made: checkpoints, the model, the result file.

Always in this order: the folder or file is put in its place, then one transaction records it all,
then what is no longer kept is removed.

Each function of the record is one transaction, and each first makes sure that the job is still
running: one that was cancelled or paused a moment ago gets no further step, no checkpoint and no
model. If something is written again after a crash, it is still there only once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from lessonlib.practice.protocol import azure_view, openai_view, rehearse
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.store import states
from lessonlib.practice.store.database import Database, short_token
from lessonlib.practice.store.file_store import StoredFile, insert_file
from lessonlib.practice.store.job_store import Job, add_event, move
from lessonlib.practice.store.model_store import TunedModel, forget_model, insert_model
from lessonlib.practice.store.states import WrongState
from lessonlib.practice.store.store import Store

#: The protocols, by name: a job is told of in the words of the one that it came through.
VIEWS = {view.NAME: view for view in (openai_view, azure_view)}
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

    def forecast(self, **details: float) -> None:
        """How fast a large model is trained here, and how long that will take, before it begins."""
        with self._database.transaction() as connection:
            self._see_that_it_runs(connection)
            add_event(connection, self._job.id, "forecast", **details)

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


class Finisher:
    """Hands over the models of one job."""

    def __init__(self, store: Store, job: Job, record: JobRecord, base: ModelFolder, folder: Path):
        self._store, self._job, self._record = store, job, record
        self._base, self._folder = base, folder
        self._view = VIEWS[job.view]

    def place(self, step: int) -> Path:
        """The folder for the model after ``step``. The same one, should it be made again."""
        return self._store.models.folder / f"{self._job.id}.{step}"

    def checkpoint(self, metrics: StepMetrics) -> None:
        """The model of an epoch before the last is in its place."""
        name = self._view.checkpoint_name(self._job.tuned_model, metrics.step)
        self._remove(self._record.checkpoint(metrics, self._model(name, metrics.step)))

    def succeed(self, metrics: StepMetrics, tokens: int) -> None:
        """The final model is in its place: write the result file, and the job is done."""
        job, files = self._job, self._store.files
        content = self._view.result_content(self._store.jobs.metrics(job.id), job)
        id = self._view.new_file_id()
        with open(files.draft(id), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        files.draft(id).replace(files.path_of(id))
        result = StoredFile(
            id, job.organisation, job.view, "fine-tune-results", self._view.RESULTS_NAME,
            len(content), hashlib.sha256(content).hexdigest(), int(time.time()),
        )
        model = self._model(job.tuned_model, metrics.step)
        try:
            self._remove(self._record.succeed(metrics, model, result, tokens))
        except WrongState:
            files.path_of(id).unlink(missing_ok=True)
            raise

    def _model(self, name: str, step: int) -> TunedModel:
        job = self._job
        return TunedModel(
            name=name,
            organisation=job.organisation,
            view=job.view,
            job=job.id,
            base=job.model,
            folder=self.place(step).name,
            created_at=int(time.time()),
            shutdown_date=rehearse.shutdown_date() if job.rehearse == "shut_down" else None,
        )

    def _remove(self, folders: list[str]) -> None:
        for folder in folders:
            shutil.rmtree(self._store.models.folder / folder, ignore_errors=True)
