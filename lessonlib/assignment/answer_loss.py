"""How surprised is a model by the right answers of rows that it has not seen?

For free text there is no one right answer, so answers cannot be compared word by word. The loss
can be measured all the same: the mean surprise, in nats, at each token of the right answer, given
the question. It falls when a model learns a manner of writing. It does not tell whether the
model's own texts are any good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lessonlib.common.i18n import _
from lessonlib.common.paths import BUILT_IN
from lessonlib.lora import rows as lora_rows
from lessonlib.measure import bootstrap
from lessonlib.measure.bootstrap import Difference, Interval
from lessonlib.models.quiet import quiet


@dataclass(frozen=True)
class AnswerLoss:
    """The loss of one model; ``counts`` has the shape (rows, 2): sum of nats, tokens."""

    name: str
    counts: np.ndarray

    @property
    def per_token(self) -> Interval:
        """Mean loss of a token with its 95 % interval over the rows. Lower is better."""
        return bootstrap.interval(self.counts, bootstrap.share)

    @property
    def perplexity(self) -> float:
        """Among how many tokens the model hesitates, as it were: e to the power of the loss."""
        return float(np.exp(self.per_token.value))

    def __str__(self) -> str:
        return _("{name}: loss {loss} a token, perplexity {perplexity:,.0f}").format(
            name=self.name, loss=self.per_token, perplexity=self.perplexity)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def measure(name: str, rows: Sequence[dict], folder: str | Path = BUILT_IN) -> AnswerLoss:
    """The loss of a model on the answers of chat rows.

    Args:
        name: what the result is to be called.
        rows: as for ``lora.tune``. Only the answers count.
        folder: the model's folder; the built-in model if not given.

    Raises:
        LessonError: a row is no chat, or too long.

    Introduced in notebook 11.
    """
    from lessonlib.lora.base import load_base
    from lessonlib.lora.loss import row_losses

    lora_rows.check_rows(rows, _("Test"))
    with quiet():
        model, tokenizer = load_base(str(folder), "cpu-fp32")
    longest = model.config.max_position_embeddings
    data = lora_rows.tokenise(rows, tokenizer, longest, _("Test"))
    return AnswerLoss(name, row_losses(model.eval(), data).numpy())


def fell(before: AnswerLoss, after: AnswerLoss) -> Difference:
    """After minus before, paired over the rows: below zero, and better, where the loss fell.

    Introduced in notebook 11.
    """
    return bootstrap.difference(after.counts, before.counts, bootstrap.share,
                                lower_is_better=True)
