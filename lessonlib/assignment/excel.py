"""The first table of an Excel workbook (.xlsx), as cells of text.

openpyxl gives values, not what a cell looks like: a date is a ``datetime``, 12 is ``12`` or
``12.0``. Here they always become text in the same way: dates as ``2026-05-18``, whole numbers
without a point. A formula has the value that Excel saved with it; where the file was never opened
in a spreadsheet program there is none, and the cell is empty.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _


def read_sheet(path: Path, sheet: str | None = None) -> tuple[list[tuple[int, list[str]]], str]:
    """(row number, cells) of each row that is not empty, and the name of the sheet.

    Args:
        sheet: its name; the first one that holds something if not given.

    Raises:
        LessonError: it is no workbook of this kind, or has no such sheet, or nothing in it.
        OSError: there is no such file, it is a folder, or another program holds it.
    """
    try:
        return _read(path, sheet)
    except (LessonError, FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:  # a damaged file: the readers of Excel, ZIP and XML have a dozen
        raise LessonError(
            _("{path} is no Excel workbook that we can read: {reason}").format(
                path=path.name, reason=error),
            _("Open it in your spreadsheet program, take any password off, and save it as"
              " 'Excel workbook (.xlsx)' or 'CSV UTF-8'."),
        ) from None


def _read(path: Path, sheet: str | None) -> tuple[list[tuple[int, list[str]]], str]:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        names = [name for name in book.sheetnames if hasattr(book[name], "iter_rows")]
        if sheet is not None and sheet not in names:
            raise LessonError(
                _("{path} has no sheet {sheet!r}.").format(path=path.name, sheet=sheet),
                _("It has: {names}.").format(names=", ".join(names)),
            )
        for name in [sheet] if sheet is not None else names:
            if rows := _rows(book[name]):
                return rows, name
    finally:
        book.close()
    raise LessonError(_("{path}: there is nothing in it.").format(path=path.name),
                      _("Put the names of the columns into the first row, and rows below it."))


def _rows(sheet) -> list[tuple[int, list[str]]]:
    """Rows that hold something, each with its number as the program shows it."""
    found = []
    # Some writers give a wrong size; without it every row is read.
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = [as_text(value) for value in row]
        if any(cell.strip() for cell in cells):
            found.append((number, cells))
    return found


def as_text(value: object) -> str:
    """One cell's value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat("minutes")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
