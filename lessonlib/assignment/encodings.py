"""From bytes to text, whichever program saved them.

A text file does not say what its encoding is. UTF-8 can be recognised: text in another encoding is
hardly ever valid UTF-8. Between the old Windows code pages we guess, by letters that are common in
one and rare in the other, and we say that it was a guess.
"""

from __future__ import annotations

import codecs

from lessonlib.common.errors import LessonError
from lessonlib.common.files import guess_encoding
from lessonlib.common.i18n import _

#: Marks at the beginning of a file, and what they mean.
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
         (codecs.BOM_UTF16_BE, "utf-16"))


def decode(raw: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """The text, and a note for the reader ("" where there is nothing to say).

    Args:
        name: of the file, for the messages.
        encoding: what the learner says that it is; guessed if not given.

    Raises:
        LessonError: the bytes do not fit the encoding that was given, or are no text at all.
    """
    if encoding:
        return _as_told(raw, name, encoding), ""
    for mark, known in MARKS:
        if raw.startswith(mark):
            note = _("{name} begins with a byte order mark; it was dropped.").format(name=name)
            return _as_told(raw, name, known), note
    if b"\x00" in raw[:4096]:
        raise LessonError(
            _("{name} is no text file: there are zero bytes in it.").format(name=name),
            _("Give a CSV or JSON Lines file as text, or an Excel file that ends in .xlsx."),
        )
    try:
        return raw.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        guess = guess_encoding(raw)
        text = raw.decode(guess, errors="replace")
        example = text.split("\n")[line - 1].strip()[:60]
        return text, _(
            "{name} is not UTF-8 (line {line}); it was read as {guess}, which is a guess. Look at"
            " that line: {example!r}. If it is wrong, say encoding=\"{other}\" or another one, or"
            " save the file as UTF-8.").format(
                name=name, line=line, guess=guess, example=example,
                other="cp1250" if guess == "cp1252" else "cp1252")


def _as_told(raw: bytes, name: str, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except (UnicodeError, LookupError) as error:
        raise LessonError(
            _("{name} cannot be read as {encoding}: {reason}").format(
                name=name, encoding=encoding, reason=error),
            _("Leave the encoding out, and it is guessed; or save the file as UTF-8."),
        ) from None
