"""The data set of Hugging Face's tutorial, sql-create-context, scored by execution like our own.

    found = sql_create_context.load(1000)
    print(found)                     how many questions are kept, and why others are not
    train, test = found.split(0.8)

It holds 78,577 questions, each with ``CREATE TABLE`` statements and an answer, and no rows: the
tutorial could only compare texts. So we fill each question's tables with rows of our own, drawn
with a fixed seed around the values that the answer names. Of several draws we take the one in which
the most wrong versions of the answer (another sign, no condition) give other rows. We keep the
questions whose answer runs in SQLite and gives rows. Such rows tell many wrong queries from right
ones, but not all: our own, in ``data/text_to_sql``, are made with more care.

Source: https://huggingface.co/datasets/b-mc2/sql-create-context (licence CC BY 4.0; made from
WikiSQL and Spider).
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _
from lessonlib.models.hub_errors import hub_errors
from lessonlib.tasks.sql_scores import same_rows
from lessonlib.tasks.text_to_sql import Database, Question

HUB_NAME = "b-mc2/sql-create-context"
#: The last revision with the JSON file of the tutorial's time, read from the data set's history
#: of commits on 2026-11-25.
REVISION = "9d80a6a118b838d9defc3798d659a54a2ac2ff37"
#: Rows of a table, and how often other rows are drawn where the answer finds nothing.
ROWS, DRAWS = 24, 8
TABLE = re.compile(r"CREATE TABLE (\w+) \(([^()]*(?:\(\d+\)[^()]*)*)\)", re.IGNORECASE)
COLUMN = re.compile(r"([A-Za-z_]\w*)\s+(\w+)(?:\(\d+\))?")
#: A column of the answer beside the value that it is compared with.
COMPARED = re.compile(
    r"(\w+)\s*(?:=|<>|!=|>=|<=|>|<|LIKE)\s*(\"[^\"]*\"|'[^']*'|-?\d+(?:\.\d+)?)", re.IGNORECASE
)
NUMBERS = ("INT", "INTEGER", "REAL", "FLOAT", "NUMERIC", "NUMBER", "DECIMAL", "DOUBLE", "BIGINT")
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath")


@dataclass(frozen=True)
class ContextQuestion(Question):
    """A question that brings its own database, as an SQL script."""

    script: str = ""

    @property
    def data(self) -> Database:
        return Database(self.database, self.script)


@dataclass(frozen=True)
class Found:
    """Questions that can be scored by execution. ``left_out``: reason -> how many are not."""

    questions: tuple[ContextQuestion, ...]
    left_out: dict[str, int]

    def split(self, share: float) -> tuple[list[ContextQuestion], list[ContextQuestion]]:
        """To tune on and to measure on. No schema is in both."""
        schemas = sorted({one.data.schema for one in self.questions})
        random.Random(0).shuffle(schemas)
        first = set(schemas[: round(share * len(schemas))])
        return ([one for one in self.questions if one.data.schema in first],
                [one for one in self.questions if one.data.schema not in first])

    def __str__(self) -> str:
        lines = [_("{count} questions can be scored by execution").format(
            count=len(self.questions))]
        lines += [f"{count:6} left out: {reason}" for reason, count in self.left_out.items()]
        return "\n".join(lines)

    __repr__ = __str__


def load(count: int = 1000, path: str | Path | None = None) -> Found:
    """The first ``count`` rows of the data set, those that can be scored.

    Args:
        path: a file of the same form on this machine, JSON or JSON Lines; from the hub if not
            given.

    Raises:
        LessonError: the hub does not answer or does not let us in, the disk is full, or a row
            lacks question, context or answer.

    Introduced in notebook 13.
    """
    return prepare(_from_file(Path(path), count) if path else _from_hub(count))


def prepare(rows: Iterable[dict]) -> Found:
    """Give each question rows to be run on, and keep those whose answer finds some.

    Introduced in notebook 13.
    """
    kept, left_out = [], Counter()
    for number, row in enumerate(rows, start=1):
        missing = [key for key in ("question", "context", "answer")
                   if not isinstance(row, dict) or not isinstance(row.get(key), str)]
        if missing:
            raise LessonError(
                _("Row {number}: the key {key!r} is missing or no text.").format(
                    number=number, key=missing[0]),
                _("Each row needs question, context and answer, as in {name}.").format(
                    name=HUB_NAME),
            )  # fmt: skip
        made = _question(number, row)
        if isinstance(made, str):
            left_out[made] += 1
        else:
            kept.append(made)
    return Found(tuple(kept), dict(left_out))


def _from_hub(count: int) -> list[dict]:
    import datasets

    with hub_errors(HUB_NAME, "datasets"):
        found = datasets.load_dataset(HUB_NAME, revision=REVISION, split="train")
    return list(found.select(range(min(count, len(found)))))


def _from_file(path: Path, count: int) -> list[dict]:
    text = read_text(path)
    try:
        if text.lstrip().startswith("["):
            return json.loads(text)[:count]
        return [json.loads(line) for line in text.split("\n") if line.strip()][:count]
    except json.JSONDecodeError as error:
        raise LessonError(
            _("{path}, line {line}: not JSON: {reason}.").format(
                path=path, line=error.lineno, reason=error.msg),
            _("Give a list of objects, or one object a line."),
        ) from None  # fmt: skip


def _question(number: int, row: dict) -> ContextQuestion | str:
    """The question with a filled database, or the reason why there is none."""
    tables = _tables(row["context"])
    if not tables:
        return _("a schema that is not plain CREATE TABLE")
    best, told_apart = None, -1
    wrong = _wrong_versions(row["answer"])
    for draw in range(DRAWS):
        script = _script(tables, row["answer"], random.Random(f"{number} {draw}"))
        one = ContextQuestion(f"context-{number:05}", f"context-{number:05}", "select",
                              row["question"].strip(), row["answer"].strip(), script)
        outcome = one.data.run(one.query)
        if outcome.error is not None:
            return _("an answer that does not run in SQLite")
        if not any(value not in (None, 0) for found in outcome.rows for value in found):
            continue
        apart = sum(not same_rows(one.data.run(query), outcome, False) for query in wrong)
        if apart > told_apart:
            best, told_apart = one, apart
        if apart == len(wrong):
            break
    return best or _("an answer that finds no rows among ours")


def _wrong_versions(answer: str) -> list[str]:
    """The answer with each of its signs turned, and without its condition."""
    turned = {"=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">=", "!=": "=", "<>": "="}
    found = [answer[: sign.start()] + turned[sign[0]] + answer[sign.end() :]
             for sign in re.finditer(r"<=|>=|<>|!=|=|<|>", answer)]  # fmt: skip
    if where := re.search(r"\sWHERE\s", answer, re.IGNORECASE):
        found.append(answer[: where.start()])
    return found


def _tables(context: str) -> dict[str, list[tuple[str, str]]]:
    """Table -> columns with types; empty where anything in the schema is not as expected.

    Nothing of the schema's text is ever run: we write statements of our own from its names.
    """
    tables = {}
    for statement in filter(None, (part.strip() for part in context.split(";"))):
        table = TABLE.fullmatch(statement)
        columns = [COLUMN.fullmatch(part.strip()) for part in table[2].split(",")] if table else []
        if not columns or not all(columns):
            return {}
        tables[table[1]] = [(column[1], column[2].upper()) for column in columns]
    return tables


def _script(tables: dict, answer: str, draw: random.Random) -> str:
    """Statements that create and fill the tables, one a line."""
    named: dict[str, list[str]] = {}
    for column, value in COMPARED.findall(answer):
        named.setdefault(column.lower(), []).append(value.strip("'\"%"))
    lines = []
    for table, columns in tables.items():
        inner = ", ".join(f"{name} {kind}" for name, kind in columns)
        lines.append(f"CREATE TABLE {table} ({inner});")
        for _row in range(ROWS):
            values = [_value(kind, named.get(name.lower(), []), draw) for name, kind in columns]
            lines.append(f"INSERT INTO {table} VALUES ({', '.join(values)});")
    return "\n".join(lines)


def _value(kind: str, named: list[str], draw: random.Random) -> str:
    """An SQL literal: a value that the answer names, one near it, or any; seldom NULL."""
    chance = draw.random()
    if chance < 0.04:
        return "NULL"
    near = named and chance < 0.75
    text = draw.choice(named) if near else draw.choice(WORDS)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        number = float(text) if "." in text else int(text)
        return str(number if chance < 0.45 else number + draw.choice((-2, -1, 1, 2)))
    if kind in NUMBERS:
        return str(draw.randint(1, 12))
    if near and chance > 0.55:
        text += draw.choice((" II", "s", " (old)"))
    elif not near:
        text = f"{text} {draw.randint(1, 3)}"
    return "'" + text.replace("'", "''") + "'"
