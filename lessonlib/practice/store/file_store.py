"""Uploaded files and results: rows in the database, contents in work/practice/files."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from lessonlib.practice.store.database import Database


@dataclass(frozen=True)
class StoredFile:
    """An uploaded file or a result. ``seq`` is 0 until it is stored."""

    id: str
    organisation: str
    view: str
    purpose: str
    filename: str
    bytes: int
    sha256: str
    created_at: int
    seq: int = 0


class Files:
    """The table of files. ``folder``: where their contents are, by id."""

    def __init__(self, database: Database, folder: Path):
        self._database = database
        self.folder = folder

    def path_of(self, id: str) -> Path:
        return self.folder / id

    def draft(self, id: str) -> Path:
        """Where to write a file's content before it is added."""
        return self.folder / f".{id}.part"

    def add(self, new: StoredFile) -> StoredFile:
        """Take in the file whose ``draft`` is complete: put in its place first, then known."""
        self.draft(new.id).replace(self.path_of(new.id))
        with self._database.transaction() as connection:
            return insert_file(connection, new)

    def find(self, organisation: str, id: str, view: str | None = None) -> StoredFile | None:
        """The file of that id; only if it came through that view, where one is given."""
        query = "SELECT * FROM files WHERE id = ? AND organisation = ? AND deleted_at IS NULL"
        found = _file(self._database.row(query, id, organisation))
        return found if found and view in (None, found.view) else None

    def place(self, organisation: str, id: str) -> int | None:
        """The ``seq`` of a file; of a deleted one, too: one may delete a list page by page."""
        query = "SELECT seq FROM files WHERE id = ? AND organisation = ?"
        row = self._database.row(query, id, organisation)
        return row["seq"] if row else None

    def same(self, new: StoredFile, since: int) -> StoredFile | None:
        """The same content under the same name, stored at or after the second ``since``."""
        query = (
            "SELECT * FROM files WHERE organisation = ? AND view = ? AND sha256 = ? AND"
            " filename = ? AND purpose = ? AND created_at >= ? AND deleted_at IS NULL"
            " ORDER BY seq DESC"
        )
        values = new.organisation, new.view, new.sha256, new.filename, new.purpose, since
        return _file(self._database.row(query, *values))

    def page(
        self,
        organisation: str,
        purpose: str | None = None,
        after: int | None = None,
        limit: int = 10_000,
        newest_first: bool = True,
        view: str | None = None,
    ) -> tuple[list[StoredFile], bool]:
        """A page of files, and whether there are more; of one view, if it is given."""
        where, values = "organisation = ? AND deleted_at IS NULL", (organisation,)
        if view is not None:
            where, values = f"{where} AND view = ?", (*values, view)
        if purpose is not None:
            where, values = f"{where} AND purpose = ?", (*values, purpose)
        rows, more = self._database.page(
            "files", where, values, after=after, limit=limit, newest_first=newest_first
        )
        return [_file(row) for row in rows], more

    def delete(self, organisation: str, id: str) -> bool:
        """False where there is no such file."""
        with self._database.transaction() as connection:
            found = connection.execute(
                "UPDATE files SET deleted_at = ? WHERE id = ? AND organisation = ?"
                " AND deleted_at IS NULL",
                (int(time.time()), id, organisation),
            ).rowcount
        if found:
            self.path_of(id).unlink(missing_ok=True)
        return bool(found)

    def sweep(self) -> None:
        """Remove contents that no row tells of, such as halves of uploads."""
        rows = self._database.rows("SELECT id FROM files WHERE deleted_at IS NULL")
        kept = {row["id"] for row in rows}
        for path in self.folder.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)


def insert_file(connection, new: StoredFile) -> StoredFile:
    """Write a file's row inside a transaction; its content must be in place."""
    written = connection.execute(
        "INSERT INTO files (id, organisation, view, purpose, filename, bytes, sha256, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (new.id, new.organisation, new.view, new.purpose, new.filename, new.bytes, new.sha256,
         new.created_at),
    )
    return replace(new, seq=written.lastrowid)


def _file(row) -> StoredFile | None:
    if row is None:
        return None
    return StoredFile(**{name: row[name] for name in StoredFile.__dataclass_fields__})
