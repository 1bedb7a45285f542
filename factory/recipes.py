"""Writes the course's examples: data/recipes/{train,validation,test,test_new_names}.jsonl.

    python -m factory.recipes            writes them, byte for byte the same each time
    python -m factory.recipes --check    says whether the files are what this program writes

``field.jsonl`` is not made here: people's hands wrote it, so that something in the course
measures how well all this holds on text that no grammar wrote.

The lines come from templates of this module's own, not from the pretraining grammar: what the
built-in model is tested on is not what it was trained on. Foods are drawn as kitchens use
them: salt and butter often, wood ear mushrooms once in a while.
"""

from __future__ import annotations

import csv
import json
from random import Random

from factory import lexicon
from factory.derived import write_or_check
from factory.renaming import GLOSSARY_FILE
from lessonlib.tasks.near_duplicates import near_duplicates
from lessonlib.tasks.recipes import TRAINING_DATE, Recipe

TARGET = GLOSSARY_FILE.parent
SEED = "recipes 2026-06-01"
#: Recipes in each split, and the share of names drawn from (known house names, later ones).
SPLITS = {
    "train": (800, 0.45, 0.0),
    "validation": (100, 0.45, 0.0),
    "test": (200, 0.45, 0.0),
    "test_new_names": (100, 0.25, 0.35),
}

#: How often a food is drawn, compared with any other food (1).
_OFTEN = {
    12: "salt;butter;eggs;water;milk;kosher salt;black pepper",
    9: "all-purpose flour;granulated sugar;garlic;onion;olive oil;garlic cloves;sea salt",
    6: "vanilla extract;baking powder;baking soda;lemon juice;cream cheese;sour cream;tomatoes;"
    "brown sugar;vegetable oil;chicken stock;yellow onion;red onion;parmesan cheese",
    4: "scallions;spring onions;cheddar cheese;cinnamon;paprika;parsley;carrots;celery;honey;rice;"
    "chicken breasts;ground beef;bacon;soy sauce;plain flour;caster sugar;icing sugar;thyme;"
    "confectioners' sugar;egg yolks;egg whites;cocoa powder;double cream;cumin;basil;potatoes",
    2: "heavy cream;mayonnaise;ginger;oregano;spinach;lemon;lime juice;rolled oats;passata;"
    "chocolate chips;walnuts;pecans;almonds;bell pepper;mushrooms;pasta;beef stock;prawns;"
    "courgettes;aubergine;cornflour;soured cream;minced beef;zucchini;bread crumbs;raisins",
}
_WEIGHTS = {food: weight for weight, foods in _OFTEN.items() for food in foods.split(";")}

