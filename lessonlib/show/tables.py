"""Tables that a learner sees: HTML in a notebook, aligned text in a terminal.

    Table(("deployment", "dollars"), [("one", "1.20"), ("two", "80.00")],
          notes=["Hosting alone."], words=(0,))        # the other column holds numbers

All tables of the course look alike because they are drawn here.
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass


class ShownAsTable(ABC):
    """Something that knows more than a table, and shows itself as what its ``table`` gives."""

    @abstractmethod
    def table(self) -> Table:
        """What is shown."""

    def __str__(self) -> str:
        return str(self.table())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


@dataclass(frozen=True, repr=False)
class Table(ShownAsTable):
    """A table.

    Attributes:
        head: the headings.
        rows: the cells, as text; each row as long as the head.
        notes: sentences beneath the table.
        words: numbers of the columns that hold words: they stand left and may break into lines.
            The others hold numbers, which stand right and stay on one line. None: all are words.
        named: whether the first column names its row (a screen reader then says it with each
            cell).
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    words: Collection[int] | None = None
    named: bool = True

    def table(self) -> Table:
        return self

    def __str__(self) -> str:
        return "\n".join([*self.text_lines(), *self.notes])

    def text_lines(self) -> list[str]:
        """The table as lines of text, all columns aligned, without the notes."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if self._holds_words(place) else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (self.head, *self.rows)
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return lines

    def _repr_html_(self) -> str:
        """Plain HTML without colours of its own, so that light and dark themes both fit."""
        lines = [self._html_line(self.head, is_heading=True), *map(self._html_line, self.rows)]
        made = "<table>\n{}\n</table>".format("\n".join(lines))
        notes = "<br>".join(html.escape(note) for note in self.notes)
        return f"{made}\n<p><small>{notes}</small></p>" if notes else made

    def _holds_words(self, place: int) -> bool:
        return self.words is None or place in self.words

    def _html_line(self, row: Sequence[str], is_heading: bool = False) -> str:
        cells = []
        for place, cell in enumerate(row):
            tag, scope = "td", ""
            if is_heading:
                tag, scope = "th", ' scope="col"'
            elif self.named and place == 0:
                tag, scope = "th", ' scope="row"'
            words, text = self._holds_words(place), html.escape(cell)
            style = "text-align: left" if words else "text-align: right"
            # Headings stand on their columns; of a row that breaks into lines, all begins above.
            style += "; vertical-align: " + ("bottom" if is_heading else "top")
            if not words and not is_heading:
                style += "; white-space: nowrap"
            text = text.replace(" = ", "&nbsp;=&nbsp;")  # "k = 2" stays on one line
            if words and " " not in cell:  # a model's name: long, and without a place to break it
                text = text.replace(":", ":<wbr>")
            cells.append(f'<{tag}{scope} style="{style}">{text}</{tag}>')
        return f"<tr>{''.join(cells)}</tr>"
