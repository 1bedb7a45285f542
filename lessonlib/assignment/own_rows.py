"""Rows that a learner brings, made into examples. What cannot be used is set aside, with a reason.

    rows = own_rows.read("my_rows.xlsx")
    rows                    # what was read, mended, set aside
    rows.examples           # the good ones
    rows.set_aside          # the others: number of the row, rule, cure

Two columns are needed: what goes in and what should come out. They may be called question and
answer, or prompt and completion (the older spelling), or by another pair of ``SPELLINGS``. Other
columns are ignored, except for two: ``must_contain`` (words that a right answer to this question
holds, separated by |) and ``form`` (a form that answers have, see ``lessonlib.assignment.forms``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from lessonlib.assignment import cells, reading
from lessonlib.assignment.cells import Cells
from lessonlib.assignment.reading import Aside, Rows
from lessonlib.assignment.scores import KINDS, OwnExample, as_fields
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

#: Names of the two columns that belong together, the course's own first.
SPELLINGS = (("question", "answer"), ("prompt", "completion"), ("input", "output"),
             ("text", "label"), ("instruction", "response"), ("user", "assistant"),
             ("message", "reply"))
#: An answer of more words than that is no label.
LABEL_WORDS = 4
#: More different answers than that are no set of labels.
MOST_LABELS = 30


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
    table = cells.read(path, encoding, sheet)
    rows = reading.begin(table)
    if table.columns:  # where no row could be read, the rows' reasons say more than their columns
        pair = _pair(table, columns)
        _note_columns(rows, table, pair)
        found = [_example(*one, pair) for one in reading.filled(rows, table, pair)]
        good = _without_repeats(rows, found)
        rows.kind = kind if kind != "auto" else _kind_of([one.answer for one in good])
        rows.examples = _of_kind(rows, good)
    return reading.finish(rows)


def _pair(table: Cells, columns: tuple[str, str] | None) -> tuple[str, str]:
    """The names of the two columns."""
    if columns is not None:
        if isinstance(columns, str) or len(columns) != 2:
            raise LessonError(_("{columns!r} are not two columns.").format(columns=columns),
                              _('Name the two: columns=("...", "...")'))
        pair = (cells.plain_name(columns[0]), cells.plain_name(columns[1]))
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


def _note_columns(rows: Rows, table: Cells, pair: tuple[str, str]) -> None:
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


def _example(number: int, one: dict[str, str], pair: tuple[str, str]) -> OwnExample:
    must = filter(None, map(str.strip, one.get("must_contain", "").split("|")))
    return OwnExample(f"row-{number}", one[pair[0]], one[pair[1]], must=tuple(must),
                      form=one.get("form", "").strip().casefold())


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
