"""Check a chat training file line by line, and compare its examples with one another."""

from __future__ import annotations

import itertools
import json
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from lessonlib.chat_files.lines import BOM, LONGEST_LINE, LineReader
from lessonlib.chat_files.problems import Problem
from lessonlib.chat_files.report import Report
from lessonlib.chat_files.rules import has_error, row_problems
from lessonlib.chat_files.tokens import TokenStatistics
from lessonlib.common.errors import LessonError, first_line
from lessonlib.common.facts import limits
from lessonlib.common.files import guess_encoding
from lessonlib.common.i18n import _


class Checker:
    """Reads line after line and fills a report. Used by ``chat_files.check``.

    Args:
        counter: counts tokens; None to leave lengths out.
        context: the most tokens of an example; that of the counter's model if None.
        test_texts: what test examples ask, from ``user_texts``.
        service: ``openai`` or ``azure``.
        stop_after: stop after so many errors; None to read to the end.
    """

    def __init__(
        self,
        counter,
        context: int | None,
        test_texts: dict[str, int],
        service: str,
        stop_after: int | None = None,
    ):
        self.report = Report(name=_("the rows"))
        if counter is not None:
            self.report.limit = context or counter.context
            self.report.tokens = TokenStatistics(counter.name, self.report.limit)
        self._counter, self._test_texts, self._stop_after = counter, test_texts, stop_after
        self._bom_wanted = limits(service)["file"].get("byte_order_mark", False)
        self._most_bytes = limits(service)["file"]["bytes"]
        self._reader = LineReader()
        self._number = 0
        self._unreadable = False
        self._blank_from: int | None = None
        #: Where each example and each prompt stood first, by fingerprint.
        self._rows: dict[bytes, int] = {}
        self._prompts: dict[bytes, int] = {}

    def file(self, size: int, lines: Iterable[bytes]) -> None:
        """Check the lines of a file of ``size`` bytes."""
        if size > self._most_bytes:
            details = {"bytes": size, "limit": self._most_bytes}
            self.report.add(Problem("too_large", details=details))
        lines = iter(lines)
        first = next(lines, b"")
        if self._bom_wanted and size and not first.startswith(BOM.encode()):
            self.report.add(Problem("no_bom"))
        if first and guess_encoding(first) == "utf-16":
            # Its line ends are two bytes long, so that no line of it can be told from another.
            strange = max(first.find(0), 0) if first[0] < 0x80 else 0
            details = {"byte": first[strange], "place": strange + 1, "guess": "utf-16"}
            self.report.add(Problem("not_utf8", line=1, example=1, details=details))
            self._unreadable = True
        else:
            self.lines(itertools.chain([first] if first else [], lines))
        self.report.bytes = size

    def lines(self, lines: Iterable[bytes | str | dict]) -> None:
        for line in lines:
            self._number += 1
            if isinstance(line, bytes | str):
                self.report.bytes += len(line)
                self._line(line)
            else:
                self.report.examples += 1
                self._row(line, [])
            if self._stop_after is not None and self.report.errors >= self._stop_after:
                self.report.stopped_at = self._number
                break

    def finish(self, minimum: int) -> Report:
        """Close the report: blank lines at the end, and the number of examples."""
        self._blank_lines_end(at_end=True)
        if self._unreadable or self.report.stopped_at:
            pass  # its examples were not all counted
        elif not self.report.examples:
            self.report.add(Problem("empty_file"))
        elif self.report.examples < minimum:
            details = {"examples": self.report.examples, "minimum": minimum}
            self.report.add(Problem("too_few_examples", details=details))
        return self.report

    def _line(self, raw: bytes | str) -> None:
        place = {"line": self._number, "example": self.report.examples + 1}
        if len(raw) > LONGEST_LINE:
            details = {"limit": LONGEST_LINE}
            text, problems = None, [Problem("line_too_long", **place, details=details)]
        else:
            text, problems = self._reader.text(raw, **place)
        if self._bom_wanted and self._number == 1:
            problems = [problem for problem in problems if problem.key != "bom"]
        if text is not None and not text.strip():
            self._add(problems)
            self._blank_from = self._blank_from or self._number
            return
        self._blank_lines_end()
        self.report.examples += 1
        if text is None:
            self._add(problems)
            return
        row, more = self._reader.row(text, **place)
        if has_error(more):
            self._add(problems + more)
        else:
            self._row(row, problems + more)

    def _row(self, row: object, problems: list[Problem]) -> None:
        """Check an example; ``problems`` are those that its line already has."""
        self._add(problems)
        place = {"line": self._number, "example": self.report.examples}
        errors = self.report.errors
        self._add(row_problems(row, **place))
        if self.report.errors > errors:
            return
        self._add(self._copies(row["messages"], place))
        self._add(self._leaks(row["messages"], place))
        self._add(self._length(row["messages"], place))
        if self.report.errors == errors and not has_error(problems):
            self.report.sound += 1

    def _add(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.report.add(problem)

    def _blank_lines_end(self, at_end: bool = False) -> None:
        """Tell of a run of blank lines. At the end of a file they do little harm."""
        if self._blank_from is None:
            return
        last = self._number if at_end else self._number - 1
        self.report.add(Problem("blank_line", line=self._blank_from, last=last, downgraded=at_end))
        self._blank_from = None

    def _copies(self, messages: list[dict], place: dict[str, int]) -> Iterator[Problem]:
        """Is the example, or its prompt with another answer, in the file already?"""
        last = max(i for i, message in enumerate(messages) if message["role"] == "assistant")
        prompt, whole = _fingerprint(messages[:last]), _fingerprint(messages)
        if whole in self._rows:
            yield Problem("duplicate_row", **place, details={"first": self._rows[whole]})
        elif prompt in self._prompts:
            yield Problem("conflicting_labels", **place, details={"first": self._prompts[prompt]})
        self._rows.setdefault(whole, self._number)
        self._prompts.setdefault(prompt, self._number)

    def _leaks(self, messages: list[dict], place: dict[str, int]) -> Iterator[Problem]:
        if not self._test_texts:
            return
        for number, message in enumerate(messages, start=1):
            first = self._test_texts.get(_plain(message["content"]))
            if first and message["role"] == "user":
                details = {"first": first}
                yield Problem("leak_from_test", **place, message=number, details=details)

    def _length(self, messages: list[dict], place: dict[str, int]) -> Iterator[Problem]:
        if self._counter is None:
            return
        try:
            tokens = self._counter.count(messages)
        except Exception as error:  # a template can raise whatever its author chose
            details = {"reason": first_line(error)[:200]}
            yield Problem("template_refused", **place, details=details)
            return
        self.report.tokens.add(tokens)
        limit = self.report.limit
        if limit is not None and tokens.total > limit:
            yield Problem("too_long", **place, details={"tokens": tokens.total, "limit": limit})


def _fingerprint(messages: list[dict]) -> bytes:
    """16 bytes that stand for the roles, names and texts of the messages."""
    parts = [[m["role"], m["content"], m.get("name")] for m in messages]
    return blake2b(json.dumps(parts).encode("ascii"), digest_size=16).digest()


def _plain(text: str) -> str:
    """A text without the differences that make no other question: capitals and spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def user_texts(test_rows: Iterable[dict] | None) -> dict[str, int]:
    """What the user asks last in each test example, with the example's number from 1."""
    if test_rows is None:
        return {}
    texts: dict[str, int] = {}
    for number, row in enumerate(test_rows, start=1):
        try:
            asked = [m["content"] for m in row["messages"] if m["role"] == "user"][-1]
            texts.setdefault(_plain(asked), number)
        except (KeyError, IndexError, TypeError):
            raise LessonError(
                _("Test row {number} has no user message.").format(number=number),
                _("Give test rows in the same form as training rows."),
            ) from None
    return texts
