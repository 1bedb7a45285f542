"""The checks of notebooks 01 and 02: what they say to right answers and to likely wrong ones."""

from __future__ import annotations

import pytest
from recipe_rows import recipe_row

from lessonlib.exercises import feedback, progress_file
from lessonlib.measure.evaluation import Result
from lessonlib.tasks import prompting, recipes


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "work" / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


def result(hits, split="validation", name="some", tokens=380):
    """A result on recipes of ten names; ``hits`` of them are found in each of forty."""
    rows = [recipe_row(f"{split}-{i:03}", hits, 10, predicted=10, prompt_tokens=tokens)
            for i in range(40)]  # fmt: skip
    return Result(name, "pantry", tuple(rows))


# --- 01-3: a prompt of one's own ---

TRAIN = recipes.load("train")


def good(recipe):
    return prompting.few_shot(recipe, TRAIN[:1], system="List the food.")


@pytest.mark.parametrize(("measured", "hint"), [
    (result(5), ""),
    (result(4), "0.50 is wanted"),
    (result(6, tokens=401), "more than 400"),
    (result(6, split="test"), "not measured on the validation set"),
    (result(6, tokens=None), "more than 400"),
])
def test_a_prompt_has_to_reach_the_score_within_its_tokens(measured, hint):
    text = said("01-3", good, lambda prompt: measured)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")


@pytest.mark.parametrize(("prompt", "hint"), [
    (lambda recipe: "List the food.", "should be a list"),
    (lambda recipe: ["List the food."], "dictionary with a role"),
    (lambda recipe: good(TRAIN[0]), "recipe itself is missing"),
    (lambda recipe: [*good(recipe), {"role": "user", "content": recipes.answer(recipe)}],
     "stands in its own prompt"),
    (lambda recipe: prompting.few_shot(recipe, recipes.load("validation")[7:8]),
     "stands in its own prompt"),
    (lambda recipe: None, "is there a return"),
])
def test_a_prompt_that_is_none_or_knows_the_answer_is_not_measured(prompt, hint):
    """An example from the validation set is the right answer of one recipe."""
    text = said("01-3", prompt, lambda prompt: pytest.fail("it was asked"))
    assert hint in text and text.startswith("[not yet]")


def test_the_blank_prompt_is_not_answered_yet():
    assert said("01-3", lambda recipe: ..., None).startswith("[..]")


# --- 02 ---


@pytest.mark.parametrize(("function", "hint"), [
    (lambda f, n: len(set(f) & set(n)) / len(set(n)) if n else 1, ""),
    (lambda f, n: len(set(f) & set(n)) / len(f) if f else 0, "share of the found ones"),
    (lambda f, n: sum(x in n for x in f) / len(n) if n else 1, "found twice"),
    (lambda f, n: len(set(f) & set(n)) / len(set(n)) if n else 0, "nothing is needed"),
    (lambda f, n: 1.0, "the share is not 1"),
])
def test_recall(function, hint):
    text = said("02-1", function)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")


# --- 02-2: choose k ---

MEASURED = {2: result(4, name="k = 2"), 4: result(7, name="k = 4"), 8: result(7, name="k = 8"),
            16: result(6, name="k = 16")}  # fmt: skip
LAST = result(7, split="test", name="k = 4")


@pytest.mark.parametrize(("k", "measured", "last", "hint"), [
    (4, MEASURED, LAST, ""),
    (2, MEASURED, result(4, split="test", name="k = 2"), "k = 4 is better"),
    (16, MEASURED, result(6, split="test", name="k = 16"), "k = 4 is better"),
    (6, MEASURED, LAST, "not among the values"),
    (4, {4: MEASURED[4], 8: MEASURED[8]}, LAST, "at least four values"),
    (16, {k + 14: one for k, one in MEASURED.items()}, LAST, "one of them below 4"),
    (4, MEASURED | {3: result(5, split="test")}, LAST, "not on the validation set"),
    (4, MEASURED, result(7, name="k = 4"), "on the test set"),
    (4, MEASURED, result(7, split="test", name="k = 8"), "you chose 'k = 4'"),
    (4, [MEASURED[4]], LAST, "should be a dictionary"),
    (4, MEASURED, 0.7, "on the test set"),
])
def test_choose_k(k, measured, last, hint):
    text = said("02-2", k, measured, last)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")


def test_a_smaller_k_that_cannot_be_told_from_the_best_is_a_good_choice():
    """40 recipes, one name in one of them apart: nobody can tell."""
    rows = list(MEASURED[4].rows)
    rows[0] = recipe_row("validation-000", 6, 10, predicted=10, prompt_tokens=380)
    measured = MEASURED | {3: Result("k = 3", "pantry", tuple(rows))}
    assert said("02-2", 3, measured, result(7, split="test", name="k = 3")).startswith("[ok]")
    larger = measured | {5: measured[3]}
    assert "its prompts are shorter" in said("02-2", 5, larger, result(7, "test", "k = 3"))


# --- 02-3: not found ---


def right_mistakes(some, none, threshold):
    return sum(x < threshold for x in some), sum(x >= threshold for x in none)


@pytest.mark.parametrize(("function", "hint"), [
    (right_mistakes, ""),
    (lambda some, none, t: list(right_mistakes(some, none, t)), ""),
    (lambda some, none, t: right_mistakes(some, none, t)[::-1], "wrong way round"),
    (lambda some, none, t: (sum(x <= t for x in some), sum(x > t for x in none)), "not below it"),
    (lambda some, none, t: (sum(x >= t for x in some), sum(x >= t for x in none)),
     "treated rightly"),
    (lambda some, none, t: (9, 9), "are not the mistakes"),
    (lambda some, none, t: (1,), "two numbers are wanted"),
    (lambda some, none, t: 1, "should be a list"),
])
def test_mistakes_of_a_threshold(function, hint):
    text = said("02-3", function)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")
