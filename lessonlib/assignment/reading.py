"""Which rows of a learner's file can be used, and which cannot, whatever is made of them later.

A form of rows (``own_rows``: questions and answers; ``own_recipes``: ingredient lines) takes a
table (``cells.read``) and goes through three steps: ``begin``, ``filled``, ``finish``. Each row is
used, or set aside with its number, the rule that it breaks, and the cure.
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lessonlib.assignment.cells import Cells
from lessonlib.assignment.scores import KINDS
from lessonlib.common.errors import LessonError
from lessonlib.common.files import write_whole
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK

#: Where rows that were set aside are written to.
SET_ASIDE = WORK / "assignment" / "set_aside.csv"
SHOWN = 8


@dataclass(frozen=True)
class Aside:
    """A row that cannot be used: its number in the file, the rule it breaks, and the cure."""

    number: int
    rule: str
    cure: str
    cells: dict = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return _("row {number}: {rule}. Cure: {cure}.").format(
            number=self.number, rule=self.rule, cure=self.cure)


def listed(asides: Sequence[Aside]) -> list[str]:
    """The first of the rows that were set aside, a line each, and how many more there are."""
    lines = [f"  - {one}" for one in asides[:SHOWN]]
    if len(asides) > SHOWN:
        lines.append(_("  - and {n} more").format(n=len(asides) - SHOWN))
    return lines


@dataclass
class Rows:
    """What was read.

    Attributes:
        name: of the file.
        kind: ``label``, ``fields`` or ``text``; see ``lessonlib.assignment.scores``; "" for rows
            that are no questions and answers (see ``lessonlib.assignment.own_recipes``).
        examples: the rows that can be used, in the file's order.
        set_aside: those that cannot.
        notes: what was guessed, mended or dropped.
        system: the system message that the rows brought along; "" for none.
    """

    name: str
    kind: str
    examples: list
    set_aside: list[Aside] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    system: str = ""

    @property
    def labels(self) -> list[str]:
        """The different answers, commonest first; only where they are labels."""
        if self.kind != "label":
            return []
        return [answer for answer, _n in Counter(
            one.answer for one in self.examples).most_common()]

    def __str__(self) -> str:
        text = _("{name}: {n} rows can be used.") if not self.kind else _(
            "{name}: {n} rows can be used; their answers are {kind}.")
        lines = [text.format(name=self.name, n=len(self.examples), kind=KINDS.get(self.kind))]
        lines += [f"  - {note}" for note in self.notes]
        if self.set_aside:
            lines.append(_("{n} rows were set aside (all of them: work/assignment/{file}):").format(
                n=len(self.set_aside), file=SET_ASIDE.name))
            lines += listed(self.set_aside)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, *rest = str(self).split("\n")
        items = "".join(f"<li>{html.escape(one.removeprefix('  - '))}</li>" for one in rest)
        return f"<p>{html.escape(first)}</p><ul>{items}</ul>"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def begin(table: Cells) -> Rows:
    """What the reading of a file has found so far."""
    return Rows(table.name, "", [], [Aside(*one) for one in table.unreadable], list(table.notes))


def finish(rows: Rows) -> Rows:
    """Put the rows that were set aside in order, and write them down.

    Raises:
        LessonError: not one row can be used.
    """
    rows.set_aside.sort(key=lambda one: one.number)
    _write_aside(rows)
    if not rows.examples:
        problem = _("{name}: no row can be used.").format(name=rows.name)
        if not rows.set_aside:
            raise LessonError(problem, _("Put your rows below the names of the columns."))
        raise LessonError(problem + _(" The first: {row}").format(row=rows.set_aside[0]),
                          _("Fix the rows that are named, and read the file again."))
    return rows


def filled(
    rows: Rows, table: Cells, names: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """(number, cells) of the rows in which all these cells hold something readable.

    The texts are cleaned. All other rows go to ``rows.set_aside``.
    """
    for number, one in table.rows:
        texts = {name: _clean(one.get(name, "")) for name in names}
        empty = [name for name in names if not texts[name]]
        broken = [name for name in names if _unreadable(texts[name])]
        if not empty and not broken:
            yield number, one | texts
            continue
        if empty:
            rule, cure = _("the cell {name!r} is empty"), _("fill it, or delete the row")
        else:
            rule, cure = _("the cell {name!r} holds something that is no text"), _(
                "look at it: a broken formula, or letters in another encoding")
        rows.set_aside.append(Aside(number, rule.format(name=(empty or broken)[0]), cure, one))


def _clean(text: str) -> str:
    """Without spaces around lines, odd spaces, and Windows line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    text = text.replace("\ufeff", "").replace("\u200b", "")
    return "\n".join(line.strip() for line in text.strip().split("\n"))


def _unreadable(text: str) -> bool:
    errors = ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!")
    return text in errors or "\ufffd" in text or any(
        ord(letter) < 32 and letter not in "\n\t" or "\ud800" <= letter <= "\udfff"
        for letter in text)  # the last are halves of letters, which JSON can write


def _write_aside(rows: Rows) -> None:
    """All rows that were set aside, for the learner to mend; none is lost.

    Raises:
        LessonError: the file cannot be written. On Windows that is so while Excel shows it, as a
            learner does who mends the rows.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["row", "rule", "cure", "cells"])
    for one in rows.set_aside:
        writer.writerow([one.number, one.rule, one.cure,
                         json.dumps(one.cells, ensure_ascii=False)])
    try:
        SET_ASIDE.parent.mkdir(parents=True, exist_ok=True)
        write_whole(SET_ASIDE, file.getvalue().encode("utf-8-sig", "backslashreplace"))
    except OSError as error:
        raise LessonError(
            _("{path} cannot be written: {reason}").format(path=SET_ASIDE, reason=error.strerror),
            _("If it is open in another program, such as Excel, close it there; then read your"
              " file again.")) from None
