"""One style for all pictures, and alternative text for each.

The colours are those of Okabe and Ito ("Color Universal Design", 2008), which readers with any
kind of colour blindness can tell apart. A picture never tells by colour alone: shapes, lines or
words say the same.

Pictures are drawn on white. On a dark page they are shown with light and dark exchanged and the
hues kept (``DARK``), so that they belong to the page as its text does. Where a page drops our
style (GitHub, or a saved notebook that was not run here) they stay white, and readable.
``tests/test_pictures.py`` measures the contrast of every colour on both backgrounds.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lessonlib.errors import LessonError
from lessonlib.i18n import _

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
    """Show the figure under the cell, with ``alt`` for those who cannot see it."""
    from IPython.display import display

    display(render(fig, alt))
