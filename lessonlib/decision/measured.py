"""The evidence for each question of the decision guide: measured here, or dated facts.

Nothing is measured again: what the notebooks measured is taken from the scoreboard. Routes are told
apart by their names, which begin with ``RAG`` where something was looked up, and by their models: a
model that was tuned here, or whose name begins with ``ft:``, counts as tuned. So do the routes of
the notebooks that tune.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lessonlib import costs, lora
from lessonlib.common import facts
from lessonlib.common.errors import LessonError
from lessonlib.common.facts import limits
from lessonlib.common.i18n import _
from lessonlib.common.money import dollars
from lessonlib.common.paths import MODELS
from lessonlib.costs.price_list import TUNABLE, UNTUNED
from lessonlib.costs.scenario import Scenario
from lessonlib.measure import paired
from lessonlib.measure.bootstrap import Difference, Interval
from lessonlib.measure.evaluation import compare
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.models.device import choose_device
from lessonlib.tasks import recipes

#: How the names of routes begin that ask a tuned model: at Azure it has the name of a deployment.
TUNED = ("tuned", "OpenAI job", "Azure OpenAI job", "Hugging Face LoRA", "AutoTrain", "trl sft")
#: How long one person takes to write and check the answer of one example; a guess, and said so.
MINUTES_AN_EXAMPLE = 1


def reached(score: Interval, needed: float) -> str:
    """Does a score reach the bar? The id of the guide's answer.

    ``enough`` where the whole 95 % interval lies at or above the bar, ``not_enough`` where it lies
    below, and ``cannot_tell`` where the bar lies within it.

    Introduced in notebook 03.
    """
    if score.low >= needed:
        return "enough"
    return "cannot_tell" if score.high >= needed else "not_enough"


def against(difference: Difference) -> str:
    """How did the tuned model do? The id of the guide's answer: ``better``, ``worse`` or
    ``cannot_tell``.

    Args:
        difference: of the tuned model minus the best alternative, from ``compare``.

    Introduced in notebook 10.
    """
    return difference.verdict.replace(" ", "_")


def kind_of_route(row: dict) -> str:
    """prompting, retrieval or tuned: what a row of the scoreboard was measured with."""
    if row["route"].startswith(TUNED) or row["model"].startswith("ft:"):
        return "tuned"
    if (MODELS / row["model"]).is_dir():
        return "tuned"
    return "retrieval" if row["route"].startswith("RAG") else "prompting"


def best(board: Scoreboard, split: str = "test") -> dict[str, dict]:
    """The row with the highest micro-F1 of each kind that was measured on a split."""
    found: dict[str, dict] = {}
    for row in board.rows(split):
        if "micro_f1" not in row:  # of the second task
            continue
        before = found.get(kind_of_route(row))
        if before is None or row["micro_f1"][0] > before["micro_f1"][0]:
            found[kind_of_route(row)] = row
    return found


def evidence(board: Scoreboard | None = None) -> dict[str, tuple[str, ...]]:
    """Sentences for each question of the guide, by its id. A question may have none."""
    board = board or Scoreboard()
    rows = best(board, "validation") | best(board)  # what was not looked at on test
    said: dict[str, Callable] = {
        "aspect": lambda: _new_names(board),
        "prompting": lambda: _measured(rows, "prompting"),
        "retrieval": lambda: _measured(rows, "retrieval"),
        "tunability": _services,
        "effort": _effort,
        "compute": lambda: _compute(rows),
        "data": _data,
        "quality": lambda: _quality(board, rows),
        "bar": lambda: _measured(rows, "tuned"),
        "cost": lambda: _cost(rows),
        "extensibility": lambda: _adapter(rows),
    }
    return {id: tuple(sentences()) for id, sentences in said.items()}


def _measured(rows: dict, which: str):
    if which in rows:
        yield _("Measured here: {row}.").format(row=_row(rows[which]))
    else:
        yield _("Nothing measured yet. Notebooks 01 and 02 do it.")


def _row(row: dict) -> str:
    return _("{route}: micro-F1 {f1} on {n} examples of {split}, {tokens:.0f} prompt tokens a"
             " request").format(
        route=row["route"], f1=Interval(*row["micro_f1"]), n=row["examples"], split=row["split"],
        tokens=row["prompt_tokens"] or math.nan)


def _new_names(board: Scoreboard):
    """How a tuned model fares where something was added after its training."""
    known, new = (best(board, split).get("tuned") for split in ("test", "test_new_names"))
    if known and new:
        yield _("On names that came after the training, the tuned model reaches {new}; on the"
                " usual ones {known}.").format(new=Interval(*new["micro_f1"]),
                                               known=Interval(*known["micro_f1"]))


def _services():
    for one in facts.read("services.toml")["statement"]:
        yield _("{service}: {text} (Read on {day}.)").format(
            service=one["service"], text=one["text"], day=one["read"])


def _effort():
    examples = len(recipes.load("train"))
    yield _("Our training set has {n} examples. At {minutes} minute each, to write and to check,"
            " they are {hours:.0f} hours of work.").format(
        n=examples, minutes=MINUTES_AN_EXAMPLE, hours=examples * MINUTES_AN_EXAMPLE / 60)


def _compute(rows: dict):
    device = choose_device()
    yield _("This machine would train on {device}: {reason}.").format(
        device=device.value, reason=device.reason)
    seconds = rows.get("tuned", {}).get("training_seconds")
    if seconds:
        yield _("The built-in model was tuned here in {seconds:.0f} seconds. A large one takes"
                " a graphics card, and hours.").format(seconds=seconds)
    for service in ("rented-processor", "rented-card", "azure-openai"):
        price = costs.hosting(service)
        yield _("Keeping a tuned model ready on {name} costs {hourly} an hour, used or not: about"
                " {monthly} a month (read on {day}).").format(
            name=price.name, hourly=dollars(price.per_hour), monthly=dollars(price.per_month),
            day=price.read)


def _data():
    known = limits()["examples"]
    yield _("OpenAI's service wants at least {least} examples, and its guide calls {start}"
            " well-made ones a good start (read on {day}).").format(
        least=known["minimum"], start=known["start_with"], day=known["read"])


def _quality(board: Scoreboard, rows: dict):
    others = [rows[name] for name in ("prompting", "retrieval") if name in rows]
    if "tuned" not in rows or not others:
        yield _("Nothing to compare yet: it takes a tuned model and an alternative, measured on"
                " the same examples.")
        return
    tuned = rows["tuned"]
    others = [row for row in others if row["split"] == tuned["split"]] or others
    other = max(others, key=lambda row: row["micro_f1"][0])
    yield _("Tuned: {row}.").format(row=_row(tuned))
    yield _("Best alternative: {row}.").format(row=_row(other))
    kept = board.result(tuned), board.result(other)
    try:
        pair = paired.on_shared(*kept) if all(kept) else None
    except LessonError:  # no example in common
        pair = None
    if pair:
        yield _("Compared on the {n} examples that both have answered: {difference}.").format(
            n=len(pair[0].rows), difference=compare(*pair))
    else:
        yield _("They cannot be compared: measure both again, on the same examples.")


def _cost(rows: dict):
    others = [rows[name] for name in ("prompting", "retrieval") if name in rows]
    trained = _trained_tokens(rows)
    if not trained or not others:
        yield _("Nothing to work out yet: it takes a tuned model and an alternative.")
        return
    other = max(others, key=lambda row: row["micro_f1"][0])
    scenario = Scenario({"other": _tokens(other), "tuned": _tokens(rows["tuned"])}, trained,
                        model=UNTUNED, tuned_model=TUNABLE)
    yield _("{other} at the prices of {untuned} against {tuned} at those of a tuned {tunable} (read"
            " on {day}): {sentence} Work and hosting by the hour are not counted.").format(
        untuned=UNTUNED, tunable=TUNABLE, day=costs.price(UNTUNED).read, other=other["route"],
        tuned=rows["tuned"]["route"], sentence=scenario.paid_back("other"))


def _tokens(row: dict) -> tuple[float, float]:
    return row["prompt_tokens"] or 0, row["completion_tokens"] or 0


def _trained_tokens(rows: dict) -> int:
    """All tokens that the best tuned model was trained on, epochs counted; 0 if not known."""
    try:
        return lora.load(rows["tuned"]["model"]).tokens if "tuned" in rows else 0
    except LessonError:
        return 0


def _adapter(rows: dict):
    try:
        tuned = lora.load(rows["tuned"]["model"])
    except (KeyError, LessonError):
        return
    adapter, model = (
        sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e6
        for folder in (tuned.adapter_folder, tuned.folder))
    if adapter and model:
        yield _("The adapter that was tuned here takes {adapter:.1f} MB, the model {model:.1f} MB."
                " For large models an adapter is a far smaller share.").format(
            adapter=adapter, model=model)
