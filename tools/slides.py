"""Slides from the notebooks, by nbconvert and reveal.js, that need no network.

    python start.py slides           all notebooks
    python start.py slides 01        only these

No cell is marked for it. A rule (``kinds``) makes the slides from what every notebook has: a
section is a slide, what does not fit on it goes onto the slides beneath, hints and solutions stay
out, and so do the cells that only a running notebook needs. reveal.js is fetched once (2 MB, from
the package index, as part of the package sphinx-revealjs) and put beside the slides.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

from tools import colab_cell
from tools.diagnose import explain
from tools.notebook_rules import output_text
from tools.notebooks import NOTEBOOKS
from tools.own_environment import LOGS
from tools.pytorch import QUIET_PIP
from tools.terminal import Step, Stop, child_environment, line, run, shown

PROJECT = Path(__file__).resolve().parent.parent
SLIDES = PROJECT / "work" / "slides"
REVEAL = "sphinx-revealjs==3.2.1"
INSIDE = re.compile(r"^sphinx_revealjs/_static/revealjs/((?:dist|plugin/notes)/.*|LICENSE)$")
#: What fits on one slide, in lines of text; a picture or a table takes as much as these.
FITS, PICTURE, LETTERS = 17, 12, 78
SECTION = re.compile(r"(?m)\A\s*(#{1,4}) (.+)$")
#: Sections for a reader, not for a room.
LEFT_OUT = re.compile(r"^(?:Next|\d*\.? ?A short quiz)$")
FOLDED = re.compile(r"(?s)<details>.*?</details>")


def lines_of(cell: NotebookNode) -> int:
    """How many lines a cell takes on a slide."""
    def wrapped(text: str) -> int:
        return sum(1 + len(part) // LETTERS for part in text.splitlines() if part.strip())

    if cell.cell_type != "code":
        return wrapped(cell.source)
    looks = any(re.search(r"<img|<table|<svg", str(output.get("data", {}).get("text/html", "")))
                for output in cell.outputs)
    return wrapped(cell.source) + (PICTURE if looks else wrapped(output_text(cell)))


def kinds(cells: list[NotebookNode]) -> list[str]:
    """What becomes of each cell: slide, subslide (beneath the last one), "-" (goes on), skip."""
    found, used, leaving = [], 0, False
    for number, cell in enumerate(cells):
        heading = SECTION.match(cell.source) if cell.cell_type == "markdown" else None
        if heading and len(heading[1]) <= 2:
            leaving = bool(LEFT_OUT.match(heading[2].strip()))
        size = lines_of(cell)
        if leaving or _is_for_the_reader(cell):
            kind = "skip"
        elif heading and len(heading[1]) <= 2:
            kind = "slide"
        elif heading or not used or used + size > FITS:
            # A text that introduces the next cell goes along with it.
            kind = "subslide" if used else "slide"
        else:
            kind = "-"
        if cell.cell_type == "markdown" and kind == "-" and number + 1 < len(cells):
            together = size + lines_of(cells[number + 1])
            if cells[number + 1].cell_type == "code" and used + together > FITS >= together:
                kind = "subslide"
        if kind != "skip":
            used = size + (used if kind == "-" else 0)
        found.append(kind)
    return found


def _is_for_the_reader(cell: NotebookNode) -> bool:
    """Folded hints and solutions, unanswered checks, and cells that only set things up."""
    if cell.cell_type == "markdown":
        return not FOLDED.sub("", cell.source).strip()
    return bool(re.search(r"(?m)^(?:import |from )\w|\bexercises\.check\(|\bquiz\("
                          r"|^client = ", cell.source))


def with_slides(notebook: NotebookNode) -> NotebookNode:
    """A copy whose cells say what slide they belong to."""
    made = colab_cell.without_cells(nbformat.from_dict(notebook))
    for cell, kind in zip(made.cells, kinds(made.cells), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
        if cell.cell_type == "markdown":
            cell.source = FOLDED.sub("", cell.source)
    return made


def reveal(folder: Path) -> Path:
    """The folder with reveal.js; fetched at the first time. Raises Stop."""
    if (folder / "dist" / "reveal.js").is_file():
        return folder
    log, fetched = LOGS / "slides.log", folder.with_name("fetched")
    with Step("reveal.js: once, 2 MB", "reveal.js"):
        command = [sys.executable, "-m", "pip", "download", *QUIET_PIP, "--no-deps", "--dest",
                   str(fetched), REVEAL]
        status, said = run(command, log, child_environment())
        if status:
            raise explain(said, log)
        with zipfile.ZipFile(next(fetched.glob("*.whl"))) as archive:
            for name in archive.namelist():
                if found := INSIDE.match(name):
                    target = folder / found[1]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
    shutil.rmtree(fetched)
    return folder


def make(path: Path, target: Path = SLIDES) -> Path:
    """Write the slides of one notebook. Returns the file."""
    template = Path(__file__).with_name("slides_template")
    exporter = SlidesExporter(
        extra_template_basedirs=[str(template.parent)], template_name=template.name,
        reveal_url_prefix="reveal", reveal_theme="white", reveal_width="1100",
        reveal_height="700")
    text, _resources = exporter.from_notebook_node(
        with_slides(nbformat.read(path, as_version=4)),
        resources={"metadata": {"name": path.stem}})
    target.mkdir(parents=True, exist_ok=True)
    made = target / f"{path.stem}.html"
    made.write_text(text, encoding="utf-8")
    return made


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="start.py slides")
    parser.add_argument("names", nargs="*")
    names = tuple(parser.parse_args(arguments).names)
    chosen = [path for path in sorted(NOTEBOOKS.glob("*.ipynb"))
              if not names or path.stem.startswith(names)]
    if not chosen:
        raise Stop(f"There is no notebook {' '.join(names)}.", "python start.py slides 01")
    reveal(SLIDES / "reveal")
    for path in chosen:
        made = make(path)
        count = kinds(colab_cell.without_cells(nbformat.read(path, as_version=4)).cells)
        line("ok", f"{shown(made)}: {count.count('slide') + count.count('subslide')} slides")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(str(stop))
