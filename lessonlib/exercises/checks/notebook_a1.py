"""Exercises of appendix A1, how the built-in model was made."""

from __future__ import annotations

import math

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise


@exercise(
    "A1-2",
    title=_("How long is the full training?"),
    difficulty=1,
    minutes=3,
    learned=_("Time grows with the tokens. So does the bill, where computers are rented."),
)
def hours_of_training(hours, all_tokens, tokens, seconds):
    """hours: for all_tokens, where tokens took so many seconds."""
    hours = answers.number(hours, "hours")
    right = all_tokens / tokens * seconds / 3600
    if math.isclose(hours, right, rel_tol=0.02):
        return
    if math.isclose(hours, right * 3600, rel_tol=0.02):
        yield _("Those are seconds.")
    elif math.isclose(hours, right * 60, rel_tol=0.02):
        yield _("Those are minutes.")
    elif math.isclose(hours, seconds / 3600, rel_tol=0.02):
        yield _("That is how long our own run took. The full one had more tokens.")
    elif hours <= 0:
        yield _("It takes some time: hours should be above zero.")
    else:
        yield _("That is not it. How many times our run is the full training?")


@exercise(
    "A1-1",
    title=_("The loss of a model that knows nothing"),
    difficulty=2,
    minutes=3,
    learned=_("A training that starts far above this has a mistake somewhere."),
)
def first_loss(function):
    """function(vocabulary): the loss of equal probabilities, in nats."""
    for vocabulary in (1000, 50_000, 1):
        given = answers.number(
            answers.call(function, vocabulary), _("What your function returns")
        )
        case = _("With {count:,} tokens").format(count=vocabulary)
        right = math.log(vocabulary)
        if math.isclose(given, right, rel_tol=1e-6, abs_tol=1e-9):
            continue
        if math.isclose(given, -right, rel_tol=1e-6):
            yield _("{case}: a loss is not negative. Look at the sign.").format(case=case)
        elif math.isclose(given, 1 / vocabulary, rel_tol=1e-6):
            yield _("{case}: that is the probability of each token, not the loss.").format(
                case=case
            )
        elif any(math.isclose(given, log(vocabulary), rel_tol=1e-6)
                 for log in (math.log2, math.log10)):
            yield _("{case}: this is a logarithm, but not the natural one.").format(case=case)
        else:
            yield _("{case}: {value:.4g} is not it.").format(case=case, value=given)
        return


TEXTS = ("Today: 1 c. flour,  sifted\nand then 2 EGGS", "graham crackers and milk")


@exercise(
    "A1-3",
    title=_("Find contamination"),
    difficulty=3,
    minutes=8,
    learned=_("Do this with your own test set before you believe a score on it."),
)
def contaminated(function):
    """function(examples, texts): the examples that stand word for word in a text."""
    cases = (
        (["2 eggs", "3 eggs"], ["2 eggs"], _("an example in other capitals")),
        (["flour, sifted and then", "sifted flour"], ["flour, sifted and then"],
         _("an example with a line end and two spaces between its words")),
        (["ham", "milk"], ["milk"], _("an example that is only a part of a word")),
        (["butter"], [], _("an example that is in no text")),
    )
    what = _("What your function returns")
    for examples, right, case in cases:
        found = answers.items(answers.call(function, list(examples), list(TEXTS)), what)
        if any(one not in examples for one in found):
            yield _("The list should hold examples, as they were given.")
        elif any(one not in found for one in right):
            yield _("It was not found: {case}.").format(case=case)
        elif any(one not in right for one in found):
            yield _("Something was found that is not there. We tried {case}.").format(case=case)
        elif len(found) != len(right):
            yield _("An example is in the list twice.")
        else:
            continue
        return
