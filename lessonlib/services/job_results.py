"""What a fine-tuning job reports in numbers: its steps and its result file."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.services import job_pictures
from lessonlib.show.tables import ShownAsTable, Table

#: How the services call a step's numbers, in events, result files and checkpoints.
NAMES = {
    "train_loss": ("train_loss",),
    "train_accuracy": ("train_accuracy", "train_mean_token_accuracy"),
    "valid_loss": ("valid_loss", "validation_loss"),
    "valid_accuracy": ("valid_mean_token_accuracy", "validation_mean_token_accuracy"),
    "full_valid_loss": ("full_valid_loss",),
    "full_valid_accuracy": ("full_valid_mean_token_accuracy",),
}
#: A table shows so many lines at most, spread over the run.
SHOWN = 12


@dataclass(frozen=True)
class Step:
    """One step. Losses in nats per answer token, accuracies as shares; None where not told.

    ``valid_...`` is measured now and then on a few rows of the validation file, ``full_valid_...``
    at the end of each epoch on all of them: two numbers that cannot be compared with each other.

    ``total``: steps of the whole job, None where not told.
    """

    step: int
    total: int | None
    train_loss: float | None
    train_accuracy: float | None
    valid_loss: float | None
    valid_accuracy: float | None
    full_valid_loss: float | None = None
    full_valid_accuracy: float | None = None

    @property
    def was_validated(self) -> bool:
        """Whether the step tells anything of the validation file."""
        return self.valid_loss is not None or self.full_valid_loss is not None

    @classmethod
    def of_event(cls, event: Any) -> Step | None:
        """The step that an event tells of; None for any other event."""
        data = event.data if isinstance(event.data, dict) else {}
        if event.type != "metrics" or "step" not in data:
            return None
        return cls(int(data["step"]), data.get("total_steps"), **_numbers(data))


def _numbers(row: dict) -> dict[str, float | None]:
    """The numbers of a row, by our names. An empty cell is None."""
    found = {}
    for ours, theirs in NAMES.items():
        texts = [row[name] for name in theirs if row.get(name) not in (None, "")]
        found[ours] = float(texts[0]) if texts else None
    return found


@dataclass(frozen=True, repr=False)
class Results(ShownAsTable):
    """A result file. ``steps``: every step of the job; see ``Step``."""

    job: str
    steps: list[Step]

    def picture(self):
        """The losses over all steps."""
        return job_pictures.losses(self.steps)

    def accuracy_picture(self):
        """The share of answer tokens that the model would have written itself, over all steps."""
        return job_pictures.accuracies(self.steps)

    def with_epochs(self, told: Sequence[Step]) -> Results:
        """The same, with the losses on the whole validation file where the file has none.

        Args:
            told: steps as the job's events tell of them.
        """
        known = {one.step: one for one in told if one.full_valid_loss is not None}
        return replace(self, steps=[
            one if one.full_valid_loss is not None or one.step not in known
            else replace(one, full_valid_loss=known[one.step].full_valid_loss,
                         full_valid_accuracy=known[one.step].full_valid_accuracy)
            for one in self.steps])

    @property
    def shown(self) -> list[Step]:
        """The steps that the table shows: the first, the last, and some between.

        Validation is measured at some steps only. Those come first: they tell most.
        """
        if len(self.steps) <= SHOWN:
            return self.steps
        ends = {0, len(self.steps) - 1}
        told = [place for place, one in enumerate(self.steps)
                if one.was_validated and place not in ends]
        places = ends | set(_spread(told, SHOWN - len(ends)))
        others = [place for place in range(len(self.steps)) if place not in places]
        places |= set(_spread(others, SHOWN - len(places)))
        return [self.steps[place] for place in sorted(places)]

    def table(self) -> Table:
        headings = (_("step"), _("training loss"), _("training accuracy"),
                    _("validation loss, a few rows"), _("validation loss, all rows"),
                    _("validation accuracy, all rows"))
        return Table(headings, [(str(one.step), *_cells(one)) for one in self.shown], words=())


def _spread(places: list[int], count: int) -> list[int]:
    """``count`` of these places at most, evenly."""
    if len(places) <= count:
        return places
    return [places[int((number + 0.5) * len(places) / count)] for number in range(count)]


def read_results(content: bytes, job: str) -> Results:
    """A result file as a service sends it: OpenAI's is encoded in base64, Azure's is not.

    Raises:
        LessonError: it is not the whole of a table of steps.
    """
    try:
        content = base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        pass  # plain text: its commas are not base64
    try:
        table = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        if "step" not in (table.fieldnames or ()):
            raise ValueError(_("it has no column 'step'"))
        rows = list(table)
        steps = [Step(int(float(row["step"])), len(rows), **_numbers(row)) for row in rows]
    except (ValueError, TypeError, OverflowError, csv.Error) as error:
        raise LessonError(
            _("The result file of {id} cannot be read: {reason}.").format(id=job, reason=error),
            _("Fetch it again; the job's page at the service shows the same numbers."),
        ) from None
    return Results(job, steps)


def _cells(step: Step) -> tuple[str, ...]:
    def loss(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    return (loss(step.train_loss), share(step.train_accuracy), loss(step.valid_loss),
            loss(step.full_valid_loss), share(step.full_valid_accuracy))
