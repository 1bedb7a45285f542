"""Make a recipe task of anyone's own ingredient lines, without leaks between the splits.

    rows = read_lines("my_lines.csv")      # columns line, name; or recipe, line, name
    task = make_task(rows.examples)        # as splits.make gives one: recipes in three splits

A *leak* is a test question that training has already shown, word for word or nearly. A model
that has leaked test questions in its training data scores for memory, and we would never know.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

from lessonlib.assignment import cells, own_rows, reading, splits
from lessonlib.assignment.chosen import Base
from lessonlib.assignment.scores import OwnExample
from lessonlib.assignment.task import SPLITS, Task
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.tasks.near_duplicates import near_duplicates, without_near_duplicates, words
from lessonlib.tasks.recipes import (
    SYSTEM_BARE,
    SYSTEM_INSTRUCTIONS,
    Recipe,
    answer,
    user_message,
)

#: A composed recipe has so many lines; a longer recipe of yours is cut into parts of the most.
FEWEST_LINES, MOST_LINES = 4, 8
#: Below this, neither training nor a score means much.
FEWEST = {"train": 20, "validation": 5, "test": 10}
MOST_VALIDATION, MOST_TEST = 100, 200


@dataclass(frozen=True)
class OwnLine:
    """One ingredient line. ``recipe`` is None where the file has no such column."""

    line: str
    name: str
    recipe: str | None = None


def has_lines(path: str | Path) -> bool:
    """Is this a file of ingredient lines, and not of questions and answers, by its columns?

    Introduced in notebook 11.
    """
    columns = set(cells.read(path).columns)
    asked = any(set(pair) <= columns for pair in own_rows.SPELLINGS)
    return not asked and not columns.isdisjoint(("line", "name"))


def read_lines(path: str | Path) -> reading.Rows:
    """Ingredient lines out of a file with the columns line, name or recipe, line, name.

    Everything that ``own_rows.read`` takes will do; other columns are left alone. Names are put
    into lower case.

    Returns:
        ``examples`` are ``OwnLine``; rows that cannot be used are set aside with their reasons.

    Raises:
        LessonError: the file cannot be read, has no such columns, or no usable row.

    Introduced in notebook 11.
    """
    table = cells.read(path)
    rows = reading.begin(table)
    names = [name for name in ("line", "name", "recipe")
             if name != "recipe" or name in table.columns]
    if table.columns:
        table.need(names, _("Name the columns in the first row: line,name or recipe,line,name"))
    for _number, row in reading.filled(rows, table, names):
        one = {name: " ".join(row[name].split()) for name in names}
        rows.examples.append(OwnLine(**one | {"name": one["name"].lower()}))
    return reading.finish(rows)


@dataclass
class Dealt:
    """Recipes in three splits, and what was left out on the way, in words."""

    train: list[Recipe]
    validation: list[Recipe]
    test: list[Recipe]
    left_out: list[str] = field(default_factory=list)

    def splits(self) -> dict[str, list[Recipe]]:
        return {split: getattr(self, split) for split in SPLITS}


def likeness_key(line: str) -> frozenset[str]:
    """What stays of a line without numbers, capitals, punctuation and order of words.

    ``2 cups flour, sifted`` and ``½ cup/70g sifted flour`` differ; ``2 garlic cloves`` and
    ``6 cloves garlic`` do not: whoever has seen one of them in training knows the other.
    """
    all_words = words(line)
    kept = [word for word in all_words if not any(letter.isnumeric() for letter in word)]
    return frozenset(kept or all_words)


def make_task(
    lines: Sequence[OwnLine], name: str = "own", base: Base | None = None, **options
) -> Task:
    """The recipe task, made of these lines; ``options`` are those of ``deal``.

    Args:
        base: the model that the task is for (``chosen.find``); the built-in one if not given.

    Its examples are recipes, and their answers JSON lists of names.

    Raises:
        LessonError: too few lines remain.

    Introduced in notebook 11.
    """
    dealt = deal(lines, **options)
    task = Task(name, "fields", SYSTEM_BARE, SYSTEM_INSTRUCTIONS, [], [], [],
                notes=[_("Left out: {note}.").format(note=note) for note in dealt.left_out],
                window=base.window if base else splits.WINDOW, base=base)
    for split, part in dealt.splits().items():
        examples = [OwnExample(one.id, user_message(one), answer(one), "fields") for one in part]
        setattr(task, split, splits.that_fit(task, examples))
    return splits.with_room(task)


def deal(
    lines: Sequence[OwnLine], seed: int = 0, rows: int | None = None, test: int | None = None
) -> Dealt:
    """Recipes in three splits that share no line, not even one that differs only in numbers.

    Without a recipe column, lines are dealt to the splits first and composed into recipes of 4
    to 8 lines then. With one, whole recipes are dealt, and a line that two splits share stays
    only with the test (or the validation) split.

    Args:
        lines: from ``read_lines``.
        seed: another seed gives another split.
        rows: use only so many lines, picked at random (whole recipes where there are any).
        test: how many recipes to test on; a fifth of all, at most 200, if not given.

    Raises:
        LessonError: too few lines remain.
    """
    rng = random.Random(seed)
    make = _of_lines if all(line.recipe is None for line in lines) else _of_recipes
    task = _without_leaks(make(lines, rng, rows, test))
    for split, fewest in FEWEST.items():
        left = len(task.splits()[split])
        if left < fewest:
            raise LessonError(
                _("Too few rows: without leaks only {left} recipes remain for {split}.").format(
                    left=left, split=split
                ),
                _("Bring more different lines: {split} needs {fewest} recipes.").format(
                    split=split, fewest=fewest
                ),
            )
    return task


def _sizes(recipes: int, test: int | None, what: str) -> tuple[int, int]:
    """How many recipes go to test and to validation; the rest is for training."""
    for_test = max(FEWEST["test"], min(MOST_TEST, recipes // 5)) if test is None else test
    if for_test < FEWEST["test"]:
        raise LessonError(
            _("A test on {test} recipes says nothing.").format(test=for_test),
            _("Test on {fewest} or more.").format(fewest=FEWEST["test"]),
        )
    needed = FEWEST["train"] + FEWEST["validation"] + for_test
    if recipes < needed:
        raise LessonError(
            _("Too few rows: without repeats there are {what}.").format(what=what),
            _(
                "Bring at least {needed} recipes (about {lines} lines): {test} to test on, "
                "{validation} to choose a prompt by, {train} to train on."
            ).format(
                needed=needed,
                lines=needed * (FEWEST_LINES + MOST_LINES) // 2,
                test=for_test,
                validation=FEWEST["validation"],
                train=FEWEST["train"],
            ),
        )
    for_validation = max(FEWEST["validation"], min(MOST_VALIDATION, recipes // 8))
    return for_test, min(for_validation, recipes - for_test - FEWEST["train"])


def _of_lines(
    lines: Sequence[OwnLine], rng: random.Random, rows: int | None, test: int | None
) -> Dealt:
    """Compose recipes out of single lines."""
    lines = rng.sample(lines, min(rows or len(lines), len(lines)))
    different = list({likeness_key(line.line): line for line in reversed(lines)}.values())
    rng.shuffle(different)
    recipes = []
    while len(different) >= FEWEST_LINES:
        size = rng.randint(FEWEST_LINES, MOST_LINES)
        taken, different = different[:size], different[size:]
        number = len(recipes) + 1
        recipes.append(_recipe(f"own-{number:04d}", f"My recipe {number}", taken))
    repeats = len(lines) - len({likeness_key(line.line) for line in lines})
    what = _("{lines} lines, enough for {recipes} recipes").format(
        lines=len(lines) - repeats, recipes=len(recipes)
    )
    for_test, for_validation = _sizes(len(recipes), test, what)
    task = Dealt(
        test=recipes[:for_test],
        validation=recipes[for_test : for_test + for_validation],
        train=recipes[for_test + for_validation :],
    )
    if repeats:
        task.left_out.append(
            _("{count} lines that repeat another but for numbers or order").format(count=repeats)
        )
    return task


def _of_recipes(
    lines: Sequence[OwnLine], rng: random.Random, rows: int | None, test: int | None
) -> Dealt:
    """Split whole recipes; parts of one recipe stay together."""
    by_name: dict[str, list[OwnLine]] = {}
    for line in lines:
        by_name.setdefault(line.recipe, []).append(line)
    names = rng.sample(sorted(by_name), len(by_name))
    whole = [_recipe(name, name, by_name[name]) for name in names]
    kept = without_near_duplicates(whole)
    repeats = len(whole) - len(kept)
    if rows:
        sums = accumulate(len(recipe.lines) for recipe in kept)
        kept = [recipe for recipe, so_far in zip(kept, sums, strict=True) if so_far <= rows]
    what = _("{recipes} recipes").format(recipes=len(kept))
    for_test, for_validation = _sizes(len(kept), test, what)
    cut = for_test + for_validation
    task = Dealt(test=kept[:for_test], validation=kept[for_test:cut], train=kept[cut:])
    if repeats:
        task.left_out.append(_("{count} recipes that nearly repeat another").format(count=repeats))
    _keep_lines_in_one_split(task, by_name)
    number = 0
    for split, recipes in task.splits().items():
        parts = []
        for recipe in recipes:
            number += 1
            parts += _parts(recipe, by_name[recipe.id], f"own-{number:04d}")
        setattr(task, split, parts)
    return task


def _recipe(name: str, title: str, lines: Sequence[OwnLine]) -> Recipe:
    names = tuple(line.name for line in lines)
    ingredients = tuple(dict.fromkeys(names))
    return Recipe(name, title, tuple(line.line for line in lines), names, ingredients)


def _parts(recipe: Recipe, lines: Sequence[OwnLine], name: str) -> Iterable[Recipe]:
    """The recipe in parts of nearly equal size, none longer than ``MOST_LINES``."""
    count = -(-len(lines) // MOST_LINES)
    for part in range(count):
        start, end = (len(lines) * step // count for step in (part, part + 1))
        if count == 1:
            yield _recipe(name, recipe.title, lines)
        else:
            title = f"{recipe.title} ({part + 1} of {count})"
            yield _recipe(f"{name}-{part + 1}", title, lines[start:end])


def _keep_lines_in_one_split(task: Dealt, by_name: dict[str, list[OwnLine]]) -> None:
    """Take lines that a later split asks about out of the earlier ones: test, then validation."""
    asked: set[frozenset[str]] = set()
    dropped = 0
    for split in ("test", "validation", "train"):
        kept_recipes = []
        for recipe in getattr(task, split):
            lines = by_name[recipe.id]
            by_name[recipe.id] = [one for one in lines if likeness_key(one.line) not in asked]
            dropped += len(lines) - len(by_name[recipe.id])
            if by_name[recipe.id]:
                kept_recipes.append(recipe)
        asked |= {likeness_key(line) for recipe in kept_recipes for line in recipe.lines}
        setattr(task, split, kept_recipes)
    if dropped:
        task.left_out.append(
            _("{count} lines of training or validation that a held-out recipe asks about").format(
                count=dropped
            )
        )


def _without_leaks(task: Dealt) -> Dealt:
    """Drop training (then validation) recipes that nearly repeat one of another split."""
    split_of = {recipe.id: split for split, recipes in task.splits().items() for recipe in recipes}
    order = ("train", "validation", "test")
    leaked = set()
    for one, other, _likeness in near_duplicates(r for rs in task.splits().values() for r in rs):
        if split_of[one.id] != split_of[other.id]:
            leaked.add(min((one.id, other.id), key=lambda name: order.index(split_of[name])))
    if not leaked:
        return task
    clean = {
        split: [recipe for recipe in recipes if recipe.id not in leaked]
        for split, recipes in task.splits().items()
    }
    note = _("{count} recipes that nearly repeat one of another split").format(count=len(leaked))
    return replace(task, **clean, left_out=[*task.left_out, note])