_AMOUNTS = (
    "1;1;1;2;2;2;3;4;1/2;1/2;1/4;3/4;1/3;2/3;1 1/2;2 1/2;1 1/4;6;8;1-2;2-3;3 or 4;½;¼;1½;a scant 1;"
    "a generous 2;5;10;12"
).split(";")
_GRAMS = "15;25;30;50;75;100;120;125;150;175;200;225;250;300;350;400;450;500;600;750".split(";")
_UNITS = {
    "baking": "cup;cups;c.;tablespoons;Tbsp;tsp;teaspoons;oz;packet;C.",
    "dairy": "cup;cups;c.;tablespoons;Tbsp;oz;(8 oz.) package;pint;tub;pats;T.",
    "vegetable": "cup;cups;c.;lb;pounds;large;small;medium;bunch;heads;big;(10-oz) bag;handfuls",
    "fruit": "cup;cups;c.;lb;large;small;medium;(14 oz) can;pint;punnet;handful",
    "meat": "lb;pounds;oz;slices;(1-lb) package;pieces;large;kilo;portions",
    "spice": "tsp;teaspoon;teaspoons;tbsp;T;pinch;pinches;dash;sprigs;t.;small handful;"
    "generous pinch",
    "pantry": "cup;cups;c.;tablespoons;Tbsp;can;tin;(14.5-ounce) can;jar;oz;bottle;splash;"
    "packets;qt",
    "nut": "cup;cups;c.;oz;handful;tablespoons;small bag",
}
_BEFORE = {
    "baking": "sifted;organic;heaping;fine-quality;level;store-brand",
    "dairy": "cold;unsalted;softened;melted;grated;warm;room-temperature;full-fat;low-fat;shredded",
    "vegetable": "fresh;chopped;diced;frozen;sliced;large;small;peeled;finely diced;crisp;local",
    "fruit": "ripe;fresh;frozen;large;sliced;mashed;organic;juicy;crushed",
    "meat": "lean;boneless;cooked;smoked;skinless;frozen;fresh;thinly sliced;good;defrosted",
    "spice": "dried;fresh;freshly ground;crushed;chopped;whole;flaky;hot",
    "pantry": "cooked;canned;hot;cold;low-sodium;extra-virgin;homemade;day-old;boiling;light;dry",
    "nut": "chopped;toasted;roasted;salted;blanched;raw;lightly toasted",
}
_AFTER = {
    "baking": "sifted;plus extra for the board;divided;or as needed;spooned and leveled",
    "dairy": "softened;melted;at room temp;cut in small cubes;beaten;divided;well chilled",
    "vegetable": "chopped;diced;thinly sliced;peeled and cubed;minced;trimmed;roughly chopped;"
    "cut in chunks;washed and dried;finely sliced;grated",
    "fruit": "peeled and sliced;drained;cored;pitted;halved;diced;rinsed;cut in rounds",
    "meat": "cubed;trimmed;cut in strips;cooked and crumbled;thinly sliced;patted dry;diced;thawed",
    "spice": "to taste;crushed;freshly ground;finely chopped;torn;as needed;or more;optional",
    "pantry": "drained;rinsed and drained;cooked al dente;divided;for frying;warmed;to serve",
    "nut": "chopped;toasted;coarsely chopped;for the top;lightly crushed;optional",
}
_REMARKS = (
    "(optional);(see tip);(about 1 cup);(I use less);(any brand);(the secret!);(about 250 g);"
    "(not too much);(from the garden);(half for the top);(15 ml);(my favorite)"
).split(";")
_MAKERS = "Harvest Moon;Red Barn;Kettle & Co.;Mama Lina;Duke Street;Pure Fields;Old Mill".split(";")
_TITLES = (
    "{a} {f} {d};{f} {d};{a} {d};{d} with {f};{f} and {g} {d};{d} à la {n};{n}'s {d};{n}'s {f} {d}"
).split(";")
_PEOPLE = "Rosa;Edith;Tom;Uncle Pat;Mrs. Hall;Lena;Joe;Nana;Priya;Marco;Aunt Sue;Mei;Olga".split(
    ";"
)
_MOODS = (
    "Speedy;Cozy;Midweek;Festive;Light;Loaded;Sticky;Zesty;Roasted;Chilled;Layered;No-Fuss;Market;"
    "Seaside;Mountain;Picnic;Late-Night;Budget;Fiery;Buttery"
).split(";")


def glossary() -> list[tuple[str, str, str]]:
    """The house glossary as (written, house, date added)."""
    with GLOSSARY_FILE.open(encoding="utf-8", newline="") as file:
        return [(r["written"], r["house"], r["added"]) for r in csv.DictReader(file)]


def _drawn(rng: Random, foods: list[str]) -> str:
    return rng.choices(foods, [_WEIGHTS.get(food, 1) for food in foods])[0]


