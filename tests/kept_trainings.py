"""In a run of the tests, no training is done twice.

A notebook, its solved copy and a browser that opens it tune the very same models. ``install``
lets ``lora.tune`` put what each training leaves into a folder, and take it from there when the same
is asked for again: same rows, validation rows, settings and seed, the built-in model as base.

A notebook's kernel is a process of its own, which no fixture reaches. It gets this from a start-up
file of IPython that conftest.py writes, so the course itself knows nothing of it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from pathlib import Path

from lessonlib.common.paths import BUILT_IN
from lessonlib.lora import tuning
from lessonlib.lora.history import Point
from lessonlib.lora.record import fingerprint

#: Names the folder; where it names none, everything is trained.
VARIABLE = "LESSON_TEST_TRAININGS_USED"


def install() -> None:
    """Wrap the function that trains, once in a process."""
    if not hasattr(tuning._train, "really"):
        really = tuning._train
        tuning._train = lambda *given: _train(really, *given)
        tuning._train.really = really


def _train(really, rows, validation, base, settings, seed, device, folder, show):
    given = (rows, validation, base, settings, seed, device, folder, show)
    keep = os.environ.get(VARIABLE, "").strip()
    # Another base than the built-in model may have new weights under its old name.
    if not keep or Path(base).resolve() != BUILT_IN:
        return really(*given)
    kept = Path(keep) / fingerprint(rows, validation, base, settings, seed)
    if kept.is_dir():
        return _take(kept, folder)
    run, used = really(*given)
    _keep(kept, folder, run, used)
    return run, used


def _take(kept: Path, folder: Path):
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    saved = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").unlink()
    history = [Point(**point) for point in saved["history"]]
    return tuning.Run(history, saved["tokens"]), tuning.LoraSettings(**saved["settings"])


def _keep(kept: Path, folder: Path, run, settings) -> None:
    """Keep a finished training. Two processes that finish the same at once do no harm."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=kept.parent))
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    saved = dataclasses.asdict(run) | {"settings": dataclasses.asdict(settings)}
    (copy / "run.json").write_text(json.dumps(saved), encoding="utf-8")
    try:
        copy.rename(kept)
    except OSError:  # the other one was faster
        shutil.rmtree(copy, ignore_errors=True)
