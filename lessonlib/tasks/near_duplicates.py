"""Find examples that are the same, or nearly so: a test must not ask what training has shown."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lessonlib.tasks.recipes import Recipe

#: A recipe, or an example of another task.
Example = TypeVar("Example")

#: Two examples that share this part of their word triples are near-duplicates.
THRESHOLD = 0.6


def words(text: str) -> list[str]:
    """The words of a text, so that capitals, accents' spelling and punctuation do not matter."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def recipe_text(recipe: Recipe) -> str:
    """What two recipes are compared by: their joined lines."""
    return " ".join(recipe.lines)


def shingles(
    example: Example, text: Callable[[Example], str] = recipe_text
) -> frozenset[tuple[str, ...]]:
    """The set of all runs of three words in the example's text (Broder 1997).

    An example of fewer than three words gives the one run that it has.
    """
    all_words = words(text(example))
    runs = zip(all_words, all_words[1:], all_words[2:], strict=False)
    return frozenset(runs) or frozenset([tuple(all_words)])


def near_duplicates(
    examples: Iterable[Example],
    threshold: float = THRESHOLD,
    text: Callable[[Example], str] = recipe_text,
) -> list[tuple[Example, Example, float]]:
    """All pairs of recipes whose lines are nearly the same.

    Examples of another task come with ``text``, which says what they are compared by.

    Likeness is the Jaccard index of the two sets of word triples: what they share, divided by
    what they hold together, from 0 to 1. Examples with the same words in the same order have 1.

    Returns:
        (one example, a later one, likeness) for each pair at or above ``threshold``.

    Introduced in notebook 05.
    """
    examples = list(examples)
    sets = [shingles(example, text) for example in examples]
    earlier_with: dict[tuple[str, ...], list[int]] = defaultdict(list)
    pairs = []
    for number, own in enumerate(sets):
        shared = Counter(other for run in own for other in earlier_with[run])
        for other, count in sorted(shared.items()):
            likeness = count / (len(own) + len(sets[other]) - count)
            if likeness >= threshold:
                pairs.append((examples[other], examples[number], likeness))
        for run in own:
            earlier_with[run].append(number)
    return pairs


def without_near_duplicates(
    examples: Sequence[Example], text: Callable[[Example], str] = recipe_text
) -> list[Example]:
    """The examples, less each one that nearly repeats an earlier one."""
    repeats = {id(later) for _earlier, later, _likeness in near_duplicates(examples, text=text)}
    return [example for example in examples if id(example) not in repeats]
