"""Look things up for a prompt: glossary lines that a recipe needs, and solved recipes like it.

*Retrieval* finds, in a collection too large for the prompt, the few pieces that this request
needs. We compare two ways. *Exact lookup* finds glossary keys that stand in the recipe word for
word. *BM25* ranks all pieces by the words they share with the recipe, rare words counting more
(Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009); we
use the library bm25s with its usual settings (Lucene's variant, k1 = 1.5, b = 0.75).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import bm25s
import numpy as np

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.tasks.near_duplicates import words
from lessonlib.tasks.recipes import GlossaryEntry, Recipe


class GlossaryLookup:
    """Exact lookup of glossary keys in a recipe's own lines.

    A key is found where its words stand in a line as whole words, in any capitals, with any
    spaces, hyphens or kind of apostrophe between them. Longer keys are looked for first, and
    what one key has covered no other can claim: in ``ground black pepper`` the key
    ``black pepper`` is not found as well.

    Introduced in notebook 02.
    """

    def __init__(self, entries: Iterable[GlossaryEntry]):
        longest_first = sorted(entries, key=lambda entry: (-len(entry.written), entry.written))
        self._keys = [(_whole_words(entry.written), entry) for entry in longest_first]

    def find(self, recipe: Recipe) -> list[GlossaryEntry]:
        """The glossary lines whose key the recipe holds, in order of first appearance."""
        found: dict[GlossaryEntry, tuple[int, int]] = {}
        for number, line in enumerate(recipe.lines):
            text = _straight_quotes(line)
            for pattern, entry in self._keys:
                for match in pattern.finditer(text):
                    found.setdefault(entry, (number, match.start()))
                # Take the covered words out of play; same length, so that places still hold.
                text = pattern.sub(lambda match: "\n" * len(match[0]), text)
        return sorted(found, key=found.__getitem__)


def _straight_quotes(text: str) -> str:
    return text.replace("\u2019", "'").replace("\u02bc", "'")


def _whole_words(key: str) -> re.Pattern[str]:
    """A pattern that finds ``key`` as whole words, whatever stands between them."""
    parts = re.split(r"[\s-]+", _straight_quotes(key).strip())
    joined = r"[\s-]+".join(re.escape(part) for part in parts)
    return re.compile(rf"(?<!\w){joined}(?!\w)", re.IGNORECASE)


class Bm25Texts:
    """A BM25 index over short texts."""

    def __init__(self, texts: Sequence[str]):
        if not texts:
            raise LessonError(
                _("There is nothing to search in."), _("Give at least one glossary line or recipe.")
            )
        self._index = bm25s.BM25()
        self._index.index([words(text) for text in texts], show_progress=False)
        self._known = {word for text in texts for word in words(text)}
        self._size = len(texts)

    def ranked(self, query: str) -> list[int]:
        """Numbers of the texts that share a word with ``query``, best first, ties in order."""
        return self.ranked_by_best([query])

    def ranked_by_best(self, queries: Iterable[str]) -> list[int]:
        """The same for several queries: what counts for a text is the query that fits it best."""
        best = np.zeros(self._size)
        for query in queries:
            asked = [word for word in words(query) if word in self._known]
            if asked:
                best = np.maximum(best, self._index.get_scores(asked))
        order = np.argsort(-best, kind="stable")
        return [int(number) for number in order if best[number] > 0]


class Bm25Glossary:
    """Glossary lines whose key shares words with the recipe, by BM25.

    Each line of the recipe is a question of its own; what counts for a key is the line that fits
    it best. ``embeddings.EmbeddedGlossary`` asks in the same way, so that the two can be compared.

    Args:
        whole: ask one question, the whole recipe, instead.

    Introduced in notebook 02.
    """

    def __init__(self, entries: Iterable[GlossaryEntry], whole: bool = False):
        self._entries = list(entries)
        self._whole = whole
        self._index = Bm25Texts([entry.written for entry in self._entries])

    def find(self, recipe: Recipe, k: int) -> list[GlossaryEntry]:
        """The best ``k`` glossary lines, best first; fewer where fewer share a word."""
        asked = [" ".join(recipe.lines)] if self._whole else recipe.lines
        return [self._entries[i] for i in self._index.ranked_by_best(asked)[:k]]


class Bm25Examples:
    """Solved recipes whose lines share words with the recipe, by BM25."""

    def __init__(self, pool: Iterable[Recipe]):
        self._pool = list(pool)
        self._index = Bm25Texts([" ".join(recipe.lines) for recipe in self._pool])

    def find(self, recipe: Recipe, k: int) -> list[Recipe]:
        """The ``k`` most similar recipes, best first, never the recipe itself.

        Models tend to weigh what they read last most, so a prompt usually takes them reversed.
        """
        ranked = (self._pool[i] for i in self._index.ranked(" ".join(recipe.lines)))
        others = [one for one in ranked if one.id != recipe.id and one.lines != recipe.lines]
        return others[:k]


def recall_at_k(
    finder: Callable[[Recipe], Iterable[GlossaryEntry]],
    recipes: Iterable[Recipe],
    entries: Iterable[GlossaryEntry],
) -> float:
    """The share of needed glossary lines that a finder finds, from 0 to 1.

    Needed are the lines whose key is one of a recipe's names. What is found beside them does not
    lower recall; it costs tokens and can mislead the model, so look at both.

    Args:
        finder: for example ``GlossaryLookup(entries).find``, or for a fixed k
            ``lambda recipe: bm25.find(recipe, k=8)``.
        recipes: recipes with known names.
        entries: the glossary.

    Introduced in notebook 02.
    """
    by_key = {entry.written: entry for entry in entries}
    needed = found = 0
    for recipe in recipes:
        wanted = {by_key[name] for name in recipe.names if name in by_key}
        needed += len(wanted)
        found += len(wanted & set(finder(recipe)))
    if not needed:
        raise LessonError(
            _("No recipe here uses a name of the glossary, so there is no recall to measure."),
            _("Measure on recipes that use house names, for example recipes.load('test')."),
        )
    return found / needed
