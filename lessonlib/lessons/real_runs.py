"""Is it true of a real model? The recorded run of one, read and shown beside the built-in model's.

    from lessonlib.lessons import real_runs
    real_runs.show(["few-shot, k = 1", "few-shot, k = 4", "tuned on 400"])
    real_runs.load().result("tuned on 400")      # a result like those of ``evaluate``

The records lie in ``data/real_runs/``, a file for each model, written by
``python -m benchmarks.real_model``. They hold the answers themselves, so that every score of the
course can be taken from them again. A line of a record is one of:

- ``about``: the model, the machine, the day, the settings, and the rule that ends an answer;
- ``answers``: of one route on one split: for each recipe text, prompt tokens and answer tokens;
- ``training``: the settings, and the losses after each step, as [step, epoch, training loss,
  validation loss];
- ``loss``: on other text; ``done``: a part was measured completely.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Result
from lessonlib.show import pictures
from lessonlib.show.pictures import Picture
from lessonlib.show.tables import Table
from lessonlib.tasks import recipes, text_to_sql

FOLDER = paths.DATA / "real_runs"
MODEL = "gemma-3-270m"


@dataclass(frozen=True)
class Training:
    """A training of the record.

    Attributes:
        rows, seed, steps: examples, seed, and steps taken.
        settings: rank, learning_rate, batch_size and epochs.
        best_epoch: the one with the lowest validation loss; its adapter was asked.
        curve: [step, epoch, training loss, validation loss] after each step, nats per token; the
            validation loss is None where none was taken, and step 0 is the untuned model.
    """

    route: str
    rows: int
    seed: int
    steps: int
    settings: dict
    best_epoch: int
    curve: list[list]

    def epochs(self) -> tuple[list[float], list[float], list[float]]:
        """Epochs, mean training losses within each, and validation losses at the end of each."""
        numbers, means, checks = [], [], []
        for number in range(1, self.settings["epochs"] + 1):
            steps = [one for one in self.curve if number - 1 < one[1] <= number]
            numbers.append(number)
            means.append(sum(one[2] for one in steps) / len(steps))
            checks.append(steps[-1][3])
        return numbers, means, checks


class Record:
    """A real model's recorded run."""

    def __init__(self, lines: Sequence[dict]):
        self.about = next(line for line in lines if line["kind"] == "about")
        self._lines = lines

    def routes(self, split: str = "test") -> list[str]:
        """The names of the routes that were measured on a split, in the order of the record."""
        return list(dict.fromkeys(line["route"] for line in self._of("answers", split=split)))

    def result(
        self, route: str, split: str = "test", seed: int = 0, epoch: int | None = None
    ) -> Result:
        """The answers of a route on a split, scored again: to compare, to count names in, ...

        Args:
            seed, epoch: of a training that was made or asked more than once.

        Raises:
            LessonError: the record holds no such answers; the text names those that it holds.
        """
        more = {"epoch": epoch} if epoch is not None else {}
        found = [line for line in self._of("answers", route=route, split=split, **more)
                 if line.get("seed", 0) == seed]
        if not found:
            raise LessonError(
                _("The record of {model} has no answers of {route!r} on {split!r}.").format(
                    model=self.name, route=route, split=split),
                _("Choose one of: {routes}.").format(routes=", ".join(self.routes(split))))
        return self._scored(found[0])

    def results(self, routes: Sequence[str] | Mapping[str, str], split: str = "test",
                ) -> dict[str, Result]:  # fmt: skip
        """Results by name; a mapping gives the routes other names: ``{name: route}``."""
        pairs = routes if isinstance(routes, Mapping) else {route: route for route in routes}
        return {name: self.result(route, split) for name, route in pairs.items()}

    def training(self, route: str, seed: int = 0) -> Training:
        """How the model of a route was trained.

        Raises:
            LessonError: no such training is in the record.
        """
        lines = [line for line in self._of("training", route=route) if line["seed"] == seed]
        if not lines:
            raise LessonError(
                _("The record of {model} has no training {route!r}, seed {seed}.").format(
                    model=self.name, route=route, seed=seed),
                _("Choose one of: {routes}.").format(routes=", ".join(dict.fromkeys(
                    line["route"] for line in self._of("training")))))
        return Training(**{key: lines[0][key] for key in Training.__annotations__})

    def loss(self, route: str, text: str) -> float:
        """Mean loss per token, in nats, on ``prose``, ``recipes`` or ``course`` text."""
        (line,) = self._of("loss", route=route, text=text)
        return line["value"]

    @property
    def name(self) -> str:
        return self.about["model"]["name"]

    def told(self) -> str:
        """What was measured, on what and when: one line."""
        about = self.about
        return _("{model}, {weights:,.0f} million weights, pretrained; {machine}, {day}").format(
            model=self.name, weights=about["model"]["parameters"] / 1e6, machine=about["machine"],
            day=about["measured"])

    def _of(self, kind: str, **wanted: Any) -> list[dict]:
        return [line for line in self._lines if line["kind"] == kind
                and all(line.get(key) == value for key, value in wanted.items())]

    def _scored(self, line: dict) -> Result:
        examples = _examples(line.get("task", "recipes"))
        rows = [
            examples[id].score({
                "text": text, "prompt_tokens": prompt, "completion_tokens": completion,
                "seconds": line["seconds"] / len(line["ids"]), "finish_reason": None})
            for id, (text, prompt, completion) in zip(line["ids"], line["answers"], strict=True)
        ]  # fmt: skip
        return Result(line["route"], self.name, tuple(rows), self.told())


