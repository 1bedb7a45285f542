"""Exercises of notebook 02, the second alternative: retrieval."""

from __future__ import annotations

import math

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.measure.evaluation import compare

#: found, needed, recall.
RECALLS = (
    (["salt", "pepper"], ["salt", "pepper"], 1),
    (["salt", "flour", "milk"], ["salt", "pepper"], 0.5),
    (["pepper", "salt", "salt"], ["salt", "pepper", "milk", "flour"], 0.5),
    ([], ["salt"], 0),
    (["salt"], [], 1),
)


@exercise(
    "02-1",
    title=_("Recall of one search"),
    difficulty=1,
    minutes=3,
    learned=_("Recall asks what was missed. What was found beside it costs tokens, not recall."),
)
def recall(function):
    """function(found, needed): lists of texts; gives a share from 0 to 1."""
    what = _("What your function returns")
    for found, needed, right in RECALLS:
        given = answers.number(answers.call(function, list(found), list(needed)), what)
        if math.isclose(given, right, abs_tol=1e-9):
            continue
        case = _("found: {found}; needed: {needed}").format(found=found, needed=needed)
        if not needed:
            yield _("{case}: nothing is needed, so nothing is missed.").format(case=case)
        elif len(found) == len(set(found)) and found and math.isclose(
                given, len(set(found) & set(needed)) / len(found)):
            yield _("{case}: that is the share of the found ones that are needed. We asked for the"
                    " share of the needed ones that are found.").format(case=case)
        elif len(found) > len(set(found)):
            yield _("{case}: found twice is found once.").format(case=case)
        else:
            yield _("{case}: the share is not {given:g}.").format(case=case, given=given)
        return


@exercise(
    "02-2",
    title=_("Choose k"),
    difficulty=2,
    minutes=8,
    learned=_("Settings are chosen on the validation set. The test set was asked once, and so its"
              " score is that of the choice, not of the luckiest of many."),
)
def choose_k(my_k, measured, at_last):
    """my_k: the choice. measured: k -> Result on validation. at_last: a Result on test."""
    if not (isinstance(measured, dict) and all(hasattr(one, "rows") for one in measured.values())):
        yield _("measured should be a dictionary from k to what evaluate gives.")
        return
    if any(not row.id.startswith("validation") for one in measured.values() for row in one.rows):
        yield _("A result in measured is not on the validation set.")
        return
    if len(measured) < 4 or min(measured) >= 4:
        yield _("Measure at least four values of k, one of them below 4.")
        return
    if my_k not in measured:
        yield _("my_k is {k!r}, which is not among the values that you measured.").format(k=my_k)
        return
    scores = {k: one.metrics()["micro_f1"].value for k, one in measured.items()}
    best = max(scores, key=scores.get)
    if best != my_k and compare(measured[best], measured[my_k]).low > 0:
        yield _("k = {best} is better on the validation set: {difference}.").format(
            best=best, difference=compare(measured[best], measured[my_k]))
    elif best != my_k and my_k > best:
        yield _("k = {best} scores higher, and its prompts are shorter.").format(best=best)
    if not hasattr(at_last, "rows") or not all(row.id.startswith("test-") for row in at_last.rows):
        yield _("at_last should be what evaluate gives on the test set.")
    elif at_last.name != measured[my_k].name:
        yield _("at_last is a result of {name!r}, and you chose {chosen!r}.").format(
            name=at_last.name, chosen=measured[my_k].name)


#: Scores with an answer, scores without one, threshold, and the two mistakes.
THRESHOLDS = (
    ([0.3, 0.5, 0.6], [0.2, 0.4], 0.45, (1, 0)),
    ([0.3, 0.5, 0.6], [0.2, 0.4], 0.25, (0, 1)),
    ([0.5, 0.7], [0.5, 0.6, 0.1], 0.5, (0, 2)),  # at the threshold: not below it
    ([0.2, 0.3], [0.9], 0.5, (2, 1)),
    ([], [], 0.5, (0, 0)),
)


@exercise(
    "02-3",
    title=_("Not found"),
    difficulty=1,
    minutes=5,
    learned=_("A threshold trades one mistake for the other. Which one is worse is not for"
              " statistics to say, but for whoever reads the answers."),
)
def mistakes(function):
    """function(with_answer, without, threshold): (refused with an answer, let through without)."""
    what = _("What your function returns")
    for with_answer, without, threshold, right in THRESHOLDS:
        given = answers.items(
            answers.call(function, list(with_answer), list(without), threshold), what)
        case = _("with an answer: {some}; without: {none}; threshold {threshold}").format(
            some=with_answer, none=without, threshold=threshold)
        if len(given) != 2:
            yield _("{case}: two numbers are wanted.").format(case=case)
        elif tuple(given) == right:
            continue
        elif tuple(given) == right[::-1]:
            yield _("{case}: the right two numbers, the wrong way round.").format(case=case)
        elif threshold in [*with_answer, *without]:
            yield _("{case}: a score at the threshold is not below it.").format(case=case)
        elif given[0] == len(with_answer) - right[0] or given[1] == len(without) - right[1]:
            yield _("{case}: that counts what was treated rightly. We asked for the"
                    " mistakes.").format(case=case)
        else:
            yield _("{case}: {given} are not the mistakes.").format(case=case, given=given)
        return
