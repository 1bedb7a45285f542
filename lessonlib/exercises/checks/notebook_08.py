"""Exercises of notebook 08, tuning open models."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise


@exercise(
    "08-1",
    title=_("The same step on less memory"),
    difficulty=1,
    minutes=4,
    learned=_("This number is called gradient_accumulation_steps. It costs time and no quality."),
)
def batches_to_add_up(function):
    """function(step, fits, gpus): step / (fits * gpus), rounded up."""
    cases = ((16, 4, 1, 4), (16, 4, 2, 2), (64, 2, 8, 4), (16, 16, 1, 1), (16, 32, 1, 1),
             (10, 4, 1, 3), (16, 5, 2, 2))  # fmt: skip
    for step, fits, gpus, right in cases:
        found = answers.number(answers.call(function, step, fits, gpus), _("The result"))
        if found == right:
            continue
        shown = _("{step} rows in a step, {fits} fit, {gpus} GPUs: ").format(
            step=step, fits=fits, gpus=gpus)
        if gpus > 1 and found == -(-step // fits):
            yield shown + _("that is for one GPU alone. The others take their part, too.")
        elif found < 1:
            yield shown + _("at least one batch is learned from.")
        elif found == step // (fits * gpus) or found != int(found):
            yield shown + _("a rest of rows wants a batch of its own: round up.")
        else:
            yield shown + _("that is not the number. How many rows are read at once?")
        return


@exercise(
    "08-2",
    title=_("Which card holds it?"),
    difficulty=1,
    minutes=4,
    learned=_("Weights alone are the least. Training needs more: the plan above counts the rest."),
)
def cards_that_hold(function):
    """function(parameters, bits, cards): names of the cards with memory for the weights."""
    cards = {"large": 24e9, "T4": 15.8e9, "small": 8e9}
    cases = (
        (7_000_000_000, 16, cards, ["large", "T4"]),
        (7_000_000_000, 4, cards, ["large", "T4", "small"]),
        (7_000_000_000, 32, cards, []),
        (1_000, 8, {"exact": 1_000, "short": 999}, ["exact"]),
    )
    for parameters, bits, given, right in cases:
        result = answers.call(function, parameters, bits, dict(given))
        found = answers.items(result, _("What your function returns"))
        if found == right:
            continue
        shown = _("{parameters:,} weights of {bits} bits: ").format(
            parameters=parameters, bits=bits)
        if sorted(map(str, found)) == sorted(right):
            yield shown + _("the right cards, in another order than they were given in.")
        elif "short" in found or set(found) > set(right):
            yield shown + _("a card is in the list that cannot hold the weights.")
        elif "exact" in right and "exact" not in found:
            yield shown + _("a card whose memory is just enough is enough.")
        else:
            yield shown + _("a card that can hold the weights is missing. How many bytes are so"
                            " many bits?")
        return


@exercise(
    "08-3",
    title=_("The same answer?"),
    difficulty=2,
    minutes=7,
    learned=_("SQL promises no order without ORDER BY, so a fair score must not ask for one."),
)
def same_answer(function):
    """function(rows, wanted, ordered): whether two lists of rows are the same answer."""
    one, two, none = (1, "a"), (2, "b"), (None, "c")
    cases = (
        ([one, two], [one, two], True, True, _("equal lists")),
        ([two, one], [one, two], True, False, _("another order where the order counts")),
        ([two, one], [one, two], False, True, _("another order where it does not count")),
        ([one], [one, two], False, False, _("a row that is missing")),
        ([one, one], [one], False, False, _("a row that occurs twice, wanted once")),
        ([none, one], [one, none], False, True, _("a missing value beside a number")),
        ([], [], False, True, _("no rows at all")),
    )
    for rows, wanted, ordered, right, what in cases:
        found = answers.call(function, list(rows), list(wanted), ordered)
        if not isinstance(found, bool):
            yield _("Return True or False.")
            return
        if found != right:
            said = _("the same") if found else _("not the same")
            yield _("{what}: your function says {said}.").format(what=what, said=said)
