"""Hand over what a job has made: checkpoints, the finished model, the result file.

Always in this order: the folder or file is put in its place, then one transaction tells of it
all, then what is no longer kept is removed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

from lessonlib.practice import rehearse
from lessonlib.practice.file_store import StoredFile
from lessonlib.practice.folders import ModelFolder
from lessonlib.practice.job_record import JobRecord, StepMetrics
from lessonlib.practice.job_store import Job
from lessonlib.practice.model_store import TunedModel
from lessonlib.practice.states import WrongState
from lessonlib.practice.store import Store
from lessonlib.practice.views import VIEWS


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
        content = self._view.result_content(self._store.jobs.metrics(job.id))
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
