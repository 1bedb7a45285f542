"""What a learner sees while a model is tuned, and the record that is kept of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import TrainerCallback

from lessonlib import lora_saving, show_live
from lessonlib.i18n import _
from lessonlib.show_live import in_notebook  # noqa: F401 until its users ask show_live themselves

if TYPE_CHECKING:
    from lessonlib.pictures import Picture


@dataclass(frozen=True)
class Point:
    """One line of the history.

    Attributes:
        step: number of batches learned so far; 0 is the base model.
        epoch: how often the rows have been gone through, such as 1.5.
        train_loss: mean loss per answer token of this step's batch, in nats.
        validation_loss: the same on the validation rows; only after an epoch.
        seconds: since training began.
    """

    step: int
    epoch: float
    train_loss: float | None
    validation_loss: float | None
    seconds: float


class Recorder(TrainerCallback):
    """Keeps the history; after each epoch takes the validation loss and keeps the adapter.

    Args:
        validate: gives the validation loss now, or None where there are no validation rows.
        checkpoints: where to keep the adapter of each epoch (``epoch-1``, ...), or None.
        watchers: told of each new point, as ``watcher(history, epoch_is_over)``.
    """

    def __init__(
        self,
        validate: Callable[[], float] | None,
        checkpoints: Path | None,
        watchers: Sequence[Callable[[list[Point], bool], None]],
    ):
        self.validate, self.checkpoints, self.watchers = validate, checkpoints, watchers
        self.history: list[Point] = []
        self.began = time.perf_counter()

    def _add(self, state, train_loss, validation_loss, epoch_is_over=False) -> None:
        seconds = time.perf_counter() - self.began
        point = Point(state.global_step, state.epoch or 0.0, train_loss, validation_loss, seconds)
        self.history.append(point)
        for watcher in self.watchers:
            watcher(self.history, epoch_is_over)

    def on_train_begin(self, args, state, control, **kwargs):
        self.began = time.perf_counter()
        if self.validate:
            self._add(state, None, self.validate())

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            self._add(state, logs["loss"], None)

    def on_epoch_end(self, args, state, control, model=None, **kwargs):
        validation_loss = self.validate() if self.validate else None
        last = self.history.pop()  # this epoch's last step: it comes back with all it is to hold
        self._add(state, last.train_loss, validation_loss, epoch_is_over=True)
        if self.checkpoints:
            lora_saving.save_adapter(model, self.checkpoints / f"epoch-{round(state.epoch)}")


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
        self.bar = show_live.bar(steps, _("Tuning"), _("steps"))
        self.history: list[Point] = []
        self.picture = show_live.LivePicture(
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
    from lessonlib import pictures  # loads Matplotlib, which training alone does not need

    return pictures.loss_curve(
        [point.epoch for point in history],
        [point.train_loss for point in history],
        [point.validation_loss for point in history],
        title=_("Loss while tuning {name}").format(name=name).strip(),
        x=_("epoch"),
    )