@cache
def _examples(task: str) -> dict[str, Any]:
    room = {"recipes": recipes, "text_to_sql": text_to_sql}[task]
    return {one.id: one for split in room.SPLITS for one in room.load(split)}


@cache
def load(model: str = MODEL) -> Record:
    """The record of a model.

    Raises:
        LessonError: there is none of that model.

    Introduced in notebook 04.
    """
    path = FOLDER / f"{model}.jsonl"
    if not path.is_file():
        there = ", ".join(sorted(one.stem for one in FOLDER.glob("*.jsonl"))) or _("none")
        raise LessonError(
            _("There is no record of {model!r}. There is: {there}.").format(
                model=model, there=there),
            _("Make one: python -m benchmarks.real_model {model}").format(model=model))
    return Record([json.loads(line) for line in path.read_text("utf-8").splitlines()])


@dataclass(frozen=True)
class Folded:
    """A table and a picture that open when their heading is clicked on.

    As text, which tests and screen readers get, nothing is folded.
    """

    heading: str
    table: Table
    picture: Picture | None = None

    def __str__(self) -> str:
        parts = [self.heading, str(self.table), self.picture.alt if self.picture else ""]
        return "\n\n".join(part for part in parts if part)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        image = self.picture._repr_mimebundle_()["text/html"] if self.picture else ""
        made = (f"<details><summary><b>{html.escape(self.heading)}</b></summary>"
                f"{self.table._repr_html_()}{image}</details>")
        return {"text/html": made, "text/plain": str(self)}


def show(
    routes: Sequence[str] | Mapping[str, str],
    split: str = "test",
    model: str = MODEL,
    *,
    picture: bool = True,
) -> Folded:
    """The same on a real model: its recorded scores on these routes, folded.

    Args:
        routes: names of the record (``load().routes()``), or ``{name here: name there}``.
        picture: leave it out where the table says it all.

    Introduced in notebook 00.
    """
    record = load(model)
    found = record.results(routes, split)
    rows = []
    for name, result in found.items():
        metrics = result.metrics()
        rows.append([name, *(str(value) for value in list(metrics.values())[:1]),
                     f"{list(metrics.values())[-1].value:.2f}", f"{result.prompt_tokens:.0f}"])
    kind = next(iter(found.values())).rows[0].METRICS
    titles = [metric.title for metric in kind.values()]
    table = Table(
        [_("route"), titles[0], titles[-1], _("prompt tokens")], rows, words=(0,),
        notes=[record.told() + ".", _("{n} examples; in brackets: 95 % intervals. {rule}.").format(
            n=len(next(iter(found.values())).rows),
            rule=record.about["rule"][0].upper() + record.about["rule"][1:])])
    drawn = _dots(found, next(iter(kind)), titles[0], record.name) if picture else None
    return Folded(_("The same on a real model"), table, drawn)


def _dots(found: Mapping[str, Result], metric: str, title: str, model: str) -> Picture:
    """Scores with their intervals, one route a line, from top to bottom: routes are no series, so
    nothing joins them."""
    fig, axes = pictures.figure(width=8, height=1.1 + 0.42 * len(found))
    told = []
    for place, (name, result) in enumerate(found.items()):
        score = result.metrics()[metric]
        axes.plot([score.low, score.high], [place, place], color=pictures.BLUE, linewidth=3)
        axes.plot(score.value, place, "o", color=pictures.BLUE)
        axes.annotate(f"{score.value:.2f}", (score.high, place), (8, 0),
                      textcoords="offset points", va="center")  # fmt: skip
        told.append(f"{name}: {score.value:.2f} ({score.low:.2f} to {score.high:.2f})")
    axes.set(xlim=(-0.02, 1.08), xlabel=title, title=model, ylim=(len(found) - 0.5, -0.5))
    axes.set_yticks(range(len(found)), list(found))
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    alt = _("{title} of {model}, with 95 % intervals. {scores}.").format(
        title=title, model=model, scores="; ".join(told))
    return pictures.render(fig, alt)


def show_losses(route: str, seed: int = 0, model: str = MODEL, scores: bool = True) -> Folded:
    """A recorded training, folded: both losses after each epoch, and the scores taken on the way.

    Introduced in notebook 04.
    """
    record = load(model)
    training = record.training(route, seed)
    numbers, means, checks = training.epochs()
    looked = sorted({line["epoch"] for line in record._of("answers", route=route)}
                    ) if scores else []  # fmt: skip
    rows = [[str(epoch), f"{means[epoch - 1]:.2f}", f"{checks[epoch - 1]:.2f}",
             *(str(record.result(route, split, seed, epoch).metrics()["micro_f1"])
               for split in ("validation", "test"))]
            for epoch in looked]  # fmt: skip
    table = Table(
        [_("epoch"), _("training loss"), _("validation loss"), _("validation recipes: micro-F1"),
         _("test recipes: micro-F1")], rows, words=(), notes=[record.told() + "."])
    title = _("{model}, {n} examples").format(model=record.name, n=training.rows)
    drawn = pictures.loss_curve(numbers, means, checks, title=title, x=_("epoch"),
                                y=_("loss, nats per token"))
    return Folded(_("The same on a real model"), table, drawn)
