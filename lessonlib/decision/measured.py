"""The evidence for each question of the decision guide: measured here, or dated facts.

Nothing is measured again: what the notebooks measured is taken from the scoreboard. Routes are told
apart by their names, which begin with ``RAG`` where something was looked up, and by their models: a
model that was tuned here, or whose name begins with ``ft:``, counts as tuned.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from lessonlib import costs, lora
from lessonlib.common import facts
from lessonlib.common.errors import LessonError
from lessonlib.common.facts import limits
from lessonlib.common.i18n import _
from lessonlib.common.paths import MODELS
from lessonlib.costs.scenario import Scenario
from lessonlib.measure.bootstrap import Interval
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.models.device import choose_device
from lessonlib.tasks import recipes

#: The model whose prices stand for all: the middle one of the price list.
PRICED = "gpt-4.1-mini"
#: How long one person takes to write and check the answer of one example; a guess, and said so.
MINUTES_AN_EXAMPLE = 1


def kind_of_route(row: dict) -> str:
    """prompting, retrieval or tuned: what a row of the scoreboard was measured with."""
    if row["model"].startswith("ft:") or (MODELS / row["model"]).is_dir():
        return "tuned"
    return "retrieval" if row["route"].startswith("RAG") else "prompting"


def best(board: Scoreboard, split: str = "test") -> dict[str, dict]:
    """The row with the highest micro-F1 of each kind that was measured."""
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
    rows = best(board)
    said: dict[str, Callable] = {
        "aspect": lambda: _new_names(board),
        "prompting": lambda: _measured(rows, "prompting"),
        "retrieval": lambda: _measured(rows, "retrieval"),
        "tunability": _services,
        "effort": _effort,
        "compute": lambda: _compute(rows),
        "data": _data,
        "quality": lambda: _quality(rows),
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
    return _("{route}: micro-F1 {f1} on {n} examples, {tokens:.0f} prompt tokens a request").format(
        route=row["route"], f1=Interval(*row["micro_f1"]), n=row["examples"],
        tokens=row["prompt_tokens"] or math.nan)


def _new_names(board: Scoreboard):
    """How a tuned model fares where something was added after its training."""
    known, new = (best(board, split).get("tuned") for split in ("test", "test_new_names"))
    if known and new:
        yield _("On names that came after the training, the tuned model reaches {new}; on the"
                " usual ones {known}.").format(new=Interval(*new["micro_f1"]),
                                               known=Interval(*known["micro_f1"]))
    else:
        yield _("Whether a tuned model knows what came after its training: notebook 02 measures"
                " it.")


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
    hourly = costs.hosting_per_hour()
    yield _("A hosted service takes {hourly:.2f} $ an hour to keep a tuned model ready, used or"
            " not: about {monthly:,.0f} $ a month.").format(
        hourly=hourly, monthly=costs.hosting_per_month())


def _data():
    known = limits()["examples"]
    yield _("OpenAI's service takes {least} examples at least, and its guide says that {start}"
            " well-made ones are a good start (read on {day}).").format(
        least=known["minimum"], start=known["start_with"], day=known["read"])


def _quality(rows: dict):
    others = [rows[name] for name in ("prompting", "retrieval") if name in rows]
    if "tuned" not in rows or not others:
        yield _("Nothing to compare yet: it takes a tuned model and an alternative, measured on"
                " the same examples.")
        return
    tuned, other = rows["tuned"], max(others, key=lambda row: row["micro_f1"][0])
    yield _("Tuned: {row}.").format(row=_row(tuned))
    yield _("Best alternative: {row}.").format(row=_row(other))
    (_t, low, high), (_o, other_low, other_high) = tuned["micro_f1"], other["micro_f1"]
    if low > other_high:
        yield _("The intervals do not touch: the tuned model is better.")
    elif high < other_low:
        yield _("The intervals do not touch: the tuned model is worse.")
    else:
        yield _("The intervals overlap: look at the paired comparison, compare(a, b).")


def _cost(rows: dict):
    others = [rows[name] for name in ("prompting", "retrieval") if name in rows]
    trained = _trained_tokens(rows)
    if not trained or not others:
        yield _("Nothing to work out yet: it takes a tuned model and an alternative.")
        return
    other = max(others, key=lambda row: row["micro_f1"][0])
    scenario = Scenario({"other": _tokens(other), "tuned": _tokens(rows["tuned"])}, trained, PRICED)
    yield _("At the prices of {name} (read on {day}), {other} against {tuned}: {sentence} Hosting"
            " and work are not counted.").format(
        name=PRICED, day=costs.price(PRICED).read, other=other["route"],
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
