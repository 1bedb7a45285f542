"""Turn the rank and see what it costs; press the button and see what it brings.

Only what ipywidgets 7.7 and 8 have in common is used, and the keyboard is enough: the slider
moves by the arrow keys, Tab goes on to the button, Space presses it.
"""

from __future__ import annotations

import html

from lessonlib import widgets
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.lora_sizes import AdapterSize
from lessonlib.rank_lab import RANKS, RankLab

FIRST_RANK = 8


class RankWidget:
    """A slider, a table of costs, a button that tunes, and the picture of all runs so far."""

    def __init__(self, lab: RankLab):
        import ipywidgets

        self.lab = lab
        wide = ipywidgets.Layout(width="auto")
        self.slider = ipywidgets.SelectionSlider(
            options=[(str(rank), rank) for rank in RANKS],
            value=FIRST_RANK,
            description=_("Rank"),
            continuous_update=False,
            layout=ipywidgets.Layout(width="28em", max_width="100%"),
        )
        self.button = ipywidgets.Button(layout=ipywidgets.Layout(width="max-content"))
        self.costs = ipywidgets.HTML(layout=wide)
        self.said = ipywidgets.HTML(layout=wide)
        self.picture = ipywidgets.HTML(layout=wide)
        keys = _("By keyboard: arrow keys move the slider, Tab goes on to the button, Space"
                 " presses it.")
        self.box = ipywidgets.VBox([
            ipywidgets.HTML(f"<small>{html.escape(keys)}</small>", layout=wide),
            self.slider, self.costs, self.button, self.said, self.picture,
        ])
        self.slider.observe(self.turned, "value")
        self.button.on_click(self.tune)
        self.turned()

    def show(self) -> None:
        """Put the widget on the page; a table stands for it where it is not alive."""
        sizes = self.lab.sizes()
        lead = _("Run this cell to get a slider for the rank, and a button that tunes with it.")
        widgets.show(self.box, f"{lead}\n\n{as_text(sizes)}", f"*{lead}*\n\n{as_markdown(sizes)}")

    def turned(self, _change=None) -> None:
        """The slider was moved: tell the costs of that rank, which are known without a run."""
        rank = self.slider.value
        size = next(size for size in self.lab.sizes() if size.rank == rank)
        self.button.description = _("Tune with rank {rank}").format(rank=rank)
        self.costs.value = _costs(size)
        run = self.lab.runs.get(rank)
        self.said.value = _status(str(run) if run else _("Rank {rank} has not been tried.").format(
            rank=rank))
        self._draw()

    def tune(self, _button) -> None:
        """The button was pressed: run, and tell what came out."""
        rank = self.slider.value
        self.button.disabled = self.slider.disabled = True
        self.said.value = _status(_("Tuning with rank {rank} ...").format(rank=rank))
        try:
            self.said.value = _status(str(self.lab.run(rank)))
        except LessonError as error:
            self.said.value = _status(str(error))
        finally:
            self.button.disabled = self.slider.disabled = False
        self._draw()

    def _draw(self) -> None:
        self.picture.value = self.lab.picture(self.slider.value)._repr_mimebundle_()["text/html"]


def _status(text: str) -> str:
    """A screen reader reads an element with the role status out when it changes."""
    return f'<div role="status" style="line-height: 1.45">{html.escape(text)}</div>'


def _costs(size: AdapterSize) -> str:
    """What this rank costs, beside what training all weights would."""
    head = (_("what is trained"), _("weights"), _("share"), _("memory"))
    rows = [
        (_("adapter of rank {rank}").format(rank=size.rank), f"{size.weights:,}",
         f"{size.share:.1%}", f"{size.training_megabytes:.1f} MB"),
        (_("all weights"), f"{size.base_weights:,}", "100%", f"{size.full_megabytes:.1f} MB"),
    ]
    cell = 'style="text-align: right; padding: 0.1em 0.8em"'
    lines = ["".join(f"<th {cell}>{html.escape(text)}</th>" for text in head)]
    lines += ["".join(f"<td {cell}>{html.escape(text)}</td>" for text in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def as_text(sizes: list[AdapterSize]) -> str:
    """The costs of all ranks, a line each."""
    return "\n".join(
        _("rank {rank:3}: {weights:9,} trained weights, {share:5.1%} of the model, {mb:5.1f} MB")
        .format(rank=one.rank, weights=one.weights, share=one.share, mb=one.training_megabytes)
        for one in sizes
    )


def as_markdown(sizes: list[AdapterSize]) -> str:
    """The same as a table."""
    lines = [_("| rank | trained weights | share of the model | memory for training them |"),
             "| ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {one.rank} | {one.weights:,} | {one.share:.1%} | {one.training_megabytes:.1f} MB |"
        for one in sizes
    ]
    return "\n".join(lines)
