"""All routes of the course on one scoreboard: which have been run, and which can be run here.

    all_routes.overview(board)                      # what is there, what is missing, and where
    all_routes.ensure(board, client, method, test)  # from the board if it is there, else measured

Notebook 10 compares what the other notebooks have measured. Routes that need a service or a library
of their own are never run from here; the overview says which notebook runs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lessonlib.common.i18n import _
from lessonlib.costs.price_list import ModelPrice
from lessonlib.measure.asking import names_of_requests
from lessonlib.measure.bootstrap import Interval
from lessonlib.measure.evaluation import Method, Result, evaluate
from lessonlib.measure.rows import Example
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.show.tables import ShownAsTable, Table


@dataclass(frozen=True)
class Route:
    """A route of the course: how its rows on the board begin, and which notebook runs it."""

    name: str
    begins: str
    notebook: str


ROUTES = (
    Route(_("bare prompt"), "bare prompt", "00"),
    Route(_("instructions"), "instructions", "00"),
    Route(_("few-shot examples"), "few-shot", "01"),
    Route(_("instructions and a JSON schema"), "JSON schema", "01"),
    Route(_("the whole glossary in the prompt"), "whole glossary", "02"),
    Route(_("plain names, renamed by a Python dictionary"), "rename in Python", "02"),
    Route(_("retrieval (RAG)"), "RAG", "02"),
    Route(_("tuned on this machine"), "tuned", "00"),
    Route(_("tuned, with a glossary"), "tuned + glossary", "10"),
    Route(_("tuned on plain names, renamed in Python"), "tuned, renamed", "10"),
    Route(_("OpenAI, by a job"), "OpenAI job", "06"),
    Route(_("Azure OpenAI, by a job"), "Azure OpenAI job", "07"),
    Route(_("Hugging Face, LoRA by TRL"), "Hugging Face LoRA", "08"),
    Route(_("AutoTrain"), "AutoTrain", "09"),
    Route(_("trl sft, from the command line"), "trl sft", "09"),
)


def ensure(
    board: Scoreboard,
    client,
    method: Method,
    examples: Sequence[Example],
    split: str = "test",
    price: ModelPrice | None = None,
    training_seconds: float | None = None,
) -> Result:
    """The result of a method on a split: from the board if it is kept there, else measured.

    Kept is what answers the same requests by the same model, even if it holds more examples. A
    row of a prompt that was edited since, or of a model that was tuned again, is measured again.

    Args:
        price, training_seconds: are written onto the row, wherever the result is from.

    Introduced in notebook 03.
    """
    prompts = [method.messages(one) for one in examples]
    names = names_of_requests(client, method.model, prompts, method.parameters)
    for row in board.rows(split):
        if (row["route"], row["model"]) != (method.name, method.model):
            continue
        kept = board.result(row)
        asked = {one.id: one.asked for one in kept.rows} if kept else {}
        if all(name and asked.get(one.id) == name
               for one, name in zip(examples, names, strict=True)):
            if price or (training_seconds and not row["price"]):  # else its price would be lost
                seconds = training_seconds or row["training_seconds"]
                board.add(kept, split, training_seconds=seconds, price=price)
            return kept
    fresh = evaluate(client, method, examples)
    board.add(fresh, split, training_seconds=training_seconds, price=price)
    return fresh


def latency(client, method: Method, examples: Sequence[Example]) -> float:
    """Median seconds of an answer when nobody else asks: one request after the other, no cache.

    The seconds on the board are those of many requests at once, which is how a program measures
    throughput, not what one person waits.

    Introduced in notebook 10.
    """
    result = evaluate(client, method, examples, concurrency=1, cache=False, progress=False)
    return median(row.seconds for row in result.rows)


def overview(board: Scoreboard, split: str = "test") -> Overview:
    """For each route of the course, what the board holds.

    Introduced in notebook 10.
    """
    rows = board.rows(split)
    lines = []
    for route in ROUTES:
        found = [row for row in rows if _is(row["route"], route) and "micro_f1" in row]
        if not found:
            lines.append((route.name, _("not run"), "-",
                          _("notebook {number} runs it").format(number=route.notebook)))
            continue
        # Of several rows the one on most examples: the highest score may be that of the fewest.
        best = max(found, key=lambda row: (row["examples"], row["micro_f1"][0]))
        owner = _("practice") if "practice" in best["owner"] else best["owner"]
        note = best["route"] if len(found) == 1 else _("{route}, one of {n}").format(
            route=best["route"], n=len(found))
        lines.append((route.name, _("{n} recipes").format(n=best["examples"]),
                      str(Interval(*best["micro_f1"])), f"{note} ({owner})"))
    return Overview(tuple(lines))


def _is(name: str, route: Route) -> bool:
    """Does a row belong to this route, and to no other whose name begins longer?"""
    longer = [one for one in ROUTES if name.startswith(one.begins)]
    return bool(longer) and max(longer, key=lambda one: len(one.begins)) == route


@dataclass(frozen=True, repr=False)
class Overview(ShownAsTable):
    """Rows of text: route, run or not, micro-F1, remark."""

    lines: tuple[tuple[str, str, str, str], ...]

    @property
    def missing(self) -> list[str]:
        """The routes that were not run."""
        return [line[0] for line in self.lines if line[2] == "-"]

    def table(self) -> Table:
        return Table((_("route"), _("run?"), _("micro-F1"), _("remark")), self.lines)
