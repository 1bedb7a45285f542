"""Which models there are: the built-in one, and each folder in work/models.

Nothing is remembered between two calls: a model that was tuned a second ago is found,
and one that was tuned again under the same name is noticed by its changed fingerprint.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from lessonlib import paths
from lessonlib.open_models import BUILT_IN_NAME

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk. ``created``: Unix seconds; ``fingerprint`` changes with any file."""

    name: str
    folder: Path
    created: int
    fingerprint: str


def read(name: str, folder: Path) -> ModelFolder | None:
    """The folder as a model, or None while a part of it is missing (perhaps half written)."""
    try:
        files = {entry.name: entry.stat() for entry in sorted(folder.iterdir()) if entry.is_file()}
    except OSError:
        return None
    complete = (
        "config.json" in files
        and "tokenizer.json" in files
        and any(file.endswith(".safetensors") for file in files)
    )
    if not complete:
        return None
    stamp = "\n".join(f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in files.items())
    return ModelFolder(
        name=name,
        folder=folder,
        created=int(files["config.json"].st_mtime),
        fingerprint=hashlib.sha256(stamp.encode()).hexdigest()[:10],
    )


def find(name: str) -> ModelFolder | None:
    """The model of that name, or None. Never leaves the two places where models live."""
    if not _NAME.fullmatch(name):
        return None
    if name == BUILT_IN_NAME:
        return read(name, paths.BUILT_IN)
    return read(name, paths.MODELS / name)


def all_models() -> list[ModelFolder]:
    """Every model that can be asked for now, the built-in one first, then by name."""
    names = [BUILT_IN_NAME]
    if paths.MODELS.is_dir():
        names += sorted(path.name for path in paths.MODELS.iterdir() if path.name != BUILT_IN_NAME)
    return [model for model in map(find, names) if model is not None]
