"""The text that the built-in model is pretrained on, written document by document.

Training goes through phases (see ``Phase``): contexts grow, and later phases turn to what the
course needs most.

A document is a list of segments ``(text, weight)``. The weight says how much a segment's
tokens count in the loss: 1 for what can be worked out from the text before it, little for
what cannot (a new recipe, a renaming shown for the first time), more for what is hardest and
matters most (a renaming used again).

Eight kinds of document, each a function ``(rng, phase)``. Short contexts get small documents,
so the same skills are met small first:

===========  =================================================================================
listing      a short and plain list of foods, and a request to list it anew
ask          a recipe and a request in words (what to list, by which rules, in which format)
examples     several solved recipes in a row; often with a hidden renaming that only the
             earlier answers reveal
glossary     random glossary lines, then recipes whose foods must be named by them
lines        the same three skills on single lines
copying      lists to repeat, dictionaries to look things up in
plain        recipes with directions, facts about foods, notes: text with nothing to solve
tables       SQL table definitions and statements, without questions: syntax, not the task
===========  =================================================================================

What is kept out, and tested: the course's own prompts, its layout of a recipe, and every pair
of the house glossary. The words of requests, formats and glossaries stand in ``wording``.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from factory import plain_text, wording
from factory.formats import Format, any_format, other_format
from factory.kitchen import AMOUNTS, Hand, Recipe, any_food, any_hand, make_line, make_recipe
from factory.renaming import look_alike, new_name, renaming

Segment = tuple[str, float]
Document = list[Segment]


#: Shares of the kinds, in the order of ``KINDS``, by context length in tokens.
MIX = {
    256: (0.17, 0.19, 0.20, 0.18, 0.12, 0.03, 0.02, 0.09),
    512: (0.17, 0.31, 0.27, 0.09, 0.06, 0.04, 0.03, 0.03),
    1024: (0.14, 0.39, 0.30, 0.05, 0.04, 0.03, 0.03, 0.02),
}
#: For a phase that practises the single steps: find the food in a line, rename one name.
STEP_BY_STEP = (0.18, 0.07, 0.13, 0.32, 0.08, 0.02, 0.02, 0.18)
#: For the phase after it, which puts the steps together.
WHOLE_RECIPES = (0.15, 0.33, 0.25, 0.14, 0.04, 0.03, 0.02, 0.04)
#: For the last phase: requests in many words, and more examples.
LONG_REQUESTS = (0.17, 0.41, 0.27, 0.05, 0.03, 0.03, 0.02, 0.02)


@dataclass(frozen=True)
class Phase:
    """A part of the training: its context length in tokens, and its turn.

    Early phases show every request, format and handwriting alike: that teaches to copy, to
    rename and to follow. ``focused`` phases ask for the foods nine times out of ten, in JSON
    three times out of four, in tidier handwriting. ``wordy`` phases give long instructions, of
    which one sentence names the format; JSON is never the answer unless asked for or shown.
    ``shares`` replaces the usual ``MIX``.
    """

    room: int
    focused: bool = False
    wordy: bool = False
    shares: tuple[float, ...] | None = None

    @property
    def mix(self) -> tuple[float, ...]:
        """Shares of the kinds, in the order of ``KINDS``."""
        return self.shares or MIX[self.room]

    def names(self, early: float) -> float:
        """How likely a request asks for the names of the foods."""
        return 0.93 if self.focused else early

    def json(self, early: float) -> float:
        """How likely an answer is a JSON list."""
        return max(0.75, early) if self.focused and early else early

    def request(self, rng: Random, what: str, form: Format | None) -> str:
        """A request in words."""
        return (wording.instructions if self.wordy else wording.request)(rng, what, form)

    def hand(self, rng: Random) -> Hand:
        """A handwriting."""
        return Hand() if self.focused and rng.random() < 0.3 else any_hand(rng)


SYSTEM, USER, ASSISTANT, END = "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"
GIVEN, ANSWER, FIRST_SEEN, RECALLED = 0.0, 1.0, 0.1, 3.0


# ---------------------------------------------------------------- parts of documents
def _answer(form: Format, names: list[str], renamed: dict[str, str], known: set[str]) -> Document:
    """An answer in pieces; a renamed item counts more once its renaming is ``known``."""
    if not renamed:
        return [(form.write(names), ANSWER)]
    house = list(dict.fromkeys(renamed.get(n, n) for n in names))
    source = {renamed.get(n, n): n for n in reversed(names)}
    segments, items = [], iter(house)
    for text, is_item in form.pieces(house):
        weight = ANSWER
        if is_item:
            name = source[next(items)]
            if name in renamed:
                weight = RECALLED if name in known else FIRST_SEEN
        segments.append((text, weight))
    known |= set(names)
    return segments


def _size(rng: Random, room: int, recipes: int) -> int:
    """How many lines a recipe gets so that ``recipes`` of them fit into ``room`` tokens."""
    most = max(1, min(9, (room - 50) // recipes // 20))
    return rng.randint(max(1, min(2, most), most // 2), most)


def _pool(rng: Random, size: int) -> list[str]:
    return list(dict.fromkeys(any_food(rng, 0.2) for _ in range(size)))


def _draw(rng: Random, pool: list[str], count: int, reuse: float = 1.0) -> list[str]:
    """Foods from a pool, the first ones far more often, as salt and butter are in kitchens.

    The share ``reuse`` comes from the pool; the rest are foods that no earlier text named.
    """
    weights = [1.0 / (place + 2) for place in range(len(pool))]
    picked = rng.choices(pool, weights, k=count * 3)
    mixed = [food if rng.random() < reuse else any_food(rng, 0.2) for food in picked]
    return list(dict.fromkeys(mixed))[:count]


def _turn(question: str, answer: Document) -> Document:
    return [(f"{USER}{question}{END}\n{ASSISTANT}", GIVEN), *answer, (END, ANSWER), ("\n", GIVEN)]


def _entries(rng: Random, names: list[str], renamed: dict[str, str]) -> list[tuple[str, str]]:
    """The glossary's lines for these names, with distractors, in random order."""
    entries = [(n, renamed[n]) for n in names if n in renamed]
    for _ in range(rng.choice((0, 0, 1, 2, 3, 5))):
        near = look_alike(rng, rng.choice(names)) if rng.random() < 0.5 else None
        extra = near or any_food(rng, 0.2)
        if extra not in names:
            entries.append((extra, new_name(rng, extra)))
    if not entries:
        extra = any_food(rng, 0.5)
        entries.append((extra, new_name(rng, extra)))
    rng.shuffle(entries)
    return list(dict(entries).items())


