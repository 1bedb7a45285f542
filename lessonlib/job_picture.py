"""The losses and accuracies of a fine-tuning job as pictures, once or growing while it runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lessonlib.i18n import _
from lessonlib.job_results import Step


def loss_picture(steps: Sequence[Step], name: str = ""):
    """Training and validation loss over the steps, with alternative text."""
    return _curves(steps, name, _LOSS)


def accuracy_picture(steps: Sequence[Step], name: str = ""):
    """The share of answer tokens that the model would have written itself, over the steps."""
    return _curves(steps, name, _ACCURACY)


@dataclass(frozen=True)
class _Kind:
    """What is drawn: which numbers of a step, in which words. ``best`` chooses among the checks."""

    trained: str
    checked: str
    best: Callable
    axis: str
    title: str
    going: str
    top: float | None


_LOSS = _Kind(
    "train_loss", "valid_loss", min, _("loss per token"), _("Loss of {name}"),
    _("Validation loss goes from {first:.2f} to {last:.2f}; lowest at step {best}."), None)
_ACCURACY = _Kind(
    "train_accuracy", "valid_accuracy", max, _("share of tokens"), _("Token accuracy of {name}"),
    _("Validation accuracy goes from {first:.2f} to {last:.2f}; highest at step {best}."), 1.0)


def _curves(steps: Sequence[Step], name: str, kind: _Kind):
    from lessonlib import pictures

    fig, axes = pictures.figure(width=8, height=3.6)
    trained = [step for step in steps if getattr(step, kind.trained) is not None]
    checked = [step for step in steps if getattr(step, kind.checked) is not None]
    axes.plot([one.step for one in trained], [getattr(one, kind.trained) for one in trained],
              color=pictures.SKY, linewidth=1.2, label=_("training"))
    if checked:
        axes.plot([one.step for one in checked], [getattr(one, kind.checked) for one in checked],
                  color=pictures.VERMILLION, marker="o", linestyle="--", label=_("validation"))
    axes.set(xlabel=_("steps"), ylabel=kind.axis, ylim=(0, kind.top),
             title=kind.title.format(name=name).strip())
    if steps and steps[-1].total:
        axes.set_xlim(0, 1.02 * steps[-1].total)  # room for the last mark
    axes.grid(axis="y")
    if trained or checked:
        axes.legend()
    return pictures.render(fig, _describe(trained, checked, name, kind))


def _describe(trained: Sequence[Step], checked: Sequence[Step], name: str, kind: _Kind) -> str:
    """The picture in words."""
    text = _("{what} over its steps.").format(what=kind.title.format(name=name).strip())
    if trained:
        ends = [getattr(one, kind.trained) for one in (trained[0], trained[-1])]
        text += " " + _("In training it goes from {first:.2f} to {last:.2f}.").format(
            first=ends[0], last=ends[1])
    if checked:
        values = [getattr(one, kind.checked) for one in checked]
        best = checked[values.index(kind.best(values))]
        text += " " + kind.going.format(first=values[0], last=values[-1], best=best.step)
    return text


class LivePicture:
    """In a notebook, the picture drawn anew now and then; elsewhere nothing."""

    def __init__(self, pause: float):
        shell = sys.modules.get("IPython")
        in_notebook = bool(shell and getattr(shell.get_ipython(), "kernel", None))
        # Saved notebooks are made without bars and live pictures (see ``progress.bar``).
        hidden = os.environ.get("LESSON_PROGRESS", "1") == "0"
        self._pause, self._next, self._drawn = pause, 0.0, 0
        self._handle = None
        if in_notebook and not hidden:
            from IPython.display import display

            self._handle = display(_Blank(), display_id=True)

    def draw(self, run) -> None:
        """Show the run's steps, if there are new ones and the last drawing is some time ago."""
        now = time.perf_counter()
        if self._handle is None or now < self._next or len(run.steps) in (0, 1, self._drawn):
            return
        self._drawn = len(run.steps)
        self._handle.update(run.picture())
        self._next = time.perf_counter() + max(self._pause, 10 * (time.perf_counter() - now))

    def close(self) -> None:
        """Take the picture away: the final one is shown by the cell that wants it."""
        if self._handle is not None:
            self._handle.update(_Blank())


class _Blank:
    """Takes no room on the page."""

    def _repr_html_(self) -> str:
        return "<span></span>"

    def __repr__(self) -> str:
        return ""
