"""Exercises of notebook 06, a job at a training service."""

from __future__ import annotations

import math

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.services.job_results import Step


def _steps(*losses: float | None) -> list[Step]:
    """Steps with these validation losses; the training loss always falls."""
    return [
        Step(number, len(losses), 2.0 - number / 10, 0.5, loss, None if loss is None else 0.5)
        for number, loss in enumerate(losses, start=1)
    ]


#: Steps, and the number of the right one.
RUNS = (
    (_steps(None, 1.5, None, 1.0, None, 1.25), 4),
    (_steps(None, None, 0.5, None, None, 0.75), 3),
    (_steps(1.5, None, 1.25, 1.0), 4),
    (_steps(None, 0.0, 0.25, 0.5), 2),
)


@exercise(
    "06-1",
    title=_("Where was it best?"),
    difficulty=1,
    minutes=5,
    learned=_("The validation loss tells where to stop. The training loss falls to the end."),
)
def best_step(function):
    """function(steps): the number of the step with the lowest validation loss."""
    for steps, right in RUNS:
        found = answers.call(function, list(steps))
        if isinstance(found, Step):
            yield _("Your function returns the whole step. We want its number, one.step.")
            return
        found = answers.number(found, _("What your function returns"))
        if found == right:
            continue
        losses = [one.valid_loss for one in steps]
        known = [loss for loss in losses if loss is not None]
        if found in known:
            yield _("That is the lowest loss. We want the number of the step that has it.")
        elif found == losses.index(min(known)):
            yield _("That is its place in the list, which begins with 0. Steps begin with 1, and"
                    " know their number: one.step.")
        elif found == losses.index(max(known)) + 1:
            yield _("That step has the highest loss.")
        elif found == len(steps):
            yield _("That is the last step. There, the training loss is lowest.")
        else:
            yield _("For validation losses {losses} it should be step {right}.").format(
                losses=losses, right=right)
        return


@exercise(
    "06-2",
    title=_("The bill for this job"),
    difficulty=1,
    minutes=3,
    learned=_("A job reports what is billed: the tokens of all epochs."),
)
def bill(dollars, tokens, price):
    """dollars: of the job. tokens: trained, as the job reports. price: for a million tokens."""
    dollars = answers.number(dollars, "dollars")
    if answers.number(tokens, "tokens") <= 0 or answers.number(price, "price") <= 0:
        yield _("Keep the tokens and the price as the cell above gives them.")
        return
    right = tokens * price / 1_000_000
    if math.isclose(dollars, right, rel_tol=0.01):
        return
    if math.isclose(dollars, tokens * price, rel_tol=0.01):
        yield _("The price is for a million tokens, not for one.")
    elif math.isclose(dollars, 1000 * right, rel_tol=0.01):
        yield _("A million has six zeros.")
    elif any(math.isclose(dollars, epochs * right, rel_tol=0.01) for epochs in range(2, 51)):
        yield _("The epochs are in the job's tokens already: do not count them again.")
    elif any(math.isclose(dollars, right / epochs, rel_tol=0.01) for epochs in range(2, 51)):
        yield _("That is the price of one epoch. The job reports, and bills, all of them.")
    else:
        yield _("That is not it. Two numbers are needed: the tokens, and the price of one token.")


#: Code of an error -> what to do.
WAYS = {
    "invalid_training_file": "mend",
    "invalid_n_examples": "mend",
    "rate_limit_exceeded": "wait",
    "training_not_available": "elsewhere",
    "server_error": "read",
    "model_not_available": "read",
}


@exercise(
    "06-3",
    title=_("What now?"),
    difficulty=2,
    minutes=5,
    learned=_("The code of an error says who has to act: you, the clock, or another service."),
)
def what_now(function):
    """function(code): mend, wait, elsewhere or read."""
    words = sorted(set(WAYS.values()))
    for code, right in WAYS.items():
        found = answers.call(function, code)
        if found not in words:
            yield _("For {code} your function returns {found!r}. It should be one of: {words}."
                    ).format(code=code, found=found, words=", ".join(words))
            return
        if found == right:
            continue
        if right == "read":
            yield _("{code} is none of the codes that you know. Then read what its message says."
                    ).format(code=code)
        elif code == "training_not_available":
            yield _("At a 403, you may not. Would that change if you did what you return?")
        elif code == "rate_limit_exceeded":
            yield _("A rate limit is over after some seconds. What is to be done until then?")
        else:
            yield _("{code} is about the training file, and the file is yours.").format(code=code)
        return
