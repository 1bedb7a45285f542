"""Training text with marks on what is learned from it.

A training document is a list of pieces ``(text, weight)``. The weight says how much the piece
counts in the loss. Here a piece that counts is underlined, and the more it counts, the thicker the
line; in plain text it is put in brackets. There are no colours, so it reads the same in light and
dark, and to everyone.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

#: From which weight on: style of the line under the piece, brackets in plain text.
LEVELS = (
    (2.0, "font-weight: bold; border-bottom: 4px double", ("[[", "]]")),
    (0.75, "font-weight: bold; border-bottom: 2px solid", ("[", "]")),
    (1e-9, "border-bottom: 2px dotted", ("{", "}")),
)


class LearnedText:
    """Shown in a notebook when it is the last thing in a cell.

    Args:
        title: what stands above it.
        pieces: ``(text, weight)`` in order.

    Introduced in appendix A1.
    """

    def __init__(self, title: str, pieces: Sequence[tuple[str, float]]):
        self.title, self.pieces = title, list(pieces)

    def __str__(self) -> str:
        parts = []
        for text, weight in self.pieces:
            before, after = next((marks for least, _style, marks in LEVELS if weight >= least),
                                 ("", ""))
            parts.append(before + text + after)
        return f"--- {self.title}\n{''.join(parts).rstrip()}\n"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = []
        for text, weight in self.pieces:
            style = next((style for least, style, _marks in LEVELS if weight >= least), "")
            shown = html.escape(text)
            parts.append(f'<span style="{style}">{shown}</span>' if style else shown)
        body = "".join(parts).rstrip()
        return (f"<strong>{html.escape(self.title)}</strong>"
                f'<pre style="white-space: pre-wrap; margin: 0.2em 0 1em">{body}</pre>')
