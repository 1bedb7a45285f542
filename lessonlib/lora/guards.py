"""When memory or disk run out: the libraries' many errors as one, with a cure."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

#: How PyTorch words a lack of memory: on GPUs, on Windows, on Linux and macOS.
MEMORY_SIGNS = ("out of memory", "not enough memory", "can't allocate memory")
#: How a full disk is worded: by Linux and macOS, by Windows, by limits of a user or a file.
DISK_SIGNS = ("no space left", "not enough space", "quota exceeded", "file too large")


class OutOfMemory(LessonError):
    """The memory does not suffice."""


def free_memory() -> None:
    """Give back what a failed run held."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextlib.contextmanager
def memory_errors(device: str, batch_size: int) -> Iterator[None]:
    """Turn 'out of memory', which each device words in its own way, into a way on.

    Raises:
        OutOfMemory: names the device and the number of rows, and proposes half as many.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        told = any(sign in str(error).lower() for sign in MEMORY_SIGNS)
        if not told and not isinstance(error, MemoryError):
            raise
        cure = _(
            "Try LoraSettings(batch_size={half}), leave out the longest rows, or shut down "
            "other notebooks that hold memory."
        )
        raise OutOfMemory(
            _("There isn't enough memory for {size} rows at a time on {device}.").format(
                size=batch_size, device=device
            ),
            cure.format(half=max(1, batch_size // 2)),
        ) from error


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Turn 'no space left', which each library words in its own way, into a way on.

    Raises:
        LessonError: the disk is full.
    """
    try:
        yield
    except Exception as error:
        if not any(sign in str(error).lower() for sign in DISK_SIGNS):
            raise
        raise LessonError(
            _("The disk is full; what was tuned could not be written."),
            _("Free some space, perhaps by deleting models in {folder}, and tune again.").format(
                folder=paths.MODELS
            ),
        ) from error
