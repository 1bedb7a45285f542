"""Explore the break-even of ``lessonlib.costs.scenario``: change a number, and the rest follows.

    explore(Scenario(tokens={"few-shot": (700, 20), "tuned": (130, 20)}, trained_tokens=150_000,
                     tuned_model="Llama-3.1-8B"))
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.costs.price_list import TUNABLE, UNTUNED
from lessonlib.costs.scenario import MOST_MONTHS, Scenario
from lessonlib.show import pictures, widget_parts


@dataclass(frozen=True)
class Offer:
    """A way to have a tuned model, and what the untuned routes are priced by beside it."""

    words: str
    model: str = UNTUNED
    tuned_model: str | None = None
    hosting: str | None = None

    def fits(self, scenario: Scenario) -> bool:
        """Whether these are the prices of a scenario."""
        return (self.model, self.tuned_model, self.hosting) == (
            scenario.model, scenario.tuned_model, scenario.hosting)


#: What the explorer offers, by the name that code uses.
OFFERS = {
    "by-token": Offer(_("{untuned} against a tuned {tunable}, both paid by the token").format(
        untuned=UNTUNED, tunable=TUNABLE), tuned_model=TUNABLE),
    "rented-processor": Offer(_("{untuned} against a small tuned model on a rented processor"
                                ).format(untuned=UNTUNED), hosting="rented-processor"),
    "rented-card": Offer(_("{untuned} against a tuned open model on a rented card").format(
        untuned=UNTUNED), hosting="rented-card"),
    "openai": Offer(_("gpt-4.1-mini, untuned and tuned, at OpenAI (closing)"),
                    model="gpt-4.1-mini"),
    "azure": Offer(_("gpt-4.1-mini, untuned and tuned, at Azure OpenAI, by the hour (closing)"),
                   model="gpt-4.1-mini", hosting="azure-openai"),
}


def explore(scenario: Scenario) -> ExplorerView | None:
    """Show the explorer: change a number, and sentence, picture and table follow.

    Returns the view, so that it can be used from code (``view.set(requests=5000)``); None where
    no widgets can be shown.

    Raises:
        LessonError: the scenario's prices are none of those that can be chosen.

    Introduced in notebook 03.
    """
    text = _("Break-even explorer: run this cell to change the numbers.")
    try:
        view = ExplorerView(scenario)
    except ImportError:
        view = None
    widget_parts.show(view and view.box, text, f"*{text}*")
    return view


class ExplorerView:
    """The controls and what they show. ``scenario`` is the one that is shown now."""

    def __init__(self, scenario: Scenario):
        import ipywidgets

        self.scenario = scenario
        self.offers = list(OFFERS)
        chosen = [name for name, offer in OFFERS.items() if offer.fits(scenario)]
        if not chosen:
            raise LessonError(
                _("The explorer does not have the prices of this scenario."),
                _("Choose model, tuned_model and hosting as one of these has them: {offers}."
                  ).format(offers=", ".join(OFFERS)))
        self.choices = widget_parts.Choices([offer.words for offer in OFFERS.values()])
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
        self.same = dict(scenario.cached)
        self.cached = ipywidgets.Checkbox(
            bool(self.same), indent=False, layout=ipywidgets.Layout(width="auto"),
            disabled=not self.same,
            description=_("The beginning of long prompts is cached"))
        self.said, self.drawn = widget_parts.text(), widget_parts.text()
        self.choices.boxes[self.offers.index(chosen[0])].value = True
        for control in (*self.choices.boxes, *self.numbers.values(), self.cached):
            control.observe(self.changed, "value")
        self.box = self._arranged()
        self.draw()

    def _arranged(self):
        keys = _("By keyboard: Tab goes on, Space presses a box. Type a number, then Tab.")
        asked = widget_parts.text(widget_parts.block(_("What is compared?")))
        parts = [asked, *self.choices.boxes, *self.numbers.values(), self.cached, self.said,
                 self.drawn]
        return widget_parts.form(_("Break-even explorer"), parts, keys)

    def set(self, **values: float | bool | str) -> None:
        """Change controls from code: ``set(requests=5000, offer="rented-card", tuned=200)``.

        Names are ``offer`` (one of ``OFFERS``), ``cached`` (yes or no), an attribute of
        ``Scenario``, or a route for its prompt tokens.
        """
        for name, value in values.items():
            if name == "offer":
                self.choices.boxes[self.offers.index(value)].value = True
            elif name == "cached":
                self.cached.value = bool(value)
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
        offer = OFFERS[self.offers[chosen.pop()]]
        self.scenario = replace(
            self.scenario, tokens=tokens, model=offer.model, tuned_model=offer.tuned_model,
            hosting=offer.hosting, cached=self.same if self.cached.value else {}, **given)
        self.draw()

    def draw(self) -> None:
        inner = "<br>".join(html.escape(text) for text in self.scenario.sentences())
        # "status": read out when the reader has finished the word it is at.
        self.said.value = widget_parts.block(f"<strong>{inner}</strong>", ' role="status"')
        picture = pictures.render(self.scenario.figure(), self.scenario.alt())
        self.drawn.value = (picture._repr_mimebundle_()["text/html"]
                            + self.scenario.table()._repr_html_())
