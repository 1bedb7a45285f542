"""From the bytes of a chat training file to JSON values, line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from lessonlib.chat_files.problems import Problem, shown
from lessonlib.common.files import guess_encoding
from lessonlib.common.i18n import _

BOM = "\ufeff"
#: In bytes, with the line's end. No example is longer: 65,536 tokens of four characters, each
#: written as six (``\\u00e9``), are a fifth of it. What is longer is a file without line ends.
LONGEST_LINE = 8 * 2**20


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Lines of a binary file; of one longer than ``LONGEST_LINE`` only the beginning."""
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
        yield line


class LineReader:
    """Turns the bytes of a line into a row, and says what stands in the way."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=self._constant
        )
        self._twice: list[str] = []

    def text(self, raw: bytes | str, **place: int) -> tuple[str | None, list[Problem]]:
        """The line's text without its end and without a byte order mark; None if not UTF-8."""
        if isinstance(raw, bytes):
            try:
                raw = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                start, byte = error.start, raw[error.start]
                details = {"byte": byte, "place": start + 1, "guess": guess_encoding(raw)}
                return None, [Problem("not_utf8", **place, details=details)]
        problems = [Problem("bom", **place)] if raw.startswith(BOM) else []
        return raw.removeprefix(BOM).rstrip("\r\n"), problems

    def row(self, text: str, **place: int) -> tuple[object, list[Problem]]:
        """The JSON value in a line, and what is wrong with it; value None where it is not JSON."""
        self._twice = []
        try:
            value = self._decoder.decode(text)
        except (ValueError, RecursionError) as error:
            return None, [_not_json(text, error, place)]
        names = dict.fromkeys(self._twice)
        return value, [
            Problem("duplicate_key", **place, details={"name": shown(name)}) for name in names
        ]

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        value = dict(pairs)
        if len(value) < len(pairs):
            seen: set[str] = set()
            # add() gives None, so a key is kept only when it was there before.
            self._twice += [key for key, _value in pairs if key in seen or seen.add(key)]
        return value

    def _constant(self, name: str) -> None:
        """Python reads NaN and Infinity; JSON has no such numbers."""
        raise ValueError(name)


def _not_json(text: str, error: Exception, place: dict[str, int]) -> Problem:
    """Why a line is not JSON, with a guess at what happened."""
    if not isinstance(error, json.JSONDecodeError):
        reason = _("a number that JSON does not know (NaN, Infinity, thousands of digits)")
        details = {"reason": reason, "parser": "number out of range"}
        if isinstance(error, RecursionError):
            reason = _("brackets nested too deeply")
            details = {"reason": reason, "parser": "nesting too deep"}
        return Problem("not_json", **place, details=details)
    comma = _useless_comma(text, error.pos)
    if comma is not None:
        return Problem("trailing_comma", **place, details={"place": comma + 1})
    start, hint = text.lstrip(), ""
    if start.startswith(("{'", "['")):
        hint = _("JSON needs double quotes; this looks like a printed Python object.")
    elif start[:2] in ("{“", "{”", "{„"):
        hint = _('A word processor has curled the quotes; JSON needs straight ones: ".')
    elif text.strip() in ("{", "[", "}", "]", "},"):
        hint = _("This looks like JSON spread over several lines.")
    reason = _("{reason} at character {place}").format(reason=error.msg, place=error.pos + 1)
    details = {"reason": reason, "parser": str(error)}
    return Problem("not_json", **place, details=details, hint=hint)


def _useless_comma(text: str, at: int) -> int | None:
    """Where, near ``at``, a comma stands before a closing bracket or the end of the line.

    Python's versions point to the comma or to what follows it, so we look at both.
    """
    before = len(text[:at].rstrip()) - 1
    for place in (at, before):
        if 0 <= place < len(text) and text[place] == ",":
            rest = text[place + 1 :].lstrip()
            if not rest or rest[0] in "]}":
                return place
    return None
