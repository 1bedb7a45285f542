"""Find recipes that are the same, or nearly: a test must not ask what training has shown."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from lessonlib.tasks.recipes import Recipe

#: Two recipes that share this part of their word triples are near-duplicates.
THRESHOLD = 0.6


def words(text: str) -> list[str]:
    """The words of a text, so that capitals, accents' spelling and punctuation do not matter."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def shingles(recipe: Recipe) -> frozenset[tuple[str, ...]]:
    """The set of all runs of three words in the recipe's joined lines (Broder 1997).

    A recipe of fewer than three words gives the one run that it has.
    """
    all_words = words(" ".join(recipe.lines))
    runs = zip(all_words, all_words[1:], all_words[2:], strict=False)
    return frozenset(runs) or frozenset([tuple(all_words)])


def near_duplicates(
    recipes: Iterable[Recipe], threshold: float = THRESHOLD
) -> list[tuple[Recipe, Recipe, float]]:
    """All pairs of recipes whose lines are nearly the same.

    Likeness is the Jaccard index of the two sets of word triples: what they share, divided by
    what they hold together, from 0 to 1. Recipes with the same words in the same order have 1.

    Returns:
        (one recipe, a later recipe, likeness) for each pair at or above ``threshold``.
    """
    recipes = list(recipes)
    sets = [shingles(recipe) for recipe in recipes]
    earlier_with: dict[tuple[str, ...], list[int]] = defaultdict(list)
    pairs = []
    for number, own in enumerate(sets):
        shared = Counter(other for run in own for other in earlier_with[run])
        for other, count in sorted(shared.items()):
            likeness = count / (len(own) + len(sets[other]) - count)
            if likeness >= threshold:
                pairs.append((recipes[other], recipes[number], likeness))
        for run in own:
            earlier_with[run].append(number)
    return pairs


def without_near_duplicates(recipes: Sequence[Recipe]) -> list[Recipe]:
    """The recipes, less each one that nearly repeats an earlier one."""
    repeats = {id(later) for _earlier, later, _likeness in near_duplicates(recipes)}
    return [recipe for recipe in recipes if id(recipe) not in repeats]
