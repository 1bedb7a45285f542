"""What the answers to the guide's questions speak for. The rules are few, and each one says why.

Two hold throughout: a route that is not known to reach the bar is never suggested, and *cannot
tell* is never taken for *equal*. A suggestion is not a decision.
"""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.decision.questionnaire import Answers, Suggestion, checked, question, questions


def suggest(answers: Answers) -> Suggestion:
    """What the answers speak for, by the first rule that applies.

    The order of the rules: cheaper ways first, then what tuning needs, then whether the tuned model
    is good enough, and last whether it is better or cheaper.
    """
    given = checked(answers)
    left = tuple(one.id for one in questions() if one.id not in given)
    verdict, *reasons = _without_tuning(given) or _tuning(given)
    cautions = _cautions(given) if verdict in ("tune", "tune_and_retrieve", "not_yet") else ()
    return Suggestion(verdict, tuple(reasons), tuple(cautions), left)


#: The alternatives: the question that asks about each, and what is decided for it.
ALTERNATIVES = (("prompting", "prompt"), ("retrieval", "retrieve"))


def _without_tuning(given: dict) -> tuple | None:
    """(verdict, reason) where one of the alternatives decides; None where tuning is next."""
    wants = given.get("aspect", ())
    if not wants:
        return None, _("Say first what should get better.")
    for id, verdict in ALTERNATIVES:
        answer = given.get(id, (None,))[0]
        if answer is None:
            return None, _no_answer(id)
        if answer == "untried":
            return "measure_first", _("Without this baseline nobody can say what tuning adds:"
                                      " {question}").format(question=question(id).text)
        if answer == "enough" and "length" not in wants:
            return verdict, _("It was measured, and it is good enough. It needs no training, and"
                              " can be changed in a minute.")
    return None


#: What keeps from tuning: question, answers, and the sentence.
OBSTACLES = (
    ("tunability", ("unknown", "no"), _("It is not certain that there is a model to tune.")),
    ("effort", ("nobody",), _("Nobody has the time to prepare data, to measure, to tune again.")),
    ("compute", ("no",), _("It is not certain where the model would be trained and hosted.")),
    ("data", ("few",), _("There are too few checked examples.")),
)


def _tuning(given: dict) -> tuple:
    """(verdict, reason, ...) where no alternative was good and cheap enough."""
    missing = [text for id, bad, text in OBSTACLES if given.get(id, ("",))[0] in bad]
    if missing:
        return "not_yet", *missing
    for id in [*(id for id, *_rest in OBSTACLES), "quality"]:
        if id not in given:
            return None, _no_answer(id)
    if given["quality"] == ("unknown",):
        return "measure_first", _("All that tuning needs is there. Tune once, small, and measure"
                                  " it against the best alternative.")
    return _below_the_bar(given) or _measured(given)


def _below_the_bar(given: dict) -> tuple | None:
    """(verdict, reason, ...) where the tuned model is not known to be good enough."""
    reached = given.get("bar", (None,))[0]
    if reached is None:
        return None, _no_answer("bar")
    if reached == "enough":
        return None
    other = _good_enough(given)
    if other:  # looked further only because it is long or expensive
        return other, _("It was measured, and it is good enough. The tuned model is not known to"
                        " be.")
    uncertain = [id for id, _verdict in ALTERNATIVES if given[id] == ("cannot_tell",)]
    if reached == "unknown":
        return "measure_first", _("Say what you need, then look whether the tuned model reaches"
                                  " it.")
    if reached == "cannot_tell" or uncertain:
        return "measure_first", _("On so few examples nobody can tell whether a route reaches the"
                                  " bar. Measure on more of them.")
    reasons = [_("Nothing that was measured reaches the bar.")]
    if given["quality"] == ("better",):
        reasons.append(_("The tuned model is the best so far, so go on in that direction: more"
                         " examples, a larger model, looked-up lines as well."))
    return "improve", *reasons


def _measured(given: dict) -> tuple:
    """(verdict, reason, ...) for a tuned model that is good enough."""
    other, quality = _good_enough(given), given["quality"][0]
    if quality == "worse":
        return other or "measure_first", _("The tuned model does worse than what you have. Use"
                                           " what you have, and look into the examples.")
    if other is None and quality == "cannot_tell":
        reason = _("Of all that was measured, only the tuned model is known to reach the bar.")
    elif quality == "better":
        reason = _("It reaches the bar, and it is better than the best alternative on held-out"
                   " examples.")
    elif given.get("cost") == ("yes",):
        reason = _("It reaches the bar, and costs less.")
    else:
        return other, _("It is good enough. We cannot tell whether the tuned model is better, and"
                        " it is no cheaper as far as we know.")
    if "facts" in given["aspect"]:
        return "tune_and_retrieve", reason, _("What changes is looked up: training teaches only"
                                              " what was true on that day.")
    return "tune", reason


def _good_enough(given: dict) -> str | None:
    """The verdict for the cheapest alternative that is known to reach the bar."""
    return next((verdict for id, verdict in ALTERNATIVES if given[id] == ("enough",)), None)


def _no_answer(id: str) -> str:
    return _("The question {id!r} decides, and has no answer.").format(id=id)


def _cautions(given: dict) -> list[str]:
    """What to keep in mind when tuning, from the answers that do not decide."""
    said = []
    if given.get("effort") == ("once",):
        said.append(_("nobody is there to tune again; set a day on which it is measured again."))
    if given.get("data") == ("dozens",):
        said.append(_("dozens of examples are a beginning; measure whether more would help."))
    if given.get("cost") == ("no",):
        said.append(_("it costs more than it saves, so the gain in quality has to be worth it."))
    if given.get("cost", ("unknown",)) == ("unknown",):
        said.append(_("what it costs is not worked out; work on data, or hosting by the hour, may"
                      " outweigh everything else."))
    return said
