"""A file of rows as cells of text: CSV, JSON Lines or Excel.

Every row keeps the number that its program shows: the line of a text file, the row of a table.
What had to be guessed or dropped on the way is told in ``notes``.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

from lessonlib.assignment.encodings import decode
from lessonlib.assignment.excel import read_sheet
from lessonlib.errors import LessonError
from lessonlib.i18n import _

EXCEL = (".xlsx", ".xlsm")
OLD_EXCEL = (".xls", ".ods", ".numbers")
JSON_LINES = (".jsonl", ".ndjson")
#: Signs that may stand between the cells of a CSV file.
BETWEEN = ",;\t|"


@dataclass
class Cells:
    """A table.

    Attributes:
        name: of the file.
        columns: their names, in lower case, without spaces around them.
        rows: (number, column -> text).
        unreadable: (number, rule, cure) of rows that are no rows.
        notes: what was guessed, mended or dropped.
    """

    name: str
    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(path: str | Path, encoding: str | None = None, sheet: str | None = None) -> Cells:
    """The table in a file. How it is read is decided by its ending, and for CSV by a look at it.

    Args:
        encoding: of a text file; guessed if not given.
        sheet: of an Excel file; the first that holds something if not given.

    Raises:
        LessonError: the file cannot be read at all. A row that cannot be read does not raise:
            it is named in ``unreadable``.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending in OLD_EXCEL:
        raise LessonError(
            _("{path}: files that end in {ending} are not read here.").format(
                path=path.name, ending=ending),
            _("Save it as 'Excel workbook (.xlsx)' or as 'CSV UTF-8'."),
        )
    try:
        if ending in EXCEL:
            rows, name = read_sheet(path, sheet)
            cells = _table(path.name, rows)
            cells.notes.insert(0, _("Read from the sheet {sheet!r}.").format(sheet=name))
            return cells
        raw = path.read_bytes()
    except FileNotFoundError:
        raise LessonError(
            _("No such file: {path}").format(path=path),
            _("Check the name and the folder; we looked in {folder}.").format(
                folder=path.absolute().parent),
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise LessonError(
            _("{path} cannot be read: {reason}").format(path=path, reason=error.strerror),
            _("Give the path of a file that you may read, and close it in other programs."),
        ) from None
    text, note = decode(raw, path.name, encoding)
    cells = _json_lines(path.name, text) if _is_json(ending, text) else _csv(path.name, text)
    cells.notes = [note] * bool(note) + cells.notes
    return cells


def _is_json(ending: str, text: str) -> bool:
    return ending in JSON_LINES or text.lstrip()[:1] == "{"


def _csv(name: str, text: str) -> Cells:
    """A table with separators; those of the first line count."""
    if text.lstrip()[:1] == "[":
        raise LessonError(
            _("{name} is one JSON list, not one object a line.").format(name=name),
            _("Write one object a line, without brackets around and commas between them:"
              " {example}").format(example='{"question": "...", "answer": "..."}'),
        )
    first = text.lstrip("\r\n").split("\n", 1)[0]
    between = max(BETWEEN, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    rows = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise LessonError(
            _("{name}, line {line}: {reason}").format(
                name=name, line=reader.line_num, reason=error),
            _("Save the table as 'CSV UTF-8' from a spreadsheet program."),
        ) from None
    cells = _table(name, rows)
    if between != ",":
        shown = _("tabs") if between == "\t" else f"{between!r}"
        cells.notes.append(_("Cells are separated by {sign}.").format(sign=shown))
    return cells


def _table(name: str, rows: list[tuple[int, list[str]]]) -> Cells:
    """Rows of cells, the first of which names the columns."""
    if not rows:
        raise LessonError(_("{name}: there is nothing in it.").format(name=name),
                          _("Put the names of the columns into the first row, rows below it."))
    columns = [" ".join(cell.split()).casefold() for cell in rows[0][1]]
    while columns and not columns[-1]:
        columns.pop()
    twice = [one for one in columns if one and columns.count(one) > 1]
    if twice:
        raise LessonError(
            _("{name}: two columns are called {column!r}.").format(name=name, column=twice[0]),
            _("Give each column a name of its own, or delete one of them."),
        )
    made = Cells(name, [one for one in columns if one], [])
    for number, row in rows[1:]:
        beyond = [cell for cell in row[len(columns):] if cell.strip()]
        if beyond:
            made.unreadable.append((number, _("{found} cells, but the first row names {wanted}"
                                              " columns").format(found=len(row),
                                                                 wanted=len(columns)),
                                    _('put a text that holds the separator into "quotes"')))
            continue
        made.rows.append((number, {
            column: cell for column, cell in zip(columns, row, strict=False) if column}))
    return made


def _json_lines(name: str, text: str) -> Cells:
    """One JSON object a line. A chat (``messages``) becomes a question, an answer, a system."""
    made = Cells(name, [], [])
    cure = _('write one object a line: {"question": "...", "answer": "..."}')
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            made.unreadable.append((number, _("no JSON: {reason}").format(reason=error), cure))
            continue
        if not isinstance(row, dict):
            made.unreadable.append((number, _("no JSON object, but {kind}").format(
                kind=type(row).__name__), cure))
            continue
        if "messages" in row:
            row = _chat(row["messages"])
            if row is None:
                made.unreadable.append((number, _("its messages are no chat of one question and"
                                                  " one answer"), cure))
                continue
        cells = {" ".join(str(key).split()).casefold(): _value(value)
                 for key, value in row.items()}
        made.columns += [key for key in cells if key not in made.columns]
        made.rows.append((number, cells))
    return made


def _value(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _chat(messages: object) -> dict | None:
    """The question and the answer of a chat row; None where it has more than one of each."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return None
    said = [(one.get("role"), one.get("content")) for one in messages]
    if [role for role, _content in said] not in (["user", "assistant"],
                                                 ["system", "user", "assistant"]):
        return None
    return {"question": said[-2][1], "answer": said[-1][1]} | (
        {"system": said[0][1]} if len(said) == 3 else {})
