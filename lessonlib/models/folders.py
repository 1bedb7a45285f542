"""Where models live on this machine, what they may be called, and how a whole folder gets there.

``work/adapters/<name>`` holds what was learned: the adapter, a megabyte or two, and
``tuning.json``, which says how it was trained. ``work/models/<name>`` holds the *merged* model: the
base with the adapter added to its weights. It is an ordinary Hugging Face folder that anything can
serve. Folders are written under another name and renamed when complete, so that a program that
looks at the same time, such as the practice service, never finds half a model.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.models import names as model_names
from lessonlib.models.names import BUILT_IN_NAME

#: A name is a folder's name on every system, so no colons and no slashes.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str) -> None:
    """See that a model may be called so.

    Raises:
        LessonError: with the rule, and a name that would do.
    """
    cure = _("Take 1 to 64 English letters, digits, hyphens, dots or underscores: {example}.")
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.endswith("."):
        better = re.sub(r"[^A-Za-z0-9._-]+", "-", str(name)).strip("-._")[:60] or "my-model"
        raise LessonError(
            _("A model cannot be called {name!r}.").format(name=name), cure.format(example=better)
        )
    if name.lower() == BUILT_IN_NAME:
        raise LessonError(
            _("{name!r} is the name of the built-in model.").format(name=name),
            cure.format(example="my-" + BUILT_IN_NAME),
        )
    if name.lower() in map(str.lower, model_names.facts()["models"]):
        raise LessonError(
            _("{name!r} is the name of a model that can be fetched.").format(name=name),
            cure.format(example="my-" + name),
        )


def find_base(base: str | Path | None) -> str:
    """What to load for ``base``: a folder here, or else a name on the Hugging Face hub.

    Args:
        base: None or ``pantry`` for the built-in model, one of ``models.catalogue.names()``,
            the name of a model tuned here, a folder, or a hub name such as ``Qwen/Qwen3-0.6B``.
            A listed model that was fetched to ``work/models`` is taken from there.

    Raises:
        LessonError: it is none of these.

    Introduced in notebook 13.
    """
    return model_names.resolve(base)


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of ``target`` when all went well.

    Its name begins with a dot: readers leave such folders alone. When anything goes wrong it
    is removed, and what was at ``target`` stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    stamp = f"{os.getpid()}-{time.monotonic_ns()}"
    fresh, old = (target.with_name(f".{target.name}.{what}-{stamp}") for what in ("new", "old"))
    fresh.mkdir()
    try:
        yield fresh
        if target.exists():
            _rename(target, old)
        try:
            _rename(fresh, target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _rename(source: Path, target: Path) -> None:
    """Rename; on Windows a virus scanner or a reader may hold a file for a moment: wait for it."""
    for waited in range(20):
        try:
            source.rename(target)
            return
        except PermissionError as error:
            if waited == 19:
                raise LessonError(
                    _("{folder} cannot be replaced: a program has a file open in it.").format(
                        folder=source if target.name.startswith(".") else target
                    ),
                    _("Close what uses it (perhaps another notebook), or choose another name."),
                ) from error
            time.sleep(0.25)
