"""Results kept whole, one row for each example, so that another notebook can compare them.

A scoreboard shows a score with its interval. Whether one route beats another needs more: what
each of them did on each single example. So beside the board's own file stands a folder
``results`` with a file for each row of the board. It is read back as a ``Result``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from lessonlib.evaluation import ROW_KINDS, Result
from lessonlib.text_files import write_whole


def file_of(folder: Path, identity: tuple[str, str, str]) -> Path:
    """Where the result of one row of the board is kept: (route, split, model)."""
    name = hashlib.sha256(json.dumps(identity).encode("utf-8")).hexdigest()[:16]
    return folder / f"{name}.json"


def save(folder: Path, identity: tuple[str, str, str], result: Result, measured: str) -> None:
    """Keep a result, in place of an earlier one of the same row.

    Args:
        measured: the row's own time stamp. A file with another one is of an older measurement.
    """
    kept = {
        "identity": identity,
        "measured": measured,
        "kind": type(result.rows[0]).__name__,
        "result": {"name": result.name, "model": result.model, "owner": result.owner},
        "rows": [dataclasses.asdict(row) for row in result.rows],
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(file_of(folder, identity), json.dumps(kept, ensure_ascii=False))


def load(folder: Path, identity: tuple[str, str, str], measured: str) -> Result | None:
    """The result of a row; None where it was not kept, is damaged, or is of another day.

    Boards from before results were kept have none: such a row still has its scores, and can be
    measured again.
    """
    try:
        kept = json.loads(file_of(folder, identity).read_text(encoding="utf-8"))
        if kept["measured"] != measured or tuple(kept["identity"]) != identity:
            return None
        make = ROW_KINDS[kept["kind"]]
        rows = tuple(make(**_tuples(row)) for row in kept["rows"])
        return Result(rows=rows, **kept["result"]) if rows else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget(folder: Path, identity: tuple[str, str, str]) -> None:
    """Take a result away, if it is there."""
    file_of(folder, identity).unlink(missing_ok=True)


def _tuples(row: dict) -> dict:
    """JSON knows no tuples; the fields of a row are tuples where they hold several things."""
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in row.items()}