# ---------------------------------------------------------------- kinds of document
def ask(rng: Random, phase: Phase) -> Document:
    """A recipe and a request in words. Without a format in the request, it is never JSON."""
    names = _pool(rng, _size(rng, min(phase.room, 400), 2))
    recipe = make_recipe(rng, names, phase.hand(rng))
    what = wording.wish(rng, phase.names(0.75))
    says_format = rng.random() < (0.9 if phase.focused and not phase.wordy else 0.75)
    form = any_format(rng, json=phase.json(0.55) if says_format else 0.0)
    request = phase.request(rng, what, form if says_format else None)
    body, system = wording.layout(rng)(recipe), rng.choice(wording.SYSTEMS)
    place = rng.random()
    if place < 0.4:
        head, question = f"{SYSTEM}{system} {request}{END}\n", body
    else:
        head = f"{SYSTEM}{system}{END}\n" if rng.random() < 0.4 else ""
        question = f"{request}\n\n{body}" if place < 0.7 else f"{body}\n\n{request}"
    return [(head, GIVEN), *_turn(question, [(form.write(wording.values(what, recipe)), ANSWER)])]


def examples(rng: Random, phase: Phase) -> Document:
    """Solved recipes in a row; with a hidden renaming in most, shown only by the answers."""
    count = rng.choice({256: (2, 3, 4), 512: (2, 3, 4, 5, 6)}.get(phase.room, (3, 4, 5, 6, 8)))
    what, form = wording.wish(rng, phase.names(0.88)), any_format(rng, json=phase.json(0.55))
    hidden = what == "names" and rng.random() < 0.75
    pool, reuse = _pool(rng, rng.choice((5, 8, 12, 20))), rng.choice((0.4, 0.7, 1.0))
    renamed = renaming(rng, pool, rng.choice((0.3, 0.5, 0.7))) if hidden else {}
    lay, hand, known = wording.layout(rng), phase.hand(rng), set()
    system, says_format = rng.choice(wording.SYSTEMS), False
    if rng.random() < (0.75 if phase.wordy else 0.4):
        says_format = rng.random() < (0.85 if phase.wordy else 0.6)
        system += " " + phase.request(rng, what, form if says_format else None)
    chat = rng.random() < 0.75
    before, after = rng.choice((("Input:\n", "\nOutput: "), ("", "\n=> "), ("Q: ", "\nA: ")))
    shows_system = chat and (rng.random() < 0.75 or (phase.wordy and says_format))
    document = [(f"{SYSTEM}{system}{END}\n", GIVEN)] if shows_system else []
    for place in range(count):
        size = _size(rng, phase.room, count)
        # without a renaming, fresh foods: else earlier answers could be copied, unread
        names = _draw(rng, pool, size, reuse if renamed else 0.0)
        recipe = make_recipe(rng, names, hand if rng.random() < 0.5 else phase.hand(rng))
        if renamed:
            answer = _answer(form, recipe.names, renamed, known)
        else:
            weight = ANSWER if place else FIRST_SEEN
            answer = [(form.write(wording.values(what, recipe)), weight)]
        if phase.wordy and place == 0 and not says_format:
            answer = [(text, min(weight, FIRST_SEEN)) for text, weight in answer]
        if chat:
            document += _turn(lay(recipe), answer)
        else:
            document += [(before + lay(recipe) + after, GIVEN), *answer, ("\n\n", GIVEN)]
    return document


