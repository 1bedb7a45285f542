"""What a learner sees while a model is tuned, and the record that is kept of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import TrainerCallback

from lessonlib import lora_saving, progress
from lessonlib.i18n import _

#: A picture may take this share of the time while training runs.
PICTURE_SHARE = 0.05


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
        from IPython.display import display

        self.bar = progress.bar(steps, _("Tuning"), _("steps"))
        # The saved notebooks are made without bars; there the final picture is enough.
        self.handle = None if self.bar.disable else display(_Blank(), display_id=True)
        self.next_picture = time.perf_counter() + 1.0

    def __call__(self, history: list[Point], epoch_is_over: bool) -> None:
        self.bar.update(history[-1].step - self.bar.n)
        now = time.perf_counter()
        if self.handle is None or now < self.next_picture or len(history) < 2:
            return
        self.handle.update(loss_picture(history))
        took = time.perf_counter() - now
        self.next_picture = now + took + max(1.0, took / PICTURE_SHARE)

    def close(self) -> None:
        """Take bar and live picture away."""
        self.bar.close()
        if self.handle is not None:
            self.handle.update(_Blank())


class _Blank:
    """Takes no room on the page."""

    def _repr_html_(self) -> str:
        return "<span></span>"

    def __repr__(self) -> str:
        return ""


def in_notebook() -> bool:
    """Does this code run in a Jupyter kernel, so that there is a page to draw on?"""
    shell = sys.modules.get("IPython")
    return bool(shell and getattr(shell.get_ipython(), "kernel", None))


def epoch_ends(history: Sequence[Point]) -> list[Point]:
    """The last point of each whole epoch."""
    return [p for p in history if p.step and abs(p.epoch - round(p.epoch)) < 1e-6]


def loss_picture(history: Sequence[Point], name: str = ""):
    """The loss over the epochs as a picture with alternative text."""
    from lessonlib import pictures

    fig, axes = pictures.figure(width=8, height=3.6)
    steps = [point for point in history if point.train_loss is not None]
    axes.plot(
        [p.epoch for p in steps],
        [p.train_loss for p in steps],
        color=pictures.BLUE,
        linewidth=1.2,
        label=_("training, each batch"),
    )
    checks = [point for point in history if point.validation_loss is not None]
    if checks:
        axes.plot(
            [p.epoch for p in checks],
            [p.validation_loss for p in checks],
            color=pictures.VERMILLION,
            marker="o",
            label=_("validation, each epoch"),
        )
    axes.set(
        xlabel=_("epochs"),
        ylabel=_("loss per token"),
        ylim=(0, None),
        title=_("Loss while tuning {name}").format(name=name).strip(),
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y")
    axes.legend()
    return pictures.render(fig, _describe(steps, checks, name))


def _describe(steps: Sequence[Point], checks: Sequence[Point], name: str) -> str:
    """The loss picture in words."""
    text = _("Loss while tuning {name}.").format(name=name).replace(" .", ".")
    if steps:
        text += " " + _(
            "Over {count} batches the training loss goes from {first:.2f} to {last:.2f}."
        ).format(count=len(steps), first=steps[0].train_loss, last=steps[-1].train_loss)
    if checks:
        values = ", ".join(f"{point.validation_loss:.2f}" for point in checks)
        best = min(checks, key=lambda point: point.validation_loss)
        text += " " + _(
            "Validation loss before and after each epoch: {values}; lowest after epoch {best}."
        ).format(values=values, best=round(best.epoch))
    return text
