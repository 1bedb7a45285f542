"""What do few-shot prompts, retrieval and a tuned model cost after so many requests?

    scenario = Scenario(tokens={"few-shot": (700, 20), "RAG": (260, 20), "tuned": (130, 20)},
                        trained_tokens=150_000)
    scenario.table(), scenario.show(), explore(scenario)

Prices are those of hosted models (``data/facts/prices.toml``, each with its day). The sum holds
what is paid to the service: tokens, training, hosting; and, if given, the work on data. What
running a search costs is not in it.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lessonlib import costs, pictures, widget_parts, widgets
from lessonlib.errors import LessonError
from lessonlib.i18n import _

HOURS_A_MONTH = 730
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
        price = costs.price(self.model, tuned=True)
        return costs.training_cost(self.trained_tokens, 1, price) + self.work

    def per_request(self, route: str) -> float:
        """US dollars for one request; hosting is spread over the requests of a month."""
        price = costs.price(self.model, tuned=route == TUNED and not self.hosted)
        paid = price.of_request(*self.tokens[route])
        if route == TUNED and self.hosted:
            paid += costs.hosting_per_hour() * HOURS_A_MONTH / self.requests
        return paid

    def after(self, route: str, requests: float) -> float:
        """US dollars spent on a route after so many requests."""
        return (self.once if route == TUNED else 0) + requests * self.per_request(route)

    def break_even(self, route: str) -> costs.BreakEven:
        """The tuned model against another route."""
        return costs.BreakEven(self.once, self.per_request(TUNED), self.per_request(route))

    def sentences(self) -> list[str]:
        """For each other route, from when on the tuned model is cheaper."""
        said = []
        for route in self.others():
            n = self.break_even(route).requests
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
        tuned, plain = costs.price(self.model, tuned=True), costs.price(self.model)
        text = _("US dollars. {model}: {a:g} and {b:g} per million prompt and answer tokens;"
                 " fine-tuned {c:g} and {d:g}, training {t:g} (read on {day}).").format(
            model=self.model, a=plain.input, b=plain.output, c=tuned.input, d=tuned.output,
            t=tuned.training, day=tuned.read)
        if self.hosted:
            text += " " + _("Kept ready by the hour, its tokens cost what the base model's cost.")
        return text

    def table(self) -> CostTable:
        """The sum as a plain table, for a notebook or a terminal."""
        return CostTable(tuple(map(tuple, self.rows())), self.note())

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
            n = self.break_even(route).requests
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


@dataclass(frozen=True)
class CostTable:
    """A table of dollars: HTML in a notebook, aligned text elsewhere. rows[0] is the heading."""

    rows: Sequence[Sequence[str]]
    note: str

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) if place else cell.ljust(width)
                      for place, (cell, width) in enumerate(zip(row, widths, strict=True)))
            for row in self.rows
        ]
        return "\n".join([*lines, self.note])

    def _repr_html_(self) -> str:
        heading, *rows = self.rows
        sides = ["left", *["right"] * (len(heading) - 1)]
        lines = ["".join(f'<th scope="col" style="text-align: {side}">{html.escape(cell)}</th>'
                         for side, cell in zip(sides, heading, strict=True))]
        for name, *cells in rows:
            numbers = "".join(f'<td style="text-align: right">{cell}</td>' for cell in cells)
            lines.append(f'<th scope="row" style="text-align: left; white-space: nowrap">'
                         f'{html.escape(name)}</th>'
                         + numbers)
        body = "\n".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table>\n{body}\n</table>\n<p><small>{html.escape(self.note)}</small></p>"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def models() -> list[str]:
    """The models that the price list has both ways, tuned and as they come."""
    tuned = [one.model for one in costs.prices() if one.tuned]
    return [one.model for one in costs.prices() if not one.tuned and one.model in tuned]


def explore(scenario: Scenario) -> ExplorerView | None:
    """Show the explorer: change a number, and sentence, picture and table follow.

    Returns the view, so that it can be used from code (``view.set(requests=5000)``); None where
    no widgets can be shown.
    """
    text = _("Break-even explorer: run this cell to change the numbers.")
    try:
        view = ExplorerView(scenario)
    except ImportError:
        view = None
    widgets.show(view and view.box, text, f"*{text}*")
    return view


class ExplorerView:
    """The controls and what they show. ``scenario`` is the one that is shown now."""

    def __init__(self, scenario: Scenario):
        import ipywidgets

        self.scenario = scenario
        self.models = models()
        self.choices = widget_parts.Choices(self.models)
        style = {"description_width": "17em"}
        layout = ipywidgets.Layout(width="28em")

        def number(words: str, value: float, most: float, whole: bool = True):
            kind = ipywidgets.BoundedIntText if whole else ipywidgets.BoundedFloatText
            return kind(value=round(value) if whole else value, min=1 if whole else 0, max=most,
                        description=words, style=style, layout=layout)

        self.numbers = {
            "requests": number(_("Requests a month"), scenario.requests, 10**9),
            "months": number(_("Months to look ahead"), scenario.months, MOST_MONTHS),
            **{route: number(_("Prompt tokens, {route}").format(route=route), prompt, 10**6)
               for route, (prompt, _answer) in scenario.tokens.items()},
            "trained_tokens": number(_("Tokens trained on, all epochs"), scenario.trained_tokens,
                                     10**12),
            "work": number(_("Work on data, US dollars"), scenario.work, 10**9, whole=False),
        }
        self.hosted = ipywidgets.Checkbox(
            scenario.hosted, indent=False, layout=ipywidgets.Layout(width="auto"),
            description=_("The tuned model is kept ready at {dollars:.2f} $ an hour").format(
                dollars=costs.hosting_per_hour()))
        self.said, self.drawn = widget_parts.text(), widget_parts.text()
        self.choices.boxes[self.models.index(scenario.model)].value = True
        for control in (*self.choices.boxes, *self.numbers.values(), self.hosted):
            control.observe(self.changed, "value")
        self.box = self._arranged()
        self.draw()

    def _arranged(self):
        keys = _("By keyboard: Tab goes on, Space presses a box. Type a number, then Tab.")
        head = widget_parts.text(widget_parts.STYLE + widget_parts.block(
            f"<strong>{_('Break-even explorer')}</strong><br><small>{keys}</small>"))
        asked = widget_parts.text(widget_parts.block(_("At the prices of")))
        box = widget_parts.box([head, asked, *self.choices.boxes, *self.numbers.values(),
                                self.hosted, self.said, self.drawn])
        box.add_class("lesson-widget")
        return box

    def set(self, **values: float | bool | str) -> None:
        """Change controls from code: ``set(requests=5000, hosted=True, tuned=200)``.

        Names are those of ``Scenario``'s attributes, or a route for its prompt tokens.
        """
        for name, value in values.items():
            if name == "model":
                self.choices.boxes[self.models.index(value)].value = True
            elif name == "hosted":
                self.hosted.value = bool(value)
            else:
                self.numbers[name].value = value

    def changed(self, _change) -> None:
        """Take the numbers from the controls, and draw."""
        chosen = self.choices.chosen()
        if len(chosen) != 1:  # in between two choices, or none
            return
        given = {name: control.value for name, control in self.numbers.items()}
        tokens = {route: (given.pop(route), answer)
                  for route, (_prompt, answer) in self.scenario.tokens.items()}
        self.scenario = replace(self.scenario, tokens=tokens, model=self.models[chosen.pop()],
                                hosted=self.hosted.value, **given)
        self.draw()

    def draw(self) -> None:
        inner = "<br>".join(html.escape(text) for text in self.scenario.sentences())
        # "status": read out when the reader has finished the word it is at.
        self.said.value = widget_parts.block(f"<strong>{inner}</strong>", ' role="status"')
        picture = pictures.render(self.scenario.figure(), self.scenario.alt())
        self.drawn.value = (picture._repr_mimebundle_()["text/html"]
                            + self.scenario.table()._repr_html_())