def glossary(rng: Random, phase: Phase) -> Document:
    """Random glossary lines, then recipes whose foods are to be named by them."""
    count = rng.choice({256: (1, 1, 2), 512: (1, 2, 3)}.get(phase.room, (1, 2, 3, 4)))
    form = any_format(rng, json=phase.json(0.55))
    style, lay = rng.choice(wording.GLOSSARY_LINES), wording.layout(rng)
    pool, reuse = _pool(rng, rng.choice((6, 10, 16))), rng.choice((0.5, 0.8, 1.0))
    renamed = renaming(rng, pool, rng.choice((0.3, 0.5, 0.8)))
    recipes = []
    for _ in range(count):
        size = max(1, _size(rng, phase.room, count) - rng.choice((0, 1, 2)))
        recipes.append(make_recipe(rng, _draw(rng, pool, size, reuse), phase.hand(rng)))
    system, says_format = rng.choice(wording.SYSTEMS), rng.random() < (0.85 if phase.wordy else 0.6)
    if says_format:
        system += " " + phase.request(rng, "names", form)
    elif phase.wordy:
        form = other_format(rng)
    per_turn = rng.random() < 0.6
    used = list(dict.fromkeys(n for recipe in recipes for n in recipe.names))
    shared = wording.glossary_text(rng, _entries(rng, used, renamed), style)
    in_system = not per_turn and rng.random() < 0.4
    document: Document = []
    if in_system or rng.random() < 0.75 or (phase.wordy and says_format):
        system += f"\n{shared}" if in_system else ""
        document.append((f"{SYSTEM}{system}{END}\n", GIVEN))
    for place, recipe in enumerate(recipes):
        body = lay(recipe)
        if per_turn:
            lines = wording.glossary_text(rng, _entries(rng, recipe.names, renamed), style)
            body = f"{lines}\n\n{body}" if rng.random() < 0.85 else f"{body}\n\n{lines}"
        elif place == 0 and not in_system:
            body = f"{shared}\n\n{body}"
        document += _turn(body, _answer(form, recipe.names, renamed, set(used)))
    return document


