"""What a run will take on this machine: rows, tokens, minutes and memory, before it begins.

    estimate.make(ask, base, task, settings, {"testing": ([method], task.test)})

Nothing is looked up in a table: two training steps are taken, of which the second is timed, and a
few questions are asked with the shortest and the longest prompt. So the estimate knows this
machine, with whatever else it has to do now. What it cannot know is how that will change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lessonlib.assignment.chosen import Base
from lessonlib.assignment.task import Prompt, Task
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory
from lessonlib.lora import memory
from lessonlib.lora.settings import ROWS_AT_ONCE, LoraSettings
from lessonlib.measure.evaluation import Method, Result
from lessonlib.measure.rows import Example
from lessonlib.models.device import choose_device

#: How many examples are asked in the trial, and how many rows the step has that only warms up.
ASKED, WARM_UP_ROWS = 4, 2
#: A run that is estimated to take more seconds is asked about before it begins.
LONG = 600


@dataclass(frozen=True)
class Training:
    """What training will take.

    Attributes:
        rows, tokens: of the training examples, gone through once.
        epochs: how often that will be.
        seconds: for all of it, the looks at the validation rows included.
    """

    rows: int
    tokens: int
    epochs: int
    seconds: float


@dataclass(frozen=True)
class Questions:
    """So many ways of asking, each about so many examples, and the seconds for all of it."""

    ways: int
    examples: int
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """What all of it will take.

    Attributes:
        questions: what they are for -> how many there are.
        training: see there.
        memory: bytes that training takes at its peak, by ``lora.memory``.
        free: bytes that are free now; None where that cannot be told.
    """

    questions: dict[str, Questions]
    training: Training
    memory: int
    free: int | None = None

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.training.seconds + sum(one.seconds for one in self.questions.values())

    @property
    def long(self) -> bool:
        """Whether one should be asked before it begins."""
        return self.seconds > LONG

    def __str__(self) -> str:
        train = self.training
        peak = _("{needed:.1f} GB at the peak, by calculation").format(needed=self.memory / 1e9)
        if self.free is not None:
            peak += _("; {free:.1f} GB are free").format(free=self.free / 1e9)
        lines = {name: _("{ways} x {examples} answers: {time}").format(
                     ways=one.ways, examples=one.examples, time=duration(one.seconds))
                 for name, one in self.questions.items()}
        lines |= {
            _("training"): _("{rows} rows, {tokens:,} tokens, {epochs} epochs: {time}").format(
                rows=train.rows, tokens=train.tokens, epochs=train.epochs,
                time=duration(train.seconds)),
            _("together"): duration(self.seconds),
            _("memory"): peak,
        }
        head = _("What it will take on this machine, as busy as it is now (timed: two training"
                 " steps\nand {n} answers; twice as long, or half, is possible):")
        return "\n".join([head.format(n=2 * ASKED),
                          *(f"  {name:10} {text}" for name, text in lines.items())])

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def duration(seconds: float) -> str:
    """Seconds in words, no finer than they are known: "about 40 s", "about 3 min"."""
    if seconds < 10:
        return _("a few seconds")
    if seconds < 90:
        return _("about {n} s").format(n=round(seconds / 10) * 10)
    return _("about {n} min").format(n=round(seconds / 60))


def make(
    ask: Callable[..., Result],
    base: Base,
    task: Task,
    settings: LoraSettings,
    questions: Mapping[str, tuple[Sequence[Method], Sequence[Example]]],
    prompt: Prompt | None = None,
) -> Forecast:
    """Try it out for a moment, and say what all of it will take.

    Args:
        ask: ``ask(method, examples, progress=...)`` gives a ``Result``, as ``evaluate`` does for
            one client; see ``assignment.answering``.
        questions: what will be asked: what for -> (ways of asking, examples). All of them ask the
            base model: the tuned one is as fast.
        prompt: what the model is trained with; the short prompt if not given.

    Raises:
        LessonError: the model cannot be loaded or asked, or the memory does not suffice.

    Introduced in notebook 11.
    """
    rows, checks = task.rows(task.train, prompt), task.rows(task.validation, prompt)
    ways = {way.name: way for some, _examples in questions.values() for way in some}
    # Trained before asked: two copies of a large model may not fit beside each other.
    train = training(base.folder, rows, checks, settings)
    each = answering(ask, list(ways.values()), task.validation)
    asked = {what: Questions(len(some), len(examples),
                             len(examples) * sum(each[way.name] for way in some))
             for what, (some, examples) in questions.items()}
    device = choose_device(settings.device).value
    longest = max(base.counter.count(row["messages"]).total for row in rows)
    peak = memory.estimate(base.shape, settings, device, longest).total
    return Forecast(asked, train, peak, available_memory())


def training(
    base: str, rows: Sequence[dict], validation: Sequence[dict], settings: LoraSettings
) -> Training:
    """How long ``lora.tune`` will take with these arguments; two steps are taken, none is kept.

    Raises:
        LessonError: the base or a row cannot be used, or the memory does not suffice.
    """
    from lessonlib.lora import base as lora_base
    from lessonlib.lora import loop
    from lessonlib.lora import rows as lora_rows
    from lessonlib.lora.guards import free_memory, memory_errors
    from lessonlib.models.quiet import quiet

    device = choose_device(settings.device).value
    together = min(settings.batch_size, ROWS_AT_ONCE)
    with quiet(), memory_errors(device, together):
        model, tokenizer = lora_base.load(base, settings, device, seed=0)
        longest = model.config.max_position_embeddings
        data = lora_rows.tokenise(rows, tokenizer, longest, _("Training"))
        checks = lora_rows.tokenise(validation, tokenizer, longest, _("Validation"))
        learner = loop.Learner(model, settings, device)
        some = _middle(data, together)
        step, look = _speeds(learner, some)
        del learner, model
    free_memory()
    tokens = _tokens(data)
    seconds = settings.epochs * tokens * step + (settings.epochs + 1) * _tokens(checks) * look
    return Training(len(data), tokens, settings.epochs, seconds)


def _speeds(learner, rows: Sequence[dict]) -> tuple[float, float]:
    """Seconds a token, of learning and of looking at the loss alone. Nothing is learned."""
    with learner.at_work():
        learner.learn(rows[:WARM_UP_ROWS], 0.0)
        step = _seconds(lambda: learner.learn(rows, 0.0))
        look = _seconds(lambda: learner.measure(rows))
    return step / _tokens(rows), look / _tokens(rows)


def answering(
    ask: Callable[..., Result], ways: Sequence[Method],
    examples: Sequence[Example],
) -> dict[str, float]:
    """Seconds that one answer takes, by the name of each way of asking.

    A few examples are asked in the way with the shortest prompt and in that with the longest; in
    between, time grows with the length of the prompt.
    """
    some = list(examples[:ASKED])
    sizes = {way.name: sum(len(str(way.messages(one))) for one in some) for way in ways}
    ends = sorted(ways, key=lambda way: sizes[way.name])
    ask(ends[0], some[:1], progress=False)  # the first question waits for the model to be loaded
    took = [_each(ask(way, some, progress=False)) for way in (ends[0], ends[-1])]
    low, high = sizes[ends[0].name], sizes[ends[-1].name]
    slope = (took[1] - took[0]) / (high - low) if high > low else 0.0
    return {name: took[0] + max(0.0, slope) * (size - low) for name, size in sizes.items()}


def _each(result: Result) -> float:
    """Seconds an answer, of some that were asked together: the last one's, shared out.

    Not by the clock on the wall: an answer that was kept from before comes at once.
    """
    return max(row.seconds for row in result.rows) / len(result.rows)


def _middle(rows: Sequence[dict], size: int) -> list[dict]:
    """So many rows of middle length: in training, like is beside like."""
    ordered = sorted(rows, key=lambda row: len(row["input_ids"]))
    start = max(0, (len(ordered) - size) // 2)
    return ordered[start : start + size]


def _tokens(rows: Sequence[dict]) -> int:
    return sum(len(row["input_ids"]) for row in rows)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
