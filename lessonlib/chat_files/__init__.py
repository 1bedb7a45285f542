"""Training files in chat form: write, read and check them, and count their tokens.

Read it with notebook 05: ``files.py`` begins with a map, and ``rules.py`` says what a hosted
service demands of each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.chat_files.counters import epochs
    from lessonlib.chat_files.files import check, read, write
    from lessonlib.chat_files.report import service_error
    from lessonlib.chat_files.tokens import estimate, token_statistics

__all__ = ["check", "epochs", "estimate", "read", "service_error", "token_statistics", "write"]

__getattr__, __dir__ = face(__name__, {
    "check": "files",
    "epochs": "counters",
    "estimate": "tokens",
    "read": "files",
    "service_error": "report",
    "token_statistics": "tokens",
    "write": "files",
})
