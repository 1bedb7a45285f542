"""The curves of a fine-tuning job: what is learned from, and what is only looked at.

Three things are drawn, and each in a form of its own: the training loss of every step, a thin line
that jumps, with its mean over each epoch; the validation loss on a few rows, marks without a line;
and the validation loss on all rows at the end of each epoch, which is the one to choose by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lessonlib.common.i18n import _
from lessonlib.show import pictures

#: A ``services.job_results.Step``.
Step = Any


def losses(steps: Sequence[Step]) -> pictures.Picture:
    """The losses of a job's steps."""
    return _draw(steps, ("train_loss", "valid_loss", "full_valid_loss"),
                 _("Loss, step by step"), _("loss per token"), min)


def accuracies(steps: Sequence[Step]) -> pictures.Picture:
    """The shares of answer tokens that the model would have written itself."""
    return _draw(steps, ("train_accuracy", "valid_accuracy", "full_valid_accuracy"),
                 _("Token accuracy, step by step"), _("share of tokens"), max)


def epoch_means(steps: Sequence[Step], name: str = "train_loss") -> list[tuple[int, int, float]]:
    """(first step, last step, mean) of each epoch that is over; its end is where the whole
    validation file was looked at."""
    found, begun = [], 1
    for end in (one.step for one in steps if one.full_valid_loss is not None):
        values = [value for one in steps
                  if begun <= one.step <= end and (value := getattr(one, name)) is not None]
        if values:
            found.append((begun, end, sum(values) / len(values)))
        begun = end + 1
    return found


def _draw(steps, names: tuple[str, str, str], title: str, y: str, best) -> pictures.Picture:
    fig, axes = pictures.figure(width=8, height=3.8)
    trained, few, whole = ([(one.step, value) for one in steps
                            if (value := getattr(one, name)) is not None] for name in names)
    told = [f"{title}."]
    if trained:
        axes.plot(*zip(*trained, strict=True), color=pictures.BLUE, linewidth=0.9, alpha=0.6,
                  label=_("training"))
        told.append(_("Training: from {first:.2f} to {last:.2f}.").format(
            first=trained[0][1], last=trained[-1][1]))
    means = epoch_means(steps, names[0])
    if means:
        for begun, end, mean in means:
            axes.plot([begun, end], [mean, mean], color=pictures.BLUE, linewidth=3.2,
                      label=_("training, mean of an epoch") if begun == means[0][0] else None)
        told.append(_("Mean of each epoch: {means}.").format(
            means=", ".join(f"{mean:.2f}" for _begun, _end, mean in means)))
    if few:
        axes.plot(*zip(*few, strict=True), "^", color=pictures.GREEN, fillstyle="none",
                  label=_("validation, a few rows"))
        told.append(_("Validation on a few rows: {values}.").format(values=_listed(few)))
    if whole:
        axes.plot(*zip(*whole, strict=True), "--o", color=pictures.VERMILLION,
                  label=_("validation, all rows"))
        told.append(_("Validation on all rows: {values}; {where}.").format(
            values=_listed(whole), where=_mark_best(axes, whole, best)))
    axes.set(title=title, xlabel=_("step"), ylabel=y, ylim=(0, None if best is min else 1))
    if steps and steps[-1].total:
        axes.set_xlim(0, 1.02 * steps[-1].total)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y")
    if len(told) > 2:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=11)
    return pictures.render(fig, " ".join(told))


def _mark_best(axes, points: Sequence[tuple[int, float]], best) -> str:
    """Draw a ring round the best point; returns where it is, in words."""
    finite = [point for point in points if math.isfinite(point[1])]
    if not finite:  # of a training that ran away
        return _("none is a number")
    step, value = best(finite, key=lambda point: point[1])
    where = (_("lowest at step {step}") if best is min else _("highest at step {step}")).format(
        step=step)
    if len(points) > 1:
        axes.plot(step, value, "o", markersize=16, fillstyle="none", color=pictures.GREY,
                  label=where)
    return where


def _listed(points: Sequence[tuple[int, float]]) -> str:
    if len(points) > 12:
        return _("from {first:.2f} to {last:.2f}").format(first=points[0][1], last=points[-1][1])
    return ", ".join(f"{value:.2f}" for _step, value in points)
