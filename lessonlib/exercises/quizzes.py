"""Quizzes as data: ``data/quizzes/NN.toml``, one file for each notebook.

A question has an ``id``, a ``text``, ``choose`` ("one" or "several"), and options. Each option
has a ``text``, a sentence ``why``, and ``right = true`` if it is right. Words between `backticks`
in a question or a ``why`` are code. ``quiz_widget.py`` shows a quiz.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _
from lessonlib.common.paths import DATA

QUIZZES = DATA / "quizzes"
CHOOSE = ("one", "several")


@dataclass(frozen=True)
class Choice:
    """One thing to choose, and why it is right or not."""

    text: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class QuizQuestion:
    """key: under which progress is kept, ``01/window``. several: more than one may be chosen."""

    key: str
    text: str
    several: bool
    options: tuple[Choice, ...]

    def is_right(self, chosen: set[int]) -> bool:
        """Are these numbers of options all the right ones, and no other?"""
        return chosen == {place for place, option in enumerate(self.options) if option.right}


@dataclass(frozen=True)
class Quiz:
    """All questions of one notebook, in order."""

    number: str
    title: str
    questions: tuple[QuizQuestion, ...]


def numbers() -> list[str]:
    """The notebooks that have a quiz: 00, 01, ..."""
    return sorted(path.stem for path in QUIZZES.glob("*.toml"))


def load(number: str) -> Quiz:
    """The quiz of one notebook. Raises LessonError where there is none, or its file is wrong."""
    if number not in numbers():
        raise LessonError(
            _("There is no quiz {number!r}.").format(number=number),
            _("There are: {numbers}.").format(numbers=", ".join(numbers())),
        )
    return load_file(QUIZZES / f"{number}.toml")


def load_file(path: Path) -> Quiz:
    """A quiz from its file. Raises LessonError, which names the file, the question, the rule."""
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise LessonError(
            _("{path} is not TOML: {reason}").format(path=path, reason=error),
            _("Fix that line."),
        ) from None
    questions = table.get("question") or []
    rules = ["title"] if not _is_text(table.get("title")) else []
    rules += ["[[question]]"] if not questions else []
    if rules:
        raise _broken(path, _("the file"), _("{key} is missing").format(key=rules[0]))
    made = tuple(_question(path, place, row) for place, row in enumerate(questions, start=1))
    keys = [question.key for question in made]
    if len(set(keys)) < len(keys):
        raise _broken(path, _("the file"), _("two questions have the same id"))
    return Quiz(path.stem, table["title"], made)


def _question(path: Path, place: int, row: dict) -> QuizQuestion:
    """One question of the file, checked."""
    where = _("question {place}").format(place=place)
    for key in ("id", "text"):
        if not _is_text(row.get(key)):
            raise _broken(path, where, _("{key} is missing").format(key=key))
    if row.get("choose") not in CHOOSE:
        raise _broken(path, where, _('choose must be "one" or "several"'))
    options = []
    for option in row.get("option", ()):
        if not (_is_text(option.get("text")) and _is_text(option.get("why"))):
            raise _broken(path, where, _("an option has no text, or no why"))
        if unknown := set(option) - {"text", "why", "right"}:
            raise _broken(path, where, _("unknown key {key!r}").format(key=min(unknown)))
        if "`" in option["text"]:  # what an option is made of can show no code
            raise _broken(path, where, _("the text of an option holds a backtick"))
        options.append(Choice(option["text"], option["why"], option.get("right", False) is True))
    right = sum(option.right for option in options)
    if len(options) < 2:
        raise _broken(path, where, _("there is not much to choose: give two options or more"))
    if right == 0 or (row["choose"] == "one" and right > 1):
        raise _broken(
            path, where, _("{right} options are right, and one can be chosen").format(right=right)
            if right else _("no option is right"),
        )
    key = f"{path.stem}/{row['id']}"
    return QuizQuestion(key, row["text"], row["choose"] == "several", tuple(options))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _broken(path: Path, where: str, rule: str) -> LessonError:
    return LessonError(
        _("{path}, {where}: {rule}.").format(path=path, where=where, rule=rule),
        _("The form of a quiz is described in lessonlib/exercises/quizzes.py."),
    )


def as_markdown(quiz: Quiz, mark: Callable[[Choice], str] | None = None) -> str:
    """The questions and their options, for where nothing can be clicked: on GitHub, on the web
    site, in a printed copy. What is right, and why, is folded beneath each question.

    Args:
        mark: what is said of an option before its reason; whether it is right if not given.
    """
    mark = mark or verdict
    lines = [f"**{quiz.title}**", "", _("Run this cell to answer it here.")]
    for place, question in enumerate(quiz.questions, start=1):
        how = f" *({instruction(question)})*" if mark is verdict else ""
        lines += ["", f"**{place}.** {question.text}{how}", ""]
        lines += [f"- {option.text}" for option in question.options]
        lines += ["", "<details>", f"<summary>{_('Answer and reasons')}</summary>", ""]
        for option in question.options:
            said = f" **{mark(option)}**" if mark(option) else ""
            lines.append(f"- *{option.text}*{said} {option.why}")
        lines += ["", "</details>"]
    return "\n".join(lines)


def as_text(quiz: Quiz, explain: bool = False) -> str:
    """The same for a terminal; with ``explain``, what is right and why as well."""
    lines = [quiz.title]
    for place, question in enumerate(quiz.questions, start=1):
        lines += ["", f"{place}. {question.text} ({instruction(question)})"]
        for option in question.options:
            lines.append(f"   - {option.text}")
            if explain:
                lines.append(f"     {verdict(option)} {option.why}")
    return "\n".join(lines)


def instruction(question: QuizQuestion) -> str:
    """How many options may be chosen, in words."""
    return _("choose all that are right") if question.several else _("choose one")


def verdict(option: Choice) -> str:
    """Is it right? In words."""
    return _("Right.") if option.right else _("Not so.")
