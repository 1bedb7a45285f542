"""A file of rows as cells of text: CSV, JSON Lines or Excel. All learners' rows are read here.

Every row keeps the number that a learner sees: the row as a spreadsheet counts it (a cell that
spans several lines is still one row), or the line of a JSON Lines file. Whatever had to be guessed
or dropped on the way is reported in ``notes``, and what cannot be read as a row in ``unreadable``.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from lessonlib.assignment.encodings import decode
from lessonlib.assignment.excel import read_sheet
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

EXCEL = (".xlsx", ".xlsm")
OLD_EXCEL = (".xls", ".ods", ".numbers")
JSON_LINES = (".jsonl", ".ndjson")
#: Signs that may stand between the cells of a CSV file.
BETWEEN = ",;\t|"
#: The line by which Excel says which of them it is.
SAID_BETWEEN = re.compile(r'"?sep=([,;\t|])"?[,;\t|]*\s*', re.IGNORECASE)


@dataclass
class Cells:
    """A table.

    Attributes:
        name: of the file.
        columns: their names, in lower case, without spaces around them.
        doubled: names that more than one column has; harmless where nobody needs the column.
        rows: (number, column -> text).
        unreadable: (number, rule, cure) of rows that are no rows.
        notes: what was guessed, mended or dropped.
    """

    name: str
    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubled: set[str] = field(default_factory=set)

    def need(self, names: Iterable[str], cure: str) -> None:
        """See that there is one column of each of these names.

        Raises:
            LessonError: a column is missing (``cure`` says what to do then), or is there twice.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise LessonError(
                _("{name}, row 1: no column {missing}; it has: {columns}.").format(
                    name=self.name, missing=_(" and no column ").join(map(repr, missing)),
                    columns=", ".join(self.columns) or _("none")), cure)
        for name in names:
            if name in self.doubled:
                raise LessonError(
                    _("{name}: two columns are called {column!r}.").format(
                        name=self.name, column=name),
                    _("Give each column a name of its own, or delete one of them."))


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
    """A table with separators: those that its first line names, or those of its header."""
    if text.lstrip()[:1] == "[":
        raise LessonError(
            _("{name} is one JSON list, not one object a line.").format(name=name),
            _("Write one object a line, without brackets around and commas between them:"
              " {example}").format(example='{"question": "...", "answer": "..."}'),
        )
    # Lines end in \n, \r\n or, from an old Mac, in \r.
    lines = list(io.StringIO(text, newline=""))
    said = SAID_BETWEEN.fullmatch(lines[0]) if lines else None
    between = said[1] if said else _separator(lines)
    # Spreadsheets do not show the line that says it, and count from the next one.
    rows, broken = _records(lines[1:] if said else lines, between)
    if broken and (not rows or broken[0][0] < rows[0][0]):
        number, rule, cure = broken[0]
        raise LessonError(
            _("{name}, row {number}: {rule}.").format(name=name, number=number, rule=rule),
            _("This row should name the columns: {cure}.").format(cure=cure))
    cells = _table(name, rows)
    cells.unreadable += broken
    if between != ",":
        shown = _("tabs") if between == "\t" else f"{between!r}"
        cells.notes.append(_("Cells are separated by {sign}.").format(sign=shown))
    return cells


def _separator(lines: list[str]) -> str:
    """The sign that comes most often in the header, outside of quotes; of equals, the one that
    more of the rows below have."""
    rest = iter(lines)
    header = ""
    for line in rest:
        header += line
        if header.strip() and header.count('"') % 2 == 0:
            break  # a column's name may go over several lines, in quotes
    bare = re.sub(r'"[^"]*"', "", header)
    below = list(islice(rest, 20))
    return max(BETWEEN, key=lambda sign: (bare.count(sign), sum(sign in line for line in below)))


def _records(
    lines: list[str], between: str
) -> tuple[list[tuple[int, list[str]]], list[tuple[int, str, str]]]:
    """(number, cells) of each row that is not blank; and (number, rule, cure) of what is no row.

    A quotation mark that opens a cell by mistake would swallow all rows up to the next one. So
    its line alone is taken out, and reading goes on with the line after it.
    """
    rows, broken, at, number = [], [], 0, 1
    while at < len(lines):
        ahead = (lines[place] for place in range(at, len(lines)))
        reader = csv.reader(ahead, delimiter=between, strict=True)
        begins = at  # the line in which the row begins that is being read
        try:
            for row in reader:
                if any(cell.strip() for cell in row):
                    rows.append((number, row))
                begins = at + reader.line_num
                number += 1
        except csv.Error:
            broken.append((number, *_why(lines[begins])))
            begins += 1
            number += 1
        at = begins
    return rows, broken


def _why(line: str) -> tuple[str, str]:
    """Why a line cannot be cut into cells, and the cure."""
    if len(line) > csv.field_size_limit():
        return (_("a cell of more than {most:,} characters").format(most=csv.field_size_limit()),
                _("shorten it, or delete the row"))
    if '\\"' in line:
        return (_('a quotation mark that is written \\"'),
                _('write "" for a quotation mark inside of a cell'))
    return (_('a quotation mark (") opens a cell and is not closed at its end'),
            _('delete it, or put the whole cell into quotes and write "" for each mark in it'))


def _table(name: str, rows: list[tuple[int, list[str]]]) -> Cells:
    """Rows of cells, the first of which names the columns."""
    if not rows:
        raise LessonError(_("{name}: there is nothing in it.").format(name=name),
                          _("Put the names of the columns into the first row, rows below it."))
    columns = [plain_name(cell) for cell in rows[0][1]]
    while columns and not columns[-1]:
        columns.pop()
    named = [one for one in columns if one]
    made = Cells(name, list(dict.fromkeys(named)), [],
                 doubled={one for one in named if named.count(one) > 1})
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


def plain_name(column: object) -> str:
    """The name of a column without capitals and odd spaces."""
    return " ".join(str(column).split()).casefold()


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
        cells = {plain_name(key): _value(value) for key, value in row.items()}
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
