"""Exercises of notebook 07: Azure's deployments, their names and their meter."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: From Friday 17:00 to Monday 9:00.
WEEKEND_HOURS = 64


@exercise(
    "07-1",
    title=_("A weekend"),
    difficulty=1,
    minutes=3,
    learned=_("The meter does not know weekends. List what is deployed before you go home."),
)
def weekend_cost(weekend, per_hour):
    """weekend: dollars from Friday 17:00 to Monday 9:00; per_hour: the price of an hour."""
    weekend = answers.number(weekend, "weekend")
    hours = weekend / per_hour
    if math.isclose(hours, WEEKEND_HOURS, rel_tol=1e-3):
        return
    if math.isclose(weekend, WEEKEND_HOURS):
        yield _("That is the number of hours. What do they cost?")
    elif math.isclose(hours, 48, rel_tol=1e-3):
        yield _("Saturday and Sunday are right. Friday evening and Monday morning are paid, too.")
    elif math.isclose(hours, 72, rel_tol=1e-3):
        yield _("Those are three whole days. On Friday it began at 17:00, and on Monday it ended"
                " at 9:00.")
    elif math.isclose(hours, 0, abs_tol=1e-9) or hours < 0:
        yield _("Nobody asked the model, and still it is not free.")
    else:
        yield _("That would be {hours:.1f} hours. Count them again, day by day.").format(
            hours=hours)


@dataclass(frozen=True)
class Deployed:
    """What ``resource.deployments()`` has in its list, as far as the exercise needs it."""

    name: str
    model: str
    state: str


TUNED = "pantry.ft-0123456789abcdef0123456789abcdef"
#: model, deployments, and the name to ask.
CASES = (
    (TUNED, [Deployed("recipes", TUNED, "Succeeded")], "recipes"),
    (TUNED, [Deployed("untuned", "pantry", "Succeeded"), Deployed("soup", TUNED, "Succeeded")],
     "soup"),
    (TUNED, [Deployed("early", TUNED, "Creating"), Deployed("late", TUNED, "Succeeded")], "late"),
    (TUNED, [Deployed("broken", TUNED, "Failed")], None),
    (TUNED, [Deployed("untuned", "pantry", "Succeeded")], None),
    ("pantry", [], None),
    # A name may be any word, a model's as well: what counts is which model stands behind it.
    ("pantry", [Deployed("pantry", TUNED, "Succeeded"), Deployed("plain", "pantry", "Succeeded")],
     "plain"),
)


@exercise(
    "07-2",
    title=_("Which name is asked?"),
    difficulty=2,
    minutes=5,
    learned=_("One model can have several deployments, and none. Asked is always a deployment."),
)
def name_to_ask(function):
    """function(model, deployed): the name of a deployment that answers with it, or None."""
    for model, deployed, right in CASES:
        given = _returned(function, model, list(deployed))
        if given == right:
            continue
        if given == model:
            yield _("That is the model's name. Which name has its deployment?")
        elif right is None:
            yield _("Your function returned {given!r}, where no deployment answers with that"
                    " model. Does it look at model and at state?").format(given=given)
        elif given is None:
            yield _("Your function found nothing, where the deployment {right!r} answers with"
                    " that model.").format(right=right)
        else:
            yield _("Your function returned {given!r}; is that one ready, and is it the model that"
                    " was asked for?").format(given=given)
        return


def _returned(function, model: str, deployed: list) -> object:
    """What the function returns; here None is an answer."""
    found = answers.call(lambda: (function(model, deployed),))
    return found[0]


#: per_hour, per_answer, and from how many answers a day on the tokens cost more.
PRICES = (
    (1.0, 0.25, 97),  # even: with 96 both cost the same
    (1.7, 0.0007, 58286),
    (2.0, 100.0, 1),  # a single answer costs more than the day
    (0.5, 0.0625, 193),
    (1.0, 0.7, 35),
)


@exercise(
    "07-3",
    title=_("When hosting is the smaller part"),
    difficulty=2,
    minutes=5,
    learned=_("An hourly price wants many questions. For few of them, pay by the token."),
)
def enough_answers(function):
    """function(per_hour, per_answer): the smallest whole number of answers a day."""
    what = _("What your function returns")
    for per_hour, per_answer, right in PRICES:
        given = answers.number(answers.call(function, per_hour, per_answer), what)
        if given == right:
            continue
        day = 24 * per_hour / per_answer
        if given != int(given):
            yield _("There are no half answers: return a whole number.")
        elif abs(given - right) == 1 and math.isclose(day, round(day), rel_tol=1e-6):
            yield _("With {given:.0f} answers at {per_answer} $ and hosting at {per_hour} $ an"
                    " hour: is hosting really *less*?").format(
                given=given, per_answer=per_answer, per_hour=per_hour)
        elif abs(given - right) <= 1:
            yield _("Nearly. Compare both costs for {given:.0f} answers, and for one more and one"
                    " fewer.").format(given=given)
        elif math.isclose(given, int(per_hour / per_answer) + 1, rel_tol=0.01):
            yield _("That is right for an hour. A day has 24.")
        else:
            yield _("Hosting at {per_hour} $ an hour and answers at {per_answer} $: {given:.0f} a"
                    " day is not the number.").format(
                given=given, per_answer=per_answer, per_hour=per_hour)
        return
