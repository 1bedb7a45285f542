"""Tune on a task by one of two routes: a job at a service, or LoRA on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lessonlib import chat_files, jobs
from lessonlib.assignment.task import Prompt, Task
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.lora import LoraSettings
from lessonlib.paths import WORK
from lessonlib.tune_once import tune_once

ROUTES = ("job", "lora")


@dataclass(frozen=True)
class Tuned:
    """A model that was tuned on the task.

    Attributes:
        name: ask for it by this name.
        route: one of ``ROUTES``.
        seconds: from the first row sent to the finished model.
        tokens: trained tokens, epochs counted.
        folder: the model's folder, where it is on this machine and open to us; else None.
        losses: validation loss, first and last, where the route tells them.
    """

    name: str
    route: str
    seconds: float
    tokens: int
    folder: Path | None = None
    losses: tuple[float, ...] = ()

    def __str__(self) -> str:
        text = _("{name}: tuned by {route} in {seconds:.0f} s on {tokens:,} tokens").format(
            name=self.name, route=self.route, seconds=self.seconds, tokens=self.tokens)
        if self.losses:
            text += _("; validation loss {first:.2f} -> {last:.2f}").format(
                first=self.losses[0], last=self.losses[-1])
        return text

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def write_files(task: Task, prompt: Prompt | None = None) -> tuple[Path, Path]:
    """The training and the validation file of a task, in ``work/assignment``, checked.

    Args:
        prompt: what the model will be asked with; the short prompt if not given.

    Raises:
        LessonError: a file has an error that a service would refuse.
    """
    made = []
    for split in ("train", "validation"):
        rows = task.rows(getattr(task, split), prompt)
        path = chat_files.write(rows, WORK / "assignment" / f"{task.name}-{split}.jsonl")
        report = chat_files.check(path, minimum=1, test_rows=task.rows(task.test, prompt),
                                  progress=False)
        errors = [one for one in report.problems if one.level == chat_files.ERROR]
        if errors:
            raise LessonError(f"{path.name}, {errors[0].where}: {errors[0].rule}.", errors[0].cure)
        made.append(path)
    return made[0], made[1]


def by_job(
    client,
    task: Task,
    model: str,
    prompt: Prompt | None = None,
    suffix: str = "assignment",
    **hyperparameters,
) -> Tuned:
    """Tune by a job of the service that the client talks to; asks for a yes where it is paid.

    Args:
        model: the base model.
        prompt: what the model will be asked with; the short prompt if not given.
        hyperparameters: n_epochs, batch_size, learning_rate_multiplier; "auto" if not given.

    Raises:
        LessonError: the job failed, or its cost was not agreed to.
    """
    training, validation = (jobs.upload(client, path) for path in write_files(task, prompt))
    run = jobs.follow(client, jobs.create(client, model, training, validation, suffix=suffix,
                                          **hyperparameters))
    losses = [step.valid_loss for step in run.steps if step.valid_loss is not None]
    return Tuned(run.model, "job", run.seconds, run.job.trained_tokens or 0,
                 losses=tuple(losses[:1] + losses[-1:]))


def by_lora(
    task: Task,
    name: str,
    settings: LoraSettings,
    prompt: Prompt | None = None,
    base: str | None = None,
) -> Tuned:
    """Tune with LoRA on this machine, unless the very same model is here already.

    Args:
        prompt: what the model will be asked with; the short prompt if not given.
        base: the built-in model, or another (see ``lora_folders.find_base``).

    Raises:
        LessonError: as ``lora.tune``.
    """
    write_files(task, prompt)
    rows, validation = (task.rows(part, prompt) for part in (task.train, task.validation))
    model = tune_once(rows, name, settings, validation, base)
    losses = [p.validation_loss for p in model.history if p.validation_loss is not None]
    return Tuned(model.name, "lora", model.seconds, model.tokens, model.folder,
                 tuple(losses[:1] + losses[-1:]))
