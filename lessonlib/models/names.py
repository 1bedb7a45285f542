"""What a model may be called, and where it is: a folder on this machine, or a hub name.

The list in ``data/facts/open_models.toml`` adds short names, pinned revisions and licences. A model
that is not in it can be named as well: by its full name on the Hugging Face hub, or by its folder.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from functools import cache
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

FACTS = paths.DATA / "facts" / "open_models.toml"
BUILT_IN_NAME = "pantry"
#: owner/name, as on the hub.
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@cache
def facts() -> dict:
    """The list of open models and cards."""
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


def listed(name: str | Path | None) -> str | None:
    """The short name of a listed model, from that (in any case of letters) or from its hub name."""
    wanted = str(name).casefold()
    for short, entry in facts()["models"].items():
        if wanted in (short.casefold(), entry["hub_id"].casefold()):
            return short
    return None


def resolve(name: str | Path | None) -> str:
    """What to load: a folder, as a whole path, or a hub name.

    A folder goes first, then a model in ``work/models``: one that was fetched or tuned here.

    Args:
        name: None or ``pantry`` for the built-in model, a short name, the name of a model tuned
            here, a folder, or a hub name such as ``Qwen/Qwen3-0.6B``.

    Raises:
        LessonError: it is none of these, or a folder without a whole model in it.
    """
    if name is None or name == BUILT_IN_NAME:
        return str(paths.BUILT_IN.resolve())
    short, place = listed(name), Path(name).expanduser()
    places = [place, paths.MODELS / (short or name)]
    for folder in places:
        if (folder / "config.json").is_file():
            return str(folder.resolve())
    if short is not None:
        return _listed_place(name, short)
    for folder in places:
        if folder.is_dir():
            raise LessonError(*_what_is_missing(folder))
    if (paths.ADAPTERS / name / "adapter_config.json").is_file():
        raise LessonError(*_what_is_missing(paths.ADAPTERS / name))
    if isinstance(name, str) and HUB_ID.fullmatch(name) and not place.exists():
        return name
    if isinstance(name, Path) or place.is_absolute() or str(name).startswith((".", "~")):
        raise LessonError(*_what_is_missing(place))
    raise LessonError(
        _("There is no model {name!r} here.").format(name=str(name)), _way_on(str(name))
    )


def _listed_place(name: str | Path, short: str) -> str:
    """Where a listed model that is not on this machine is had from."""
    entry = facts()["models"][short]
    if short in facts().get("packages", {}) and str(name).casefold() != entry["hub_id"].casefold():
        raise LessonError(
            _("{name} is not on this machine yet.").format(name=short),
            _("Fetch it once: python start.py fetch {name}. With an account on the hub you can"
              " also name it {hub_id}.").format(name=short, hub_id=entry["hub_id"]),
        )  # fmt: skip
    return entry["hub_id"]


def _what_is_missing(folder: Path) -> tuple[str, str]:
    """Why a folder is no model, and what to do about it."""
    if (folder / "adapter_config.json").is_file():
        return (
            _("{folder} holds only an adapter, not the model that it belongs to.").format(
                folder=folder),
            _("Name its base model, or tune it again with merge=True: then the whole model is"
              " written to {models}.").format(models=paths.MODELS),
        )  # fmt: skip
    if any(folder.glob("*.gguf")):
        return (
            _("{folder} holds a GGUF file: weights rounded for programs that only answer.").format(
                folder=folder),
            _("Take the same model in its original form, with config.json and safetensors files;"
              " it is mostly under the same name on the hub, without -GGUF."),
        )  # fmt: skip
    return (
        _("No base model found at {place}.").format(place=folder),
        _("Leave 'base' out for the built-in model, or give a folder that holds config.json."),
    )


def known() -> list[str]:
    """All names that need no slash: built in, listed, tuned or fetched here."""
    here = sorted(path.parent.name for path in paths.MODELS.glob("[!.]*/config.json"))
    models = facts()["models"]
    short = sorted(models, key=lambda name: models[name]["parameters"])
    return list(dict.fromkeys([BUILT_IN_NAME, *short, *here]))


def _way_on(name: str) -> str:
    """The nearest names that there are, and what else could be named."""
    by_folded = {one.casefold(): one for one in known()}
    last = name.casefold().rpartition("/")[2]
    near = difflib.get_close_matches(last, by_folded, n=3, cutoff=0.6)
    near = [by_folded[one] for one in near]
    if near:
        first = _("Did you mean {names}?").format(names=_(" or ").join(near))
    else:
        first = _("Choose one of: {names}.").format(names=", ".join(known()))
    return first + " " + _("You can also give a folder that holds config.json, or a model's full"
                           " name on https://huggingface.co, such as Qwen/Qwen3-0.6B.")
