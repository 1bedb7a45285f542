"""What have few-shot prompts, retrieval and a tuned model cost after a given number of requests?

    scenario = Scenario(tokens={"few-shot": (700, 20), "RAG": (260, 20), "tuned": (130, 20)},
                        trained_tokens=150_000, model="gpt-6-luna", tuned_model="Llama-3.1-8B")
    scenario.table(), scenario.show()

Prices are those of hosted models and rented machines (``data/facts/prices.toml``, each with its
date). The total includes what is paid to the service (tokens, training, hosting) and, if given, the
work on data. It leaves out what it costs to run a search. To change the numbers by hand:
``costs.explorer``. The picture is in ``costs.scenario_picture``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from lessonlib.common import facts
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.money import dollars
from lessonlib.costs import price_list
from lessonlib.costs.price_list import HostingPrice, ModelPrice
from lessonlib.show.tables import Table

TUNED = "tuned"
#: At most that many months are drawn.
MOST_MONTHS = 60
DAYS_A_MONTH = 365 / 12


@dataclass(frozen=True)
class Scenario:
    """What the costs depend on.

    Attributes:
        tokens: route -> (prompt tokens, answer tokens) of one request. One route is ``tuned``.
        trained_tokens: all tokens that training reads, epochs counted.
        model: the hosted model that the untuned routes ask.
        tuned_model: the model that is tuned; None for the same one. It may be a smaller one.
        requests: how many a month.
        months: how far to look ahead.
        hosting: how the tuned model is kept ready by the hour, such as ``rented-processor`` or
            ``azure-openai`` (``costs.hosting``); None where it is paid by the token.
        work: US dollars for preparing data and measuring, paid once.
        cached: route -> how many tokens at the beginning of its prompt are the same in each
            request. The service takes them from its cache if the prompt is long enough.
        training_hours: on a rented machine, how long the training takes.
        start: the first day; the day on which models end is compared with it.

    Raises:
        LessonError: there is nothing to compare, or the price list lacks a model.

    Introduced in notebook 03.
    """

    tokens: Mapping[str, tuple[float, float]] = field(hash=False)
    trained_tokens: int
    model: str = price_list.UNTUNED
    tuned_model: str | None = None
    requests: int = 100_000
    months: int = 12
    hosting: str | None = None
    work: float = 0.0
    cached: Mapping[str, float] = field(default_factory=dict, hash=False)
    training_hours: float = 1.0
    start: date = field(default_factory=date.today)

    def __post_init__(self):
        if TUNED not in self.tokens or len(self.tokens) < 2:
            raise LessonError(_("There is nothing to compare."),
                              _("Give the tokens of 'tuned' and of at least one other route."))
        if self.requests < 1 or not 1 <= self.months <= MOST_MONTHS:
            raise LessonError(
                _("There are no costs to work out for {requests} requests a month over {months}"
                  " months.").format(requests=self.requests, months=self.months),
                _("Give at least 1 request a month, and from 1 to {most} months.").format(
                    most=MOST_MONTHS))
        unknown = [route for route in self.cached if route not in self.tokens]
        if unknown:
            raise LessonError(_("There is no route {route!r}.").format(route=unknown[0]),
                              _("Choose from: {routes}.").format(routes=", ".join(self.tokens)))
        price_list.price(self.model)
        _unused = self.tuned_price, self.host

    @property
    def host(self) -> HostingPrice | None:
        """What is paid by the hour; None where nothing is."""
        return price_list.hosting(self.hosting) if self.hosting else None

    @property
    def tuned_price(self) -> ModelPrice | None:
        """What is paid for training; None on a rented machine, where it is paid by the hour."""
        if self.host and not self.host.tokens:
            return None
        return price_list.price(self.tuned_model or self.model, tuned=True)

    @property
    def once(self) -> float:
        """US dollars paid once for the tuned model: training, and work."""
        if self.tuned_price is None:
            return self.host.per_hour * self.training_hours + self.work
        return price_list.training_cost(self.trained_tokens, 1, self.tuned_price) + self.work

    def per_request(self, route: str) -> float:
        """US dollars for one request; hosting is spread over the requests of a month."""
        paid = self._for_tokens(route)
        if route == TUNED and self.host:
            paid += self.host.per_month / self.requests
        return paid

    def _for_tokens(self, route: str) -> float:
        """US dollars for the tokens of one request."""
        prompt, answer = self.tokens[route]
        if route != TUNED:
            cached = price_list.cached_tokens(prompt, self.cached.get(route, 0))
            return price_list.price(self.model).of_request(prompt, answer, cached)
        if self.host:
            base = price_list.price(self.tuned_model or self.model) if self.host.tokens else None
            return base.of_request(prompt, answer) if base else 0.0
        return self.tuned_price.of_request(prompt, answer)

    def after(self, route: str, requests: float) -> float:
        """US dollars spent on a route after so many requests."""
        return (self.once if route == TUNED else 0) + requests * self.per_request(route)

    def break_even(self, route: str) -> float:
        """After how many requests tuned and another route have cost the same; inf for never."""
        saving = self.per_request(route) - self.per_request(TUNED)
        return math.ceil(self.once / saving) if saving > 0 else math.inf

    def hosting_pays(self, route: str) -> float:
        """From how many requests a month on the tokens saved pay for the hosting; inf for never,
        0 where nothing is paid by the hour."""
        if not self.host:
            return 0
        saving = self._for_tokens(route) - self._for_tokens(TUNED)
        return math.ceil(self.host.per_month / saving) if saving > 0 else math.inf

    def break_even_day(self, route: str) -> date | None:
        """The day of the break-even; None for never, or for later than a calendar knows."""
        days = self.break_even(route) / self.requests * DAYS_A_MONTH
        try:
            return self.start + timedelta(days=math.ceil(days))
        except OverflowError:
            return None

    def ends(self, tuned: bool = True) -> date | None:
        """The last day of the tuned model, or of the untuned one; None where none is known."""
        if tuned and (self.host or self.tuned_price.open):
            return None  # a rented machine has no last day; Azure's days: facts.closing
        try:
            return facts.ends((tuned and self.tuned_model) or self.model).ends
        except LessonError:
            return None

    def paid_back(self, route: str) -> str:
        """The same as a sentence, whatever the number of requests a month."""
        n = self.break_even(route)
        if n == math.inf:
            return _("Tuning never pays for itself by cost alone: its requests are not cheaper.")
        return _("Tuning has paid for itself after {n:,} requests.").format(n=n)

    def sentences(self) -> list[str]:
        """For each other route, from when on the tuned model is cheaper, if ever."""
        return [self._sentence(route) for route in self.others()]

    def _sentence(self, route: str) -> str:
        n, pays = self.break_even(route), self.hosting_pays(route)
        if n < math.inf:
            text = _("Tuned becomes cheaper than {route} after {n:,} requests, {time}.").format(
                route=route, n=n, time=_time(n / self.requests))
            last, day = self.ends(), self.break_even_day(route)
            if last and day and day > last:
                text += " " + _("But {model} ends on {last}, before that.").format(
                    model=self.tuned_model or self.model, last=last)
        elif 0 < pays < math.inf:
            text = _("At {requests:,} requests a month, tuned never becomes cheaper than {route}:"
                     " the hosting costs more than the tokens saved.").format(
                requests=self.requests, route=route)
        else:
            return _("Tuned never becomes cheaper than {route}: each of its requests costs as much"
                     " or more.").format(route=route)
        if pays:
            text += " " + _("Hosting pays from {pays:,} requests a month on.").format(pays=pays)
        return text

    def others(self) -> list[str]:
        return [route for route in self.tokens if route != TUNED]

    def rows(self) -> list[list[str]]:
        """Heading and rows of the table: dollars of each route after some months."""
        months = sorted({1, max(1, self.months // 4), max(1, self.months // 2), self.months})
        heading = [_("route"), _("once"), _("1,000 requests"),
                   *(_("month {month}: {n:,} requests").format(
                       month=month, n=month * self.requests) for month in months)]
        rows = [[route, dollars(self.once if route == TUNED else 0),
                 dollars(1000 * self.per_request(route)),
                 *(dollars(self.after(route, month * self.requests)) for month in months)]
                for route in self.tokens]
        return [heading, *rows]

    def note(self) -> str:
        """Which prices these are, until when there is such a model, and what is cached."""
        told = [_("Untuned: {price}.").format(
            price=_in_words(price_list.price(self.model), self.ends(tuned=False)))]
        if self.host:
            told.append(_("Tuned: {name}, {hour} an hour, {month} a month (read on {day}).").format(
                name=self.host.name, hour=dollars(self.host.per_hour),
                month=dollars(self.host.per_month), day=self.host.read))
        if self.tuned_price:
            told.append(_("Tuned: {price}.").format(
                price=_in_words(self.tuned_price, self.ends())))
        if self.host and self.host.tokens:
            told.append(_("Kept ready by the hour, its tokens cost what the base model's cost."))
        if self.host and not self.host.tokens:
            told.append(_("Its tokens cost nothing; {hours:g} h of training are counted.").format(
                hours=self.training_hours))
        for route, same in self.cached.items():
            used = price_list.cached_tokens(self.tokens[route][0], same)
            words = (_("{route}: {same:.0f} tokens of each prompt are cached.") if used else
                     _("{route}: too short to be cached."))
            told.append(words.format(route=route, same=same))
        return " ".join(told)

    def table(self) -> Table:
        """The costs as a plain table, for a notebook or a terminal."""
        heading, *rows = self.rows()
        return Table(heading, rows, [self.note()], words=(0,))

    def alt(self) -> str:
        """The picture in words."""
        last = self.months * self.requests
        ends = ", ".join(f"{route} {dollars(self.after(route, last))}" for route in self.tokens)
        return _("Dollars against requests, one straight line for each route. After {n:,}"
                 " requests: {ends}. {sentences}").format(
            n=last, ends=ends, sentences=" ".join(self.sentences()))

    def figure(self):
        """A line for each route; a ring where the tuned model becomes the cheaper one."""
        from lessonlib.costs import scenario_picture

        return scenario_picture.figure(self)

    def show(self) -> None:
        """Show the picture under the cell."""
        from lessonlib.show import pictures

        pictures.show(self.figure(), self.alt())


def _in_words(price: ModelPrice, last: date | None) -> str:
    """A price as it is told below a table."""
    words = _("{name}, {prompt} and {answer} per million prompt and answer tokens").format(
        name=price.name, prompt=dollars(price.input), answer=dollars(price.output))
    if price.cached_input is not None and not price.tuned:
        words += _(", {cached} for cached ones").format(cached=dollars(price.cached_input))
    if price.training is not None:
        words += _(", {training} for training").format(training=dollars(price.training))
    words += _(" (read on {day})").format(day=price.read)
    return words + _("; it ends on {last}").format(last=last) if last else words


def _time(months: float) -> str:
    """How long that takes, in words."""
    days = months * DAYS_A_MONTH
    if days < 1.5:
        return _("within two days")
    if months < 1:
        return _("in {days:.0f} days").format(days=max(days, 2))
    if months > 36:
        return _("in {years:,.0f} years").format(years=months / 12)
    return _("in {months:,.1f} months").format(months=months)
