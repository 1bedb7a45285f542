"""For tests: a training that was done once in a run of the tests is not done again.

A notebook, its solved copy and a browser that opens it tune the very same models. Where the
environment variable LESSON_KEEP_TRAININGS names a folder, ``lora.tune`` puts each finished adapter
there and takes it from there when the same is asked for again: same rows, same validation rows,
same settings, same seed, the built-in model as base. Learners never set it: they train.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from lessonlib.paths import BUILT_IN

VARIABLE = "LESSON_KEEP_TRAININGS"


def place(asked: str, base: str, validation: object) -> Path | None:
    """Where the adapter of such a training is kept; None where nothing is kept.

    Args:
        asked: the fingerprint of rows, base, settings and seed.
        base: another base than the built-in model may have new weights under its old name.
        validation: the validation rows, or None.
    """
    folder = os.environ.get(VARIABLE, "").strip()
    if not folder or Path(base).resolve() != BUILT_IN:
        return None
    rows = None if validation is None else list(validation)
    told = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:8]
    return Path(folder) / f"{asked}-{told}"


def take(kept: Path | None, adapter_folder: Path) -> bool:
    """Copy a kept adapter, with its record and checkpoints, to where a new one would be."""
    if kept is None or not kept.is_dir():
        return False
    shutil.rmtree(adapter_folder, ignore_errors=True)
    shutil.copytree(kept, adapter_folder)
    return True


def keep(kept: Path | None, adapter_folder: Path) -> None:
    """Keep a finished adapter. Two processes that finish the same at once do no harm."""
    if kept is None or kept.exists():
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=kept.parent))
    shutil.copytree(adapter_folder, copy, dirs_exist_ok=True)
    try:
        copy.rename(kept)
    except OSError:  # the other one was faster
        shutil.rmtree(copy, ignore_errors=True)
