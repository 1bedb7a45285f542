"""Exercises of notebook 00, start here."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.tasks.recipes import Recipe


@exercise(
    "00-1",
    title=_("What did tuning gain?"),
    difficulty=1,
    minutes=3,
    learned=_("Same recipes, same prompt: the difference is what tuning did."),
)
def gain_of_tuning(gain, before, after):
    """gain: micro-F1 of the Result ``after`` minus that of the Result ``before``."""
    gain = answers.number(gain, "gain")
    scores = [result.metrics()["micro_f1"].value for result in (before, after)]
    right = scores[1] - scores[0]
    if abs(gain - right) < 0.006:  # rounded to two decimals is good enough
        return
    if abs(gain + right) < 0.006:
        yield _("The size is right, but the sign says that tuning made it worse.")
    elif abs(gain - 100 * right) < 0.6:
        yield _("This is in percent. The scoreboard counts from 0 to 1; do so, too.")
    elif any(abs(gain - score) < 0.006 for score in scores):
        yield _("This is one of the two scores. What lies between them?")
    elif not -1 <= gain <= 1:
        yield _("Scores lie between 0 and 1, so no difference can be that large.")
    else:
        yield _("That is not the difference of the two scores. Is it micro-F1 that you took?")


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
