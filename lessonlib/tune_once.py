"""Tune a model unless the very same one is here already, from an earlier run of a notebook.

The same are: the rows, the settings, the seed, the base model. A digest of the rows is kept in
the adapter's folder; a model that was tuned otherwise under the name is tuned anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from lessonlib import lora, lora_folders
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.lora import LoraSettings, TunedModel

DIGEST = "rows.sha256"


def tune_once(
    rows: Sequence[dict],
    name: str,
    settings: LoraSettings | None = None,
    validation: Sequence[dict] | None = None,
    base: str | None = None,
) -> TunedModel:
    """As ``lora.tune``, without its pictures; says whether it trained or found the model.

    Raises:
        LessonError: as ``lora.tune``.
    """
    settings = settings or LoraSettings()
    digest = _digest(rows, validation)
    if (found := _found(name, settings, digest, base)) is not None:
        print(_("{name}: tuned before, {seconds:.0f} s then").format(
            name=name, seconds=found.seconds))
        return found
    tuned = lora.tune(rows, name, base=base, settings=settings, validation=validation, show=False)
    (tuned.adapter_folder / DIGEST).write_text(digest, encoding="ascii")
    print(tuned)
    return tuned


def _digest(rows: Sequence[dict], validation: Sequence[dict] | None) -> str:
    text = json.dumps([list(rows), list(validation or ())], ensure_ascii=False, sort_keys=True,
                      default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _found(name: str, settings: LoraSettings, digest: str, base: str | None) -> TunedModel | None:
    try:
        tuned = lora.load(name)
        kept = (tuned.adapter_folder / DIGEST).read_text(encoding="ascii")
        same_base = str(lora_folders.find_base(base)) == str(tuned.base)
    except (LessonError, OSError, ValueError, TypeError, KeyError):
        return None
    return tuned if (kept, tuned.settings, same_base) == (digest, settings, True) else None
