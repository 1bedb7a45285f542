"""What moves while something takes its time: a progress bar, and a picture that is redrawn.

``LESSON_PROGRESS=0`` in the environment hides both. The saved notebooks are made and tested that
way, because a bar leaves its first state behind in the file, and whether there is one at all
depends on what the cache already holds.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from tqdm.auto import tqdm

#: Seconds between two drawings at the least, and the share of the time that drawing may take.
PAUSE, SHARE = 1.0, 0.05


def bar(total: int, label: str, unit: str, initial: int = 0, show: bool = True) -> tqdm:
    """A progress bar that is gone when the work is done: a widget in a notebook, else text."""
    return tqdm(total=total, desc=label, unit=f" {unit}", initial=initial, leave=False,
                disable=hidden() or not show)


def hidden() -> bool:
    """Are bars and live pictures left out?"""
    return os.environ.get("LESSON_PROGRESS", "1") == "0"


def in_notebook() -> bool:
    """Does this code run in a Jupyter kernel, so that there is a page to draw on?"""
    shell = sys.modules.get("IPython")
    return bool(shell and getattr(shell.get_ipython(), "kernel", None))


class LivePicture:
    """A picture that is drawn anew now and then, and taken away at the end.

        live = LivePicture(lambda: pictures.loss_curve(steps, losses))
        ...
        live.update()          # as often as you like: it draws when it is time to
        live.close()

    In a notebook only. Elsewhere, and where progress is hidden, nothing is drawn.

    Args:
        draw: gives the picture as it is now, or None where there is nothing new to show.
    """

    def __init__(self, draw: Callable[[], object]):
        self._draw, self._handle = draw, None
        self._next = time.perf_counter() + PAUSE
        if in_notebook() and not hidden():
            from IPython.display import display

            self._handle = display(_Blank(), display_id=True)

    def update(self) -> None:
        """Draw, if the last drawing is long enough ago."""
        now = time.perf_counter()
        if self._handle is None or now < self._next:
            return
        picture = self._draw()
        if picture is not None:
            self._handle.update(picture)
            took = time.perf_counter() - now
            self._next = now + took + max(PAUSE, took / SHARE)

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


class LiveCurve:
    """Collects points and shows them live in a notebook, with a progress bar.

        with LiveCurve(tokens, "tokens", "loss") as curve:
            while ...:
                curve.add(tokens_so_far, loss)
        curve.picture()

    Args:
        total: the last x, for the bar.
        x, y: what the axes show.
        title: of the picture.

    Introduced in appendix A1.
    """

    def __init__(self, total: int, x: str, y: str, title: str = ""):
        self.total, self.x, self.y, self.title = total, x, y, title
        self.points: list[tuple[float, float]] = []
        self.seconds = 0.0

    def __enter__(self) -> LiveCurve:
        self.began = time.perf_counter()
        self.bar = bar(self.total, self.title, self.x)
        self.live = LivePicture(lambda: self.picture() if len(self.points) > 1 else None)
        return self

    def add(self, x: float, y: float) -> None:
        """One more point; draws when it is time to."""
        self.points.append((x, y))
        self.bar.update(x - self.bar.n)
        self.seconds = time.perf_counter() - self.began
        self.live.update()

    def __exit__(self, error: type | None, *_more: object) -> None:
        if error is None:
            self.bar.total = self.bar.n  # done; a bar that is not full would stay, in red
        self.bar.close()
        self.live.close()

    def picture(self):
        """All points so far."""
        from lessonlib.show import pictures  # loads Matplotlib, which a bar does not need

        xs, ys = zip(*self.points, strict=True)
        return pictures.loss_curve(xs, ys, x=self.x, y=self.y, title=self.title, end=self.total)
