"""Chat training files: write them, check them, count their tokens.

A chat training file is a text file in UTF-8 with one example per line (JSON Lines, ``.jsonl``).
OpenAI, Azure OpenAI and Hugging Face's TRL all read this form::

    {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}

``check`` reads such a file, names everything that is wrong with it, and never raises because of
its contents. It reads line by line, so that a large file needs little memory: about 300 bytes for
each example, to find copies. The practice service uses the same check on uploaded files.

The files beside this one:

    checker.py    line by line: what is wrong, which examples are copies or leaks
    lines.py      from bytes to JSON values
    rules.py      the rules of one example
    problems.py   the kinds of problems, in words, with cures
    report.py     what was found, as a table, and in a service's words
    counters.py   tokens of a chat; epochs when their number is left to a service
    tokens.py     lengths in tokens, training tokens, costs
    picture.py    the lengths as a histogram
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from lessonlib.chat_files.checker import Checker, user_texts
from lessonlib.chat_files.counters import counter_for, epochs
from lessonlib.chat_files.lines import lines_of
from lessonlib.chat_files.problems import ERROR, Problem
from lessonlib.chat_files.report import Report, service_error
from lessonlib.chat_files.tokens import (
    Estimate,
    TokenStatistics,
    estimate,
    token_statistics,
    training_tokens,
)
from lessonlib.common import files
from lessonlib.common.errors import LessonError
from lessonlib.common.facts import limits
from lessonlib.common.i18n import _

__all__ = [
    "Estimate",
    "Problem",
    "Report",
    "TokenStatistics",
    "check",
    "epochs",
    "estimate",
    "read",
    "service_error",
    "token_statistics",
    "training_tokens",
    "write",
]

#: Files from this size on show a progress bar.
_LARGE = 4 * 2**20


def write(rows: Iterable[dict], path: str | Path, bom: bool = False) -> Path:
    """Write rows as a chat training file: UTF-8, one JSON object a line.

    The file appears when it is complete; until then an older one of that name stays.

    Args:
        rows: ``{"messages": [...]}`` each. They are written as they are; ``check`` judges them.
        bom: begin with a byte order mark, as Azure's guide asks. OpenAI wants none.

    Raises:
        LessonError: a row cannot be written as JSON.

    Introduced in notebook 05.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as file:
        file.write(b"\xef\xbb\xbf" if bom else b"")
        for number, row in enumerate(rows, start=1):
            file.write((json_line(row, number) + "\n").encode("utf-8"))
    return path


def json_line(row: dict, number: int) -> str:
    """A row as a line of a training file, without its end.

    Raises:
        LessonError: it cannot be written as JSON; ``number`` names it.
    """
    try:
        if not isinstance(row, dict):
            raise TypeError(_("it is not a dictionary"))
        line = json.dumps(row, ensure_ascii=False, allow_nan=False)
        line.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise LessonError(
            _("Row {number} cannot be written as JSON: {reason}").format(
                number=number, reason=error
            ),
            _('Give rows such as {"messages": [{"role": "user", "content": "..."}, ...]}.'),
        ) from None
    return line


def read(path: str | Path) -> list[dict]:
    """The rows of a sound file.

    Raises:
        LessonError: the file is missing, or has errors; the first is named.
    """
    report = check(path, minimum=1, count_tokens=False)
    for problem in report.problems:
        # Azure's files begin with a byte order mark; here it does no harm.
        if problem.level == ERROR and (problem.key, problem.line) != ("bom", 1):
            where = f"{path}, {problem.where}" if problem.where else str(path)
            raise LessonError(f"{where}: {problem.rule}.", problem.cure)
    text = Path(path).read_bytes().decode("utf-8-sig")
    # Not splitlines(): it also cuts at characters that may stand inside a JSON string.
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def check(
    source: str | Path | bytes | Iterable[bytes | str | dict],
    test_rows: str | Path | Iterable[dict] | None = None,
    model_context: int | None = None,
    *,
    tokenizer=None,
    count_tokens: bool = True,
    service: str = "openai",
    minimum: int | None = None,
    stop_after: int | None = None,
    progress: bool = True,
) -> Report:
    """Find everything that is wrong with a chat training file.

    Args:
        source: the file's path; or its bytes; or its lines; or rows, counted as lines then.
        test_rows: examples that the result will be tested on, or the path of their file. A
            training example with the user's message of one of them is a leak.
        model_context: tokens that the model reads at once; that of the tokenizer's model if not
            given. That of a hosted model: ``facts.limits()["example_tokens"]["gpt-4.1-mini"]``.
        tokenizer: what counts tokens, see ``chat_files.counters.counter_for``; by default
            that of the built-in model.
        count_tokens: False to leave out tokens and lengths, which take most of the time.
        service: ``openai`` (no byte order mark) or ``azure`` (one is asked for).
        minimum: the fewest examples that will do; the service's 10 if not given.
        stop_after: stop after so many errors, for callers that need only the first.
        progress: show a bar for a large file.

    Raises:
        LessonError: the file cannot be opened, or test rows have no user message. Never because
            of what stands in the file.

    Introduced in notebook 05.
    """
    if minimum is None:
        minimum = limits()["examples"]["minimum"]
    checker = Checker(
        counter_for(tokenizer) if count_tokens else None,
        model_context,
        user_texts(read(test_rows) if isinstance(test_rows, str | Path) else test_rows),
        service,
        stop_after,
    )
    if isinstance(source, str | Path):
        path = Path(source)
        checker.report.name = path.name
        with _open(path) as file, _progress(file, path.stat().st_size, progress) as lines:
            checker.file(path.stat().st_size, lines)
    elif isinstance(source, bytes):
        checker.file(len(source), lines_of(io.BytesIO(source)))
    else:
        checker.lines(source)
    return checker.finish(minimum)


def _open(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise LessonError(
            _("{path} cannot be read: {reason}").format(path=path, reason=error.strerror),
            _("Check the name and the folder; we looked in {folder}.").format(
                folder=path.absolute().parent
            ),
        ) from None


@contextlib.contextmanager
def _progress(file: BinaryIO, size: int, show: bool) -> Iterator[Iterator[bytes]]:
    """The file's lines; a bar follows them where the file is large."""
    if not show or size < _LARGE:
        yield lines_of(file)
        return
    from lessonlib.show.live import bar

    with bar(size // 2**20, _("checking"), "MB") as progress:

        def follow() -> Iterator[bytes]:
            done = 0
            for line in lines_of(file):
                yield line
                # In whole megabytes: the bar is slower than the check.
                if file.tell() // 2**20 > done:
                    progress.update(file.tell() // 2**20 - done)
                    done = file.tell() // 2**20

        yield follow()
