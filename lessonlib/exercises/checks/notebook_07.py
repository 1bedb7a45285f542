"""Exercises of notebook 07: Azure's deployments, their names and their meter."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lessonlib.common.facts import limits
from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise


@exercise(
    "07-1",
    title=_("Predict the bill"),
    difficulty=1,
    minutes=4,
    learned=_("The meter counts hours, not questions. List what is deployed before you go home."),
)
def predicted_bill(predicted, per_hour):
    """predicted: dollars after 21 days, by name; per_hour: the price of an hour."""
    if not isinstance(predicted, dict):
        yield _("Write a dictionary with three names, ada, ben and cora, and dollars for each.")
        return
    rule = limits("azure")["deployment"]
    right = {"ada": 2, "ben": 24 * rule["idle_days"], "cora": 0}
    for name, hours in right.items():
        if name not in predicted:
            yield _("Nothing is said of {name}.").format(name=name)
            continue
        given = answers.number(predicted[name], name)
        if math.isclose(given, hours * per_hour, rel_tol=1e-3, abs_tol=1e-9):
            continue
        if hours and math.isclose(given, hours, rel_tol=1e-3):
            yield _("{name}: that is the number of hours. What do they cost?").format(name=name)
        elif name == "ben" and math.isclose(given, 24 * 21 * per_hour, rel_tol=1e-3):
            yield _("ben: that would be all 21 days. Something ends his deployment earlier.")
        elif name == "ben" and given == 0:
            yield _("ben: nobody asked his model, and still it is not free.")
        elif name == "cora":
            yield _("cora: the developer tier has no hourly fee.")
        else:
            yield _("{name}: that would be {hours:.1f} hours. When did the meter stop?").format(
                name=name, hours=given / per_hour)


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
    learned=_("A model may have no deployment at all. You always ask a deployment, never a model."),
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


@exercise(
    "07-3",
    title=_("Deploy one yourself"),
    difficulty=2,
    minutes=6,
    learned=_("The request names the model; its address names the deployment. Only the second is"
              " asked later."),
)
def deployment_body(order, model):
    """order: the body that deploys ``model`` in the developer tier."""
    if not isinstance(order, dict):
        yield _("The body is a dictionary with the keys sku and properties, as in section 5.")
        return
    sku, properties = (order.get(name) for name in ("sku", "properties"))
    if not isinstance(sku, dict) or not isinstance(properties, dict):
        yield _("The body has two parts, sku and properties; each is a dictionary.")
        return
    asked = properties.get("model")
    if not isinstance(asked, dict):
        yield _("properties holds a dictionary called model.")
        return
    if str(sku.get("name", "")).lower() != "developertier":
        yield _("sku: the developer tier is called developertier; yours says {name!r}.").format(
            name=sku.get("name"))
    if sku.get("capacity") != 50:
        yield _("sku: its usual capacity is 50, as a number.")
    if asked.get("name") != model:
        yield _("model: its name should be that of the first checkpoint, {model}.").format(
            model=model)
    if asked.get("format") != "OpenAI" or str(asked.get("version")) != "1":
        yield _("model: the format is OpenAI, and a tuned model has the version \"1\".")
