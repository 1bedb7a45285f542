"""Exercises of notebook 10: choose a route, read curves, count a year."""

from __future__ import annotations

import math
from collections.abc import Mapping

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


#: What may be said of a curve, and what is right for each.
WORDS = ("stop earlier", "train longer", "looks fine")
CURVES = {"A": "train longer", "B": "stop earlier", "C": "looks fine"}
#: What to look at, by the curve and what was said of it.
LOOK = {
    ("A", "stop earlier"): _("the validation loss has not turned"),
    ("A", "looks fine"): _("the validation loss is still falling at the end"),
    ("B", "train longer"): _("the validation loss is lowest early on"),
    ("B", "looks fine"): _("where is the validation loss lowest, and where does it end?"),
    ("C", "stop earlier"): _("the validation loss is lowest at the end"),
    ("C", "train longer"): _("the training loss has hardly anything left to fall"),
}


@exercise(
    "10-2",
    title=_("Read three curves"),
    difficulty=2,
    minutes=5,
    learned=_("A learns too slowly, B overfits. And C is the training on the bad source of section"
              " 8: its curve looks fine, and only a score on right labels shows what it has"
              " learned."),
)
def read_curves(verdicts):
    """verdicts: a dictionary from the letter of a curve to one of three verdicts."""
    if not isinstance(verdicts, Mapping):
        raise answers.NotYet(_("verdicts should be a dictionary; it is {kind}.").format(
            kind=answers.python_kind(verdicts)))
    for letter, right in CURVES.items():
        given = " ".join(str(verdicts.get(letter, "")).lower().split())
        if letter not in verdicts:
            yield _("Curve {letter} is missing.").format(letter=letter)
        elif given not in WORDS:
            yield _("{letter}: {given!r} is none of: {words}.").format(
                letter=letter, given=given, words=", ".join(WORDS))
        elif given != right:
            yield _("{letter}: look again: {look}.").format(
                letter=letter, look=LOOK[letter, given].rstrip("?"))


#: training, trainings, hosting, requests, per_1000.
YEARS = ((10.0, 1, 0.0, 0, 5.0), (10.0, 4, 0.0, 100_000, 2.0), (0.0, 1, 1.7, 1_000, 1.0),
         (3.0, 2, 1.7, 500, 0.4))


@exercise(
    "10-3",
    title=_("The first year"),
    difficulty=2,
    minutes=5,
    learned=_("With few requests, the hours of hosting outweigh everything else."),
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
