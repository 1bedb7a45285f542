"""Read text that people bring, and say exactly what is wrong where it is not UTF-8."""

from __future__ import annotations

from pathlib import Path

from lessonlib.errors import LessonError
from lessonlib.i18n import _


def read_text(path: str | Path) -> str:
    """The whole text of ``path``, read as UTF-8; a byte order mark at its start is dropped.

    Raises:
        LessonError: there is no such file, or it is not UTF-8. The text names the file, the
            line and the byte, guesses the encoding and says how to save the file again.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise LessonError(
            _("No such file: {path}").format(path=path),
            _("Check the name and the folder; we looked in {folder}.").format(
                folder=path.absolute().parent
            ),
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise LessonError(
            _("{path} cannot be read: {reason}").format(path=path, reason=error.strerror),
            _("Give the path of a text file that you may read."),
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, raw, error) from None


def _not_utf8(path: Path, raw: bytes, error: UnicodeDecodeError) -> LessonError:
    """The error for a file in another encoding, with our best guess which one."""
    start = error.start
    if raw.startswith(b"\xef\xbb\xbf"):
        start += 3  # "utf-8-sig" counts from behind the byte order mark
    line = raw.count(b"\n", 0, start) + 1
    guess = guess_encoding(raw)
    return LessonError(
        _(
            "{path}, line {line}: byte 0x{byte:02X} is not UTF-8; the file looks like {guess}."
        ).format(path=path, line=line, byte=raw[start], guess=guess),
        _(
            "Save it again as UTF-8. In Excel: File, Save As, 'CSV UTF-8'. In an editor: choose "
            "the encoding UTF-8 when saving. In Python: "
            "Path('new.csv').write_text(Path({name!r}).read_text(encoding={guess!r}), "
            "encoding='utf-8')"
        ).format(name=path.name, guess=guess),
    )


def guess_encoding(raw: bytes) -> str:
    """The likely encoding of bytes that are not UTF-8, by its Python name.

    UTF-16 shows by its byte order mark or by many zero bytes. What is left is nearly always a
    Windows code page; which one cannot be told from the bytes, so we name the commonest.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or raw[:200].count(0) > len(raw[:200]) // 4:
        return "utf-16"
    return "cp1252"
