"""One style for all pictures, and alternative text for each.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), which readers with any
kind of colour blindness can tell apart. A picture never relies on colour alone: shapes, lines or
words say the same.

Pictures are drawn on white. On a dark page they are shown with light and dark swapped and the hues
kept (``DARK``), so that they fit the page as its text does. Where a page drops our style (GitHub,
or a saved notebook that was not run here) they stay white, and readable.
``tests/show/test_pictures.py`` measures the contrast of every colour on both backgrounds.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.show.label_places import place_labels

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#767676"
#: For lines and marks, in the order in which to use them: those that stand out on the page.
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, BLACK)
#: Too pale for a line on white: only to fill areas that have an edge or a hatch of their own.
FILLS = (ORANGE, SKY, YELLOW)
#: How a dark page shows a picture (CSS filter functions). Not the whole way to black: JupyterLab's
#: dark page is a very dark grey.
INVERT, TURN_HUE = 0.93, 180
#: What says that a page is dark: JupyterLab and nbconvert, Colab, Visual Studio Code.
DARK_PAGES = ('[data-jp-theme-light="false"]', '[theme="dark"]', ".vscode-dark")
DARK = (
    ", ".join(f"{page} .lesson-picture" for page in DARK_PAGES)
    + f" {{ filter: invert({INVERT}) hue-rotate({TURN_HUE}deg) }}"
)

STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "grid.color": "#D9D9D9",
    "lines.linewidth": 2.2,
    "lines.markersize": 8,
    "legend.frameon": False,
}
#: Dots per inch of the image, and of the page it is shown on: sharp when projected.
IMAGE_DPI, PAGE_DPI = 160, 80


@dataclass(frozen=True)
class Picture:
    """A finished image with the words that stand for it where it cannot be seen.

    In a notebook it becomes an HTML ``<img>`` element with an ``alt`` attribute. We do not send
    ``image/png`` with ``alt`` among its metadata, because JupyterLab (4.6) drops that; in HTML
    the text reaches screen readers in JupyterLab, Colab and exported pages alike. The same words
    are the plain-text form, so that they can be read in the file itself and compared by tests.
    """

    png: bytes = field(repr=False)
    alt: str
    width: int

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        data = base64.b64encode(self.png).decode("ascii")
        image = (
            f"<style>{DARK}</style>"
            f'<img class="lesson-picture" src="data:image/png;base64,{data}" '
            f'alt="{html.escape(self.alt)}" '
            f'width="{self.width}" style="max-width: 100%; height: auto">'
        )
        return {"text/html": image, "text/plain": self.alt}

    def save(self, path: str | Path) -> None:
        """Write the image as a PNG file; the alternative text goes into the file as well."""
        Path(path).write_bytes(self.png)


def figure(columns: int = 1, rows: int = 1, width: float = 10, height: float = 4.5, **options):
    """A figure and its axes in the course's style; size in inches, as ``plt.subplots``.

    The style stays on for the rest of the session: labels that are added later follow it too.

    Introduced in notebook 02.
    """
    plt.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(width, height), layout="constrained", **options)


def render(fig: Figure, alt: str) -> Picture:
    """Draw the figure and close it, so that the notebook does not show it a second time.

    Raises:
        LessonError: ``alt`` is empty. It says what the picture shows, not that it is one.
    """
    if not alt.strip():
        raise LessonError(
            _("The picture has no alternative text."),
            _("Say in a sentence or two what a reader is meant to see in it."),
        )
    width = round(fig.get_figwidth() * PAGE_DPI)
    buffer = io.BytesIO()
    fig.savefig(
        buffer,
        format="png",
        dpi=IMAGE_DPI,
        bbox_inches="tight",
        # Without the name of the software the same picture gives the same bytes.
        metadata={"Software": None, "Description": alt},
    )
    plt.close(fig)
    return Picture(buffer.getvalue(), " ".join(alt.split()), width)


def show(fig: Figure, alt: str) -> None:
    """Show the figure under the cell, with ``alt`` for those who cannot see it.

    Introduced in notebook 02.
    """
    from IPython.display import display

    display(render(fig, alt))


def loss_curve(
    steps: Sequence[float],
    losses: Sequence[float | None],
    checks: Sequence[float | None] = (),
    *,
    title: str = _("Loss"),
    x: str = _("step"),
    y: str = _("loss per token"),
    end: float | None = None,
    best: str = "lowest",
) -> Picture:
    """Losses of a training, those of the validation rows beside them, and where these are lowest.

    Args:
        steps: where each value stands, such as the number of its batch or epoch.
        losses: on what is learned, one for each of ``steps``; None where none was taken.
        checks: on what is held out, likewise; empty where nothing is.
        title: of the picture; its words begin with it.
        x, y: what the axes show; ``x`` names one step.
        end: where the x axis ends, if training goes on to there.
        best: ``"highest"`` for shares that should rise to 1, such as accuracies.

    Introduced in notebook 10.
    """
    fig, axes = figure(width=8, height=3.6)
    lines = [(losses, _("training"), {"color": BLUE, "linewidth": 1.2}),
             (checks, _("validation"), {"color": VERMILLION, "linestyle": "--", "marker": "o"})]
    told = [_("{title}: {y} by {x}.").format(title=title, y=y, x=x) if title
            else _("{y} by {x}.").format(y=y, x=x)]
    for values, name, look in lines:
        points = [(step, value) for step, value in zip(steps, values, strict=len(values) > 0)
                  if value is not None]
        if not points:
            continue
        if len(points) < 25:
            look.setdefault("marker", ".")
        axes.plot(*zip(*points, strict=True), label=name, **look)
        numbers = [f"{value:.2f}" for _step, value in points]
        if values is losses or len(points) > 12:
            numbers = [_("from {first} to {last}").format(first=numbers[0], last=numbers[-1])]
        words = f"{name}: {', '.join(numbers)}"
        # Of a training that ran away some losses are nan, which is neither high nor low.
        finite = [point for point in points if math.isfinite(point[1])]
        if values is checks and len(points) > 1 and finite:
            step, value = (min if best == "lowest" else max)(finite, key=lambda point: point[1])
            word = _("lowest") if best == "lowest" else _("highest")
            where = _("{word} at {x} {step:g}").format(word=word, x=x, step=step)
            axes.plot(step, value, "o", markersize=16, fillstyle="none", color=GREY, label=where)
            words += f"; {where}"
        told.append(words[0].upper() + words[1:] + ".")
    axes.set(xlabel=x, ylabel=y, title=title, ylim=(0, None if best == "lowest" else 1))
    if end:
        axes.set_xlim(0, 1.02 * end)  # room for the last mark
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y")
    if len(told) > 2:  # one line alone needs no name
        axes.legend()
    return render(fig, " ".join(told))


def errorbars(
    results: Mapping[str, Any] | Sequence[Any],
    metric: str = "micro_f1",
    x: str | Sequence[float] | None = None,
    *,
    lines: Sequence[str] = (),
    across: Mapping[str, Any] | None = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
) -> Picture:
    """Scores with their 95 % intervals, each with its name; the words hold every number.

    Args:
        results: results by name, or results that have a ``name``; each has ``metrics()``, which
            gives for ``metric`` something with ``value``, ``low`` and ``high``. Or plain data:
            (value, low, high) by name.
        metric: which score.
        x: where each stands: a number that each result has (``"prompt_tokens"``), or numbers in
            the order of the results; None for one beside the other.
        lines: words, such as ``("BM25", "embeddings")``. Results whose names hold the same word
            are one line, named by it, and the rest of its name stands at each point. Where none
            are given, all results are one line. Without ``x`` no points are joined.
        across: levels to compare with: (value, low, high) or a result, or a number, by name.
        xlabel, ylabel, title: words for axes and picture; by ``x`` and ``metric`` if not given.

    Raises:
        LessonError: there is nothing to draw, two results have the same name, or a result has no
            such metric.

    Introduced in notebook 01.
    """
    named = _named(results)
    scores = {name: _score(one, metric) for name, one in named.items()}
    places = range(len(named)) if x is None else x
    if isinstance(x, str):
        places = [getattr(one, x) for one in named.values()]
    points = {name: (place, *scores[name]) for name, place in zip(named, places, strict=True)
              if place is not None and all(map(math.isfinite, (place, *scores[name])))}
    if not points:
        raise LessonError(_("There is nothing to draw."), _("Give one measured result at least."))
    ylabel = ylabel or metric.replace("_f1", "-F1").replace("_", " ")
    xlabel = xlabel or (x.replace("_", " ") if isinstance(x, str) else "")
    levels = {name: _score(one, metric)[0] for name, one in (across or {}).items()}

    fig, axes = figure()
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if x is None:
        axes.set_xticks(range(len(named)), list(named), parse_math=False)
    labels = _draw_lines(axes, points, lines, name_points=x is not None)
    for name, level in levels.items():
        axes.axhline(level, color=GREY, linestyle=":")
        labels.append((name, min(place for place, *_score in points.values()), level, BLACK, False))
    everything = [limit for _x, _value, *limits in points.values() for limit in limits]
    if 0 <= min(everything) and max(everything) <= 1:
        axes.set_ylim(0, 1.05)
    axes.margins(x=0.12)
    stand = [place for place, *_score in points.values()]
    if isinstance(x, str) and min(stand) >= 0:
        axes.set_xlim(0, 1.15 * max(stand))  # from 0, or 264 tokens and 357 look far apart
    axes.grid(axis="y")
    place_labels(axes, labels)
    look = ",.0f" if isinstance(x, str) and x.endswith("tokens") else ",.6g"
    told = [f"{name}: {value:.2f} ({low:.2f} to {high:.2f})"
            + ("" if x is None else f" {_('at')} {place:{look}}")
            for name, (place, value, low, high) in points.items()]
    told += [f"{name}: {level:.2f}" for name, level in levels.items()]
    start = title or (_("{y} by {x}").format(y=ylabel, x=xlabel) if xlabel else ylabel)
    return render(fig, _("{start}, with 95 % intervals. {told}.").format(
        start=start[0].upper() + start[1:], told="; ".join(told)))


def _named(results: Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    if isinstance(results, Mapping):
        return dict(results)
    names = [one.name for one in results]
    for name in names:
        if names.count(name) > 1:
            raise LessonError(
                _("Two results are called {name!r}.").format(name=name),
                _('Say what each is to be called: pictures.errorbars({"...": one, ...})'))
    return dict(zip(names, results, strict=True))


def _score(measured: Any, metric: str) -> tuple[float, float, float]:
    """(value, low, high) of a result, of three numbers, or of one."""
    if isinstance(measured, int | float):
        return measured, measured, measured
    if hasattr(measured, "metrics"):
        scores = measured.metrics()
        if metric not in scores:
            raise LessonError(_("There is no metric {metric!r}.").format(metric=metric),
                              _("Choose one of: {names}.").format(names=", ".join(scores)))
        measured = scores[metric]
    if hasattr(measured, "low"):
        return measured.value, measured.low, measured.high
    value, low, high = measured
    return value, low, high


def _draw_lines(axes: Axes, points: dict, words: Sequence[str], name_points: bool) -> list[tuple]:
    """Draw the points with their intervals; returns labels as ``place_labels`` takes them."""
    of_word: dict[str, list[str]] = {}
    for name in points:
        of_word.setdefault(next((word for word in words if word in name), name if words else ""),
                           []).append(name)
    labels = []
    for number, (word, names) in enumerate(of_word.items()):
        xs, values, lows, highs = zip(*(points[name] for name in names), strict=True)
        below, above = ([abs(a - b) for a, b in zip(values, ends, strict=True)]
                        for ends in (lows, highs))
        # What stands one beside the other is no series, and nothing joins it.
        joint = ("-", "--", "-.")[number % 3] if name_points else ""
        axes.errorbar(xs, values, [below, above], fmt="os^Dv"[number % 5], capsize=4,
                      linestyle=joint, color=COLOURS[number % 5])
        if word:
            labels.append((word, xs[-1], values[-1], COLOURS[number % 5], True))
            for name in names if name_points and len(names) > 1 else ():
                rest = name.replace(word, "").strip(" ,")  # "k = 4" of "BM25, k = 4"
                labels.append((rest, points[name][0], points[name][3], COLOURS[number % 5], False))
        elif name_points:
            labels += [(name, points[name][0], points[name][3], BLACK, False) for name in names]
    return labels
