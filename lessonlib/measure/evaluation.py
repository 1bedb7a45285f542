"""Measure a method on a set of examples, and compare two methods fairly.

A *method* is a model and the way in which it is asked. ``evaluate`` asks it about every example
and keeps each answer; the result knows its scores, each with a 95 % interval (how that is
computed: ``lessonlib.measure.bootstrap``), its tokens and its seconds.

What makes an answer good is up to each task: its examples score their own answers, and its rows
name their metrics (``lessonlib.measure.rows``). The tasks of this course are
``lessonlib.tasks.recipes``, ``lessonlib.tasks.text_to_sql``, and whatever a learner brings
(``lessonlib.assignment.scores``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import NamedTuple

import numpy as np

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure import bootstrap
from lessonlib.measure.asking import ask_all
from lessonlib.measure.bootstrap import Difference, Interval
from lessonlib.measure.rows import Answered, Example
from lessonlib.models.thinking import without_thinking


@dataclass(frozen=True)
class Until:
    """Where an answer ends, for a model that does not know when to stop.

    A model that was only pretrained goes on writing after its answer: another question, another
    answer. So that this is not held against it, the same rule cuts the answers of every route.
    An answer ends after the first ``mark`` in it. Where there is none, it is the first line.

    Attributes:
        mark: the last characters of an answer, such as ``]`` for a JSON list; a line break for
            answers of one line.

    Introduced in notebook 08.
    """

    mark: str = "]"

    def reached(self, text: str) -> bool:
        """Whether the answer is complete, so that nothing more need be written."""
        return self.mark in text.lstrip()

    def __call__(self, text: str) -> str:
        """The answer alone."""
        text = text.strip()
        if not self.reached(text):
            return text.partition("\n")[0].strip()
        return text[: text.index(self.mark) + len(self.mark)].strip()


@dataclass(frozen=True)
class Method:
    """A model and how it is asked.

    Attributes:
        name: what the scoreboard calls it, such as ``few-shot, k = 4``.
        model: the model's name at the service.
        messages: makes the prompt for one example; see ``lessonlib.tasks.prompting``.
        max_tokens: the longest answer allowed, in tokens of the model. A longer one is cut off
            and is then not valid.
        ending: where an answer ends, for a model that does not stop by itself.
        response_format: the form that the service must give each answer, as OpenAI's API writes
            it: ``{"type": "json_schema", "json_schema": {...}}``.
        then: what your program does with each answer before it is used, text in and text out.
            The result is what is scored.

    Introduced in notebook 00.
    """

    name: str
    model: str
    messages: Callable[[Example], list[dict]]
    max_tokens: int = 96
    ending: Until | None = None
    response_format: dict | None = field(default=None, hash=False)
    then: Callable[[str], str] | None = None

    @property
    def parameters(self) -> dict:
        """What goes with each request. Temperature 0: always the likeliest word."""
        form = {"response_format": self.response_format} if self.response_format else {}
        return {"max_tokens": self.max_tokens, "temperature": 0} | form


class PrecisionRecall(NamedTuple):
    """Of what was named, how much is right (precision); of what was wanted, how much was named
    (recall)."""

    precision: Interval
    recall: Interval

    def __str__(self) -> str:
        return _("precision {precision}, recall {recall}").format(**self._asdict())

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


@dataclass(frozen=True, eq=False)
class Result:
    """What a method did on a set of examples. ``owner`` is who serves the model, in its words."""

    name: str
    model: str
    rows: tuple[Answered, ...] = field(repr=False)
    owner: str = ""

    @cached_property
    def _metrics(self) -> dict[str, Interval]:
        return {name: bootstrap.interval(*counts(self, name)) for name in self.rows[0].METRICS}

    @property
    def main_metric(self) -> str:
        """The name of the task's main score: the one to compare by."""
        return next(iter(self.rows[0].METRICS))

    def metrics(self) -> dict[str, Interval]:
        """Each metric of the task with its 95 % interval; the task's main one first."""
        return dict(self._metrics)

    def precision_recall(self) -> PrecisionRecall:
        """The two halves of micro-F1, each with its 95 % interval.

        Raises:
            LessonError: the task's main score is no F1, so that it has no such halves.

        Introduced in notebook 00.
        """
        of_each, formula = counts(self, self.main_metric)
        if formula is not bootstrap.micro_f1:
            raise LessonError(
                _("{metric} has no precision and no recall.").format(metric=self.main_metric),
                _("Ask for them where the main score is micro-F1, as for recipes."))
        return PrecisionRecall(bootstrap.interval(of_each, bootstrap.precision),
                               bootstrap.interval(of_each, bootstrap.recall))

    @property
    def prompt_tokens(self) -> float:
        """Mean tokens of a prompt, over the requests that were answered (nan if none was)."""
        return _mean([row.prompt_tokens for row in self.rows])

    @property
    def completion_tokens(self) -> float:
        """Mean tokens of an answer, over the requests that were answered (nan if none was)."""
        return _mean([row.completion_tokens for row in self.rows])

    @property
    def seconds(self) -> float:
        """Mean seconds until an answer was complete, with all its neighbours in flight.

        Answers taken from the cache count with the seconds they took when they were asked for.
        """
        return _mean([row.seconds for row in self.rows if row.error is None])

    @property
    def errors(self) -> dict[str, int]:
        """How many requests the service refused, by its error codes; each scored as empty."""
        return dict(Counter(row.error for row in self.rows if row.error))

    def __str__(self) -> str:
        scores = ", ".join(f"{name} {value}" for name, value in self._metrics.items())
        text = _("{name} on {n} examples: {scores}").format(
            name=self.name, n=len(self.rows), scores=scores
        )
        if len(self.rows) > sum(self.errors.values()):
            text += _("; {tokens:.0f} prompt tokens a request").format(tokens=self.prompt_tokens)
        for code, count in self.errors.items():
            text += _("; {count} refused: {code}").format(count=count, code=code)
        return text

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def _mean(values: list) -> float:
    known = [value for value in values if value is not None]
    return fmean(known) if known else float("nan")


