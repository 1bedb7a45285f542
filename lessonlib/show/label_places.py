"""Where the words of a picture stand: near what they name, and on no line and no other words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.path import Path


def place_labels(axes: Axes, labels: Sequence[tuple[str, float, float, str, bool]]) -> None:
    """Write labels at their places, or near them where a line or another label is in the way.

    Args:
        labels: (words, x, y, colour, whether it stands at the right of its place, not above it).
    """
    taken: list = []
    axes.figure.draw_without_rendering()  # only now is it known how much room words take
    ways = _ways(axes)
    for words, x, y, colour, right in labels:
        label = axes.annotate(words, (x, y), xytext=(0, 0), textcoords="offset points",
                              color=colour, parse_math=False)  # a $ is a dollar
        for offset, ha, va in _places(right):
            label.set(position=offset, ha=ha, va=va)
            box = label.get_window_extent()
            if not (any(box.overlaps(other) for other in taken)
                    or any(way.intersects_bbox(box, filled=False) for way in ways)):
                break
        taken.append(box)


def _ways(axes: Axes) -> list[Path]:
    """Every line on the page that words would be hard to read on, in pixels."""
    lines = [line for line in axes.lines if line.get_linestyle() != "None"]
    lines += [axes.spines[side] for side in ("left", "bottom")]
    ways = [(line, line.get_path()) for line in lines]
    ways += [(bars, path) for bars in axes.collections for path in bars.get_paths()]
    return [one.get_transform().transform_path(path) for one, path in ways]


def _places(right: bool) -> Iterator[tuple[tuple[int, int], str, str]]:
    """Where a label may stand (in points from its place, and how it lies there), the best first:
    above or beside its place, at last ever higher, where there is room."""
    if not right:
        yield (0, 6), "center", "bottom"
        yield (12, 0), "left", "center"
        yield (21, 1), "left", "bottom"
        yield (-12, 0), "right", "center"
    for up in range(0, 1000, 2):
        yield ((9, up), "left", "center") if right else ((0, 6 + up), "center", "bottom")
