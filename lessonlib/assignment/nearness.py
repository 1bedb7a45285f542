"""How near a free text is to the wanted one, and no nearer to those of other questions.

A program that counts lines and sentences is content with the same text for every question. So
each answer is compared twice: with the wanted text of its own question, and with those of all
other questions. Only what is left after taking the second from the first is counted: *nearness*.
Whoever answers the same to every question is as near to one wanted text as to the next, and gets
0 on average, whatever the text is.

Two texts are compared by what they share in groups of one to six characters (chrF: Popović 2015,
https://aclanthology.org/W15-3049), with precision and recall weighted alike. It finds the same
facts and words, in any order; it knows nothing of truth, wit or verse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

#: Longest group of characters.
LONGEST = 6


def nearness(text: str, wanted: str, beside: Sequence[str]) -> float:
    """How much more alike a text is to the wanted one than to the others: from -1 to 1.

    Args:
        beside: the wanted texts of all questions that are asked together, this one's among them.
            Where there is no other, likeness alone is counted.
    """
    own = likeness(text, wanted)
    others = len(beside) - 1
    if others < 1:
        return own
    return own - (sum(likeness(text, one) for one in beside) - own) / others


def likeness(one: str, other: str) -> float:
    """How alike two texts are: 0 where they share no character, 1 where they are the same."""
    shares = []
    for a, b in zip(_groups(one), _groups(other), strict=True):
        if a or b:
            shares.append(2 * (a & b).total() / (a.total() + b.total()))
    return sum(shares) / len(shares) if shares else 0.0


@lru_cache(maxsize=4096)
def _groups(text: str) -> tuple[Counter, ...]:
    """The text's groups of 1, 2, ... characters, without regard to capitals and spaces."""
    letters = "".join(text.casefold().split())
    return tuple(Counter(letters[start : start + size] for start in
                         range(len(letters) - size + 1)) for size in range(1, LONGEST + 1))
