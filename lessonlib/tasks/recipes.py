"""The course's task: a recipe in, a JSON list of its generic ingredients out.

The task is that of OpenAI's fine-tuning tutorial. Ours adds a *house glossary*: a table that
says how this kitchen names things (scallions are ``green onion`` here). A model cannot guess
house names; it has to be shown them, look them up, or learn them.

This module holds the examples, the words of the prompt, and how an answer is read and scored:

- *micro_f1*: right ingredients found, against wrong ones named and right ones missed, counted
  over all examples together. Items are compared as multisets: a right name given twice is right
  once. An answer that is not a JSON list of strings counts as an empty answer.
- *exact_match*: the share of answers that are right in every name, in order.
- *valid_json*: the share of answers that are a JSON list of strings and nothing else.

The same task can be made of your own ingredient lines:
``python -m lessonlib.assignment.command my_lines.csv``.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _
from lessonlib.common.paths import DATA
from lessonlib.measure import bootstrap
from lessonlib.measure.rows import Answered, Metric
from lessonlib.models.thinking import without_thinking
from lessonlib.tasks.example_files import Broken, field, read_examples

RECIPES = DATA / "recipes"
SPLITS = ("train", "validation", "test", "test_new_names", "field")

#: The day when the training examples were written. Later house names cannot be in them.
TRAINING_DATE = "2026-06-01"

#: The tutorial's own system prompt. It names neither the format nor the rules.
SYSTEM_BARE = (
    "You are a helpful recipe assistant. You are to extract the generic ingredients from each "
    "of the recipes provided."
)
#: The same with format and rules in words. It gives no name of the house glossary away.
SYSTEM_INSTRUCTIONS = (
    SYSTEM_BARE + " Answer with a JSON list of strings and nothing else, one string per "
    "ingredient, in the order of the recipe. Write only the name of the food, in lower case. "
    "Leave out amounts, units, brands, sizes, preparation and remarks. Name each ingredient once."
)
#: The instructions for prompts that carry lines of the house glossary.
SYSTEM_GLOSSARY = SYSTEM_INSTRUCTIONS + " If a house glossary is given, use its names."

#: The instructions for an answer that is renamed by code afterwards.
SYSTEM_PLAIN = SYSTEM_INSTRUCTIONS + " Use the names that the recipe uses."

#: The form of an answer, for ``response_format`` of a request: a JSON list of strings. The limits
#: are generous (our longest name has 24 letters, our longest list 11 names), and needed: a weak
#: model that has lost the thread in the middle of a name writes "mmmm..." until it is cut off.
#: (OpenAI's own service wants an object at the top where ``strict`` is set:
#: ``{"ingredients": [...]}``.)
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "ingredients",
        "schema": {
            "type": "array",
            "items": {"type": "string", "maxLength": 30},
            "maxItems": 20,
        },
    },
}


@dataclass(frozen=True, kw_only=True)
class Row(Answered):
    """One recipe's answer and its score. ``items``: the names read from it, whether they count
    or not."""

    METRICS: ClassVar[dict[str, Metric]] = {
        "micro_f1": Metric(
            _("micro-F1"), lambda row: (row.true_positives, row.predicted, row.expected),
            bootstrap.micro_f1),
        "exact_match": Metric(_("exact match"), lambda row: (row.exact, 1), bootstrap.share),
        "valid_json": Metric(_("valid JSON"), lambda row: (row.valid_json, 1), bootstrap.share),
    }

    items: tuple[str, ...]
    valid_json: bool
    true_positives: int
    predicted: int
    expected: int
    exact: bool


@dataclass(frozen=True)
class Recipe:
    """One example: a recipe as people write it, and its right answer.

    Attributes:
        id: unique name of the example, such as ``train-0001``.
        title: name of the dish.
        lines: ingredient lines as written, such as ``2 c. all-purpose flour, sifted``.
        names: the ingredients as written, cleaned: ``all-purpose flour``.
        ingredients: the right answer: names put through the house glossary, each once.

    Introduced in notebook 02.
    """

    id: str
    title: str
    lines: tuple[str, ...]
    names: tuple[str, ...]
    ingredients: tuple[str, ...]

    def score(self, answer: dict) -> Row:
        """A model's answer (see ``lessonlib.measure.asking``) against the right one."""
        parsed = parse(answer["text"])
        counted = Counter(parsed.items if parsed.valid_json else ())
        expected = Counter(self.ingredients)
        return Row(
            id=self.id,
            items=tuple(parsed.items),
            valid_json=parsed.valid_json,
            true_positives=(counted & expected).total(),
            predicted=counted.total(),
            expected=expected.total(),
            exact=parsed.valid_json and tuple(parsed.items) == self.ingredients,
            **answer,
        )


@dataclass(frozen=True)
class GlossaryEntry:
    """One line of the house glossary: what people write, our name for it, and since when."""

    written: str
    house: str
    added: date


@dataclass(frozen=True)
class Parsed:
    """A model's answer, read.

    Attributes:
        items: the names in the first JSON list of strings in the text, in lower case; empty
            where there is none. The list may stand among other words or in a code fence.
        valid_json: the *whole* answer is a JSON list of strings. Only then do the items count
            in the score: a program that reads the answer would fail on anything else.
    """

    items: list[str]
    valid_json: bool


