"""What a learner sees while a model is tuned, and the record that is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lessonlib.common.i18n import _
from lessonlib.show import live

if TYPE_CHECKING:
    from lessonlib.show.pictures import Picture


@dataclass(frozen=True)
class Point:
    """One line of the history.

    Attributes:
        step: number of steps taken so far; 0 is the base model.
        epoch: how often the rows have been gone through, such as 1.5.
        train_loss: mean loss per answer token of this step's batch, in nats.
        validation_loss: the same on the validation rows; only after an epoch.
        seconds: since training began.
        train_accuracy, validation_accuracy: the share of answer tokens that the model would have
            chosen itself, where the losses were taken.
    """

    step: int
    epoch: float
    train_loss: float | None
    validation_loss: float | None
    seconds: float
    train_accuracy: float | None = None
    validation_accuracy: float | None = None


class Lines:
    """For a terminal: one line for each epoch."""

    def __init__(self, epochs: int):
        self.epochs = epochs

    def __call__(self, history: list[Point], epoch_is_over: bool) -> None:
        if not epoch_is_over:
            return
        ends = epoch_ends(history)
        point, number = ends[-1], len(ends)
        start = ends[-2].step if number > 1 else 0
        losses = [p.train_loss for p in history if p.step > start and p.train_loss is not None]
        text = _("epoch {number} of {epochs}: training loss {loss:.3f}").format(
            number=number, epochs=self.epochs, loss=sum(losses) / len(losses)
        )
        if point.validation_loss is not None:
            text += _(", validation loss {loss:.3f}").format(loss=point.validation_loss)
        print(text + _(", {seconds:.0f} s").format(seconds=point.seconds), flush=True)


class LivePicture:
    """For a notebook: a progress bar and the picture of the loss, drawn anew now and then."""

    def __init__(self, steps: int):
        self.bar = live.bar(steps, _("Tuning"), _("steps"))
        self.history: list[Point] = []
        self.picture = live.LivePicture(
            lambda: loss_picture(self.history) if len(self.history) > 1 else None)

    def __call__(self, history: list[Point], epoch_is_over: bool) -> None:
        self.history = history
        self.bar.update(history[-1].step - self.bar.n)
        self.picture.update()

    def close(self) -> None:
        """Take bar and live picture away."""
        self.bar.close()
        self.picture.close()


def epoch_ends(history: Sequence[Point]) -> list[Point]:
    """The last point of each whole epoch."""
    return [p for p in history if p.step and abs(p.epoch - round(p.epoch)) < 1e-6]


def loss_picture(history: Sequence[Point], name: str = "") -> Picture:
    """The loss over the epochs as a picture with alternative text."""
    from lessonlib.show import pictures  # loads Matplotlib, which training alone does not need

    return pictures.loss_curve(
        [point.epoch for point in history],
        [point.train_loss for point in history],
        [point.validation_loss for point in history],
        title=_("Loss while tuning {name}").format(name=name).strip(),
        x=_("epoch"),
    )
