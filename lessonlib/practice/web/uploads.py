"""Receive an uploaded file: from the network to the disk, piece by piece.

A body of multipart/form-data is parsed as it comes in, so that an upload takes no more memory than
one piece of it, and an upload that is too large is refused before the disk is full.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from lessonlib.practice.protocol.errors import ApiError

#: Longest value of a field that is not the file, and all that comes beside the file's content
#: (fields, and the heads of all parts), in bytes.
LONGEST_FIELD, MOST_BESIDE = 10_000, 100_000


@dataclass
class Upload:
    """What came in. The file's content is in the draft that was given; ``size`` in bytes."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size: int = 0
    sha256: str = ""


async def receive(request: Request, draft: Path, most_bytes: int) -> Upload:
    """Read the form; write the part called ``file`` to ``draft``, safe on disk.

    Raises:
        ApiError: 400, the body is no such form, or has two files; 413, the file is larger than
            ``most_bytes``. Then ``draft`` is removed.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ApiError("Invalid body: expected multipart/form-data with the parts purpose, file.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most_bytes + MOST_BESIDE:
        raise too_large(most_bytes)
    reader = _FormReader(draft, most_bytes)
    try:
        parser = MultipartParser(options[b"boundary"], reader.callbacks())
        async for piece in request.stream():
            parser.write(piece)
        parser.finalize()
        await asyncio.to_thread(reader.close)
    except (FormParserError, UnicodeDecodeError) as error:
        reader.discard()
        raise ApiError(f"Invalid multipart/form-data body: {error}") from None
    except ClientDisconnect:
        reader.discard()
        raise ApiError("The client left before the file was complete.", status=499) from None
    except BaseException:
        reader.discard()
        raise
    return reader.upload


def too_large(most_bytes: int) -> ApiError:
    return ApiError(
        f"The file is too large: this service takes {most_bytes} bytes at most.",
        status=413,
        param="file",
        code="file_too_large",
    )


class _FormReader:
    """Takes the parser's callbacks, part after part."""

    def __init__(self, draft: Path, most_bytes: int):
        self.upload = Upload()
        self._draft, self._most_bytes = draft, most_bytes
        self._file, self._digest = None, hashlib.sha256()
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._name, self._is_file, self._field = "", False, b""
        self._beside = 0  # bytes that came beside the file's content

    def callbacks(self) -> dict:
        names = ("part_begin", "header_field", "header_value", "header_end", "headers_finished",
                 "part_data", "part_end")
        return {f"on_{name}": getattr(self, f"_{name}") for name in names}

    def _part_begin(self) -> None:
        self._headers, self._field = {}, b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += self._small(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._small(data[start:end])

    def _header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8")
        self._is_file = self._name == "file"
        if self._is_file:
            if self._file is not None:
                raise ApiError(
                    "Invalid body: it has two parts called 'file'. Upload one file at a time.",
                    param="file",
                    code="duplicate_parameter",
                )
            self.upload.filename = options.get(b"filename", b"").decode("utf-8", "replace")
            self._file = open(self._draft, "wb")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._is_file:
            self.upload.size += len(piece)
            if self.upload.size > self._most_bytes:
                raise too_large(self._most_bytes)
            self._digest.update(piece)
            self._file.write(piece)
        else:
            self._field += self._small(piece)
            if len(self._field) > LONGEST_FIELD:
                raise ApiError(f"The field '{self._name}' is too long.", param=self._name)

    def _small(self, piece: bytes) -> bytes:
        """A piece of what is kept in memory: all of them together must stay small."""
        self._beside += len(piece)
        if self._beside > MOST_BESIDE:
            raise ApiError("Invalid body: too much of it is not the content of the file.")
        return piece

    def _part_end(self) -> None:
        if not self._is_file:
            self.upload.fields[self._name] = self._field.decode("utf-8")

    def close(self) -> None:
        """Write what is left, and wait until it is on the disk itself."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self.upload.sha256 = self._digest.hexdigest()

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
        self._draft.unlink(missing_ok=True)
