"""All that the service keeps: organisations, files, jobs, models, deployments.

The tables (``database.py``) know nothing of any protocol: the OpenAI routes and other *views*
read and write the same rows. All of it is in work/practice; the contents of files and models are
plain files beside the database:

    service.db         the tables
    files/<id>         uploaded files and results
    models/<job>.<n>/  tuned models, Hugging Face folders
    jobs/<id>/         what a running job needs to go on after a crash

A file or folder is put in its place before its row is written, and removed after its row says that
it is deleted. So whenever the service is killed, no row ever names something that is not there; and
whatever no row names is swept away at the next start.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from lessonlib.practice.store.database import Database
from lessonlib.practice.store.deployment_store import Deployments
from lessonlib.practice.store.file_store import Files
from lessonlib.practice.store.job_store import Jobs
from lessonlib.practice.store.model_store import Models

#: The organisation of the single learner, who needs no key but the service's own.
DEFAULT = "practice"


@dataclass(frozen=True)
class Organisation:
    """Whom things belong to. Nothing of one is visible to another.

    ``upload_bytes``, ``pending_jobs``, ``requests_per_minute``: limits, None for OpenAI's own
    (for uploads) or none at all.
    """

    id: str
    title: str
    upload_bytes: int | None = None
    pending_jobs: int | None = None
    requests_per_minute: int | None = None


class Store:
    """Everything in ``folder``. Safe to use from several threads and processes."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.database = Database(folder / "service.db")
        for name in ("files", "models", "jobs"):
            (folder / name).mkdir(exist_ok=True)
        self.files = Files(self.database, folder / "files")
        self.jobs = Jobs(self.database)
        self.models = Models(self.database, folder / "models")
        self.deployments = Deployments(self.database)
        if self.organisation(DEFAULT) is None:
            self.add_organisation(Organisation(DEFAULT, "the learner at this machine"), None)

    # --- organisations

    def add_organisation(self, new: Organisation, api_key: str | None) -> None:
        """Keep a new organisation; one of that id stays as it is."""
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO organisations VALUES (?, ?, ?, ?, ?, ?, ?)",
                (new.id, new.title, api_key, new.upload_bytes, new.pending_jobs,
                 new.requests_per_minute, int(time.time())),
            )

    def organisation(self, id: str) -> Organisation | None:
        return _organisation(self.database.row("SELECT * FROM organisations WHERE id = ?", id))

    def organisation_of(self, api_key: str) -> Organisation | None:
        """Whose key this is."""
        query = "SELECT * FROM organisations WHERE api_key = ?"
        return _organisation(self.database.row(query, api_key))

    def organisations(self) -> list[tuple[Organisation, str | None]]:
        """All organisations with their keys, in the order of their making."""
        rows = self.database.rows("SELECT * FROM organisations ORDER BY rowid")
        return [(_organisation(row), row["api_key"]) for row in rows]

    # --- after a crash

    def sweep(self) -> None:
        """Remove what no row tells of. Only while no other process uses the store."""
        unfinished = {job.id for job in self.jobs.unfinished()}
        self.files.sweep()
        self.models.sweep(unfinished)
        for path in (self.folder / "jobs").iterdir():
            if path.name not in unfinished:
                shutil.rmtree(path, ignore_errors=True)


def _organisation(row) -> Organisation | None:
    if row is None:
        return None
    return Organisation(**{name: row[name] for name in Organisation.__dataclass_fields__})

