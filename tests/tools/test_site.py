"""The web site to read: links that lead somewhere, nothing from elsewhere, a search that finds."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tools import colab_cell, site

MADE = {"README.md": "index.md", "RESOURCES.md": "RESOURCES.md",
        "notebooks/01_x.ipynb": "notebooks/01_x.ipynb"}


@pytest.mark.parametrize(("name", "text", "wanted"), [
    ("README.md", "[a](notebooks/01_x.ipynb)", "[a](notebooks/01_x.ipynb)"),
    ("notebooks/01_x.ipynb", "[a](../README.md#start)", "[a](../index.md#start)"),
    ("notebooks/01_x.ipynb", "[a](../RESOURCES.md) [b](https://example.org/x.md)",
     "[a](../RESOURCES.md) [b](https://example.org/x.md)"),
    ("RESOURCES.md", "[a](#glossary)", "[a](#glossary)"),
    ("README.md", '<img src="notebooks/images/x.png" alt="x">',
     '<img src="notebooks/images/x.png" alt="x">'),
])
def test_links_are_right_on_the_site(name, text, wanted):
    assert site.with_links(text, name, MADE) == wanted


def test_what_is_not_on_the_site_leads_to_the_repository():
    found = site.with_links("[a](../lessonlib/lora/tuning.py)", "notebooks/01_x.ipynb", MADE)
    assert found == f"[a]({colab_cell.address()}/blob/{colab_cell.tag()}/lessonlib/lora/tuning.py)"


def test_sphinx_gets_all_notebooks_without_the_cells_for_colab(tmp_path):
    pages = site.prepare(tmp_path / "source")
    notebooks = [path for path in pages if path.suffix == ".ipynb"]
    assert len(notebooks) == len(site.pages()) >= 7
    for path in notebooks:
        cells = nbformat.read(path, as_version=4).cells
        assert not any(colab_cell.is_generated(cell) for cell in cells), path.name
        assert any(cell.get("outputs") for cell in cells), "outputs are what a reader comes for"
    index = (tmp_path / "source" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^notebooks/\S+\.ipynb$", index)
    assert listed == [f"notebooks/{path.name}" for path in site.pages()]


@pytest.mark.parametrize(("text", "found"), [
    ('<script src="https://cdn.example/x.js"></script>', ["https://cdn.example/x.js"]),
    ('<link rel="stylesheet" href="https://a.example/x.css">', ["https://a.example/x.css"]),
    ('<img alt="x" src="http://a.example/x.png">', ["http://a.example/x.png"]),
    ('<a href="https://a.example">x</a><script src="_static/x.js"></script>', []),
    ('<link rel="canonical" href="https://a.example/">', []),
])
def test_what_a_page_fetches_from_elsewhere_is_found(tmp_path, text, found):
    (tmp_path / "x.html").write_text(text, encoding="utf-8")
    assert site.from_outside(tmp_path) == found


@pytest.fixture(scope="module")
def made() -> Path:
    """The site, made for real with its own tools (installed at the first time)."""
    return site.build()


@pytest.mark.extras
def test_the_site_is_complete_and_needs_no_network(made):
    assert site.from_outside(made.parent) == []
    for path in site.pages():
        page = (made.parent / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert '<img class="lesson-picture"' not in page or 'alt="' in page
        pictures = re.findall(r"<img\b[^>]*>", page)
        assert all(re.search(r'\balt="[^"]+"', picture) for picture in pictures), path.stem
        saved = nbformat.read(path, as_version=4)
        wanted = sum("lesson-picture" in str(output.get("data", {}).get("text/html", ""))
                     for cell in saved.cells for output in cell.get("outputs", []))
        assert page.count("<img") >= wanted, "a picture is missing"
    assert len(list(made.parent.rglob("*.html"))) > len(site.pages())


@pytest.mark.extras
@pytest.mark.browser
def test_a_reader_searches_follows_links_and_turns_the_page_dark(made, tmp_path):
    """From the disk, by file://, as on a laptop without a network."""
    from tests import browser

    with browser.page_of(made.as_uri(), tmp_path / "profile") as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_role("link", name="01 · A baseline with few-shot prompts").first.click()
        page.get_by_role("heading", name="01 · A baseline with few-shot prompts").wait_for()
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        picture = page.locator(".lesson-picture").first
        assert "invert" in picture.evaluate("one => getComputedStyle(one).filter")
        page.goto(made.with_name("search.html").as_uri() + "?q=adapter")
        page.get_by_role("link", name="04 · What is fine-tuning?").last.wait_for()
        page.locator("#search-results").get_by_role("link").first.click()
        page.get_by_role("heading", level=1).first.wait_for()
        assert all(address.startswith(("file:", "data:", "blob:")) for address in asked)
