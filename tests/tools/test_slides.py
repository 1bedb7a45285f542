"""Slides from notebooks: which cell goes where, and that nothing comes from a network."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tools import slides
from tools.notebooks import NOTEBOOKS

SAVED = sorted(NOTEBOOKS.glob("*.ipynb"))


def ran(source, text):
    return new_code_cell(source, outputs=[new_output("stream", text=text)])


def test_the_rule():
    cells = [
        (new_markdown_cell("# 01 · Title\n\nWhy."), "slide"),
        (new_code_cell("import lessonlib\nMODEL = 1"), "skip"),
        (new_markdown_cell("## 1. A section\n\nText."), "slide"),
        (ran("print(1)", "1"), "-"),
        (new_markdown_cell("What we see."), "-"),
        (ran("long()", "line\n" * 16), "subslide"),
        (new_markdown_cell("### Exercise 01-1: Blank\n\nDo it."), "subslide"),
        (new_code_cell("x = ...  # your turn"), "-"),
        (new_code_cell('exercises.check("01-1", x)'), "skip"),
        (new_markdown_cell("<details>\n<summary>Hint</summary>\n\nx\n\n</details>"), "skip"),
        (new_markdown_cell("## 2. A short quiz"), "skip"),
        (new_code_cell('exercises.quiz("01")'), "skip"),
        (new_markdown_cell("## What to remember\n\n- this"), "slide"),
        (new_markdown_cell("## Next\n\n[02](x)"), "skip"),
    ]
    assert slides.kinds([cell for cell, _kind in cells]) == [kind for _cell, kind in cells]


def test_a_text_stays_with_the_cell_that_it_introduces():
    cells = [new_markdown_cell("## 1. A section\n\n" + "line\n" * 12),
             new_markdown_cell("Now look at this:"), ran("look()", "line\n" * 5)]
    assert slides.kinds(cells) == ["slide", "subslide", "-"]


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_every_section_of_a_notebook_begins_a_slide(path):
    notebook = slides.with_slides(nbformat.read(path, as_version=4))
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in notebook.cells]
    assert kinds[0] == "slide" and kinds.count("slide") >= 5
    for cell, kind in zip(notebook.cells, kinds, strict=True):
        if re.match(r"#{1,2} ", cell.source) and cell.cell_type == "markdown":
            assert kind == "slide" or slides.LEFT_OUT.match(cell.source.split(" ", 1)[1].strip())
        assert "<summary>Solution" not in cell.source, "slides must not give solutions away"


def test_slides_fetch_nothing_from_a_network(tmp_path):
    """nbconvert's own slides load five scripts from three sites: in a room, a white page."""
    made = slides.make(SAVED[0], tmp_path).read_text(encoding="utf-8")
    scripts = re.findall(r"<(?:script|link)\b[^>]*(?:src|href)=\"([^\"]+)\"", made)
    assert scripts and all(address.startswith("reveal/") for address in scripts), scripts
    assert "import mermaid" not in made and "MathJax" not in made


def test_an_unknown_notebook_is_told():
    with pytest.raises(slides.Stop, match="no notebook 99"):
        slides.main(["99"])


@pytest.mark.extras
@pytest.mark.browser
def test_reveal_shows_the_slides(tmp_path):
    from tests import browser

    slides.reveal(tmp_path / "reveal")
    made = slides.make(SAVED[0], tmp_path)
    with browser.page_of(made.as_uri(), tmp_path / "profile") as page:
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        count = page.evaluate("Reveal.getTotalSlides()")
        kinds = [cell.metadata["slideshow"]["slide_type"] for cell in slides.with_slides(
            nbformat.read(SAVED[0], as_version=4)).cells]
        assert count == kinds.count("slide") + kinds.count("subslide")
        page.keyboard.press("Space")
        page.wait_for_function("Reveal.getSlidePastCount() === 1")
