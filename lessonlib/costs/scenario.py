"""What have few-shot prompts, retrieval and a tuned model cost after a given number of requests?

    scenario = Scenario(tokens={"few-shot": (700, 20), "RAG": (260, 20), "tuned": (130, 20)},
                        trained_tokens=150_000)
    scenario.table(), scenario.show()

Prices are those of hosted models (``data/facts/prices.toml``, each with its date). The total
includes what is paid to the service (tokens, training, hosting) and, if given, the work on data. It
leaves out what it costs to run a search. To change the numbers by hand: ``costs.explorer``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.costs import price_list
from lessonlib.show import pictures
from lessonlib.show.tables import Table

TUNED = "tuned"
#: At most that many months are drawn.
MOST_MONTHS = 60
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")


@dataclass(frozen=True)
class Scenario:
    """What the sum depends on.

    Attributes:
        tokens: route -> (prompt tokens, answer tokens) of one request. One route is ``tuned``.
        trained_tokens: all tokens that training reads, epochs counted.
        model: a model whose tuned and untuned price the list holds.
        requests: how many a month.
        months: how far to look ahead.
        hosted: a tuned model is kept ready and paid by the hour, as at Azure OpenAI; its tokens
            then cost what the base model's cost.
        work: US dollars for preparing data and measuring, paid once.

    Introduced in notebook 03.
    """

    tokens: Mapping[str, tuple[float, float]] = field(hash=False)
    trained_tokens: int
    model: str = "gpt-4.1-mini"
    requests: int = 100_000
    months: int = 12
    hosted: bool = False
    work: float = 0.0

    def __post_init__(self):
        if TUNED not in self.tokens or len(self.tokens) < 2:
            raise LessonError(_("There is nothing to compare."),
                              _("Give the tokens of 'tuned' and of one other route at least."))
        if self.requests < 1 or not 1 <= self.months <= MOST_MONTHS:
            raise LessonError(
                _("That many requests or months make no sum."),
                _("Give at least 1 request a month, and from 1 to {most} months.").format(
                    most=MOST_MONTHS))

    @property
    def once(self) -> float:
        """US dollars paid once for the tuned model: training, and work."""
        price = price_list.price(self.model, tuned=True)
        return price_list.training_cost(self.trained_tokens, 1, price) + self.work

    def per_request(self, route: str) -> float:
        """US dollars for one request; hosting is spread over the requests of a month."""
        price = price_list.price(self.model, tuned=route == TUNED and not self.hosted)
        paid = price.of_request(*self.tokens[route])
        if route == TUNED and self.hosted:
            paid += price_list.hosting_per_month() / self.requests
        return paid

    def after(self, route: str, requests: float) -> float:
        """US dollars spent on a route after so many requests."""
        return (self.once if route == TUNED else 0) + requests * self.per_request(route)

    def break_even(self, route: str) -> float:
        """After how many requests tuned and another route have cost the same; inf for never."""
        saving = self.per_request(route) - self.per_request(TUNED)
        return math.ceil(self.once / saving) if saving > 0 else math.inf

    def paid_back(self, route: str) -> str:
        """The same as a sentence, whatever the number of requests a month."""
        n = self.break_even(route)
        if n == math.inf:
            return _("Tuning never pays by cost alone: its requests are not cheaper.")
        return _("Tuning has paid for itself after {n:,} requests.").format(n=n)

    def sentences(self) -> list[str]:
        """For each other route, from when on the tuned model is cheaper."""
        said = []
        for route in self.others():
            n = self.break_even(route)
            if n == math.inf:
                text = _("Tuned never gets cheaper than {route}: its requests cost as much or"
                         " more.").format(route=route)
                if self.hosted:
                    text = _("Tuned never gets cheaper than {route} at so many requests: with"
                             " hosting, each costs as much or more.").format(route=route)
            elif n <= self.requests:
                text = _("Tuned is cheaper than {route} after {n:,} requests, within the first"
                         " month.").format(route=route, n=n)
            else:
                text = _("Tuned is cheaper than {route} after {n:,} requests, that is {months:,.1f}"
                         " months.").format(route=route, n=n, months=n / self.requests)
            said.append(text)
        return said

    def others(self) -> list[str]:
        return [route for route in self.tokens if route != TUNED]

    def rows(self) -> list[list[str]]:
        """Heading and rows of the table: dollars of each route after some months."""
        months = sorted({1, max(1, self.months // 4), max(1, self.months // 2), self.months})
        heading = [_("route"), _("once"), _("1,000 requests"),
                   *(_("month {month}: {n:,} requests").format(
                       month=month, n=month * self.requests) for month in months)]
        rows = [[route, _money(self.once if route == TUNED else 0),
                 _money(1000 * self.per_request(route)),
                 *(_money(self.after(route, month * self.requests)) for month in months)]
                for route in self.tokens]
        return [heading, *rows]

    def note(self) -> str:
        """Which prices these are."""
        tuned, plain = price_list.price(self.model, tuned=True), price_list.price(self.model)
        text = _("US dollars. {model}: {a:g} and {b:g} per million prompt and answer tokens;"
                 " fine-tuned {c:g} and {d:g}, training {t:g} (read on {day}).").format(
            model=self.model, a=plain.input, b=plain.output, c=tuned.input, d=tuned.output,
            t=tuned.training, day=tuned.read)
        if self.hosted:
            text += " " + _("Kept ready by the hour, its tokens cost what the base model's cost.")
        return text

    def table(self) -> Table:
        """The sum as a plain table, for a notebook or a terminal."""
        heading, *rows = self.rows()
        return Table(heading, rows, [self.note()], words=(0,))

    def alt(self) -> str:
        """The picture in words."""
        last = self.months * self.requests
        ends = ", ".join(f"{route} {_money(self.after(route, last))}" for route in self.tokens)
        return _("Dollars against requests, one straight line for each route. After {n:,}"
                 " requests: {ends}. {sentences}").format(
            n=last, ends=ends, sentences=" ".join(self.sentences()))

    def figure(self):
        """A line for each route; a ring where the tuned model becomes the cheaper one."""
        last = self.months * self.requests
        fig, axes = pictures.figure(height=4.2)
        for place, route in enumerate(self.tokens):
            ends = [self.after(route, n) for n in (0, last)]
            look = place % len(LINES)
            axes.plot([0, last], ends, LINES[look], marker=MARKERS[look], label=route,
                      clip_on=False)
        for route in self.others():
            n = self.break_even(route)
            if n <= last:
                axes.plot(n, self.after(TUNED, n), "o", markersize=16, fillstyle="none",
                          color=pictures.GREY)
        axes.set(xlabel=_("requests"), ylabel=_("US dollars"), xlim=(0, last), ylim=(0, None))
        axes.xaxis.set_major_formatter(lambda value, _place: f"{value:,.0f}")
        axes.yaxis.set_major_formatter(lambda value, _place: f"{value:,.6g}")
        axes.legend(title=_("ring: break-even"), loc="upper left")
        return fig

    def show(self) -> None:
        """Show the picture under the cell."""
        pictures.show(self.figure(), self.alt())


def _money(dollars: float) -> str:
    return f"{dollars:,.0f}" if dollars >= 100 else f"{dollars:.2f}"
