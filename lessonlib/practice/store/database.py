"""The service's SQLite database: one file, opened by the service and by its trainer.

*WAL mode* ("write-ahead log", https://sqlite.org/wal.html) lets the two read and write beside
each other, and a process that is killed in the middle of a write leaves no half of it behind.
``synchronous=FULL`` makes each finished transaction survive a power cut, too: what the service
has answered is on disk.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import string
import threading
from collections.abc import Iterator
from pathlib import Path

#: Each table has a ``seq``, which rises with every row: lists are paged by it. Ids are given by
#: the *view*, the protocol through which a thing was made (``openai_view.py``); tokens are
#: random and become ids by adding the view's words.
TABLES = """
CREATE TABLE organisations (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, api_key TEXT UNIQUE, upload_bytes INTEGER,
    pending_jobs INTEGER, requests_per_minute INTEGER, created_at INTEGER NOT NULL
);
CREATE TABLE files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, organisation TEXT NOT NULL,
    view TEXT NOT NULL, purpose TEXT NOT NULL, filename TEXT NOT NULL, bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL, created_at INTEGER NOT NULL, deleted_at INTEGER
);
CREATE INDEX files_of ON files (organisation, seq);
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, organisation TEXT NOT NULL,
    view TEXT NOT NULL, status TEXT NOT NULL, model TEXT NOT NULL, training_file TEXT NOT NULL,
    validation_file TEXT, suffix TEXT, seed INTEGER NOT NULL, asked TEXT NOT NULL, chosen TEXT,
    metadata TEXT, extra TEXT NOT NULL, rehearse TEXT, tuned_model TEXT NOT NULL,
    created_at INTEGER NOT NULL, started_at INTEGER, finished_at INTEGER,
    estimated_finish INTEGER, trained_tokens INTEGER, error TEXT, result_file TEXT,
    turn INTEGER, attempts INTEGER NOT NULL DEFAULT 0, total_steps INTEGER, fingerprint TEXT
);
CREATE INDEX jobs_of ON jobs (organisation, seq);
CREATE INDEX jobs_by_status ON jobs (status, seq);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE NOT NULL, job TEXT NOT NULL,
    created_at INTEGER NOT NULL, level TEXT NOT NULL, kind TEXT NOT NULL, step INTEGER,
    details TEXT NOT NULL, UNIQUE (job, kind, step)
);
CREATE INDEX events_of ON events (job, seq);
CREATE TABLE metrics (
    job TEXT NOT NULL, step INTEGER NOT NULL, train_loss REAL, train_accuracy REAL,
    valid_loss REAL, valid_accuracy REAL, PRIMARY KEY (job, step)
);
CREATE TABLE checkpoints (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT UNIQUE NOT NULL, job TEXT NOT NULL,
    step INTEGER NOT NULL, model TEXT NOT NULL, created_at INTEGER NOT NULL,
    metrics TEXT NOT NULL, UNIQUE (job, step)
);
CREATE TABLE models (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL, organisation TEXT NOT NULL,
    view TEXT NOT NULL, job TEXT NOT NULL, base TEXT NOT NULL, folder TEXT NOT NULL,
    created_at INTEGER NOT NULL, shutdown_date TEXT, deleted_at INTEGER
);
CREATE INDEX models_of ON models (organisation, seq);
"""

#: Deployments of the Azure view, those that are gone among them, and each organisation's clock:
#: how far it was wound ahead, in seconds (``deployment_store.py``). Times are of that clock.
DEPLOYMENT_TABLES = """
CREATE TABLE deployments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, organisation TEXT NOT NULL, name TEXT NOT NULL,
    model TEXT NOT NULL, tuned INTEGER NOT NULL, sku TEXT NOT NULL, capacity INTEGER NOT NULL,
    per_hour REAL NOT NULL, state TEXT NOT NULL, created_at REAL NOT NULL, hosted_from REAL,
    last_used REAL, hosted_until REAL, reason TEXT, error TEXT, gone INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX one_of_a_name ON deployments (organisation, name COLLATE NOCASE)
    WHERE NOT gone;
CREATE TABLE clocks (organisation TEXT PRIMARY KEY, ahead REAL NOT NULL)
"""

#: What each edition of the tables added. A database of an earlier one gets what it lacks.
EDITIONS = (TABLES, DEPLOYMENT_TABLES)

#: Seconds for which one who wants to write waits for another one.
PATIENCE = 60.0

_LETTERS = string.ascii_letters + string.digits


def token(length: int = 24) -> str:
    """Random letters and digits, as ids end in."""
    return "".join(secrets.choice(_LETTERS) for _place in range(length))


def short_token() -> str:
    """A token that can also be written as 32 hex digits: there are fewer than 2**128 of them."""
    return token(21)


def token_as_hex(short: str) -> str:
    """A short token as 32 hex digits: its characters are the digits of a number."""
    number = 0
    for letter in short:
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    return f"{number:032x}"


def token_of_hex(text: str) -> str:
    """The short token that is written so; one that belongs to nothing where none is."""
    try:
        number = int(text, 16)
    except ValueError:
        return ""
    letters = ""
    for _place in range(21):
        number, digit = divmod(number, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters if token_as_hex(letters) == text else ""


class Database:
    """Connections to one database file: one for each thread, made when first needed."""

    def __init__(self, path: Path):
        self.path = path
        self._own = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # it will hold keys: readable by this user only
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        with self.transaction() as connection:
            edition = connection.execute("PRAGMA user_version").fetchone()[0]
            for tables in EDITIONS[edition:]:
                for statement in tables.split(";"):
                    connection.execute(statement)
            if edition < len(EDITIONS):
                connection.execute(f"PRAGMA user_version = {len(EDITIONS)}")

    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found = getattr(self._own, "connection", None)
        if found is None:
            found = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            found.row_factory = sqlite3.Row
            found.execute("PRAGMA journal_mode = WAL")
            found.execute("PRAGMA synchronous = FULL")
            self._own.connection = found
        return found

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside happens together, or not at all."""
        connection = self.connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self.connection().execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        return self.connection().execute(query, values).fetchone()

    def page(
        self,
        table: str,
        where: str,
        values: tuple,
        *,
        after: int | None,
        limit: int,
        newest_first: bool = True,
    ) -> tuple[list[sqlite3.Row], bool]:
        """A part of a list, by the rows' ``seq``.

        A page stays right while new rows come in: it begins behind a row, not at a number.

        Args:
            after: the ``seq`` of the row that the page begins behind; None for the beginning.
            limit: the most rows.

        Returns:
            The rows, and whether there are more behind them.
        """
        sign, order = ("<", "DESC") if newest_first else (">", "ASC")
        if after is not None:
            where, values = f"{where} AND seq {sign} ?", (*values, after)
        query = f"SELECT * FROM {table} WHERE {where} ORDER BY seq {order} LIMIT ?"
        found = self.rows(query, *values, limit + 1)
        return found[:limit], len(found) > limit