def _line(rng: Random, name: str) -> str:
    """One ingredient line in one of many manners."""
    group = lexicon.GROUP_OF.get(name, "pantry")
    pick = {k: rng.choice(v[group].split(";")) for k, v in
            (("unit", _UNITS), ("before", _BEFORE), ("after", _AFTER))}  # fmt: skip
    amount = rng.choice(_AMOUNTS)
    food = f"{pick['before']} {name}" if rng.random() < 0.35 else name
    if rng.random() < 0.03:
        food = f"{rng.choice(_MAKERS)} {food}"
    manner = rng.random()
    if manner < 0.68:
        text = f"{amount} {pick['unit']} {food}"
    elif manner < 0.76:
        text = f"{rng.choice(_GRAMS)}{rng.choice(('g', ' g', 'ml'))} {food}"
    elif manner < 0.82:
        text = f"{food}, {amount} {pick['unit']}"
    elif manner < 0.86:
        text = f"{amount} {pick['unit']} ({rng.choice(_GRAMS)} g) {food}"
    elif manner < 0.94:
        text = f"{amount} {food}"
    else:
        text = food
    if rng.random() < 0.38:
        text += f" ({pick['after']})" if rng.random() < 0.15 else f", {pick['after']}"
    if rng.random() < 0.07:
        text += f" {rng.choice(_REMARKS)}"
    return text


def _title(rng: Random, names: list[str]) -> str:
    """A title that may name two of the recipe's own foods, as titles do."""
    plain = [n for n in names if n in lexicon.GROUP_OF and lexicon.GROUP_OF[n] != "spice"] or names
    foods = rng.sample(plain, min(2, len(plain)))
    words = [" ".join(w[:1].upper() + w[1:] for w in food.split()) for food in foods]
    return rng.choice(_TITLES).format(
        a=rng.choice(_MOODS), d=rng.choice(lexicon.DISHES), n=rng.choice(_PEOPLE),
        f=words[0], g=words[-1],
    )  # fmt: skip


def _recipe(rng: Random, identity: str, names: list[str], house: dict[str, str]) -> dict:
    lines, left = [], list(names)
    capitals = rng.random() < 0.12
    while left:
        name = left.pop(0)
        if left and rng.random() < 0.03:
            line = f"{name} {rng.choice(('and', '&'))} {left.pop(0)}"
        else:
            line = _line(rng, name)
        lines.append(line[:1].upper() + line[1:] if capitals else line)
    ingredients = list(dict.fromkeys(house.get(name, name) for name in names))
    return dict(id=identity, title=_title(rng, names), lines=lines, names=names,
                ingredients=ingredients)  # fmt: skip


def _names(rng: Random, plain: list[str], known: list[str], new: list[str],
           share_known: float, share_new: float) -> list[str]:  # fmt: skip
    count, names = rng.choice((4, 5, 5, 6, 6, 7, 8)), []
    if share_new:
        names.append(_drawn(rng, new))  # a recipe of that split always holds one
    while len(names) < count:
        place = rng.random()
        pool = new if place < share_new else known if place < share_new + share_known else plain
        name = _drawn(rng, pool)
        if name not in names:
            names.append(name)
    rng.shuffle(names)
    return names


def write_splits() -> dict[str, str]:
    """The text of each file. No recipe nearly repeats another one of any split."""
    entries = glossary()
    house = {written: name for written, name, _ in entries}
    known = [written for written, _, added in entries if added <= TRAINING_DATE]
    new = [written for written, _, added in entries if added > TRAINING_DATE]
    plain = [food for food in lexicon.FOODS if food not in house]
    kept: list[Recipe] = []
    texts = {}
    for split, (count, share_known, share_new) in SPLITS.items():
        rng, rows = Random(f"{SEED}/{split}"), []
        while len(rows) < count:
            names = _names(rng, plain, known, new, share_known, share_new)
            row = _recipe(rng, f"{split.replace('_', '-')}-{len(rows) + 1:04d}", names, house)
            rows.append(row)
            kept.append(Recipe(row["id"], row["title"], *(tuple(row[k]) for k in
                               ("lines", "names", "ingredients"))))  # fmt: skip
        texts[split] = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    alike = near_duplicates(kept)
    if alike:
        pairs = ", ".join(f"{a.id} and {b.id}" for a, b, _ in alike[:5])
        raise SystemExit(f"near-duplicates: {pairs}. Cure: change SEED and look again.")
    return texts


def main() -> None:
    """Command line."""
    write_or_check(
        "factory.recipes", __doc__,
        lambda: {TARGET / f"{split}.jsonl": text for split, text in write_splits().items()},
        "recipes",
    )  # fmt: skip


if __name__ == "__main__":
    main()
