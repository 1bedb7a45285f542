"""One place for the results of all routes: kept across notebooks, shown as table and picture.

The scores are kept in one JSON file, ``work/scoreboard.json``. A route that is run again replaces
its own row. Several notebooks may write at the same time.

A score with its interval does not say whether one route beats another; what each of them did on
each single example does. So beside the board's file there is a folder of results, with a file for
each row of the board. They are read back as ``Result``, and any two of them can be compared, pair
by pair, whichever notebooks measured them (``lessonlib.measure.paired``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from lessonlib.common.errors import LessonError
from lessonlib.common.files import write_whole
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK
from lessonlib.costs.price_list import ModelPrice, cost_per_1000
from lessonlib.measure import rows as measure_rows
from lessonlib.measure.evaluation import Result
from lessonlib.measure.scoreboard_table import ALWAYS, columns_of, score_table
from lessonlib.show.tables import Table


class Scoreboard:
    """The results so far. ``Scoreboard()`` opens the course's own board, empty or not.

    Introduced in notebook 00.
    """

    def __init__(self, path: str | Path | None = None):
        self.path = Path(path) if path else WORK / "scoreboard.json"
        #: Where the results are kept, example by example.
        self.results = self.path.with_name(f"{self.path.stem}_results")

    def add(
        self,
        result: Result,
        split: str,
        route: str | None = None,
        training_seconds: float | None = None,
        price: ModelPrice | None = None,
    ) -> None:
        """Write a result onto the board, in place of an earlier one of the same route.

        Args:
            result: from ``evaluate``.
            split: the examples it was measured on, such as ``test``. Those of the second task
                get names of their own, such as ``sql test``.
            route: what the row is called; the method's name if not given. One row is kept for
                each route, split and model.
            training_seconds: how long the model was trained, if it was.
            price: hosted model whose prices turn tokens into dollars; see
            ``lessonlib.costs.price_list``.

        Raises:
            LessonError: a score is no number, as of a task's own formula that divides by zero.
        """
        _check_scores(result)
        row = {
            "route": route or result.name,
            "split": split,
            "model": result.model,
            "owner": result.owner,
            "examples": len(result.rows),
            **{
                name: [measured.value, measured.low, measured.high]
                for name, measured in result.metrics().items()
            },
            "prompt_tokens": _number(result.prompt_tokens),
            "completion_tokens": _number(result.completion_tokens),
            "seconds": _number(result.seconds),
            "training_seconds": training_seconds,
            "cost_per_1000": _number(cost_per_1000(result, price)) if price else None,
            "price": f"{price.name}, {price.read.isoformat()}" if price else None,
            "refused": sum(result.errors.values()) or None,
            "measured": datetime.now(UTC).isoformat(timespec="microseconds"),
            "kind": type(result.rows[0]).__name__,
            "module": type(result.rows[0]).__module__,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=30):
            rows = self.rows()
            places = {_identity(one): place for place, one in enumerate(rows)}
            # First the result, then its row: a row never points to what is not there.
            self._keep(row, result)
            if _identity(row) in places:
                rows[places[_identity(row)]] = row
            else:
                rows.append(row)
            _write(self.path, {"rows": rows})

    def rows(self, split: str | None = None) -> list[dict]:
        """The rows, oldest route first; only those of one split if asked."""
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))["rows"]
            return [row for row in rows if split in (None, row["split"])]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError) as error:
            raise LessonError(
                _("The scoreboard {path} is damaged: {reason!r}").format(
                    path=self.path, reason=error
                ),
                _("Delete the file and run the notebooks again; answers come from the cache."),
            ) from None

    def clear(self) -> None:
        """Take everything off the board."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=30):
            for path in self.results.glob("*.json"):
                path.unlink(missing_ok=True)
            _write(self.path, {"rows": []})

    def result(self, row: dict) -> Result | None:
        """What was measured for a row, example by example, under the name of its route.

        None where it was not kept (boards of earlier versions hold the scores alone), is damaged
        or of an earlier measurement, or was measured by a task that is not known here. Measure
        such a route again to compare it.

        Args:
            row: one of ``rows()``.
        """
        try:
            kept = json.loads(self._file_of(row).read_text(encoding="utf-8"))
            if (kept["measured"], tuple(kept["identity"])) != (row["measured"], _identity(row)):
                return None
            kind = measure_rows.kind(kept["kind"], kept.get("module", ""))
            rows = tuple(kind(**_tuples(one)) for one in kept["rows"]) if kind else ()
            made = Result(row["route"], kept["result"]["model"], rows, kept["result"]["owner"])
            return made if rows else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _keep(self, row: dict, result: Result) -> None:
        """Write what ``result`` gives back, in place of an earlier measurement."""
        _write(self._file_of(row), {
            "identity": _identity(row),
            "measured": row["measured"],
            "kind": row["kind"],
            "module": row["module"],
            "result": {"name": result.name, "model": result.model, "owner": result.owner},
            "rows": [dataclasses.asdict(one) for one in result.rows],
        })

    def _file_of(self, row: dict) -> Path:
        name = hashlib.sha256(json.dumps(_identity(row)).encode("utf-8")).hexdigest()[:16]
        return self.results / f"{name}.json"

    def results_of(
        self, split: str, only: Callable[[dict], bool] = lambda row: True
    ) -> dict[str, Result]:
        """Route -> what it did on each example of a split, where that was kept.

        Where several models went the same route, the model stands behind its name.

        Args:
            only: which rows are wanted; all if not given.
        """
        rows = list(filter(only, self.rows(split)))
        found = {}
        for row in rows:
            same = sum(one["route"] == row["route"] for one in rows)
            name = row["route"] if same == 1 else f"{row['route']} ({row['model']})"
            if (result := self.result(row)) is not None:
                found[name] = replace(result, name=name)
        return found

    def table(self, split: str | None = None, columns: Sequence[str] | None = None) -> Table:
        """The board as a table, for a notebook or a terminal.

        Args:
            split: show only the rows of this split.
            columns: which columns, by their keys (``measure.scoreboard_table.columns_of``);
                all that hold something if not given. Seconds differ from run to run: leave them
                out where outputs are compared.
        """
        rows = self.rows(split)
        known = columns_of(rows)
        if columns is None:
            filled = {key for row in rows for key, value in row.items() if value is not None}
            columns = [key for key in known if key in filled or key in ALWAYS]
            if len({row["split"] for row in rows}) == 1:
                columns.remove("split")  # the note below the table names it
        unknown = [key for key in columns if key not in known]
        if unknown:
            raise LessonError(
                _("The scoreboard has no column {name!r}.").format(name=unknown[0]),
                _("It has: {names}.").format(names=", ".join(known)),
            )
        return score_table(rows, columns)

    def picture(self, split: str | None = None) -> None:
        """Show the task's score with its intervals beside the prompt tokens that each route costs.

        Where the rows are of several tasks, those of the first one are drawn.
        """
        from lessonlib.measure.scoreboard_picture import draw

        draw(self.rows(split))


def _check_scores(result: Result) -> None:
    """JSON knows no nan; and nobody could say whether such a score is high or low."""
    for name, measured in result.metrics().items():
        if not all(map(math.isfinite, (measured.value, measured.low, measured.high))):
            raise LessonError(
                _("The score {name!r} of {route!r} is no number: {measured}.").format(
                    name=name, route=result.name, measured=measured),
                _("Let its formula give 0 where there is nothing to divide by, as those in"
                  " lessonlib/measure/bootstrap.py do."))


def _identity(row: dict) -> tuple[str, str, str]:
    return row["route"], row["split"], row["model"]


def _write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def _tuples(row: dict) -> dict:
    """JSON knows no tuples; the fields of a row are tuples where they hold several things."""
    return {name: tuple(value) if isinstance(value, list) else value
            for name, value in row.items()}


def _number(value: float) -> float | None:
    """JSON knows no nan."""
    return None if math.isnan(value) else value
