"""Tune the same model at several ranks, and see what the rank costs and how much it helps.

    lab = RankLab(client, rows, checks, examples, settings)
    lab.run(8)        # tunes, measures, keeps the result
    lab.add(tuned)    # a model that was tuned already, with the same rows and settings
    lab.picture()
    lab.pairs()       # each rank against the next lower one, on the same recipes
    lab.explore()     # the same with a slider and a button

It uses only what ipywidgets 7.7 and 8 have in common, and the keyboard is enough: the arrow keys
move the slider, Tab goes on to the button, Space presses it.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence
from dataclasses import dataclass, field

from lessonlib import lora
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora.tuning import LoraSettings, TunedModel
from lessonlib.measure.bootstrap import Difference, Interval
from lessonlib.measure.evaluation import Method, Result, compare, evaluate
from lessonlib.models.sizes import AdapterSize, adapter_size
from lessonlib.show import pictures, widget_parts
from lessonlib.show.pictures import Picture
from lessonlib.tasks import prompting
from lessonlib.tasks.recipes import Recipe

#: From the least there is to a third of the built-in model's width.
RANKS = (1, 2, 4, 8, 16, 32, 64)
FIRST_RANK = 8


@dataclass(frozen=True)
class RankRun:
    """One rank, tried.

    Attributes:
        size: the adapter's weights and memory.
        seconds: of tuning.
        loss: on held-out answers, in nats per token.
        f1: micro-F1 on held-out recipes.
        result: the answers that ``f1`` was taken from, to compare in pairs.
    """

    size: AdapterSize
    seconds: float
    loss: float
    f1: Interval
    result: Result | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return _(
            "rank {rank:3}: {weights:9,} trained weights {share:>7}, {memory:4.1f} MB for them, "
            "loss {loss:.2f}, F1 {f1}"
        ).format(rank=self.size.rank, weights=self.size.weights,
                 share=f"({self.size.share:.1%})", memory=self.size.training_megabytes,
                 loss=self.loss, f1=self.f1)


class RankLab:
    """Tunes at a rank with everything else held equal; alpha is always twice the rank.

    Args:
        client: asks the tuned models.
        rows: training rows.
        checks: rows for the held-out loss.
        examples: recipes for micro-F1.
        settings: all but the rank.

    Introduced in notebook 04.
    """

    def __init__(
        self,
        client,
        rows: Sequence[dict],
        checks: Sequence[dict],
        examples: Sequence[Recipe],
        settings: LoraSettings,
    ):
        self.client, self.rows, self.checks = client, rows, checks
        self.examples, self.settings = examples, settings
        self.runs: dict[int, RankRun] = {}

    def run(self, rank: int) -> RankRun:
        """Tune at this rank and measure. A rank that was run before is run again."""
        settings = dataclasses.replace(self.settings, rank=rank, alpha=None)
        return self.add(lora.tune(
            self.rows, f"rank-{rank}", settings=settings, validation=self.checks, show=False))

    def add(self, tuned: TunedModel) -> RankRun:
        """Measure a model that was tuned with the lab's rows and settings, and keep it."""
        rank = tuned.settings.rank
        method = Method(f"rank {rank}", tuned.name, prompting.tuned)
        result = evaluate(self.client, method, self.examples, progress=False)
        size = adapter_size(rank, tuned.settings.targets)
        loss = tuned.epochs[-1].validation_loss
        self.runs[rank] = RankRun(
            size, tuned.seconds, loss, result.metrics()["micro_f1"], result)
        return self.runs[rank]

    def pairs(self) -> dict[tuple[int, int], Difference]:
        """{(rank, next lower rank): micro-F1 of the one minus that of the other}, paired.

        Two intervals that overlap say little about two models that answered the same recipes.
        """
        ranks = sorted(self.runs)
        return {(higher, lower): compare(self.runs[higher].result, self.runs[lower].result)
                for lower, higher in zip(ranks, ranks[1:], strict=False)}

    def sizes(self) -> list[AdapterSize]:
        """What an adapter of each rank amounts to, tried or not."""
        return [adapter_size(rank, self.settings.targets) for rank in RANKS]

    def picture(self, rank: int | None = None) -> Picture:
        """Loss and micro-F1 of all runs against the rank; ``rank`` is marked by a line."""
        runs = [self.runs[one] for one in sorted(self.runs)]
        ranks = [run.size.rank for run in runs]
        fig, (left, right) = pictures.figure(columns=2, width=10, height=3.4)
        left.plot(ranks, [run.loss for run in runs], "o-", color=pictures.VERMILLION)
        highest = 1.1 * max((run.loss for run in runs), default=1)
        left.set(title=_("Loss on held-out answers"), ylabel=_("nats per token"),
                 ylim=(0, highest))
        values = [run.f1.value for run in runs]
        errors = [[run.f1.value - run.f1.low for run in runs],
                  [run.f1.high - run.f1.value for run in runs]]
        right.errorbar(ranks, values, yerr=errors, fmt="s-", capsize=4, color=pictures.BLUE)
        right.set(title=_("Micro-F1 on held-out recipes"), ylim=(0, 1))
        for axes in (left, right):
            axes.set_xscale("log", base=2)
            axes.set_xlim(RANKS[0] / 1.5, RANKS[-1] * 1.5)
            axes.set_xticks(RANKS, [str(one) for one in RANKS])
            axes.set_xlabel(_("rank"))
            axes.grid(axis="y")
            if rank is not None:
                axes.axvline(rank, color=pictures.GREY, linestyle=":")
        return pictures.render(fig, self._in_words(runs))

    def _in_words(self, runs: Sequence[RankRun]) -> str:
        if not runs:
            return _("No rank has been tried yet: both pictures are empty.")
        told = "; ".join(_("rank {rank}: loss {loss:.2f}, F1 {f1}").format(
            rank=run.size.rank, loss=run.loss, f1=run.f1) for run in runs)
        return _("Loss and micro-F1 against the rank. {told}.").format(told=told)

    def explore(self) -> None:
        """Show a slider for the rank, what it costs, and a button that tunes with it."""
        RankWidget(self).show()


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
        widget_parts.show(
            self.box, f"{lead}\n\n{as_text(sizes)}", f"*{lead}*\n\n{as_markdown(sizes)}")

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
    head = (_("what is trained"), _("weights"), _("share"), _("memory for training them"))
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
