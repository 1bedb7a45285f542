"""Dollars against requests: the picture of a ``Scenario``."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.show import pictures

LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")


def figure(scenario):
    """A line for each route; a ring where the tuned model becomes the cheaper one.

    scenario: a ``costs.scenario.Scenario``, which imports this module.
    """
    last = scenario.months * scenario.requests
    fig, axes = pictures.figure(height=4.2)
    for place, route in enumerate(scenario.tokens):
        ends = [scenario.after(route, n) for n in (0, last)]
        axes.plot([0, last], ends, LINES[place % len(LINES)], marker=MARKERS[place % len(MARKERS)],
                  label=route, clip_on=False)
    for route in scenario.others():
        n = scenario.break_even(route)
        if n <= last:
            axes.plot(n, scenario.after("tuned", n), "o", markersize=16, fillstyle="none",
                      color=pictures.GREY)
    highest = max(scenario.after(route, last) for route in scenario.tokens)
    # Room for the legend: a tuned model that costs most lies on the upper edge from end to end.
    axes.set(xlabel=_("requests"), ylabel=_("US dollars"), xlim=(0, last), ylim=(0, 1.45 * highest))
    axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:,.6g}")
    axes.legend(title=_("ring: break-even"), loc="upper left")
    return fig
