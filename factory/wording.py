"""Words for the documents of ``corpus``: requests, rules, formats, glossaries, layouts of a recipe.

Each is written in many ways, so that the model learns to follow the request and not one wording of
it. The course's own prompts and its own layout of a recipe are not among them.
"""

from __future__ import annotations

from random import Random

from factory.formats import Format
from factory.kitchen import Recipe

SYSTEMS = (
    "You help in the kitchen.|You answer questions about recipes.|You are a cook.|Read the recipe "
    "and follow the request.|You turn recipes into lists.|You are a careful helper who reads "
    "recipes and writes short answers.|Use the words of the user.|You work in a kitchen office and "
    "sort recipes. Keep answers short.|Follow the examples.|You are an assistant for cooks. Your "
    "work is to find the foods in recipes.|You are a polite assistant. Please list what each of "
    "the dishes needs.|Do as the earlier answers did.|You are a kitchen assistant. Pull the foods "
    "out of every recipe you get."
).split("|")
_VERBS = "List|Give|Write|Tell me|Return|Show|Name|Print|Extract|Find|Write down".split("|")
_ASKS = {
    "names": "the ingredient names|what is in it|the names of the foods used|what to buy|the foods"
    "|the plain ingredients|the foods without amounts|the ingredients|the food of each line",
    "amounts": "the amounts|the numbers|how much of each",
    "units": "the units|the measures",
    "preparations": "the preparation notes|what to do to each",
    "groups": "the food groups|the kind of each ingredient",
    "reversed": "the ingredient names in reverse order|the foods from last to first",
    "first": "the first ingredient|what comes first",
    "last": "the last ingredient|what comes last",
    "described": "the ingredients with how they look|names with their describing words",
    "lines": "all lines again|the recipe lines copied",
    "title": "the title|the name of the dish",
}
_RULES = (
    "Answer with nothing else.|Only the answer, no other words.|Keep the order of the recipe.|One "
    "entry for each food.|Use lower case.|Write names in small letters.|Leave out amounts and "
    "units.|No numbers and no measures.|Leave out brands.|Skip what is done to the food.|Write "
    "only the name of the food.|Do not write sizes or remarks.|Each food once.|No food twice.|Drop "
    "words like chopped or fresh.|Ignore what stands in brackets.|Short names only."
).split("|")
_FORMAT_OPENINGS = (
    "Answer|Reply|Respond|Write the answer|Give your answer|Give the answer|Put the answer|"
    "Answer me"
).split("|")
_JSON_OPENINGS = (
    "Answer with|Reply with|Respond with|Give me|Write|Return|Your answer is|The answer must be|"
    "Output|Send back|Produce|The output is"
).split("|")
_JSON_NOUNS = (
    "a JSON list of strings|a JSON list|a JSON array|one JSON array of strings|JSON|a list in JSON|"
    "one JSON list|a JSON list with one string for each food|valid JSON, a list of strings"
).split("|")
_FORMAT_ENDS = (
    "|||, nothing more| and no other words| only|, one entry for each food|, one item per food|"
    ", in the recipe's order|, without any comment| and nothing before or after it|"
    ", one string per food and nothing more"
).split("|")
_GLOSSARY_INTROS = (
    "Glossary:|House names:|Use these names:|Word list:|Replace:|Call things by these names:|"
    "Dictionary:|Synonyms:|Our words:|Kitchen glossary:|Names in this house:|Say it like this:"
).split("|")
GLOSSARY_LINES = (
    ("{a} -> {b}", "\n"), ("{a} -> {b}", "\n"), ("{a} -> {b}", "\n"), ("- {a} -> {b}", "\n"),
    ("{a} = {b}", "\n"), ("{a} => {b}", "\n"), ("{a}: {b}", "\n"), ("{a} is called {b}", "\n"),
    ("{a} -> {b}", "; "), ("{a} = {b}", "; "),
)  # fmt: skip


