"""The course's second task: a database schema and a question in, one SQL query out.

The task is that of Hugging Face's fine-tuning tutorial (Schmid 2024, on the data set
sql-create-context). Ours can be scored by *running* the query: each question belongs to a small
database, built in memory from a script in ``data/text_to_sql/databases``. How answers are scored
is in ``sql_scores``; how a model's SQL is kept from doing harm is in ``sql_sandbox``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _
from lessonlib.common.paths import DATA
from lessonlib.models.thinking import without_thinking
from lessonlib.tasks import sql_sandbox
from lessonlib.tasks.example_files import Broken, field, read_examples
from lessonlib.tasks.sql_sandbox import Outcome
from lessonlib.tasks.sql_scores import SqlRow, has_order, normalised, same_rows

TEXT_TO_SQL = DATA / "text_to_sql"
SPLITS = ("train", "validation", "test", "field")
#: The kinds of question, from easy to hard.
KINDS = ("select", "count", "extreme", "order", "group", "join")
#: Databases that no training or validation question is about: is it the task that was learned,
#: or these tables?
UNSEEN = ("clinic", "farm", "harbor", "museum")

SYSTEM = (
    "You translate questions into SQL. Answer with one SQLite query for the schema and nothing"
    " else."
)
#: Taken off an answer: chat models like to put code into a fence.
FENCE = re.compile(r"\s*```(?:sql|sqlite)?\s*\n(.*?)\n?```\s*", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """One example: a question about a database, and a query that answers it.

    Attributes:
        id: unique name of the example, such as ``train-0001``.
        database: the database's name, such as ``library``.
        kind: what the query has to do; one of ``KINDS``.
        question: the question in words.
        query: the right answer; other queries may be right as well.
    """

    id: str
    database: str
    kind: str
    question: str
    query: str

    @property
    def seen(self) -> bool:
        """Whether training has questions about this database."""
        return self.database not in UNSEEN

    @property
    def data(self) -> Database:
        """The database that it is about."""
        return database(self.database)

    def score(self, answer: dict) -> SqlRow:
        """A model's answer (see ``measure.asking``) against the right one; runs both queries."""
        query = parse(answer["text"])
        given, wanted = self.data.run(query), self.data.run(self.query)
        return SqlRow(
            id=self.id,
            query=query,
            right=same_rows(given, wanted, ordered=has_order(self.query)),
            same_text=normalised(query) == normalised(self.query),
            valid_sql=given.error is None,
            problem=given.error,
            **answer,
        )


@dataclass(frozen=True)
class Database:
    """A small database: the statements that create and fill its tables."""

    name: str
    script: str

    @property
    def schema(self) -> str:
        """What a model is shown: the ``CREATE TABLE`` statements, one a line."""
        lines = self.script.split("\n")
        return "\n".join(line for line in lines if line.startswith("CREATE TABLE "))

    def run(self, query: str) -> Outcome:
        """The rows that a query gives, or why it gives none; harmless whatever the query is."""
        return sql_sandbox.run(self.script, query)


@cache
def database(name: str) -> Database:
    """A database of the task, such as ``library``.

    Raises:
        LessonError: there is none of that name.
    """
    if name not in database_names():
        raise LessonError(
            _("There is no database {name!r}.").format(name=name),
            _("Choose one of: {names}.").format(names=", ".join(database_names())),
        )
    return Database(name, read_text(TEXT_TO_SQL / "databases" / f"{name}.sql"))


@cache
def database_names() -> tuple[str, ...]:
    """The names of all databases of the task."""
    return tuple(sorted(path.stem for path in (TEXT_TO_SQL / "databases").glob("*.sql")))


def load(split: str) -> list[Question]:
    """The questions of one split: train, validation, test or field.

    The last 50 of ``test`` and the last 15 of ``field`` are about databases that training does
    not show; ``Question.seen`` tells them apart.

    Introduced in notebook 13.
    """
    if split not in SPLITS:
        raise LessonError(
            _("There is no split {split!r}.").format(split=split),
            _("Choose one of: {splits}.").format(splits=", ".join(SPLITS)),
        )
    return load_file(TEXT_TO_SQL / f"{split}.jsonl")


def load_file(path: str | Path) -> list[Question]:
    """Questions from a JSON Lines file: one JSON object with the fields of ``Question`` a line.

    Raises:
        LessonError: the file is missing, empty or not UTF-8, or a line breaks a rule. The text
            names the file, the line, the rule and the cure.
    """
    none = _("{path} holds no question.")
    return read_examples(path, _question, none, '{"id": "train-0001", ...}')


def _question(row: dict) -> Question:
    """One line of a question file, checked."""
    needs = _("Each question needs id, database, kind, question and query.")
    names = ("id", "database", "kind", "question", "query")
    found = Question(**{key: field(row, key, str, needs) for key in names})
    for key, allowed in (("database", database_names()), ("kind", KINDS)):
        if getattr(found, key) not in allowed:
            raise Broken(
                _("{key!r} is {value!r}").format(key=key, value=getattr(found, key)),
                _("Choose one of: {names}.").format(names=", ".join(allowed)),
            )
    return found


def user_message(question: Question) -> str:
    """The user's side of the chat: the schema, then the question. Introduced in notebook 13."""
    return f"Schema:\n{question.data.schema}\nQuestion: {question.question}"


def answer(question: Question) -> str:
    """The right answer, exactly as a model should write it. Introduced in notebook 13."""
    return question.query


def messages(question: Question, shots: Sequence[Question] = ()) -> list[dict[str, str]]:
    """The prompt: system message, a question and an answer for each shot, and the question.

    Introduced in notebook 13.
    """
    chat = [{"role": "system", "content": SYSTEM}]
    for shot in shots:
        chat.append({"role": "user", "content": user_message(shot)})
        chat.append({"role": "assistant", "content": answer(shot)})
    chat.append({"role": "user", "content": user_message(question)})
    return chat


def parse(text: str) -> str:
    """The query in a model's answer: the whole answer, without a code fence around it.

    A thinking block goes as well: services hand it over apart. Other words are not cut away: a
    program that runs the answer would stumble over them, too.
    """
    text = without_thinking(text)
    fenced = FENCE.fullmatch(text)
    return (fenced[1] if fenced else text).strip()
