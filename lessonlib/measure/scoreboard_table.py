"""The scoreboard as a table: its columns, and how a value is written in each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lessonlib.common.i18n import _
from lessonlib.common.money import dollars
from lessonlib.measure import rows as measure_rows
from lessonlib.measure.bootstrap import Interval
from lessonlib.show.tables import Table

#: Columns of words, before the scores: key in a row, and heading.
WORDS = {"route": _("route"), "split": _("split"), "model": _("model")}
#: Columns of numbers, after the scores.
NUMBERS = {
    "prompt_tokens": _("prompt tokens"),
    "completion_tokens": _("answer tokens"),
    "seconds": _("seconds"),
    "training_seconds": _("training seconds"),
    "cost_per_1000": _("cost of 1,000"),
    "refused": _("refused"),
}
#: Columns that are shown even where no row has anything to say in them.
ALWAYS = (*WORDS, "prompt_tokens", "completion_tokens", "seconds")


def scores_of(row: dict) -> list[str]:
    """The names of a row's scores, the task's main one first: (value, low, high) each."""
    return [key for key, value in row.items() if isinstance(value, list)]


def columns_of(rows: Iterable[dict]) -> dict[str, str]:
    """Key -> heading of all columns: the scores of these rows, then those of all known tasks."""
    measured = {}
    for row in rows:
        measure_rows.kind(row.get("kind", ""), row.get("module", ""))  # its titles are then known
        measured |= {name: name.replace("_", " ") for name in scores_of(row)}
    titles = {name: metric.title for kind in measure_rows.KINDS.values()
              for name, metric in kind.METRICS.items()}
    return WORDS | measured | titles | NUMBERS


def score_table(rows: Sequence[dict], columns: Sequence[str]) -> Table:
    """Rows of the board, and which columns of them are shown."""
    headings = columns_of(rows)
    return Table(
        [headings[key] for key in columns],
        [[_cell(key, row.get(key)) for key in columns] for row in rows],
        _notes(rows, columns) or [_("Nothing has been measured yet.")],
        words=[place for place, key in enumerate(columns) if key in WORDS])


def _notes(rows: Sequence[dict], columns: Sequence[str]) -> list[str]:
    """What stands below the table: sample sizes, practice models, what prices stand for."""
    notes = []
    if rows:
        listed = ", ".join(
            f"{split} ({sizes(one for one in rows if one['split'] == split)})"
            for split in sorted({row["split"] for row in rows}))
        notes.append(_("Examples: {splits}. In brackets: 95 % intervals.").format(splits=listed))
        if any(row.get("training_seconds") is not None for row in rows):
            notes.append(_("They hold the luck of the examples, not that of training: another seed,"
                           " or other training rows, would have made another model."))
    practice = sorted({row["model"] for row in rows if "practice" in row["owner"]})
    if practice and "model" in columns:
        notes.append(_("Practice models, small and served by this machine: {models}.").format(
            models=", ".join(practice)))
    priced = sorted({row["price"] for row in rows if row["price"]})
    if priced and "cost_per_1000" in columns:
        notes.append(
            _("Dollars are what this hosted model would charge for as many tokens (price, day it"
              " was read): {prices}. Practice models cost nothing.").format(
                prices="; ".join(priced)))
    return notes


def sizes(rows: Iterable[dict]) -> str:
    """How many examples these rows were measured on: "100", or "50 to 100"."""
    counts = sorted({row["examples"] for row in rows})
    if len(counts) == 1:
        return str(counts[0])
    return _("{least} to {most}").format(least=counts[0], most=counts[-1])


def _cell(key: str, value) -> str:
    """One value as the table shows it."""
    if value is None:
        return "-"
    if isinstance(value, list):
        return str(Interval(*value))
    if key in ("prompt_tokens", "completion_tokens", "training_seconds"):
        return f"{value:,.0f}"
    if key == "seconds":
        return f"{value:.1f}"
    if key == "cost_per_1000":
        return dollars(value)
    return str(value)
