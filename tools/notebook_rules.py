"""The rules that every notebook keeps. The build reports what breaks them, and so do the tests.

``problems(notebook)`` yields one line for each broken rule, beginning with the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

LONGEST_CELL = 30
#: Places of one machine, which mean nothing on another. A URL's path is not one.
MACHINE_PATH = re.compile(
    r"(?<![\w:/.-])/(?:home|root|tmp|Users|work|opt|mnt|private|var/folders)/[\w.-]+"
    r"|\b[A-Za-z]:\\\\?\w"
)
SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|[?&]token=[0-9a-f]{16,}|Bearer\s+[A-Za-z0-9._-]{20,}"
    r"|\bpractice-[0-9a-f]{32}\b"  # of the practice service, or of a learner in a classroom
)
DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+")
IMAGE_MARKDOWN = re.compile(r"!\[([^\]]*)\]\(")
IMAGE_HTML = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
ALT = re.compile(r"\balt\s*=\s*(\"[^\"]*\w[^\"]*\"|'[^']*\w[^']*')", re.IGNORECASE)


def problems(notebook: NotebookNode) -> list[str]:
    """All broken rules of an executed notebook; an empty list where it keeps them."""
    found = list(_headings(notebook))
    if "widgets" in notebook.metadata:
        found.append("notebook: holds saved widget state")
    for number, cell in enumerate(notebook.cells, start=1):
        rules = (_code(cell), _markdown(cell), _text(cell))
        found += [f"cell {number}: {text}" for rule in rules for text in rule]
    return found


def _code(cell: NotebookNode) -> Iterator[str]:
    if cell.cell_type != "code":
        return
    tags = cell.metadata.get("tags", [])
    lines = cell.source.splitlines()
    if not cell.source.strip():
        yield "is empty"
    elif cell.execution_count is None:
        yield "was never executed"
    if len(lines) > LONGEST_CELL:
        yield f"has {len(lines)} lines; {LONGEST_CELL} fit on a screen"
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if errors and "raises-exception" not in tags:
        yield f"ends in {errors[0].ename} without the tag raises-exception"
    if "raises-exception" in tags and not errors:
        yield "has the tag raises-exception, but no error"
    if "nbval-ignore-output" in tags and not str(cell.metadata.get("reason", "")).strip():
        yield "has the tag nbval-ignore-output without a reason"
    if cell.source.rstrip().endswith(";"):
        yield "ends in a semicolon, which hides the output in JupyterLab but not from nbval"
    if "nbval-skip" in tags:
        yield "has the tag nbval-skip: a cell that is never run is never tested"
    for output in cell.outputs:
        data, metadata = output.get("data", {}), output.get("metadata", {})
        pictures = [kind for kind in data if kind.startswith("image/")]
        if pictures and not _has_alt(data, metadata, pictures):
            yield "shows a picture without alt text"
        html = IMAGE_HTML.findall(joined(data.get("text/html", "")))
        if any(not ALT.search(tag) for tag in html):
            yield "shows an HTML picture without alt text"


def _has_alt(data: dict, metadata: dict, pictures: list[str]) -> bool:
    """matplotlib's own text, <Figure size ...>, tells a reader nothing."""
    told = joined(data.get("text/plain", "")).strip()
    if told and not re.fullmatch(r"<[^>]*>", told):
        return True
    return all(str(metadata.get(kind, {}).get("alt", "")).strip() for kind in pictures)


def _markdown(cell: NotebookNode) -> Iterator[str]:
    if cell.cell_type != "markdown":
        return
    if any(not alt.strip() for alt in IMAGE_MARKDOWN.findall(cell.source)):
        yield "has a picture without alt text"
    if any(not ALT.search(tag) for tag in IMAGE_HTML.findall(cell.source)):
        yield "has an HTML picture without alt text"


def _text(cell: NotebookNode) -> Iterator[str]:
    """Nothing of one machine, and nothing secret, in texts or outputs."""
    for part, text in (("text", cell.source), ("output", output_text(cell))):
        if path := MACHINE_PATH.search(text):
            yield f"{part} names a path of one machine: {path.group()}"
        if SECRET.search(text):
            yield f"{part} holds something that looks like a key"


def _headings(notebook: NotebookNode) -> Iterator[str]:
    levels = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            text = re.sub(r"(?ms)^```.*?^```", "", cell.source)
            levels += [(number, len(marks)) for marks in re.findall(r"(?m)^(#{1,6}) ", text)]
    titles = [number for number, level in levels if level == 1]
    if len(titles) != 1:
        yield f"notebook: has {len(titles)} headings of the first level; one is the title"
    if levels and levels[0][1] != 1:
        yield f"cell {levels[0][0]}: the first heading is not the title"
    for (_before, above), (number, level) in zip(levels, levels[1:], strict=False):
        if level > above + 1:
            yield f"cell {number}: a heading of level {level} follows one of level {above}"


def output_text(cell: NotebookNode) -> str:
    """All that a code cell's outputs say, as one text; pictures left out."""
    parts = []
    for output in cell.get("outputs", []):
        parts += [joined(output.get("text", "")), *map(str, output.get("traceback", []))]
        parts += [str(joined(value)) for kind, value in output.get("data", {}).items()
                  if not kind.startswith("image/") or kind == "image/svg+xml"]
    return DATA_URI.sub("data:", "\n".join(parts))


def joined(text: object) -> object:
    """The notebook format allows a text to be a list of lines."""
    return "".join(text) if isinstance(text, list) else text
