"""The links of a Markdown file or a notebook, in the order in which they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

#: [text](target) and ![alt](target); a text may hold one picture, a target no spaces.
MARKDOWN_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HTML_LINK = re.compile(r"<(?:a|img)\b[^>]*?\b(?:href|src)\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
CODE = re.compile(r"(?ms)^```.*?^```|`[^`\n]*`")


def links(path: Path) -> Iterator[tuple[str, str]]:
    """(where, target) of all links in a file. Where: "line 3", in a notebook "cell 3"."""
    for place, text in texts(path):
        plain = CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        for pattern in (MARKDOWN_LINK, HTML_LINK):
            for found in pattern.finditer(plain):
                line = plain.count("\n", 0, found.start()) + 1
                yield place or f"line {line}", found[1]


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """(where, text) of what is written in a file: a notebook's text cells, else all of it, ''."""
    if path.suffix != ".ipynb":
        yield "", path.read_text(encoding="utf-8")
        return
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells, start=1):
        if cell.cell_type == "markdown":
            yield f"cell {number}", cell.source
