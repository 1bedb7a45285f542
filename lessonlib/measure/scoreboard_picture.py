"""The scoreboard as one picture: what each route gains, and what each of its requests costs."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.bootstrap import Interval
from lessonlib.measure.scoreboard_table import columns_of, scores_of
from lessonlib.show import pictures

#: Letters of a route's name in the picture; its words hold the whole name.
LONGEST = 50


def draw(rows: list[dict]) -> None:
    """Show the rows of a scoreboard, top to bottom, under the cell."""
    fig, alt = build(rows)
    pictures.show(fig, alt)


def build(rows: list[dict]) -> tuple[Figure, str]:
    """The figure and its words.

    Left, one dot a route with its 95 % interval; right, a bar for the tokens of its prompt.
    Rows of models that were trained are diamonds, all others circles.

    Where rows of several tasks are given, those with the first one's main score are drawn.

    Args:
        rows: rows of one or more splits; see ``Scoreboard.rows``.
    """
    if not rows:
        raise LessonError(
            _("The scoreboard is empty, so there is nothing to draw."),
            _("Evaluate a method and add its result first."),
        )
    score = scores_of(rows[0])[0]
    title = columns_of(rows)[score]
    rows = [row for row in rows if score in row]
    fig, (left, right) = pictures.figure(
        columns=2,
        width=11,
        height=1.6 + 0.48 * len(rows),
        sharey=True,
        gridspec_kw={"width_ratios": [3, 1.3]},
    )
    labels = _labels(rows)
    places = range(len(rows))
    _dots(left, rows, score)
    left.set_title(_("Quality: {score}, 95 % interval").format(score=title))
    _bars(right, rows)
    shown = [one if len(one) <= LONGEST else f"{one[:LONGEST - 4]} ..." for one in labels]
    left.set_yticks(places, shown, parse_math=False)  # a $ is a dollar
    left.set_ylim(len(rows) - 0.4, -0.6)  # first row on top
    left.tick_params(axis="y", length=0)
    return fig, _words(rows, labels, score, title)


def _labels(rows: list[dict]) -> list[str]:
    """A name for each row: the route, with split or model only where they differ."""
    labels = []
    for row in rows:
        extra = [row[key] for key in ("split", "model") if len({one[key] for one in rows}) > 1]
        # Routes that are told apart by name need no model beside it.
        same = [one for one in rows if one["route"] == row["route"]]
        extra = [word for word in extra if word == row["split"] or len(same) > 1]
        labels.append(f"{row['route']} ({', '.join(extra)})" if extra else row["route"])
    return labels


def _dots(axes: Axes, rows: list[dict], score: str) -> None:
    for place, row in enumerate(rows):
        value, low, high = row[score]
        trained = row["training_seconds"] is not None
        colour, shape = (pictures.VERMILLION, "D") if trained else (pictures.BLUE, "o")
        axes.plot([low, high], [place, place], color=colour, linewidth=3.5, solid_capstyle="butt")
        axes.plot(value, place, marker=shape, markersize=8, color=colour)
        # The numbers go where there is room for them.
        beyond = high < 0.7
        axes.annotate(
            str(Interval(value, low, high)),
            (high if beyond else low, place),
            xytext=(9 if beyond else -9, 0),
            textcoords="offset points",
            ha="left" if beyond else "right",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    kinds = {row["training_seconds"] is not None for row in rows}
    if len(kinds) == 2:
        axes.plot([], [], "o", markersize=8, color=pictures.BLUE, label=_("not trained"))
        axes.plot([], [], "D", markersize=8, color=pictures.VERMILLION, label=_("trained"))
        axes.figure.legend(loc="outside lower left", ncols=2)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x")


def _bars(axes: Axes, rows: list[dict]) -> None:
    tokens = [row["prompt_tokens"] or 0 for row in rows]
    axes.barh(range(len(rows)), tokens, height=0.5, color=pictures.GREY)
    for place, row in enumerate(rows):
        known = row["prompt_tokens"] is not None
        text = f"{row['prompt_tokens']:,.0f}" if known else _("all refused")
        axes.annotate(
            text, (tokens[place], place), xytext=(6, 0), textcoords="offset points", va="center"
        )
    axes.set_xlim(0, max(max(tokens) * 1.3, 1))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(_("Prompt tokens a request"))


def _words(rows: list[dict], labels: list[str], score: str, title: str) -> str:
    """The picture in words: every number that it shows."""
    parts = []
    for row, label in zip(rows, labels, strict=True):
        value, low, high = row[score]
        tokens = row["prompt_tokens"]
        parts.append(
            _("{label}: {value:.2f} ({low:.2f} to {high:.2f}), {tokens} tokens").format(
                label=label,
                value=value,
                low=low,
                high=high,
                tokens=_("no") if tokens is None else f"{tokens:,.0f}",
            )
        )
    start = _("{score} with 95 % interval, and prompt tokens per request, of each route.").format(
        score=title[:1].upper() + title[1:]
    )
    return start + " " + "; ".join(parts) + "."