def layout(rng: Random):
    """A way to lay a recipe out. The course's own layout is not among them."""
    head, bullet = rng.choice(
        (
            ("Recipe: {}\n", "- "), ("{}\n", "- "), ("{}\n", "* "), ("{}\nIngredients:\n", "- "),
            ("# {}\n\n## Ingredients\n", "- "), ("{}\n", ""), ("Dish: {}\nIngredients:\n", "- "),
            ("Name: {}\nYou need:\n", "- "), ("", "- "), ("Title: {}\n", "- "),
            ("Title: {}\nNeeded:\n", "* "), ("{}\n\n", "- "), ("Recipe: {}\nFoods:\n", "- "),
        )
    )  # fmt: skip
    inline = rng.random() < 0.06

    def lay(recipe: Recipe) -> str:
        if inline:
            return f"{recipe.title}: " + "; ".join(line.text for line in recipe.lines)
        lines = "\n".join(bullet + line.text for line in recipe.lines)
        return head.format(recipe.title) + lines

    return lay


def values(what: str, recipe: Recipe) -> list[str]:
    """The right answer for one kind of request."""
    per_line = {
        "amounts": lambda line: line.amount or "none",
        "units": lambda line: line.unit or "none",
        "preparations": lambda line: line.preparation or "none",
        "groups": lambda line: line.group,
        "described": lambda line: f"{line.modifier} {line.name}".strip(),
        "lines": lambda line: line.text,
    }
    if what in per_line:
        return [per_line[what](line) for line in recipe.lines]
    names = recipe.names
    return {"names": names, "reversed": names[::-1], "first": names[:1], "last": names[-1:],
            "title": [recipe.title]}[what]  # fmt: skip


def wish(rng: Random, names: float) -> str:
    """What is asked for: the names with the given probability, else something else."""
    return "names" if rng.random() < names else rng.choice([w for w in _ASKS if w != "names"])


def request(rng: Random, what: str, form: Format | None) -> str:
    """A request in words: verb, what, perhaps the format, perhaps some rules."""
    ask = f"{rng.choice(_VERBS)} {rng.choice(_ASKS[what].split('|'))}"
    ask += f" {form.words}." if form and form.words else "."
    if what == "names" and rng.random() < 0.5:
        rules = rng.sample(_RULES, rng.choice((1, 2, 3, 5, 7)))
        ask = " ".join([ask, *rules] if rng.random() < 0.7 else [*rules, ask])
    return ask


def _format_sentence(rng: Random, form: Format) -> str:
    """A sentence of its own that names the format."""
    if form.is_json and rng.random() < 0.7:
        start = f"{rng.choice(_JSON_OPENINGS)} {rng.choice(_JSON_NOUNS)}"
    else:
        start = f"{rng.choice(_FORMAT_OPENINGS)} {form.words}"
    return f"{start}{rng.choice(_FORMAT_ENDS)}."


def instructions(rng: Random, what: str, form: Format | None) -> str:
    """A long request: what is wanted, two to seven rules, and perhaps the format among them."""
    if form and rng.random() < 0.25:
        return request(rng, what, form)
    begin = rng.choice(("", "", "You are to ", "Your task: ", "Please "))
    verb = rng.choice(_VERBS)
    verb = verb if begin in ("", "Your task: ") else verb[:1].lower() + verb[1:]
    first = f"{begin}{verb} {rng.choice(_ASKS[what].split('|'))}"
    first += rng.choice((".", ".", " of this recipe.", " from each recipe.", " of the recipes."))
    rest = rng.sample(_RULES, rng.choice((0, 2, 3, 4, 5, 7)) if what == "names" else 0)
    if form:
        rest.insert(rng.randrange(len(rest) + 1) if rng.random() < 0.5 else 0,
                    _format_sentence(rng, form))  # fmt: skip
    return " ".join([first, *rest])


def glossary_text(rng: Random, entries: list[tuple[str, str]], style: tuple[str, str]) -> str:
    line, gap = style
    body = gap.join(line.format(a=a, b=b) for a, b in entries)
    return f"{rng.choice(_GLOSSARY_INTROS)}\n{body}"
