"""Every picture of a saved notebook can be opened."""

from __future__ import annotations

import base64
import io
import re

import nbformat
import pytest
from PIL import Image

from tools.notebook_rules import joined
from tools.notebooks import NOTEBOOKS

PATHS = sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("solutions/*.ipynb")])
EMBEDDED = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\n]+)")


def pictures(notebook):
    """(cell's number, bytes) of each PNG: those of their own, and those inside of HTML."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            found = [joined(data.get("image/png", ""))]
            found += EMBEDDED.findall(str(joined(data.get("text/html", ""))))
            yield from ((number, base64.b64decode(one)) for one in found if one)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_saved_picture_can_be_opened(path):
    """The notebooks were renumbered by a program. It changed a few letters in pictures that stood
    inside of HTML, too: notebook 08 had two that no browser could draw, and nothing noticed."""
    for number, data in pictures(nbformat.read(path, as_version=4)):
        try:
            Image.open(io.BytesIO(data)).load()  # checks the sums, and decodes every line
        except (OSError, SyntaxError) as error:
            pytest.fail(f"cell {number}: {error}")


def test_there_are_pictures_to_open():
    every = [list(pictures(nbformat.read(path, as_version=4))) for path in PATHS]
    assert sum(map(len, every)) > 60