def lines(rng: Random, phase: Phase) -> Document:
    """Line after line, each with its answer; plain, with a hidden renaming or a glossary."""
    count = rng.choice((4, 6, 8)) if phase.room <= 256 else rng.choice((8, 12, 16))
    what = wording.wish(rng, phase.names(0.85))
    form = any_format(rng, json=0.2)
    separator = rng.choice((" => ", " -> ", "\t", " | ", " = ", "\n", ": ", " # "))
    pool, known = _pool(rng, rng.choice((3, 5, 8))), set()
    renames = what == "names" and rng.random() < 0.65
    renamed = renaming(rng, pool, 0.6) if renames else {}
    document: Document = []
    if renamed and rng.random() < (0.65 if phase.focused else 0.4):
        entries = _entries(rng, pool, renamed)
        text = wording.glossary_text(rng, entries, rng.choice(wording.GLOSSARY_LINES))
        document.append((text + "\n\n", GIVEN))
        known = set(pool)
    for _ in range(count):
        name = rng.choice(pool) if renames else any_food(rng, 0.35)
        line = make_line(rng, name, any_hand(rng))
        document.append((line.text + separator, GIVEN))
        if renamed:
            document += _answer(form, [name], renamed, known)
        else:
            document.append((form.write(wording.values(what, Recipe("", [line]))), ANSWER))
        document.append(("\n", GIVEN))
    return document


def copying(rng: Random, phase: Phase) -> Document:
    """A list to repeat in another format, or a dictionary to look things up in."""
    items = _pool(rng, rng.choice((4, 6, 9, 12)) if phase.room > 256 else rng.choice((3, 5, 7)))
    if rng.random() < 0.35:
        first, second = any_format(rng, 0.3), any_format(rng, 0.4)
        return [(first.write(items) + "\n", GIVEN), (second.write(items) + "\n", ANSWER)]
    meaning = {item: new_name(rng, item) for item in items}
    style = rng.choice([s for s in wording.GLOSSARY_LINES if s[0].startswith("{a}")])
    document = [(wording.glossary_text(rng, list(meaning.items()), style) + "\n\n", GIVEN)]
    joint = style[0].replace("{a}", "").replace("{b}", "")
    for _ in range(rng.choice((3, 6, 9))):
        item = rng.choice(items)
        document += [(item + joint, GIVEN), (meaning[item], RECALLED), ("\n", GIVEN)]
    return document


def plain(rng: Random, phase: Phase) -> Document:
    """Recipes with directions, facts and notes. Most of its text is worth learning a little."""
    recipe = make_recipe(rng, _pool(rng, _size(rng, min(phase.room, 400), 2)))
    if rng.random() < 0.75:
        return [
            (wording.layout(rng)(recipe) + "\n", GIVEN),
            (plain_text.directions(rng, recipe.names) + "\n", 0.5),
        ]
    return [(plain_text.facts(rng) + "\n", 0.3)]


def tables(rng: Random, phase: Phase) -> Document:
    """SQL as text: definitions and statements, no questions."""
    return [(plain_text.sql(rng) + "\n", 0.5)]


def listing(rng: Random, phase: Phase) -> Document:
    """Plain lists, one to three in a row, each to be listed anew."""
    form = any_format(rng, json=phase.json(0.55))
    request = phase.request(rng, "names", form)
    plain_lines = Hand()
    in_system = rng.random() < 0.5
    system = rng.choice(wording.SYSTEMS) + (f" {request}" if in_system else "")
    document = [(f"{SYSTEM}{system}{END}\n", GIVEN)] if in_system or rng.random() < 0.4 else []
    manner = rng.random()
    for _ in range(rng.choice((1, 1, 2, 3))):
        names = list(dict.fromkeys(any_food(rng, 0.3) for _ in range(rng.randint(1, 7))))
        if manner < 0.25:
            body = "\n".join(f"- {name}" for name in names)
        elif manner < 0.35:
            body = ", ".join(names)
        elif manner < 0.55:
            units = rng.choice(("cups", "c.", "tsp", "lb.", "g"))
            body = "\n".join(f"- {rng.choice(AMOUNTS)} {units} {name}" for name in names)
        else:
            body = "\n".join("- " + make_line(rng, name, plain_lines).text for name in names)
        question = body if in_system else f"{request}\n\n{body}"
        document += _turn(question, [(form.write(names), ANSWER)])
    return document


KINDS = {f.__name__: f for f in (ask, examples, glossary, lines, copying, plain, tables, listing)}


def document(rng: Random, phase: Phase) -> tuple[str, Document]:
    """One document of a kind drawn by the phase's mix: ``(kind, segments)``."""
    kind = rng.choices(list(KINDS), phase.mix)[0]
    return kind, KINDS[kind](rng, phase)
