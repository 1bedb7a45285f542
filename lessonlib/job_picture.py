"""The losses and accuracies of a fine-tuning job as pictures, once or growing while it runs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lessonlib.i18n import _

#: A number for each step, None where it was not told.
Numbers = Sequence[float | None]


def loss_picture(
    steps: Sequence[int], training: Numbers, validation: Numbers, total: int | None, name: str = ""
):
    """Training and validation loss over the steps, with alternative text.

    Args:
        steps: numbers of the steps that were told.
        training, validation: losses in nats per answer token, as long as ``steps``.
        total: steps of the whole job, None where not told.
    """
    return _curves(steps, training, validation, total, name, _LOSS)


def accuracy_picture(
    steps: Sequence[int], training: Numbers, validation: Numbers, total: int | None, name: str = ""
):
    """The share of answer tokens that the model would have written itself, over the steps."""
    return _curves(steps, training, validation, total, name, _ACCURACY)


@dataclass(frozen=True)
class _Kind:
    """What is drawn, in words. ``best`` chooses among the checks, ``top`` ends the axis."""

    best: Callable
    axis: str
    title: str
    going: str
    top: float | None


_LOSS = _Kind(
    min, _("loss per token"), _("Loss of {name}"),
    _("Validation loss goes from {first:.2f} to {last:.2f}; lowest at step {best}."), None)
_ACCURACY = _Kind(
    max, _("share of tokens"), _("Token accuracy of {name}"),
    _("Validation accuracy goes from {first:.2f} to {last:.2f}; highest at step {best}."), 1.0)


def _curves(steps, training, validation, total, name: str, kind: _Kind):
    from lessonlib import pictures

    fig, axes = pictures.figure(width=8, height=3.6)
    title = kind.title.format(name=name).strip()
    trained, checked = _told(steps, training), _told(steps, validation)
    axes.plot(list(trained), list(trained.values()),
              color=pictures.SKY, linewidth=1.2, label=_("training"))
    if checked:
        axes.plot(list(checked), list(checked.values()),
                  color=pictures.VERMILLION, marker="o", linestyle="--", label=_("validation"))
    axes.set(xlabel=_("steps"), ylabel=kind.axis, ylim=(0, kind.top), title=title)
    if total:
        axes.set_xlim(0, 1.02 * total)  # room for the last mark
    axes.grid(axis="y")
    if trained or checked:
        axes.legend()
    return pictures.render(fig, _describe(trained, checked, title, kind))


def _told(steps: Sequence[int], numbers: Numbers) -> dict[int, float]:
    """Step -> number, where there is one."""
    return {step: value for step, value in zip(steps, numbers, strict=True) if value is not None}


def _describe(trained: dict[int, float], checked: dict[int, float], title: str, kind: _Kind) -> str:
    """The picture in words."""
    text = _("{what} over its steps.").format(what=title)
    if trained:
        values = list(trained.values())
        text += " " + _("In training it goes from {first:.2f} to {last:.2f}.").format(
            first=values[0], last=values[-1])
    if checked:
        values = list(checked.values())
        best = kind.best(checked, key=checked.get)
        text += " " + kind.going.format(first=values[0], last=values[-1], best=best)
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
