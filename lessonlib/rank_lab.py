"""Tune the same model at several ranks, and see what the rank costs and brings.

    lab = RankLab(client, rows, checks, test)
    lab.run(8)        # tunes, measures, keeps
    lab.picture()
    lab.explore()     # the same with a slider and a button, in ``lessonlib.rank_widget``
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from lessonlib import lora, pictures, prompting
from lessonlib.bootstrap import Interval
from lessonlib.evaluation import Method, evaluate
from lessonlib.i18n import _
from lessonlib.lora import LoraSettings
from lessonlib.lora_sizes import AdapterSize, adapter_size
from lessonlib.pictures import Picture
from lessonlib.tasks.recipes import Recipe

#: From the least there is to a third of the built-in model's width.
RANKS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class RankRun:
    """One rank, tried.

    Attributes:
        size: the adapter's weights and memory.
        seconds: of tuning.
        loss: on held-out answers, in nats per token.
        f1: micro-F1 on held-out recipes.
    """

    size: AdapterSize
    seconds: float
    loss: float
    f1: Interval

    def __str__(self) -> str:
        return _(
            "rank {rank:3}: {weights:9,} trained weights {share:>7}, {memory:5.1f} MB, "
            "{seconds:3.0f} s, loss {loss:.2f}, F1 {f1}"
        ).format(rank=self.size.rank, weights=self.size.weights,
                 share=f"({self.size.share:.1%})", memory=self.size.training_megabytes,
                 seconds=self.seconds, loss=self.loss, f1=self.f1)


class RankLab:
    """Tunes at a rank with everything else held equal; alpha is always twice the rank.

    Args:
        client: asks the tuned models.
        rows: training rows.
        checks: rows for the held-out loss.
        examples: recipes for micro-F1.
        settings: all but the rank.
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
        name = f"rank-{rank}"
        settings = dataclasses.replace(self.settings, rank=rank, alpha=None)
        tuned = lora.tune(self.rows, name, settings=settings, validation=self.checks, show=False)
        method = Method(name, name, prompting.tuned)
        result = evaluate(self.client, method, self.examples, progress=False)
        size = adapter_size(rank, settings.targets)
        loss = tuned.epochs[-1].validation_loss
        self.runs[rank] = RankRun(size, tuned.seconds, loss, result.metrics()["micro_f1"])
        return self.runs[rank]

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
        from lessonlib.rank_widget import RankWidget

        RankWidget(self).show()
