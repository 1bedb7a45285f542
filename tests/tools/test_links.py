"""Every link within the repository leads somewhere: papers, notebooks, down to the heading."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nbformat
import pytest

from tools import link_reader, links

PROJECT = Path(__file__).resolve().parents[2]


def papers() -> list[Path]:
    """All Markdown files and notebooks that git knows, as far as they are there."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.md", "*.ipynb"], cwd=PROJECT,
                            capture_output=True, check=True)
    paths = [PROJECT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("path", papers(), ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_links_lead_somewhere(path):
    assert not links.problems(path, PROJECT)


def test_there_are_links_to_follow():
    names = {path.name for path in papers()}
    assert {"README.md", "CONTRIBUTING.md", "00_start_here.ipynb"} <= names
    inside = [target for path in papers() for _place, target in link_reader.links(path)
              if "://" not in target]
    assert len(inside) > 20


@pytest.fixture
def house(tmp_path):
    """A small repository: a paper with two headings, and a notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "GUIDE.md").write_text(
        "# The `guide`\n\n## What now?\n\n## What now?\n\n```\n# not a heading\n```\n", "utf-8")
    cells = [nbformat.v4.new_markdown_cell("# 01 · A title"),
             nbformat.v4.new_markdown_cell("## Next\n\n[back](../GUIDE.md#what-now-1)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "01.ipynb")
    return tmp_path


@pytest.mark.parametrize(("text", "said"), [
    ("[a](GUIDE.md) [b](GUIDE.md#the-guide) [c](GUIDE.md#what-now) [d](notebooks)", ""),
    ("[a](notebooks/01.ipynb#Next) [b](https://example.org/x#y) ![c](data:image/png;base64,x)", ""),
    ('[a](GUIDE.md "title") <a href="GUIDE.md">x</a>', ""),
    ("`[a](nothing.md)` and\n\n```\n[a](nothing.md)\n```", ""),
    ("[a](GIUDE.md)", "line 1: GIUDE.md does not exist"),
    ("x\n\n[a](GUIDE.md#what)", "line 3: GUIDE.md#what: there is no such heading"),
    ("[a](GUIDE.md#not-a-heading)", "no such heading"),
    ("[a](notebooks/01.ipynb#next)", "no such heading"),
    ("[a](#nothing)", "no such heading"),
    ("[a](../x.md)", "leads out of the repository"),
    ("[a](/etc/x.md)", "begins at the root"),
    ("[a](http://example.org)", "is not https"),
    ("<img src='gone.png' alt='x'>", "gone.png does not exist"),
    ("[![badge](gone.png)](https://example.org)", "gone.png does not exist"),
])
def test_a_wrong_link_is_told_with_its_place(house, text, said):
    paper = house / "README.md"
    paper.write_text(text, encoding="utf-8")
    found = links.problems(paper, house)
    assert len(found) == bool(said) and all(said in line for line in found), found


def test_a_notebooks_links_are_followed_from_its_folder(house):
    path = house / "notebooks" / "01.ipynb"
    assert list(link_reader.links(path)) == [("cell 2", "../GUIDE.md#what-now-1")]
    assert links.problems(path, house) == []
    (house / "GUIDE.md").unlink()
    assert links.problems(path, house) == ["cell 2: ../GUIDE.md#what-now-1 does not exist"]
