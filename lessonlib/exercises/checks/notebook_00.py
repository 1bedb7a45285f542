"""Exercises of notebook 00, start here."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.measure.evaluation import Result
from lessonlib.tasks.recipes import Recipe


@exercise(
    "00-1",
    title=_("Guess, then tune"),
    difficulty=1,
    minutes=5,
    learned=_("A guess on paper shows you what a result has taught you. Fewer examples also meant"
              " fewer training steps here; notebook 05 takes the two apart."),
)
def guess_then_tune(guess, fifty, after):
    """guess: a micro-F1. fifty: the Result of tuning on 50 examples; after: that of 400."""
    guess = answers.number(guess, "guess")
    if not 0 <= guess <= 1:
        yield _("A micro-F1 lies between 0 and 1, so guess a number in that range.")
    if not isinstance(fifty, Result):
        yield _("fifty should be what evaluate returns; it is {kind}.").format(
            kind=answers.python_kind(fifty))
        return
    if [row.id for row in fifty.rows] != [row.id for row in after.rows]:
        yield _("fifty was measured on other recipes than after. Use test for both.")
    if fifty.model == after.model:
        yield _("This is the model that was tuned on all the examples. Tune another one, under a"
                " name of its own.")
    elif _f1(fifty) >= _f1(after):
        yield _("This scores as high as the model that was tuned on all the examples. Were there"
                " only 50 rows in its training: rows[:50]?")
    elif fifty.model == "pantry":
        yield _("This is the untuned model. Ask the one that you have just tuned: few.name.")


def _f1(result: Result) -> float:
    return result.metrics()["micro_f1"].value


def _recipe(id: str, title: str, *lines: str) -> Recipe:
    return Recipe(id, title, lines, lines, lines)


@exercise(
    "00-2",
    title=_("Is the test held out?"),
    difficulty=2,
    minutes=5,
    learned=_("A test recipe that was trained on would measure memory, not skill."),
)
def seen_before(function):
    """function(examples, training): the recipes among examples whose lines training holds."""
    training = [
        _recipe("train-1", "Soup", "2 leeks", "1 tsp. salt"),
        _recipe("train-2", "Rice", "1 c. rice", "1 tsp. salt"),
    ]
    new = _recipe("test-1", "Soup", "3 carrots", "1 tsp. salt")
    copied = _recipe("test-2", "Winter Soup", "2 leeks", "1 tsp. salt")
    cases = (((new, copied), (copied,)), ((new,), ()), ((copied,), (copied,)))
    for examples, right in cases:
        found = answers.items(
            answers.call(function, list(examples), list(training)), _("What your function returns")
        )
        if any(not isinstance(one, Recipe) for one in found):
            yield _("The list should hold whole recipes, as they stand in examples.")
            return
        if copied in right and copied not in found:
            yield _("A recipe with the very lines of a training recipe was not found. Its id and"
                    " its title are new; that must not hide it.")
        if new in found:
            yield _("A recipe was called seen that shares a title and one line with the training"
                    " recipes, but not all of its lines.")
        if any(one in training for one in found):
            yield _("The list holds training recipes. Which of the examples are the same?")
        if any(found.count(one) > 1 for one in found):
            yield _("A recipe is in the list twice.")
        if found != list(right):
            return
