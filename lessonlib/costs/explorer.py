"""Explore the break-even of ``lessonlib.costs.scenario``: change a number, and the rest follows.

    explore(Scenario(tokens={"few-shot": (700, 20), "tuned": (130, 20)}, trained_tokens=150_000))
"""

from __future__ import annotations

import html
from dataclasses import replace

from lessonlib.common.i18n import _
from lessonlib.costs import price_list
from lessonlib.costs.scenario import MOST_MONTHS, Scenario
from lessonlib.show import pictures, widget_parts


def models() -> list[str]:
    """The models that the price list has both ways, tuned and as they come."""
    tuned = [one.model for one in price_list.prices() if one.tuned]
    return [one.model for one in price_list.prices() if not one.tuned and one.model in tuned]


def explore(scenario: Scenario) -> ExplorerView | None:
    """Show the explorer: change a number, and sentence, picture and table follow.

    Returns the view, so that it can be used from code (``view.set(requests=5000)``); None where
    no widgets can be shown.

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
                dollars=price_list.hosting_per_hour()))
        self.said, self.drawn = widget_parts.text(), widget_parts.text()
        self.choices.boxes[self.models.index(scenario.model)].value = True
        for control in (*self.choices.boxes, *self.numbers.values(), self.hosted):
            control.observe(self.changed, "value")
        self.box = self._arranged()
        self.draw()

    def _arranged(self):
        keys = _("By keyboard: Tab goes on, Space presses a box. Type a number, then Tab.")
        asked = widget_parts.text(widget_parts.block(_("At the prices of")))
        parts = [asked, *self.choices.boxes, *self.numbers.values(), self.hosted, self.said,
                 self.drawn]
        return widget_parts.form(_("Break-even explorer"), parts, keys)

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
