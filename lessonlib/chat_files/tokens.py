"""How long the examples of a chat training file are, in tokens, and what training them costs."""

from __future__ import annotations

import html
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from lessonlib.chat_files.counters import Tokens, counter_for, epochs, quantile
from lessonlib.common.i18n import _
from lessonlib.show.tables import ShownAsTable, Table

#: Rows of the table: heading, and the share of examples that are no longer.
QUANTILES = ((0, _("shortest")), (0.05, "5 %"), (0.5, _("median")), (0.95, "95 %"),
             (1, _("longest")))  # fmt: skip


@dataclass(repr=False)
class TokenStatistics(ShownAsTable):
    """The lengths of all sound examples of a file.

    Attributes:
        counted_by: whose tokenizer counted.
        limit: tokens that the model reads at once; None if not known.
        prompt, answer: tokens of each example, in the order of the file.
    """

    counted_by: str
    limit: int | None = None
    prompt: array = field(default_factory=lambda: array("L"))
    answer: array = field(default_factory=lambda: array("L"))

    def add(self, tokens: Tokens) -> None:
        self.prompt.append(tokens.prompt)
        self.answer.append(tokens.answer)

    def __len__(self) -> int:
        return len(self.prompt)

    @property
    def total(self) -> list[int]:
        """Tokens of each example, prompt and answer together."""
        return [p + a for p, a in zip(self.prompt, self.answer, strict=True)]

    def over_limit(self, limit: int | None = None) -> int:
        """How many examples are longer than the limit (by default the model's own)."""
        limit = self.limit if limit is None else limit
        return 0 if limit is None else sum(total > limit for total in self.total)

    def table(self) -> Table:
        """Quantiles, then the sum."""
        columns = [sorted(self.prompt), sorted(self.answer), sorted(self.total)]
        rows = [[name, *(f"{quantile(column, share):,}" for column in columns)]
                for share, name in QUANTILES]
        rows.append([_("sum"), *(f"{sum(column):,}" for column in columns)])
        text = _("{examples:,} examples, counted by the tokenizer of {name}.").format(
            examples=len(self), name=self.counted_by
        )
        if self.limit is not None:
            text += " " + _("Longer than {limit:,} tokens: {over:,}.").format(
                limit=self.limit, over=self.over_limit()
            )
        head = (_("tokens"), _("prompt"), _("answer"), _("together"))
        return Table(head, rows, [text], words=(0,))

    def __str__(self) -> str:
        return super().__str__() if self.prompt else _("No valid example to count.")

    def _repr_html_(self) -> str:
        return super()._repr_html_() if self.prompt else f"<p>{html.escape(str(self))}</p>"

    def picture(self) -> None:
        """Show the lengths as a histogram, with the limit."""
        from lessonlib.chat_files.picture import draw

        draw(self.total, self.limit)


def token_statistics(
    rows: Iterable[dict], tokenizer=None, limit: int | None = None
) -> TokenStatistics:
    """Count rows that are known to be sound, such as those from ``chat_rows``.

    Args:
        rows: ``{"messages": [...]}`` each.
        tokenizer: see ``counter_for``.
        limit: tokens that the model reads at once; that of the tokenizer's model if not given.

    Introduced in notebook 05.
    """
    counter = counter_for(tokenizer)
    statistics = TokenStatistics(counter.name, limit or counter.context)
    for row in rows:
        statistics.add(counter.count(row["messages"]))
    return statistics


def training_tokens(statistics: TokenStatistics, n_epochs: int | None = None) -> int:
    """Tokens that are read in training, and billed: all of each example, in every epoch.

    Args:
        n_epochs: as OpenAI would choose if not given; see ``epochs``.
    """
    return sum(statistics.total) * (n_epochs or epochs(len(statistics)))


@dataclass(frozen=True)
class Estimate:
    """What training on a file would cost at a hosted model's price.

    Attributes:
        model: whose price, by its full name.
        examples, n_epochs: the size of the file, and how often it is gone through.
        tokens: billed tokens, all epochs together.
        dollars: US dollars.
        read: the day on which the price was read.
        counted_by: whose tokenizer counted.
    """

    model: str
    examples: int
    n_epochs: int
    tokens: int
    dollars: float
    read: date
    counted_by: str

    def __str__(self) -> str:
        return _(
            "{examples:,} examples, {epochs} epochs: {tokens:,} training tokens. At the price of "
            "{model} (read {day}): ${dollars:,.2f}. Tokens are those of {name}; another model "
            "counts in its own way."
        ).format(
            examples=self.examples,
            epochs=self.n_epochs,
            tokens=self.tokens,
            model=self.model,
            day=self.read.isoformat(),
            dollars=self.dollars,
            name=self.counted_by,
        )

    def _repr_html_(self) -> str:
        """A paragraph: plain text of this length would be broken in the middle of words."""
        return f"<p>{html.escape(str(self))}</p>"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def estimate(
    statistics: TokenStatistics, model: str = "gpt-4.1-mini", n_epochs: int | None = None
) -> Estimate:
    """What training would cost, by the dated price list of ``lessonlib.costs.price_list``.

    Args:
        model: the hosted model to be tuned.
        n_epochs: as OpenAI would choose if not given.

    Introduced in notebook 05.
    """
    from lessonlib import costs

    n_epochs = n_epochs or epochs(len(statistics))
    price = costs.price(model, tuned=True)
    return Estimate(
        model=price.name,
        examples=len(statistics),
        n_epochs=n_epochs,
        tokens=training_tokens(statistics, n_epochs),
        dollars=costs.training_cost(sum(statistics.total), n_epochs, price),
        read=price.read,
        counted_by=statistics.counted_by,
    )
