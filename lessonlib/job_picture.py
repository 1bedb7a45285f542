"""The losses of a fine-tuning job as a picture, once or growing while the job runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from lessonlib.i18n import _
from lessonlib.job_results import Step


def loss_picture(steps: Sequence[Step], name: str = ""):
    """Training and validation loss over the steps, with alternative text."""
    from lessonlib import pictures

    fig, axes = pictures.figure(width=8, height=3.6)
    trained = [step for step in steps if step.train_loss is not None]
    checked = [step for step in steps if step.valid_loss is not None]
    axes.plot([one.step for one in trained], [one.train_loss for one in trained],
              color=pictures.SKY, linewidth=1.2, label=_("training"))
    if checked:
        axes.plot([one.step for one in checked], [one.valid_loss for one in checked],
                  color=pictures.VERMILLION, marker="o", linestyle="--", label=_("validation"))
    axes.set(xlabel=_("steps"), ylabel=_("loss per token"), ylim=(0, None),
             title=_("Loss of {name}").format(name=name).strip())
    if steps and steps[-1].total:
        axes.set_xlim(0, steps[-1].total)
    axes.grid(axis="y")
    if trained or checked:
        axes.legend()
    return pictures.render(fig, _describe(trained, checked, name))


def _describe(trained: Sequence[Step], checked: Sequence[Step], name: str) -> str:
    """The picture in words."""
    text = _("Loss of {name} over its steps.").format(name=name)
    if trained:
        text += " " + _("Training loss goes from {first:.2f} to {last:.2f}.").format(
            first=trained[0].train_loss, last=trained[-1].train_loss)
    if checked:
        best = min(checked, key=lambda one: one.valid_loss)
        text += " " + _(
            "Validation loss goes from {first:.2f} to {last:.2f}; lowest at step {best}."
        ).format(first=checked[0].valid_loss, last=checked[-1].valid_loss, best=best.step)
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
