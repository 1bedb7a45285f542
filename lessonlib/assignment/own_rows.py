"""Rows that a learner brings, made into examples. What cannot be used is set aside, and told why.

    rows = own_rows.read("my_rows.xlsx")
    rows                    # what was read, mended, set aside
    rows.examples           # the good ones
    rows.set_aside          # the others: number of the row, rule, cure

Two columns are needed: what goes in and what should come out. They may be called question and
answer, or prompt and completion (the older spelling), or by another pair of ``SPELLINGS``. Other
columns are left alone, but for two: ``must_contain`` (words that a right answer to this question
holds, separated by |) and ``form`` (a form that answers have, see ``lessonlib.assignment.forms``).
"""

from __future__ import annotations

import csv
import html
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lessonlib.assignment import cells as cell_files
from lessonlib.assignment.scores import KINDS, OwnExample, as_fields
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.paths import WORK

#: Names of the two columns that belong together, the course's own first.
SPELLINGS = (("question", "answer"), ("prompt", "completion"), ("input", "output"),
             ("text", "label"), ("instruction", "response"), ("user", "assistant"),
             ("message", "reply"))
#: An answer of more words than that is no label.
LABEL_WORDS = 4
#: More different answers than that are no set of labels.
MOST_LABELS = 30
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
            lines += [f"  - {one}" for one in self.set_aside[:SHOWN]]
            if len(self.set_aside) > SHOWN:
                lines.append(_("  - and {n} more").format(n=len(self.set_aside) - SHOWN))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, *rest = str(self).split("\n")
        items = "".join(f"<li>{html.escape(one.removeprefix('  - '))}</li>" for one in rest)
        return f"<p>{html.escape(first)}</p><ul>{items}</ul>"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def read(
    path: str | Path,
    kind: str = "auto",
    columns: tuple[str, str] | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> Rows:
    """The rows of a CSV, JSON Lines or Excel file.

    Args:
        kind: ``label``, ``fields`` or ``text``; found out from the answers if not given.
        columns: the names of the two columns, where they have names of their own.
        encoding, sheet: see ``cells.read``.

    Raises:
        LessonError: the file cannot be read, has no such columns, or no usable row.

    Introduced in notebook 11.
    """
    if kind != "auto" and kind not in KINDS:
        raise LessonError(_("There is no kind of answer {kind!r}.").format(kind=kind),
                          _("Choose one of: auto, {kinds}.").format(kinds=", ".join(KINDS)))
    table = cell_files.read(path, encoding, sheet)
    rows = begin(table)
    if table.columns:  # where no row could be read, the rows' reasons say more than their columns
        pair = _pair(table, columns)
        _note_columns(rows, table, pair)
        good = _without_repeats(rows, [_example(*one, pair) for one in filled(rows, table, pair)])
        rows.kind = kind if kind != "auto" else _kind_of([one.answer for one in good])
        rows.examples = _of_kind(rows, good)
    return finish(rows)


def begin(table: cell_files.Cells) -> Rows:
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
        first = _(" The first: {row}").format(row=rows.set_aside[0]) if rows.set_aside else ""
        raise LessonError(_("{name}: no row can be used.").format(name=rows.name) + first,
                          _("Mend the rows that are named, and read the file again."))
    return rows


def _pair(table: cell_files.Cells, columns: tuple[str, str] | None) -> tuple[str, str]:
    """The names of the two columns."""
    if columns is not None:
        if isinstance(columns, str) or len(columns) != 2:
            raise LessonError(_("{columns!r} are not two columns.").format(columns=columns),
                              _('Name the two: columns=("...", "...")'))
        pair = (cell_files.plain_name(columns[0]), cell_files.plain_name(columns[1]))
        table.need(pair, _("Name two of the columns that are there."))
        return pair
    found = [pair for pair in SPELLINGS if set(pair) <= set(table.columns)]
    if len(found) == 1:
        table.need(found[0], "")
        return found[0]
    if found:
        raise LessonError(
            _("{name} has the columns {one} and {other}: which pair is meant?").format(
                name=table.name, one="/".join(found[0]), other="/".join(found[1])),
            _("Say so: columns=({a!r}, {b!r})").format(a=found[0][0], b=found[0][1]))
    raise LessonError(
        _("{name}, row 1: no columns for questions and answers; it has: {columns}.").format(
            name=table.name, columns=", ".join(table.columns) or _("none")),
        _("Call them question and answer, or prompt and completion; or say which they are:"
          " columns=(\"...\", \"...\")."))


def _note_columns(rows: Rows, table: cell_files.Cells, pair: tuple[str, str]) -> None:
    if pair != SPELLINGS[0]:
        words = _("{question!r} is read as the question, {answer!r} as the answer.")
        rows.notes.append(words.format(question=pair[0], answer=pair[1]))
    known = {*pair, "must_contain", "form", "system"}
    extra = [one for one in table.columns if one not in known]
    if extra:
        rows.notes.append(_("Columns that are not used: {names}.").format(names=", ".join(extra)))
    systems = Counter(" ".join(one.get("system", "").split()) for _n, one in table.rows)
    systems.pop("", None)
    if systems:
        rows.system = systems.most_common(1)[0][0]
    if len(systems) > 1:
        rows.notes.append(_("There are {n} different system messages; the commonest is taken for"
                            " all rows.").format(n=len(systems)))


def filled(
    rows: Rows, table: cell_files.Cells, names: Sequence[str]
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


def _example(number: int, one: dict[str, str], pair: tuple[str, str]) -> OwnExample:
    must = filter(None, map(str.strip, one.get("must_contain", "").split("|")))
    return OwnExample(f"row-{number}", one[pair[0]], one[pair[1]], must=tuple(must),
                      form=one.get("form", "").strip().casefold())


def _clean(text: str) -> str:
    """Without spaces around lines, odd spaces, and Windows line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    text = text.replace("\ufeff", "").replace("\u200b", "")
    return "\n".join(line.strip() for line in text.strip().split("\n"))


def _unreadable(text: str) -> bool:
    errors = ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!")
    return text in errors or "\ufffd" in text or any(
        ord(letter) < 32 and letter not in "\n\t" for letter in text)


def _without_repeats(rows: Rows, good: list[OwnExample]) -> list[OwnExample]:
    """Each row once; where one question has two answers, neither can be trusted."""
    by_question: dict[str, list[OwnExample]] = defaultdict(list)
    for one in good:
        by_question[" ".join(one.question.casefold().split())].append(one)
    kept, repeats = [], 0
    for same in by_question.values():
        first, *others = same
        answers = {" ".join(one.answer.casefold().split()) for one in same}
        if len(answers) == 1:
            kept.append(first)
            repeats += len(others)
            continue
        for one in same:
            other = next(two for two in same if two.answer != one.answer)
            rows.set_aside.append(Aside(
                one.row, _("the same question as row {row}, with another answer").format(
                    row=other.row),
                _("decide which answer is right, and delete the other row"),
                {"question": one.question, "answer": one.answer}))
    if repeats:
        rows.notes.append(_("{n} rows that repeat another one were dropped.").format(n=repeats))
    return sorted(kept, key=lambda one: one.row)


def _kind_of(answers: list[str]) -> str:
    """JSON objects or lists; a few short answers that come again; or free text."""
    if answers and all(as_fields(one) is not None for one in answers):
        return "fields"
    different = {one.casefold() for one in answers}
    short = all(len(one.split()) <= LABEL_WORDS for one in different)
    again = len(different) <= min(MOST_LABELS, max(2, len(answers) // 2))
    return "label" if answers and short and again else "text"


def _of_kind(rows: Rows, good: list[OwnExample]) -> list[OwnExample]:
    """The examples with their kind; labels in one spelling; broken JSON set aside."""
    made, spelling = [], {}
    if rows.kind == "label":
        for answer, _n in Counter(one.answer for one in good).most_common():
            spelling.setdefault(answer.casefold(), answer)
        changed = sum(one.answer != spelling[one.answer.casefold()] for one in good)
        if changed:
            rows.notes.append(_("{n} labels differed from others in capitals alone; they were"
                                " made alike.").format(n=changed))
    for one in good:
        if rows.kind == "fields" and as_fields(one.answer) is None:
            rows.set_aside.append(Aside(
                one.row, _("the answer is no JSON object or list"),
                _('write it as {example}').format(example='{"team": "billing"}'),
                {"question": one.question, "answer": one.answer}))
            continue
        made.append(one.of_kind(rows.kind, spelling.get(one.answer.casefold(), one.answer)))
    return made


def _write_aside(rows: Rows) -> None:
    """All rows that were set aside, for the learner to mend; none is lost."""
    SET_ASIDE.parent.mkdir(parents=True, exist_ok=True)
    with open(SET_ASIDE, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "rule", "cure", "cells"])
        for one in rows.set_aside:
            writer.writerow([one.number, one.rule, one.cure,
                             json.dumps(one.cells, ensure_ascii=False)])
