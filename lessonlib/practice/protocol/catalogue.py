"""Which models an organisation can ask for: base models, and those that its jobs have made.

Base models are the built-in one, each folder in work/models, and open models that the Hugging Face
libraries have fetched to this machine, by their short names or as ``owner/name``; the service
itself fetches nothing. Nothing is remembered between two calls: a model that was tuned a second ago
is found, and one that was tuned again under the same name is recognised by its changed fingerprint.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from lessonlib.common import paths
from lessonlib.models import catalogue as open_models
from lessonlib.models.catalogue import BUILT_IN_NAME
from lessonlib.practice.protocol import azure_view, openai_view
from lessonlib.practice.protocol.errors import ApiError, model_not_found
from lessonlib.practice.store.model_store import TunedModel
from lessonlib.practice.store.store import DEFAULT, Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk. ``created``: Unix seconds; ``fingerprint`` changes with any file."""

    name: str
    folder: Path
    created: int
    fingerprint: str


def read_folder(name: str, folder: Path) -> ModelFolder | None:
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


def what_is_missing(folder: Path) -> str:
    """Why a folder cannot be answered from, and what to do about it; '' where it can be."""
    if not folder.is_dir() or read_folder("", folder):
        return ""
    names = {entry.name for entry in folder.iterdir()}
    if "adapter_config.json" in names:
        return (
            "It holds an adapter alone. Merge it into its base "
            "(peft: model.merge_and_unload(), then save_pretrained), or tune with merge=True."
        )
    if any(name.endswith(".gguf") for name in names) and "config.json" not in names:
        return "It holds a GGUF file. Load it with transformers (gguf_file=...) and save it again."
    wanted = {"config.json": "config.json" in names, "tokenizer.json": "tokenizer.json" in names}
    wanted["its weights as .safetensors"] = any(name.endswith(".safetensors") for name in names)
    missing = ", ".join(name for name, there in wanted.items() if not there)
    return (
        f"In {folder} is missing: {missing}. If it is being written, wait; else save model and "
        "tokenizer there again with save_pretrained, or fetch the model again."
    )


def find_base(name: str) -> ModelFolder | None:
    """The model of that name, or None. Never leaves the places where models live."""
    if name == BUILT_IN_NAME:
        return read_folder(name, paths.BUILT_IN)
    if _NAME.fullmatch(name) and (paths.MODELS / name).is_dir():
        return read_folder(name, paths.MODELS / name)
    return _fetched(name)


def _fetched(name: str) -> ModelFolder | None:
    """An open model that was fetched from the hub before, by its short name or as owner/name."""
    from huggingface_hub import snapshot_download

    if name in open_models.names():
        hub_id = open_models.find(name).hub_id
    else:
        hub_id = name
    if not _HUB_NAME.fullmatch(hub_id):
        return None
    try:
        place = snapshot_download(hub_id, local_files_only=True, **open_models.pinned(hub_id))
    except Exception:  # it is not here; there are many ways to say so
        return None
    return read_folder(name, Path(place))


def all_bases() -> list[ModelFolder]:
    """Every model that can be asked for now, the built-in one first, then by name."""
    names = [BUILT_IN_NAME]
    if paths.MODELS.is_dir():
        names += sorted(path.name for path in paths.MODELS.iterdir() if path.name != BUILT_IN_NAME)
    names += [name for name in open_models.names() if name not in names]
    return [model for model in map(find_base, names) if model is not None]


@dataclass(frozen=True)
class Entry:
    """A model on disk; ``tuned`` is None for a base model."""

    model: ModelFolder
    tuned: TunedModel | None = None


class Catalogue:
    """Finds models by name, anew at each question.

    The learner at this machine also sees what was tuned with ``lora.tune``, in work/models.
    Learners who come with a classroom key see the built-in model and their own. Through the
    Azure view one sees the built-in model and what was tuned through it; through the OpenAI view
    nothing of that. ``view`` is the view's name; None for all, which the trainer needs.
    """

    def __init__(self, store: Store):
        self._store = store

    def find(self, organisation: str, name: str, view: str | None = None) -> Entry | None:
        """The model of that name, or None."""
        tuned = self._store.models.find(organisation, name)
        if tuned is not None:
            if view not in (None, tuned.view):
                return None
            folder = read_folder(name, self._store.models.path_of(tuned))
            return folder and Entry(replace(folder, created=tuned.created_at), tuned)
        own_folders = organisation == DEFAULT and view != azure_view.NAME
        if not own_folders and name != BUILT_IN_NAME:
            return None
        base = find_base(name)
        return base and Entry(base)

    def all(self, organisation: str, view: str = openai_view.NAME) -> list[Entry]:
        """Every model that can be asked for now: base models first."""
        bases = all_bases()
        if organisation != DEFAULT or view == azure_view.NAME:
            bases = [base for base in bases if base.name == BUILT_IN_NAME]
        names = [tuned.name for tuned in self._store.models.all(organisation, view)]
        own = [self.find(organisation, name, view) for name in names]
        return [Entry(base) for base in bases] + [entry for entry in own if entry]

    def known(self, organisation: str, name: str, view: str = openai_view.NAME) -> Entry:
        """The model of that name.

        Raises:
            ApiError: 404, naming the models that there are.
        """
        entry = self.find(organisation, name, view)
        if entry is None:
            if why := self.unusable(organisation, name, view):
                raise ApiError(
                    f"The model `{name}` cannot be loaded from its folder. {why}",
                    param="model",
                    code="model_not_loadable",
                )
            names = [entry.model.name for entry in self.all(organisation, view)]
            raise model_not_found(name, names)
        return entry

    def unusable(self, organisation: str, name: str, view: str | None) -> str:
        """Why nothing can be done with a folder of that name in work/models; '' without one."""
        if organisation != DEFAULT or view == azure_view.NAME or not _NAME.fullmatch(name):
            return ""
        return what_is_missing(paths.MODELS / name)

    def usable(
        self, organisation: str, name: str, view: str = openai_view.NAME
    ) -> ModelFolder:
        """The model to answer with.

        Raises:
            ApiError: 404, there is none of that name, or it was shut down.
        """
        entry = self.known(organisation, name, view)
        if entry.tuned and entry.tuned.is_shut_down:
            # OpenAI's words for a model past its date; the address is theirs.
            raise ApiError(
                f"The model `{name}` has been deprecated, learn more here: "
                "https://platform.openai.com/docs/deprecations",
                status=404,
                code="model_not_found",
            )
        return entry.model
