"""Exercises of notebook 10: choose a route, keep a checkpoint, count a year."""

from __future__ import annotations

import math

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: routes, needed, and the right choice.
CHOICES = (
    ({"prompt": (0.70, 1.0), "RAG": (0.91, 2.0), "tuned": (0.95, 0.5)}, 0.9, "tuned"),
    ({"prompt": (0.92, 1.0), "RAG": (0.95, 2.0), "tuned": (0.97, 3.0)}, 0.9, "prompt"),
    ({"prompt": (0.90, 3.0), "RAG": (0.89, 1.0)}, 0.9, "prompt"),  # exactly enough
    ({"prompt": (0.5, 1.0), "tuned": (0.8, 1.0)}, 0.9, "none"),
)


@exercise(
    "10-1",
    title=_("The cheapest that is good enough"),
    difficulty=2,
    minutes=5,
    learned=_("The lower end decides: a route whose interval holds the bar is not surely enough."),
)
def choose(function):
    """function(routes, needed): name of the cheapest route whose lower end is enough."""
    for routes, needed, right in CHOICES:
        given = answers.call(function, {**routes}, needed)
        if given == right:
            continue
        case = _("With {routes} and {needed} needed").format(routes=routes, needed=needed)
        if right == "none":
            yield _('{case}: none is good enough. Say "none".').format(case=case)
        elif not isinstance(given, str) or given not in (*routes, "none"):
            yield _("{case}: return the name of a route, a text.").format(case=case)
        elif given == "none":
            yield _("{case}: there is one that is good enough. Does 'at least' allow the same"
                    " number?").format(case=case)
        elif routes[given][0] < needed:
            yield _("{case}: {given!r} is not good enough.").format(case=case, given=given)
        else:
            yield _("{case}: {given!r} is good enough, and so is a cheaper one.").format(
                case=case, given=given)
        return


#: Validation losses and the epoch to keep.
LOSSES = (
    ([1.2, 0.8, 0.6, 0.7, 0.9], 3),
    ([0.9, 0.5, 0.5, 0.6], 2),  # a tie: the earlier one
    ([0.4, 0.5, 0.6], 1),
    ([0.6, 0.5, 0.4], 3),
)


@exercise(
    "10-2",
    title=_("Which epoch do we keep?"),
    difficulty=1,
    minutes=3,
    learned=_("More training is not better training. The validation loss says when to stop."),
)
def epoch_to_keep(function):
    """function(validation_losses): the number of the epoch with the lowest, counted from 1."""
    for losses, right in LOSSES:
        given = answers.number(answers.call(function, list(losses)),
                               _("What your function returns"))
        if given == right:
            continue
        if given == right - 1:
            yield _("For {losses}: epochs are counted from 1.").format(losses=losses)
        elif losses.count(min(losses)) > 1 and losses[int(given) - 1 : int(given)] == [min(losses)]:
            yield _("For {losses}: two epochs share the lowest loss. Which is the earlier one?"
                    ).format(losses=losses)
        elif given == len(losses):
            yield _("For {losses}: that is the last epoch, not the best one.").format(losses=losses)
        else:
            yield _("For {losses}: at that epoch the loss is not the lowest.").format(losses=losses)
        return


#: training, trainings, hosting, requests, per_1000.
YEARS = ((10.0, 1, 0.0, 0, 5.0), (10.0, 4, 0.0, 100_000, 2.0), (0.0, 1, 1.7, 1_000, 1.0),
         (3.0, 2, 1.7, 500, 0.4))


@exercise(
    "10-3",
    title=_("The first year"),
    difficulty=2,
    minutes=5,
    learned=_("With few requests the hours of hosting outweigh all the rest."),
)
def first_year(function):
    """function(training, trainings, hosting, requests, per_1000): dollars of one year."""
    for training, trainings, hosting, requests, per_1000 in YEARS:
        right = training * trainings + hosting * 8760 + requests / 1000 * per_1000
        given = answers.number(
            answers.call(function, training, trainings, hosting, requests, per_1000),
            _("What your function returns"))
        if math.isclose(given, right, rel_tol=1e-6, abs_tol=1e-9):
            continue
        wrong = (
            (training + hosting * 8760 + requests / 1000 * per_1000,
             _("How often is the model trained in a year?")),
            (training * trainings + hosting * 8760 + requests * per_1000,
             _("`per_1000` is the price of a thousand requests.")),
            (training * trainings + hosting + requests / 1000 * per_1000,
             _("Hosting is paid for each hour of the year.")),
            (training * trainings + requests / 1000 * per_1000, _("Hosting is missing.")),
            (hosting * 8760 + requests / 1000 * per_1000, _("The trainings are missing.")),
        )
        for value, sentence in wrong:
            if math.isclose(given, value, rel_tol=1e-6, abs_tol=1e-9):
                yield sentence
                return
        yield _("For {case} that is not the sum of trainings, hours and requests.").format(
            case=(training, trainings, hosting, requests, per_1000))
        return
