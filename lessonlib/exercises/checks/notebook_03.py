"""Exercises of notebook 03: whether to tune."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lessonlib.common.i18n import _
from lessonlib.costs.scenario import Scenario
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: The four ways, with the tokens of the notebook's record, rounded: prompt and answer.
TOKENS = {"tuned": (100, 23), "glossary": (1436, 23), "few-shot": (655, 23)}
CACHED = {"glossary": 1336}
REQUESTS = 20_000


def cheapest_first() -> list[str]:
    """The four ways by what a request costs at the prices of the list."""
    scenario = Scenario(TOKENS, 1, tuned_model="Llama-3.1-8B", cached=CACHED, requests=REQUESTS)
    rented = Scenario(TOKENS, 1, hosting="rented-processor", requests=REQUESTS)
    costs = {name: scenario.per_request(name) for name in TOKENS}
    costs["rented"] = rented.per_request("tuned")
    return sorted(costs, key=costs.get)


#: What to think of where two neighbours stand the wrong way round: cheaper, more expensive.
WRONG_WAY = {
    ("tuned", "glossary"): _("The tuned model has a short prompt, and a smaller model answers it."),
    ("glossary", "few-shot"): _("A cached token costs a tenth, and the shorter prompt is too short"
                                " to be cached."),
    ("few-shot", "rented"): _("The machine costs the same with one request in two minutes as with"
                              " a hundred."),
}


@exercise(
    "03-1",
    title=_("Guess what it costs"),
    difficulty=2,
    minutes=4,
    learned=_("The length of a prompt doesn't decide alone: a cache, a smaller model or an empty"
              " hour count for more."),
)
def order_of_costs(order):
    """order: the names of four ways, the cheapest first."""
    right = cheapest_first()
    if isinstance(order, str) or not isinstance(order, Sequence):
        raise answers.NotYet(_("order should be a list of four names; it is {kind}.").format(
            kind=answers.python_kind(order)))
    if sorted(map(str, order)) != sorted(right):
        yield _("Use each of these names once: {names}.").format(names=", ".join(sorted(right)))
        return
    places = {name: place for place, name in enumerate(order)}
    for cheaper, other in zip(right, right[1:], strict=False):
        if places[cheaper] > places[other]:
            yield _("{cheaper!r} costs less than {other!r}. {why}").format(
                cheaper=cheaper, other=other, why=WRONG_WAY.get((cheaper, other), "")).strip()


#: What may be written for each decision.
WORDS = ("prompt", "retrieve", "tune", "tune and retrieve", "nothing yet")
#: What we would do once the one fact has changed, by case.
OURS = {
    "contracts": "prompt",
    "catalogue": "prompt",
    "newsletter": "tune",
    "codes": "retrieve",
    "help": "tune",
    "mails": "prompt",
}
#: What to think of again, by case.
THINK = {
    "contracts": _("is there anything left to search?"),
    "catalogue": _("what did the bill depend on, and who would pay for training now?"),
    "newsletter": _("was a prompt good enough? Are the examples there, and is it needed often?"),
    "codes": _("what changes now, and what was measured?"),
    "help": _("what is left to get right, and does it change?"),
    "mails": _("what was measured, and what is needed?"),
}


@exercise(
    "03-2",
    title=_("One fact changed"),
    difficulty=2,
    minutes=7,
    learned=_("A decision is as good as its facts: write them down with it, and look again when"
              " one of them changes."),
)
def changed_cases(decisions):
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


#: hosting a month, a prompted request, a tuned one, and the number of requests that pay.
HOSTINGS = (
    (1000, 0.5, 0.25, 4000),
    (1001, 0.5, 0.25, 4004),
    (1, 0.75, 0.375, 3),  # 2.67 requests: two are not enough
    (1000, 0.25, 0.25, math.inf),
    (1000, 0.25, 0.5, math.inf),
)


@exercise(
    "03-3",
    title=_("How many requests pay for the hosting?"),
    difficulty=2,
    minutes=5,
    learned=_("Hosting by the hour needs many requests; with fewer, the long prompt is cheaper."),
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
            yield _("{case}: you can't send part of a request. Round.").format(case=case)
            return
        if given < right:
            yield _("{case}: after that many, the hosting is not paid yet.").format(case=case)
            return
        if given > right:
            yield _("{case}: fewer are enough.").format(case=case)
            return
