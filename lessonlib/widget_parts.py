"""What the course's widgets are made of: boxes to choose, and words that are read out.

Everything here is worked by Tab and Space alone, and uses only what ipywidgets 7.7 (Colab) and
8 (JupyterLab) have in common. Nothing needs arrow keys: in JupyterLab they leave the widget for
the next cell (seen in 4.6 with ipywidgets 8.1). So there are no radio buttons and no sliders.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

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
