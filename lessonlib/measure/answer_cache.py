"""Answers that were already given, kept on disk, so that nothing is asked (or paid) twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK


def answer_key(**parts: object) -> str:
    """A short name for a request: equal for equal parts, different for any difference."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class AnswerCache:
    """A table from keys to answers (dicts of JSON values) in one SQLite file.

    Several threads, and several notebooks, may use the same file at once. Every answer is on
    disk as soon as ``put`` returns, so a run that is stopped loses nothing.

    Raises:
        LessonError: the file is damaged, or may not be written; when it is opened or used.
    """

    def __init__(self, path: Path | None = None):
        self.path = path or WORK / "cache" / "answers.sqlite"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock, self._closed = threading.Lock(), False
        with self._told():
            self._table = sqlite3.connect(self.path, timeout=60, check_same_thread=False)
        try:
            with self._told(), self._table:
                # A lost cache costs time, not truth: do not wait for the disk at every answer.
                self._table.execute("PRAGMA synchronous = OFF")
                self._table.execute(
                    "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT)"
                )
        except LessonError:
            self._table.close()
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite says against the file, with a cure."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise LessonError(
                _("The cache of answers cannot be used: {path}: {reason}").format(
                    path=self.path, reason=error
                ),
                _("Delete that file; a new one is made. Answers are then asked for again."),
            ) from None

    def get(self, key: str) -> dict | None:
        with self._lock, self._told():
            row = self._table.execute("SELECT answer FROM answers WHERE key = ?", [key]).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, key: str, answer: dict) -> None:
        """Keep an answer; also one that comes late, after ``close``: it has been paid for."""
        with self._lock:
            if not self._closed:
                with self._told(), self._table:
                    self._table.execute(
                        "INSERT OR REPLACE INTO answers VALUES (?, ?)",
                        [key, json.dumps(answer, ensure_ascii=False)],
                    )
                return
        with closing(AnswerCache(self.path)) as late:
            late.put(key, answer)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._table.close()
