"""The lengths of training examples as a histogram, with the limit of the model."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lessonlib.chat_files.counters import quantile
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.show import pictures

_BARS = 24
#: A limit further away than so many times the longest example is told in words, not drawn:
#: on the way there, all bars would be squeezed into one.
_FAR = 2.5
#: Behind words, so that no grid line runs through them.
_PLAIN = {"facecolor": "white", "edgecolor": "none", "pad": 2}


def draw(totals: Sequence[int], limit: int | None) -> None:
    """Show the histogram under the cell.

    Args:
        totals: tokens of each example, prompt and answer together.
        limit: tokens that the model reads at once; None if not known.
    """
    fig, alt = build(totals, limit)
    pictures.show(fig, alt)


def build(totals: Sequence[int], limit: int | None) -> tuple[Figure, str]:
    """The figure and its words. Bars beyond the limit are hatched, not only of another colour."""
    if not totals:
        raise LessonError(
            _("There is no valid example, so there is nothing to draw."),
            _("Fix the file first; chat_files.check(path) says where."),
        )
    totals = sorted(totals)
    over = 0 if limit is None else sum(total > limit for total in totals)
    fig, axes = pictures.figure(width=9, height=4)
    near = limit is not None and limit <= _FAR * totals[-1]
    _bars(axes, totals, limit)
    axes.set_xlim(0, max(totals[-1], limit if near else 0) * 1.06)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.12)  # room for the words at the limit
    if near:
        _limit_line(axes, limit, over)
    elif limit is not None:
        text = _("limit: {limit:,} tokens, far to the right →").format(limit=limit)
        axes.text(0.99, 0.97, text, transform=axes.transAxes, ha="right", va="top", bbox=_PLAIN)
    axes.set_xlabel(_("tokens of an example, prompt and answer together"))
    axes.set_ylabel(_("examples"))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(_("How long the examples are"))
    axes.grid(axis="y")
    return fig, _words(totals, limit, over)


def _bars(axes: Axes, totals: list[int], limit: int | None) -> None:
    """Bars of whole numbers of tokens; one edge lies at the limit, so that no bar is both."""
    first, last = totals[0], totals[-1] + 1
    width = max(1, -(-(last - first) // _BARS))
    if limit is not None and first <= limit < last:
        # An edge at limit + 1: an example of exactly the limit still fits.
        first = limit + 1 - width * -(-(limit + 1 - first) // width)
    edges = range(first, last + width, width)
    counts, _edges, bars = axes.hist(
        totals, bins=list(edges), color=pictures.BLUE, edgecolor="white"
    )
    for bar, left in zip(bars, edges, strict=False):
        if limit is not None and left > limit:
            bar.set(facecolor=pictures.ORANGE, edgecolor=pictures.BLACK, hatch="//")


def _limit_line(axes: Axes, limit: int, over: int) -> None:
    axes.axvline(limit + 0.5, color=pictures.VERMILLION, linestyle="--")
    left_half = limit < sum(axes.get_xlim()) / 2
    axes.annotate(
        _("limit: {limit:,} tokens; longer: {over:,}").format(limit=limit, over=over),
        (limit, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(8 if left_half else -8, 0),
        textcoords="offset points",
        ha="left" if left_half else "right",
        va="top",
        bbox=_PLAIN,
    )


def _words(totals: list[int], limit: int | None, over: int) -> str:
    text = _(
        "Histogram of the lengths of {examples:,} examples in tokens: from {low:,} to {high:,}, "
        "half of them up to {middle:,}, 95 % up to {most:,}."
    ).format(examples=len(totals), low=totals[0], high=totals[-1],
             middle=quantile(totals, 0.5), most=quantile(totals, 0.95))
    if limit is None:
        return text
    return text + " " + _("The limit is {limit:,} tokens; {over:,} examples are longer.").format(
        limit=limit, over=over)
