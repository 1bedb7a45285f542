"""Text with nothing to solve: directions, facts about foods, and SQL as it is written."""

from __future__ import annotations

from random import Random

from factory import lexicon

_STEPS = (
    "Mix the {a} with the {b}.|Add the {a} and stir.|Combine {a}, {b} and {c}.|Put the {a} in a "
    "large bowl.|Cook the {a} until soft.|Pour the {a} over the {b}.|Sprinkle with {a}.|Heat the "
    "{a} in a pan.|Fold in the {a} and the {b}.|Simmer {a} and {b} for 10 minutes.|Top with the "
    "{a} and serve.|Season with {a}.|Beat {a} and {b} until smooth.|Layer the {a} on the {b}.|Wash "
    "the {a} and let it drain.|Cover the {a} with {b} and leave it for an hour.|Taste, and add "
    "more {a} if you like."
).split("|")
_ENDINGS = (
    "Bake at 350 degrees for 30 minutes.|Serve hot.|Chill for 2 hours.|Let cool before serving.|"
    "Bake until golden.|Serves 4.|Makes 12.|Cover and refrigerate overnight.|Freeze until firm.|"
    "Eat within 3 days.|This was my mother's recipe.|The children love it."
).split("|")
_FACTS = (
    "{F} belongs to the {g} group.|You can use {m} {f}.|A cook measures {f} in {u}.|{F} can be {p}."
    "|We were out of {f} this morning.|The shop sells {f} by the {u}.|Guests asked for {m} {f} "
    "again.|Please order {f} for the {g} shelf before Friday.|A customer wrote that the {f} "
    "arrived late."
).split("|")

_TABLES = {
    "employees": ("id", "name", "department", "salary", "city", "hired"),
    "orders": ("id", "customer", "product", "amount", "price", "status"),
    "books": ("id", "title", "author", "year", "pages", "price"),
    "players": ("id", "name", "team", "goals", "age", "country"),
    "rooms": ("id", "hotel", "floor", "price", "beds", "city"),
    "flights": ("id", "origin", "destination", "price", "airline", "seats"),
}
_NUMBERS = {"id", "salary", "amount", "price", "year", "pages", "goals", "age", "floor", "beds",
            "seats"}  # fmt: skip
_VALUES = "London Paris Rome open closed red blue Anna Peter Maria Oslo green sales north".split()


def directions(rng: Random, names: list[str]) -> str:
    """How to cook these foods: a few steps that use every name, perhaps an ending."""
    steps, left = [rng.choice(("Directions:", "Method:", "Steps:", "To make it:"))], list(names)
    while left:
        step = rng.choice(_STEPS)
        wanted = [slot for slot in "abc" if "{" + slot + "}" in step]
        words = {slot: left.pop(0) if left else rng.choice(names) for slot in wanted}
        steps.append(step.format(**words))
    if rng.random() < 0.8:
        steps.append(rng.choice(_ENDINGS))
    return " ".join(steps)


def facts(rng: Random) -> str:
    """Two to five sentences about foods, as a notice board in a kitchen has them."""
    sentences = []
    for _ in range(rng.randint(2, 5)):
        food = rng.choice(lexicon.FOODS)
        group = lexicon.GROUPS[lexicon.GROUP_OF[food]]
        sentences.append(
            rng.choice(_FACTS).format(
                f=food,
                F=food[:1].upper() + food[1:],
                g=lexicon.GROUP_OF[food],
                m=rng.choice(group.modifiers),
                u=rng.choice(group.units),
                p=rng.choice(group.preparations),
            )
        )
    return " ".join(sentences)


def _condition(rng: Random, columns: tuple[str, ...]) -> str:
    column = rng.choice(columns)
    if column in _NUMBERS:
        return f"{column} {rng.choice(('>', '<', '=', '>=', '<='))} {rng.randint(1, 3000)}"
    return f"{column} = '{rng.choice(_VALUES)}'"


def _statement(rng: Random, table: str, columns: tuple[str, ...]) -> str:
    column = rng.choice(columns)
    chosen = rng.choice(
        ("*", column, f"{column}, {rng.choice(columns)}", "COUNT(*)", f"COUNT(DISTINCT {column})",
         f"MAX({column})", f"MIN({column})", f"AVG({column})", f"SUM({column})")
    )  # fmt: skip
    text = f"SELECT {chosen} FROM {table}"
    if rng.random() < 0.7:
        text += f" WHERE {_condition(rng, columns)}"
        if rng.random() < 0.3:
            text += f" {rng.choice(('AND', 'OR'))} {_condition(rng, columns)}"
    if rng.random() < 0.2:
        text += f" GROUP BY {rng.choice(columns)}"
    if rng.random() < 0.3:
        text += f" ORDER BY {rng.choice(columns)} {rng.choice(('ASC', 'DESC'))}"
        text += f" LIMIT {rng.randint(1, 9)}" if rng.random() < 0.5 else ""
    return text + ";"


def sql(rng: Random) -> str:
    """A table's definition and some statements on it."""
    table = rng.choice(list(_TABLES))
    all_columns = _TABLES[table]
    columns = tuple(c for c in all_columns if c == "id" or rng.random() < 0.8)
    types = ", ".join(f"{c} {'INTEGER' if c in _NUMBERS else 'TEXT'}" for c in columns)
    statements = [_statement(rng, table, columns) for _ in range(rng.randint(1, 4))]
    return "\n".join([f"CREATE TABLE {table} ({types});", *statements])
