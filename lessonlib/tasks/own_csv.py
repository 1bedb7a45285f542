"""Read a CSV file of ingredient lines that someone brings, and name what is wrong in it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.text_files import read_text


@dataclass(frozen=True)
class OwnLine:
    """One row of the CSV file. ``recipe`` is None where the file has no such column."""

    line: str
    name: str
    recipe: str | None = None


def read_lines(path: str | Path) -> list[OwnLine]:
    """The rows of a CSV file with the columns line, name or recipe, line, name.

    Commas, semicolons and tabs may stand between cells; other columns are ignored. Names are
    put into lower case.

    Raises:
        LessonError: wrong columns, an empty cell, too many or too few cells in a row (rows are
            counted as a spreadsheet counts them), or a file that is not UTF-8 text.
    """
    text = read_text(path)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise LessonError(
            _("{path} is not a CSV file: {reason}").format(path=path, reason=error),
            _("Save the table as 'CSV UTF-8' from a spreadsheet program."),
        ) from None
    columns = [name.strip().lower() for name in table[0]] if table else []
    _check_columns(path, columns)
    rows = [(number, row) for number, row in enumerate(table[1:], start=2) if "".join(row).strip()]
    cells = [_cells(path, number, columns, row) for number, row in rows]
    _check_filled(path, [number for number, _row in rows], cells)
    return [
        OwnLine(one["line"], one["name"].lower(), one["recipe"] if "recipe" in columns else None)
        for one in cells
    ]


def _check_columns(path: str | Path, columns: list[str]) -> None:
    missing = [name for name in ("line", "name") if name not in columns]
    if missing:
        raise LessonError(
            _("{path} has no column {missing}; its first row is: {columns}").format(
                path=path,
                missing=_(" and no column ").join(repr(name) for name in missing),
                columns=", ".join(columns) or _("empty"),
            ),
            _("Name the columns in the first row: line,name or recipe,line,name"),
        )


def _cells(path: str | Path, number: int, columns: list[str], row: list[str]) -> dict[str, str]:
    """One row as a dict, with single spaces."""
    if len(row) != len(columns):
        raise LessonError(
            _("{path}, row {number}: {found} cells, but the first row names {wanted}.").format(
                path=path, number=number, found=len(row), wanted=len(columns)
            ),
            _('Put a text that holds a comma into double quotes: "2 carrots, peeled",carrots'),
        )
    return {name: " ".join(cell.split()) for name, cell in zip(columns, row, strict=True)}


def _check_filled(path: str | Path, numbers: list[int], cells: list[dict[str, str]]) -> None:
    for column in ("recipe", "line", "name"):
        empty = [
            number for number, one in zip(numbers, cells, strict=True) if one.get(column) == ""
        ]
        if empty:
            listed = ", ".join(str(number) for number in empty[:5])
            listed += _(" and {more} more").format(more=len(empty) - 5) if len(empty) > 5 else ""
            raise LessonError(
                _("{path}: the cell {column!r} is empty in row {rows}.").format(
                    path=path, column=column, rows=listed
                ),
                _("Fill the cell, or delete the row."),
            )
