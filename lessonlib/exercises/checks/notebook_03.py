"""Exercises of notebook 03: whether to tune."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lessonlib.common.i18n import _
from lessonlib.costs import price_list
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

MODEL = "gpt-4.1-mini"


@exercise(
    "03-1",
    title=_("The price of a tuned token"),
    difficulty=1,
    minutes=2,
    learned=_("By cost alone, tuning has to make the prompt shorter by more than that factor."),
)
def price_of_a_tuned_token(times):
    """times: price of a tuned prompt token over that of an untuned one."""
    times = answers.number(times, "times")
    tuned, plain = price_list.price(MODEL, tuned=True), price_list.price(MODEL)
    right = tuned.input / plain.input
    if math.isclose(times, right, rel_tol=0.01):
        return
    if math.isclose(times, 1 / right, rel_tol=0.01):
        yield _("That is how many times the untuned one costs of the tuned one: upside down.")
    elif math.isclose(times, tuned.input - plain.input, rel_tol=0.01):
        yield _("That is the difference in dollars. We asked how many *times* as much.")
    elif math.isclose(times, tuned.training / plain.input, rel_tol=0.01):
        yield _("That takes the price of training. We asked about tokens of prompts.")
    elif math.isclose(times, tuned.input / price_list.price("gpt-4o").input, rel_tol=0.01):
        yield _("The two prices are of different models.")
    else:
        yield _("That is not it. Two prices of {model} are needed: of prompt tokens, tuned and as"
                " it comes.").format(model=MODEL)


#: hosting a month, a prompted request, a tuned one, and the number of requests that pay.
HOSTINGS = (
    (1000, 0.5, 0.25, 4000),
    (1001, 0.5, 0.25, 4004),
    (1, 0.75, 0.375, 3),  # 2.67 requests: two are not enough
    (1000, 0.25, 0.25, math.inf),
    (1000, 0.25, 0.5, math.inf),
)


@exercise(
    "03-2",
    title=_("How many requests pay for the hosting?"),
    difficulty=2,
    minutes=5,
    learned=_("Hosting by the hour needs many requests; below that number, the long prompt is"
              " cheaper."),
)
def requests_that_pay_hosting(function):
    """function(hosting, prompted, tuned): dollars; gives a number of requests, or inf."""
    for hosting, prompted, tuned, right in HOSTINGS:
        given = answers.call(function, hosting, prompted, tuned)
        case = _("With {hosting} $ for hosting, {prompted} $ for a request with the long prompt"
                 " and {tuned} $ with the tuned model").format(
            hosting=hosting, prompted=prompted, tuned=tuned)
        if right == math.inf:
            if given != math.inf:
                yield _("{case}: a request saves nothing, so no number of them pays.").format(
                    case=case)
                return
            continue
        if given == math.inf:
            yield _("{case}: a request does save something.").format(case=case)
            return
        given = answers.number(given, _("What your function returns"))
        if given != int(given):
            yield _("{case}: part of a request cannot be sent. Round.").format(case=case)
            return
        if given < right:
            yield _("{case}: after that many, the hosting is not paid yet.").format(case=case)
            return
        if given > right:
            yield _("{case}: fewer are enough.").format(case=case)
            return


#: What may be written for each decision.
WORDS = ("prompt", "retrieve", "tune", "tune and retrieve", "nothing yet")
#: What we would do, by case; data/decisions/cases.toml says why.
OURS = {
    "contracts": "retrieve",
    "catalogue": "tune",
    "newsletter": "prompt",
    "codes": "tune",
    "help": "tune and retrieve",
    "mails": "nothing yet",
}
#: What to think of again, by case.
THINK = {
    "contracts": _("what has to be quoted, and how often does it change?"),
    "catalogue": _("what is it that hurts, and how many requests are there?"),
    "newsletter": _("how many requests are there?"),
    "codes": _("what was measured, and what is needed?"),
    "help": _("there are two things to get right; which of them changes daily?"),
    "mails": _("can these examples teach anything, and what is the baseline?"),
}


@exercise(
    "03-3",
    title=_("Six decisions"),
    difficulty=2,
    minutes=6,
    learned=_("Look up what changes, tune for what stays and is needed often, measure first."),
)
def six_decisions(decisions):
    """decisions: a dictionary from the id of a case to what is to be done."""
    if not isinstance(decisions, Mapping):
        raise answers.NotYet(_("decisions should be a dictionary; it is {kind}.").format(
            kind=answers.python_kind(decisions)))
    for id, ours in OURS.items():
        if id not in decisions:
            yield _("The case {id!r} is missing.").format(id=id)
            continue
        given = " ".join(str(decisions[id]).lower().split())
        if given not in WORDS:
            yield _("{id}: {given!r} is none of the words that we agreed on: {words}.").format(
                id=id, given=given, words=", ".join(WORDS))
        elif given != ours:
            yield _("{id}: think again: {what}").format(id=id, what=THINK[id])
    unknown = [str(id) for id in decisions if id not in OURS]
    if unknown:
        yield _("There is no case {id!r}.").format(id=unknown[0])
