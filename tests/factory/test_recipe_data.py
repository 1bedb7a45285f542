"""The shipped recipes keep the promises that the lesson's numbers rest on."""

import pytest

from lessonlib.tasks.near_duplicates import near_duplicates
from lessonlib.tasks.recipes import SPLITS, TRAINING_DATE, house_names, load, load_glossary

SIZES = {"train": 800, "validation": 100, "test": 200, "test_new_names": 100, "field": 80}


@pytest.fixture(scope="module")
def splits():
    return {split: load(split) for split in SPLITS}


def test_the_splits_have_their_sizes(splits):
    assert {split: len(recipes) for split, recipes in splits.items()} == SIZES


def test_no_id_occurs_twice(splits):
    ids = [recipe.id for recipes in splits.values() for recipe in recipes]
    assert len(set(ids)) == len(ids) == sum(SIZES.values())


def test_no_recipe_stands_in_two_splits_not_even_nearly(splits):
    """A recipe that training has shown would be remembered, not read: a leak."""
    split_of = {recipe.id: split for split, recipes in splits.items() for recipe in recipes}
    everything = [recipe for recipes in splits.values() for recipe in recipes]
    leaks = [
        (one.id, other.id, round(likeness, 2))
        for one, other, likeness in near_duplicates(everything)
        if split_of[one.id] != split_of[other.id]
    ]
    assert leaks == []


def test_no_title_with_its_lines_stands_in_two_splits(splits):
    owner: dict[tuple, str] = {}
    for split, recipes in splits.items():
        for recipe in recipes:
            key = (recipe.title.casefold(), *(line.casefold() for line in recipe.lines))
            assert owner.setdefault(key, split) == split, recipe.id


def test_the_answers_follow_the_glossary_of_their_day(splits):
    """Labels of test_new_names know the whole glossary, all others what was known in training."""
    then, now = load_glossary(until=TRAINING_DATE), load_glossary()
    for split, recipes in splits.items():
        entries = now if split == "test_new_names" else then
        for recipe in recipes:
            assert recipe.ingredients == house_names(recipe.names, entries), recipe.id


def test_names_are_clean(splits):
    for recipes in splits.values():
        for recipe in recipes:
            for name in recipe.names:
                assert name == " ".join(name.lower().split()), (recipe.id, name)


def test_names_added_later_occur_only_where_they_are_measured(splits):
    later = {entry.written for entry in load_glossary()}
    later -= {entry.written for entry in load_glossary(until=TRAINING_DATE)}
    for split, recipes in splits.items():
        for recipe in recipes:
            holds_one = bool(later & set(recipe.names))
            assert holds_one == (split == "test_new_names"), (recipe.id, recipe.names)
