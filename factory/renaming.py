"""Random renamings: the skill that the course tests, taught without the course's own answers.

A document that shows a renaming ("glorp stands for pine nuts") draws it at random and uses it
only within itself. So the pairs cannot be remembered; what can be learned is to *use* a
renaming that the text shows. Pairs of the house glossary are never drawn: that is what the
learner's examples, retrieval and tuning are to bring.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from random import Random

from factory import lexicon
from factory.kitchen import any_food

GLOSSARY_FILE = Path(__file__).resolve().parent.parent / "data" / "recipes" / "house_glossary.csv"


@lru_cache(maxsize=1)
def house_pairs() -> frozenset[tuple[str, str]]:
    """Every pair of the house glossary, in both directions: what pretraining must not show."""
    with GLOSSARY_FILE.open(encoding="utf-8", newline="") as file:
        rows = [(row["written"], row["house"]) for row in csv.DictReader(file)]
    return frozenset(rows) | frozenset((house, written) for written, house in rows)


def _candidate(rng: Random, name: str) -> str:
    """A new name: another food, a made-up one, or the old one changed in one word."""
    words = name.split()
    kind = rng.random()
    if kind < 0.12 and len(words) > 1:
        return words[-1] if rng.random() < 0.6 else words[0]
    if kind < 0.24:
        other = rng.choice(lexicon.FOODS).split()[0]
        return " ".join([other, *words[1:]]) if rng.random() < 0.5 else f"{other} {words[-1]}"
    return any_food(rng, invented=0.35)


def new_name(rng: Random, name: str) -> str:
    """A random new name for ``name`` that is neither itself nor a house pair."""
    while True:
        candidate = _candidate(rng, name)
        if candidate != name and (name, candidate) not in house_pairs():
            return candidate


def renaming(rng: Random, names: Iterable[str], share: float) -> dict[str, str]:
    """Renames each of ``names`` with probability ``share``."""
    return {name: new_name(rng, name) for name in names if rng.random() < share}


def look_alike(rng: Random, name: str) -> str | None:
    """Another food that shares a word with ``name``: the distractor that retrieval brings."""
    words = set(name.split())
    similar = [f for f in lexicon.FOODS if f != name and words & set(f.split())]
    return rng.choice(similar) if similar else None