def load(split: str) -> list[Recipe]:
    """The recipes of one split: train, validation, test, test_new_names or field.

    Introduced in notebook 00.
    """
    if split not in SPLITS:
        raise LessonError(
            _("There is no split {split!r}.").format(split=split),
            _("Choose one of: {splits}.").format(splits=", ".join(SPLITS)),
        )
    return load_file(RECIPES / f"{split}.jsonl")


def load_file(path: str | Path) -> list[Recipe]:
    """Recipes from a JSON Lines file: one JSON object with the fields of ``Recipe`` a line.

    Raises:
        LessonError: the file is missing, empty or not UTF-8, or a line breaks a rule. The text
            names the file, the line, the rule and the cure.
    """
    return read_examples(path, _recipe, _("{path} holds no recipe."), '{"id": "train-0001", ...}')


def _recipe(row: dict) -> Recipe:
    """One line of a recipe file, checked."""
    needs = _("Each recipe needs id, title, lines, names and ingredients.")
    texts = {key: field(row, key, str, needs) for key in ("id", "title")}
    lists = {
        key: tuple(field(row, key, list, needs)) for key in ("lines", "names", "ingredients")
    }
    twice = [item for item in lists["ingredients"] if lists["ingredients"].count(item) > 1]
    if twice:
        raise Broken(
            _("'ingredients' names {item!r} twice").format(item=twice[0]),
            _("Name each ingredient once."),
        )
    return Recipe(**texts, **lists)


def load_glossary(
    until: str | date | None = None, path: str | Path = RECIPES / "house_glossary.csv"
) -> list[GlossaryEntry]:
    """The house glossary, in the order in which it grew.

    Args:
        until: leave out what was added after this day (a date, or text like ``2026-06-01``).
            ``load_glossary(until=TRAINING_DATE)`` is what the training examples knew.
        path: a CSV file with the columns written, house, added.

    Introduced in notebook 00.
    """
    last = date.max if until is None else date.fromisoformat(str(until))
    entries = []
    for row in csv.DictReader(io.StringIO(read_text(path))):
        try:
            entry = GlossaryEntry(row["written"], row["house"], date.fromisoformat(row["added"]))
        except (KeyError, TypeError, ValueError):
            number = len(entries) + 2  # row 1 names the columns
            raise LessonError(
                _("{path}, row {number}: not a glossary line.").format(path=path, number=number),
                _("Write three columns: written, house, added (a day such as 2026-01-12)."),
            ) from None
        entries.append(entry)
    return [entry for entry in entries if entry.added <= last]


def house_names(names: Iterable[str], entries: Iterable[GlossaryEntry]) -> tuple[str, ...]:
    """Names put through the glossary: each house name once, in order of first appearance."""
    house = {entry.written: entry.house for entry in entries}
    return tuple(dict.fromkeys(house.get(name, name) for name in names))


def rename(text: str, entries: Iterable[GlossaryEntry]) -> str:
    """An answer with plain names, put through the glossary by code: each house name once.

    An answer that is not a JSON list of strings stays as it is.

    Introduced in notebook 02.
    """
    found = parse(text)
    if not found.valid_json:
        return text
    return json.dumps(house_names(found.items, entries), ensure_ascii=False)


def user_message(recipe: Recipe, entries: Iterable[GlossaryEntry] = ()) -> str:
    """The user's side of the chat: glossary lines if there are any, then the recipe.

    Introduced in notebook 00.
    """
    recipe_text = f"Title: {recipe.title}\nIngredients:\n" + "\n".join(
        f"- {line}" for line in recipe.lines
    )
    glossary = glossary_lines(entries)
    return f"{glossary}\n\n{recipe_text}" if glossary else recipe_text


def glossary_lines(entries: Iterable[GlossaryEntry]) -> str:
    """Lines of the glossary as prompts show them, below a heading; nothing for none."""
    lines = "\n".join(f"{entry.written} -> {entry.house}" for entry in entries)
    return f"House glossary:\n{lines}" if lines else ""


def answer(recipe: Recipe) -> str:
    """The right answer, exactly as a model should write it. Introduced in notebook 00."""
    return json.dumps(list(recipe.ingredients), ensure_ascii=False)


def parse(text: str) -> Parsed:
    """Read a model's answer, without its thinking; see ``Parsed`` for what counts.

    Introduced in notebook 00.
    """
    text = without_thinking(text)
    whole = _strings(text.strip())
    if whole is not None:
        return Parsed(whole, valid_json=True)
    decoder = json.JSONDecoder()
    for start in (place for place, character in enumerate(text) if character == "["):
        try:
            end = decoder.raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            continue
        found = _strings(text[start:end])
        if found is not None:
            return Parsed(found, valid_json=False)
    return Parsed([], valid_json=False)


def _strings(text: str) -> list[str] | None:
    """The names where ``text`` is a JSON list of strings: lower case, single spaces."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or a number of more digits than Python reads
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return [" ".join(item.lower().split()) for item in value]
