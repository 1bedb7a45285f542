"""What the course's widgets are made of: boxes to tick, and words that are read out.

Everything here works by Tab and Space alone, and uses only what ipywidgets 7.7 (Colab) and 8
(JupyterLab) have in common. Nothing needs arrow keys: in JupyterLab they leave the widget for the
next cell (seen in 4.6 with ipywidgets 8.1). So there are no radio buttons and no sliders.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Collection, Sequence

from lessonlib.common.i18n import _

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

#: Left borders of answers: the colours of Okabe and Ito. Words say the same.
GREEN, ORANGE = "#009E73", "#E69F00"
#: ipywidgets cuts a long option off with three dots. Ours go on in the next line.
STYLE = """<style>
.lesson-widget .widget-checkbox { height: auto; padding: 0.15em 0; }
.lesson-widget .widget-checkbox .widget-label-basic { display: flex; height: auto; }
.lesson-widget .widget-checkbox span { white-space: normal; line-height: 1.45; }
.lesson-widget .widget-checkbox input { flex: none; margin-right: 0.6em; }
</style>"""


class Choices:
    """A checkbox for each option.

    All options are checkboxes, also where only one may be chosen. Radio buttons would look
    better, but they are worked by arrow keys.

    Args:
        texts: the words of the options.
        several: more than one may be chosen. If not, the latest choice takes the place of an
            earlier one.
    """

    def __init__(self, texts: Sequence[str], several: bool = False):
        import ipywidgets

        layout = ipywidgets.Layout(width="auto", height="auto")
        self.boxes = [
            ipywidgets.Checkbox(False, description=text, indent=False, layout=layout)
            for text in texts
        ]
        if not several:
            for box in self.boxes:
                box.observe(self._leave_only, "value")

    def _leave_only(self, change) -> None:
        if change["new"]:
            for box in self.boxes:
                if box is not change["owner"]:
                    box.value = False

    def chosen(self) -> set[int]:
        """The numbers of the chosen options."""
        return {place for place, box in enumerate(self.boxes) if box.value}


class QuestionView:
    """A question, its options, and what is said to a choice: at the press of a button, or at once.

    Args:
        words: the question, as HTML.
        options: their words.
        tell: from the numbers of the chosen options to what is said, as HTML.
        press: words of a button; ``tell`` is called when it is pressed. None: there is no button,
            and ``tell`` is called at once and at every change, also when nothing is chosen.
        several: more than one option may be chosen.
        chosen: the numbers of the options that are chosen from the beginning.
        said: what stands below them before the button is pressed, as HTML.
    """

    def __init__(
        self,
        words: str,
        options: Sequence[str],
        tell: Callable[[set[int]], str],
        press: str | None = None,
        several: bool = False,
        chosen: Collection[int] = (),
        said: str = "",
    ):
        self.choices, self.said = Choices(options, several), text(said)
        self._tell, self._press = tell, press
        for place in chosen:
            self.choices.boxes[place].value = True
        parts = [text(block(words)), *self.choices.boxes]
        if press:
            parts.append(button(press))
            parts[-1].on_click(self.answer)
        else:
            for one in self.choices.boxes:
                one.observe(self.answer, "value")
            self.answer()
        self.box = box([*parts, self.said], gap="1em")

    def answer(self, _event: object = None) -> None:
        """Say what there is to say to the choice as it is now."""
        chosen = self.choices.chosen()
        nothing = self._press and not chosen
        self.said.value = alert(_("Nothing is chosen yet.")) if nothing else self._tell(chosen)


def button(words: str):
    """A button as wide as its words."""
    import ipywidgets

    layout = ipywidgets.Layout(width="max-content", margin="0.4em 0")
    return ipywidgets.Button(description=words, layout=layout)


def text(inner: str = ""):
    """A place for a text (HTML), as high as the text is."""
    import ipywidgets

    return ipywidgets.HTML(inner, layout=ipywidgets.Layout(width="auto", height="auto"))


def box(children: Sequence, gap: str = "0"):
    """Widgets one below the other."""
    import ipywidgets

    return ipywidgets.VBox(list(children), layout=ipywidgets.Layout(margin=f"0 0 {gap} 0"))


def form(title: str, parts: Sequence, keys: str = ""):
    """A whole widget: its title, how it is worked by keyboard, and its parts below each other."""
    keys = keys or _("By keyboard: Tab goes on to the next option or button, Space presses it.")
    head = text(STYLE + block(f"<strong>{html.escape(title)}</strong><br><small>{keys}</small>"))
    whole = box([head, *parts])
    whole.add_class("lesson-widget")
    return whole


def alert(summary: str, details: str = "") -> str:
    """A screen reader reads an element with the role alert out as soon as it appears."""
    return block(f"<strong>{html.escape(summary)}</strong>{details}", ' role="alert"')


def block(inner: str, attributes: str = "") -> str:
    """ipywidgets gives each line of an HTML widget 28 pixels: too much for a paragraph."""
    return f'<div{attributes} style="line-height: 1.45; padding: 0.2em 0">{inner}</div>'


def bar(inner: str, colour: str) -> str:
    """A paragraph with a coloured bar at its left."""
    return (f'<div style="border-left: 5px solid {colour}; padding: 0 0.8em; margin: 0.4em 0">'
            f"{inner}</div>")


def rich(words: str) -> str:
    """HTML of a text with `code` and *emphasis*."""
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(words))
    return re.sub(r"\*([^*\s][^*]*)\*", r"<em>\1</em>", escaped)


def show(widget, text: str, markdown: str) -> None:
    """Show a widget together with the words that stand for it where it is not alive.

    A saved notebook keeps only the words (``tools/notebooks.py`` takes the widget out, whose
    number differs from run to run). So they must say what there is to do, and nothing that
    changes: tests compare them.
    """
    from IPython.display import display

    bundle = {"text/plain": text, "text/markdown": markdown}
    if widget is not None:
        # Not display(widget): its text would be a list of Python objects.
        bundle[WIDGET_VIEW] = {
            "version_major": 2, "version_minor": 0, "model_id": widget.model_id,
        }
        if "google.colab" in sys.modules:
            del bundle["text/markdown"]  # whether Colab prefers the widget is not documented
    display(bundle, raw=True)
