"""Read text that people bring, and write files whole or not at all.

If a text is not UTF-8, we say exactly what is wrong with it.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _


def read_text(path: str | Path) -> str:
    """The whole text of ``path``, read as UTF-8; a byte order mark at its start is dropped.

    Raises:
        LessonError: there is no such file, or it is not UTF-8. The text names the file, the
            line and the byte, guesses the encoding and says how to save the file again.

    Introduced in notebook 09.
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


#: Bytes that are letters of Czech, Slovak, Polish or Hungarian in cp1250, and rare in cp1252.
CENTRAL = frozenset(b"\xec\xb9\xb3\x9d\x9f\xf8\xf9\xd8\xcc\xa3\xa5")
#: Bytes that are letters of Western languages in cp1252, and rare in cp1250.
WESTERN = frozenset(b"\xe0\xe5\xe3\xc0\xc5\xc3\xe6\xf1")


def guess_encoding(raw: bytes) -> str:
    """The likely encoding of bytes that are not UTF-8, by its Python name.

    UTF-16 shows by its byte order mark or by many zero bytes. What is left is nearly always a
    Windows code page: cp1250 (Central Europe) or cp1252 (Western Europe), told apart by letters
    that are common in one of them and rare in the other. It remains a guess.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or raw[:200].count(0) > len(raw[:200]) // 4:
        return "utf-16"
    central, western = (sum(map(raw.count, letters)) for letters in (CENTRAL, WESTERN))
    return "cp1250" if central > western else "cp1252"


def write_whole(path: str | Path, content: str | bytes, private: bool = False) -> None:
    """Write a file in one step: no reader, and no crash, ever leaves half of it behind.

    Args:
        path: in a folder that exists. What stood there before stays until the new file is
            complete, and for good where it cannot be written. A link stays a link: the file that
            it leads to is written.
        content: text is written as UTF-8, with its line ends as they are.
        private: readable by this user only.

    Raises:
        OSError: there is no such folder, no right to write there, or no room.
        UnicodeEncodeError: a text holds half of a surrogate pair.
    """
    content = content.encode("utf-8") if isinstance(content, str) else content
    with replacing(path, private) as file:
        file.write(content)


@contextmanager
def replacing(path: str | Path, private: bool = False) -> Iterator[BinaryIO]:
    """A new file to write bytes to; when the block ends well, it takes the place of ``path``.

    For what is too large to be held as one text. Otherwise as ``write_whole``.
    """
    path = Path(path)
    if path.is_symlink():
        path = path.resolve()
    # A name of its own, as two threads or processes may write at once; some of the old name,
    # but not so much that the new one is longer than file systems allow.
    draft = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}.new")
    rights = 0o600 if private else 0o666
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, rights)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _rename(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _rename(draft: Path, path: Path) -> None:
    """Give a draft its name. Windows refuses while somebody is reading the old file: try again."""
    for attempt in range(50):
        try:
            os.replace(draft, path)
            return
        except PermissionError:
            if os.name != "nt" or attempt == 49:
                raise
            time.sleep(0.02)
