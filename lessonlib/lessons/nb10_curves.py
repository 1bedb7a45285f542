"""Three recorded loss curves without their names, for an exercise of notebook 10."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.lessons import real_runs
from lessonlib.show import pictures

#: Letter -> the training in the record of the real model.
ROUTES = {"A": "learning rate 2e-05", "B": "tuned on 25, again and again", "C": "one bad source"}


def show(letter: str) -> pictures.Picture:
    """One of the curves, ``"A"``, ``"B"`` or ``"C"``: both losses after each epoch.

    Introduced in notebook 10.
    """
    numbers, training, validation = real_runs.load().training(ROUTES[letter]).epochs()
    return pictures.loss_curve(
        numbers, training, validation, title=_("Curve {letter}").format(letter=letter),
        x=_("epoch"), y=_("loss, nats per token"))
