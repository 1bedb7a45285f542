"""Tune without pictures, and only once: a model that is here already is taken, and said so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lessonlib import lora
from lessonlib.lora import LoraSettings, TunedModel


def tune_once(
    rows: Sequence[dict],
    name: str,
    settings: LoraSettings | None = None,
    validation: Sequence[dict] | None = None,
    base: str | Path | None = None,
) -> TunedModel:
    """``lora.tune`` with ``reuse``, in a line or two: for notebooks that tune several models.

    Raises:
        LessonError: as ``lora.tune``.
    """
    tuned = lora.tune(rows, name, base=base, settings=settings, validation=validation, show=False,
                      reuse=True)
    print(tuned)
    return tuned
