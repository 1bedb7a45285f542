"""Read a task's examples from JSON Lines files, and say exactly which line breaks which rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _

Example = TypeVar("Example")


class Broken(Exception):
    """A line of a file breaks ``rule``; ``cure`` says what to do."""

    def __init__(self, rule: str, cure: str):
        super().__init__(rule)
        self.rule, self.cure = rule, cure


def read_examples(
    path: str | Path, make: Callable[[dict], Example], none: str, example: str
) -> list[Example]:
    """The examples of a JSON Lines file: one JSON object a line, each with its own ``id``.

    Args:
        make: turns one JSON object into an example that has an ``id``; raises ``Broken``.
        none: what to say of a file without any, with a place for ``{path}``.
        example: what a line's object may look like, shown where a line is something else.

    Raises:
        LessonError: the file is missing, empty or not UTF-8, or a line breaks a rule. The text
            names the file, the line, the rule and the cure.
    """
    # Not splitlines(): it also cuts at characters that may stand inside a JSON string.
    lines = read_text(path).split("\n")
    if lines[-1].strip() == "":
        lines.pop()  # the end of the last line
    examples: list[Example] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        try:
            made = make(_object(line, example))
            if made.id in seen:
                raise Broken(
                    _("the id {id!r} is already used in line {first}").format(
                        id=made.id, first=seen[made.id]
                    ),
                    _("Give every example its own id."),
                )
        except Broken as broken:
            where = _("{path}, line {line}: {rule}.").format(
                path=path, line=number, rule=broken.rule
            )
            raise LessonError(where, broken.cure) from None
        seen[made.id] = number
        examples.append(made)
    if not examples:
        raise LessonError(none.format(path=path), _("Write one JSON object a line."))
    return examples


def _object(line: str, example: str) -> dict:
    """One line as a JSON object."""
    if not line.strip():
        raise Broken(_("the line is empty"), _("Delete the line."))
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise Broken(
            _("not JSON: {reason} at character {place}").format(
                reason=error.msg, place=error.colno
            ),
            _("Write the whole example as one JSON object on this one line."),
        ) from None
    if not isinstance(row, dict):
        raise Broken(
            _("the line must be a JSON object, it is a {kind}").format(kind=type(row).__name__),
            _("Begin it with {{ and name the fields, as in {example}.").format(example=example),
        )
    return row


def field(row: dict, key: str, kind: type, needs: str):
    """The value of one field: a text, or a list of texts; never empty.

    Args:
        needs: what to say where the field is missing: which fields an example has.
    """
    if key not in row:
        raise Broken(_("the key {key!r} is missing").format(key=key), needs)
    value = row[key]
    items = value if kind is list and isinstance(value, list) else [value]
    wanted = _("a list of texts") if kind is list else _("a text")
    if not isinstance(value, kind) or not all(isinstance(item, str) for item in items):
        raise Broken(
            _("{key!r} must be {wanted}, it is {value}").format(
                key=key, wanted=wanted, value=json.dumps(value, ensure_ascii=False)[:60]
            ),
            _("Put texts in double quotes and lists in square brackets."),
        )
    if not value or not all(item.strip() for item in items):
        raise Broken(
            _("{key!r} is empty, or holds an empty text").format(key=key),
            _("Fill it in, or delete the example."),
        )
    return value
