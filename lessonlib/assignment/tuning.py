"""A model tuned on a task, by a job at a service or by LoRA on this machine, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lessonlib.assignment.task import Prompt, Task
from lessonlib.chat_files import files
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK
from lessonlib.lora.tuning import TunedModel
from lessonlib.measure.evaluation import Result
from lessonlib.services.watch import Run

#: Questions that are under way at once (``lessonlib.evaluate``'s own number).
AT_ONCE = 16


@dataclass(frozen=True)
class Tuned:
    """A model that was tuned on the task.

    Attributes:
        name: ask for it by this name.
        route: "job" or "lora".
        seconds: from the order, or the first step, to the finished model.
        tokens: trained tokens, epochs counted.
        folder: the model's folder, where it is on this machine and open to us; else None.
        losses: loss on all validation rows, first and last, where the route tells them.
    """

    name: str
    route: str
    seconds: float
    tokens: int
    folder: Path | None = None
    losses: tuple[float, ...] = ()

    @classmethod
    def by_job(cls, run: Run) -> Tuned:
        """What a job has made, as ``services.follow`` returns it. Introduced in notebook 11.

        Raises:
            LessonError: the job has no model.
        """
        whole = [step.full_valid_loss for step in run.steps if step.full_valid_loss is not None]
        few = [step.valid_loss for step in run.steps if step.valid_loss is not None]
        losses = whole or few  # never both in one row of numbers: they are of different rows
        return cls(run.model, "job", run.seconds, run.job.trained_tokens or 0,
                   losses=tuple(losses[:1] + losses[-1:]))

    @classmethod
    def by_lora(cls, model: TunedModel) -> Tuned:
        """What ``lora.tune`` has made. Introduced in notebook 11."""
        losses = [p.validation_loss for p in model.history if p.validation_loss is not None]
        return cls(model.name, "lora", model.seconds, model.tokens, model.folder,
                   tuple(losses[:1] + losses[-1:]))

    def __str__(self) -> str:
        text = _("{name}: tuned by {route} in {seconds:.0f} s on {tokens:,} tokens").format(
            name=self.name, route=self.route, seconds=self.seconds, tokens=self.tokens)
        if self.losses:
            text += _("; validation loss {first:.2f} -> {last:.2f}").format(
                first=self.losses[0], last=self.losses[-1])
        return text

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def minutes_per_1000(result: Result) -> float:
    """Minutes of this computer for 1,000 answers like these.

    Several are written at the same time, so the seconds of each one are shared out among them.

    Introduced in notebook 11.
    """
    return 1000 * result.seconds / min(AT_ONCE, len(result.rows)) / 60


def write_files(task: Task, prompt: Prompt | None = None) -> tuple[Path, Path]:
    """The training and the validation file of a task, in ``work/assignment``, checked.

    Args:
        prompt: what the model will be asked with; the short prompt if not given.

    Raises:
        LessonError: a file has an error that a service would refuse.

    Introduced in notebook 11.
    """
    made = []
    for split in ("train", "validation"):
        rows = task.rows(getattr(task, split), prompt)
        path = files.write(rows, WORK / "assignment" / f"{task.name}-{split}.jsonl")
        report = files.check(path, minimum=1, test_rows=task.rows(task.test, prompt),
                                  progress=False)
        errors = [one for one in report.problems if one.level == files.ERROR]
        if errors:
            raise LessonError(f"{path.name}, {errors[0].where}: {errors[0].rule}.", errors[0].cure)
        made.append(path)
    return made[0], made[1]
