"""The tuned models that jobs have made: rows in the database, folders in work/practice/models."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lessonlib.practice.store.database import Database


@dataclass(frozen=True)
class TunedModel:
    """A tuned model or one of its checkpoints. ``shutdown_date``: ISO, None for never."""

    name: str
    organisation: str
    view: str
    job: str
    base: str
    folder: str
    created_at: int
    shutdown_date: str | None = None

    @property
    def is_shut_down(self) -> bool:
        return self.shutdown_date is not None and self.shutdown_date < date.today().isoformat()


class ModelInUse(Exception):
    """A deployed model cannot be deleted. ``deployments``: their names."""

    def __init__(self, model: str, deployments: list[str]):
        super().__init__(f"{model} is deployed as {', '.join(deployments)}")
        self.model, self.deployments = model, deployments


class Models:
    """The table of models. ``folder``: where their folders are."""

    def __init__(self, database: Database, folder: Path):
        self._database = database
        self.folder = folder

    def find(self, organisation: str, name: str) -> TunedModel | None:
        query = "SELECT * FROM models WHERE name = ? AND organisation = ? AND deleted_at IS NULL"
        return _model(self._database.row(query, name, organisation))

    def all(self, organisation: str, view: str | None = None) -> list[TunedModel]:
        """All models of an organisation; only those of one view, if it is given."""
        query = "SELECT * FROM models WHERE organisation = ? AND deleted_at IS NULL ORDER BY seq"
        found = [_model(row) for row in self._database.rows(query, organisation)]
        return [model for model in found if view in (None, model.view)]

    def path_of(self, model: TunedModel) -> Path:
        return self.folder / model.folder

    def delete(self, organisation: str, name: str) -> bool:
        """False where there is no such model.

        Raises:
            ModelInUse: it is deployed.
        """
        found = self.find(organisation, name)
        if found is None:
            return False
        with self._database.transaction() as connection:
            query = "SELECT name FROM deployments WHERE organisation = ? AND model = ? AND NOT gone"
            deployed = connection.execute(query, (organisation, name)).fetchall()
            if deployed:
                raise ModelInUse(name, [row["name"] for row in deployed])
            done = forget_model(connection, name)
        if done:
            shutil.rmtree(self.path_of(found), ignore_errors=True)
        return done

    def sweep(self, unfinished: set[str]) -> None:
        """Remove folders that no row tells of, but for those of unfinished jobs."""
        query = "SELECT folder FROM models WHERE deleted_at IS NULL"
        kept = {row["folder"] for row in self._database.rows(query)}
        starts = tuple(f"{job}." for job in unfinished)
        for path in self.folder.iterdir():
            if path.name not in kept and not path.name.startswith(starts):
                shutil.rmtree(path, ignore_errors=True)


def insert_model(connection, new: TunedModel) -> None:
    """Write a model's row inside a transaction; its folder must be in place."""
    connection.execute(
        "INSERT OR IGNORE INTO models (name, organisation, view, job, base, folder, created_at,"
        " shutdown_date) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (new.name, new.organisation, new.view, new.job, new.base, new.folder, new.created_at,
         new.shutdown_date),
    )


def forget_model(connection, name: str) -> bool:
    """Mark a model as deleted, inside a transaction."""
    update = "UPDATE models SET deleted_at = ? WHERE name = ? AND deleted_at IS NULL"
    return connection.execute(update, (int(time.time()), name)).rowcount > 0


def _model(row) -> TunedModel | None:
    if row is None:
        return None
    return TunedModel(**{name: row[name] for name in TunedModel.__dataclass_fields__})
