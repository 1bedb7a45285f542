"""Tables that a learner sees: HTML in a notebook, aligned text in a terminal.

    @dataclass(frozen=True, repr=False)
    class Bill(Table):
        rows: list[tuple[str, float]]
        WORDS = (0,)                                   # the other columns are numbers

        def cells(self):
            return [("deployment", "dollars"), *((name, f"{cost:.2f}") for name, cost in self.rows)]

        def notes(self):
            return ["Hosting alone."]

All tables of the course look alike because they are drawn here.
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar


class Table(ABC):
    """What can be shown as a table. A subclass says what stands in it: ``cells`` and ``notes``.

    Attributes:
        WORDS: numbers of the columns that hold words: they stand left and may break into lines.
            The others hold numbers, which stand right and stay on one line. None: all are words.
        NAMED: whether the first column names its row (a screen reader then says it with each
            cell).
    """

    WORDS: ClassVar[Collection[int] | None] = None
    NAMED: ClassVar[bool] = True

    @abstractmethod
    def cells(self) -> Sequence[Sequence[str]]:
        """The heading, then the rows, all of the same length."""

    def notes(self) -> Sequence[str]:
        """Sentences beneath the table."""
        return ()

    def text_lines(self) -> list[str]:
        """The table as lines of text, all columns aligned, without the notes."""
        cells = self.cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if self._holds_words(place) else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return lines

    def __str__(self) -> str:
        return "\n".join([*self.text_lines(), *self.notes()])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """Plain HTML without colours of its own, so that light and dark themes both fit."""
        heading, *rows = self.cells()
        lines = [self._html_line(heading, is_heading=True), *map(self._html_line, rows)]
        made = "<table>\n{}\n</table>".format("\n".join(lines))
        notes = "<br>".join(html.escape(note) for note in self.notes())
        return f"{made}\n<p><small>{notes}</small></p>" if notes else made

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))

    def _holds_words(self, place: int) -> bool:
        return self.WORDS is None or place in self.WORDS

    def _html_line(self, row: Sequence[str], is_heading: bool = False) -> str:
        cells = []
        for place, cell in enumerate(row):
            tag, scope = "td", ""
            if is_heading:
                tag, scope = "th", ' scope="col"'
            elif self.NAMED and place == 0:
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
