"""The grammar of ingredient lines and recipes: how cooks write, in many hands.

A line is made from parts (amount, unit, modifier, name, preparation) and one way of putting
them together. The parts are kept, so that whoever asks for a line also knows the right answer.
Everything is drawn from the ``random.Random`` that is passed in: same seed, same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from factory import lexicon

_ONSETS = "b br c ch d dr f fl g gr h j k kl l m n p pl qu r s sh sk st t th tr v w y z".split()
_VOWELS = "a e i o u a e i o u ai ee oo ou".split()
_CODAS = "n r l m s t k nd rt ck sh x p b g".split()
_SUFFIXES = (
    "root leaf seeds paste sauce beans powder cheese berries oil flakes bread meat syrup greens "
    "nuts noodles flour fish chips".split()
)
_FOOD_WORDS = sorted({word for food in lexicon.FOODS for word in food.split()})

AMOUNTS: tuple[str, ...] = tuple(
    "1;1;1;2;2;3;4;1/2;1/2;1/4;3/4;1/3;2/3;1 1/2;2 1/2;1 1/4;6;8;12;5;10;16;1 3/4;20;100;150;200;"
    "250;300;400;500;1.5;0.5;½;¼;¾;1½;2½;1-2;2-3;3-4;1 to 2;2 to 3;about 2;a;one;two".split(";")
)
_NOTES = (
    "optional;about 2 cups;about 1 lb.;1 stick;see note;or more to taste;packed;from 1 large;8 oz.;"
    "400 g;15 oz.;2 medium;heaped;use the good one;any kind;for the top;well drained;your choice"
).split(";")


def pseudo_word(rng: Random) -> str:
    """A word that does not exist, such as "groont": it can be copied but not remembered."""
    word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice((1, 2, 2))))
    return word + (rng.choice(_CODAS) if rng.random() < 0.7 else "")


def invented_food(rng: Random) -> str:
    """A food that is in no list: a made-up word, or real words put together anew."""
    kind = rng.random()
    if kind < 0.4:
        return pseudo_word(rng)
    if kind < 0.6:
        return f"{pseudo_word(rng)} {rng.choice(_SUFFIXES)}"
    if kind < 0.75:
        return f"{rng.choice(_FOOD_WORDS)} {pseudo_word(rng)}"
    return f"{rng.choice(_FOOD_WORDS)} {rng.choice(_FOOD_WORDS)}"


def any_food(rng: Random, invented: float = 0.4) -> str:
    """A food of the lexicon, or with probability ``invented`` one that is made up."""
    return invented_food(rng) if rng.random() < invented else rng.choice(lexicon.FOODS)


@dataclass
class Line:
    """One ingredient line with the parts that it was made of. A part not present is ``""``."""

    text: str
    name: str
    group: str
    amount: str = ""
    unit: str = ""
    modifier: str = ""
    preparation: str = ""
    #: a second food on the same line, as in "salt and pepper"; ``""`` if there is none
    also: str = ""


@dataclass(frozen=True)
class Hand:
    """How one cook writes. A recipe keeps to one hand, as people do."""

    shape: str = "plain"
    capitals: str = "none"
    modifiers: float = 0.4
    preparations: float = 0.35
    brackets: float = 0.15
    notes: float = 0.06
    brands: float = 0.03
    pairs: float = 0.03


@dataclass
class Recipe:
    """A title and its lines."""

    title: str
    lines: list[Line] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Every food as written, in order, each once."""
        found = [n for line in self.lines for n in (line.name, line.also) if n]
        return list(dict.fromkeys(found))


def any_hand(rng: Random) -> Hand:
    """The habits of one cook. Most write "2 c. chopped onion"; some do not."""
    shape = rng.choices(
        ("plain", "of", "metric", "name first", "name, amount", "bare"), (70, 6, 8, 6, 6, 4)
    )[0]
    capitals = rng.choices(("none", "first", "title", "all"), (82, 12, 4, 2))[0]
    tidy = rng.choice((0.5, 1.0, 1.0, 1.5))
    return Hand(shape, capitals, 0.4 * tidy, 0.35 * tidy, rng.choice((0.05, 0.15, 0.4)))


def _put_together(rng: Random, hand: Hand, amount: str, unit: str, described: str) -> str:
    """Amount, unit and described name in the order of this hand."""
    measure = " ".join(part for part in (amount, unit) if part)
    if not measure or hand.shape == "bare":
        return described
    if hand.shape == "of" and unit and not unit.endswith(("of", ".", "g", "ml", "kg")):
        return f"{measure} of {described}"
    if hand.shape == "metric" and amount.isdigit():
        return f"{amount}{rng.choice(('g', 'g', 'ml', ' g', ' grams'))} {described}"
    if hand.shape == "name first":
        return f"{described} ({measure})"
    if hand.shape == "name, amount":
        return f"{described}{rng.choice((', ', ' - ', ': '))}{measure}"
    return f"{measure} {described}"


def _capitalise(text: str, capitals: str) -> str:
    if capitals == "first":
        return text[:1].upper() + text[1:]
    if capitals == "title":
        return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
    return text.upper() if capitals == "all" else text


def make_line(rng: Random, name: str, hand: Hand, also: str = "") -> Line:
    """Writes ``name`` as an ingredient line in the given hand."""
    group_name = lexicon.GROUP_OF.get(name) or rng.choice(list(lexicon.GROUPS))
    group = lexicon.GROUPS[group_name]
    amount = rng.choice(AMOUNTS) if rng.random() < 0.92 and not also else ""
    unit = rng.choice(group.units) if amount and rng.random() < 0.88 else ""
    modifier = rng.choice(group.modifiers) if rng.random() < hand.modifiers else ""
    if modifier and rng.random() < 0.12:
        second = rng.choice(group.modifiers)
        modifier = modifier if second == modifier else f"{modifier} {second}"
    preparation = rng.choice(group.preparations) if rng.random() < hand.preparations else ""
    brand = rng.choice(lexicon.BRANDS) if rng.random() < hand.brands else ""
    food = f"{name} {rng.choice(('and', '&', 'and', '+'))} {also}" if also else name
    described = " ".join(part for part in (brand, modifier, food) if part)
    text = _put_together(rng, hand, amount, unit, described)
    if preparation:
        bracketed = rng.random() < hand.brackets
        text += f" ({preparation})" if bracketed else f", {preparation}"
    if rng.random() < hand.notes:
        text += f" ({rng.choice(_NOTES)})"
    text = _capitalise(text, hand.capitals)
    return Line(text, name, group_name, amount, unit, modifier, preparation, also)


def make_title(rng: Random) -> str:
    """A dish's title such as "Grandma's Rhubarb Pie"."""
    words = [rng.choice(lexicon.TITLE_WORDS)] if rng.random() < 0.6 else []
    if rng.random() < 0.8:
        food = rng.choice(lexicon.FOODS) if rng.random() < 0.92 else pseudo_word(rng)
        words.append(" ".join(w[:1].upper() + w[1:] for w in food.split()))
    return " ".join([*words, rng.choice(lexicon.DISHES)])


def make_recipe(rng: Random, names: Sequence[str], hand: Hand | None = None) -> Recipe:
    """A recipe that uses ``names`` in order, one a line but for a few that share one."""
    hand = hand or any_hand(rng)
    recipe = Recipe(make_title(rng))
    left = list(names)
    while left:
        name = left.pop(0)
        also = left.pop(0) if left and rng.random() < hand.pairs else ""
        recipe.lines.append(make_line(rng, name, hand, also))
    return recipe