def evaluate(
    client,
    method: Method,
    examples: Sequence[Example],
    concurrency: int = 16,
    cache: bool = True,
    progress: bool = True,
) -> Result:
    """Ask the method about every example and score the answers.

    Args:
        client: an ``openai.OpenAI`` client, from ``lessonlib.connect()``.
        method: the model and its prompt.
        examples: recipes, questions or examples of your own, with known answers.
        concurrency: how many requests are under way at once. The practice service answers them
            in one batch, which is much faster than one after another.
        cache: keep answers in ``work/cache`` and take them from there when the same model is
            asked the same again. A model that was tuned again under the same name is another
            model. Interrupt a run and nothing is lost: run it again and it goes on.
        progress: show a progress bar while there is something to ask.

    Raises:
        LessonError: there are no examples, or the service cannot be used (no connection, wrong
            key, unknown model). A single request that the service refuses, for example because
            the prompt is too long, is no error: it is counted in ``Result.errors``.

    Introduced in notebook 00.
    """
    examples = list(examples)
    if not examples:
        raise LessonError(_("There are no examples to evaluate on."), _("Give at least one."))
    prompts = [method.messages(example) for example in examples]
    answers, owner = ask_all(
        client,
        method.model,
        prompts,
        parameters=method.parameters,
        label=method.name,
        concurrency=concurrency,
        cache=cache,
        progress=progress,
    )
    return scored(method, examples, answers, owner)


def scored(
    method: Method, examples: Sequence[Example], answers: Sequence[dict], owner: str
) -> Result:
    """The result of answers that are there already; their keys are those of ``asking.ask_all``.

    A thinking block is no part of an answer, whatever the task: it is left out before scoring.
    Then the answer is cut where the method says that it ends, and goes through its ``then``.

    Introduced in notebook 08.
    """
    answers = [{**answer, "text": without_thinking(answer["text"])} for answer in answers]
    if method.ending:
        answers = [{**answer, "text": method.ending(answer["text"])} for answer in answers]
    if method.then:
        answers = [{**answer, "text": method.then(answer["text"])} for answer in answers]
    rows = (example.score(answer) for example, answer in zip(examples, answers, strict=True))
    return Result(method.name, method.model, tuple(rows), owner)


def counts(result: Result, metric: str) -> tuple[np.ndarray, bootstrap.Score]:
    """What a metric sums over the examples, shape (examples, counts), and its formula.

    Raises:
        LessonError: the task has no such metric; the text names those that it has.

    Introduced in notebook 11.
    """
    known = result.rows[0].METRICS
    if metric not in known:
        raise LessonError(
            _("There is no metric {metric!r}.").format(metric=metric),
            _("Choose one of: {names}.").format(names=", ".join(known)),
        )
    count, formula = known[metric].count, known[metric].formula
    return np.array([count(row) for row in result.rows]), formula


def compare(a: Result, b: Result, metric: str | None = None) -> Difference:
    """How much better ``a`` is than ``b``: the score of a minus the score of b.

    Both must have been measured on the same examples; the bootstrap is paired over them.

    Args:
        metric: the score to compare; the task's main one if not given (micro-F1 for recipes,
            execution accuracy for SQL).

    Introduced in notebook 00.
    """
    if [row.id for row in a.rows] != [row.id for row in b.rows]:
        raise LessonError(
            _("{a!r} and {b!r} were not measured on the same examples.").format(a=a.name, b=b.name),
            _("Evaluate both on the same examples in the same order, then compare."),
        )
    metric = metric or a.main_metric
    (counts_a, score), (counts_b, _same) = counts(a, metric), counts(b, metric)
    return bootstrap.difference(counts_a, counts_b, score)
