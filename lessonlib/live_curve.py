"""A curve that grows while something is trained, and stays as a picture when it is done."""

from __future__ import annotations

import time

from lessonlib import pictures, progress
from lessonlib.i18n import _
from lessonlib.lora_progress import _Blank, in_notebook
from lessonlib.pictures import Picture

#: Seconds between two drawings at the least; a drawing may take this share of the time.
PAUSE, SHARE = 1.0, 0.05


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
    """

    def __init__(self, total: int, x: str, y: str, title: str = ""):
        self.total, self.x, self.y, self.title = total, x, y, title
        self.points: list[tuple[float, float]] = []
        self.seconds = 0.0
        self.handle = None

    def __enter__(self) -> LiveCurve:
        self.began = time.perf_counter()
        self.bar = progress.bar(self.total, self.title, self.x)
        if in_notebook() and not self.bar.disable:  # saved notebooks are made without bars
            from IPython.display import display

            self.handle = display(_Blank(), display_id=True)
        self.next_picture = self.began + PAUSE
        return self

    def add(self, x: float, y: float) -> None:
        """One more point; draws when it is time to."""
        self.points.append((x, y))
        self.bar.update(x - self.bar.n)
        now = time.perf_counter()
        self.seconds = now - self.began
        if self.handle and now >= self.next_picture and len(self.points) > 1:
            self.handle.update(self.picture())
            took = time.perf_counter() - now
            self.next_picture = now + took + max(PAUSE, took / SHARE)

    def __exit__(self, error: type | None, *_more: object) -> None:
        if error is None:
            self.bar.total = self.bar.n  # done; a bar that is not full would stay, in red
        self.bar.close()
        if self.handle:
            self.handle.update(_Blank())

    def picture(self) -> Picture:
        """All points so far."""
        fig, axes = pictures.figure(width=8, height=3.4)
        axes.plot(*zip(*self.points, strict=True), color=pictures.BLUE)
        axes.set(xlabel=self.x, ylabel=self.y, title=self.title, ylim=(0, None),
                 xlim=(0, self.total))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.grid(axis="y")
        (_x, first), (last_x, last) = self.points[0], self.points[-1]
        return pictures.render(fig, _(
            "{title}: {y} over {x}, from {first:.2f} to {last:.2f} after {last_x:,.0f} {x}."
        ).format(title=self.title, y=self.y, x=self.x, first=first, last=last, last_x=last_x))
