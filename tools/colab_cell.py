"""What the build adds to each notebook for Google Colab, and to the README: all of it from here.

Two cells stand behind a notebook's title, both with the tag ``colab``: a badge that opens the
notebook in Colab, and a folded code cell that, in Colab, fetches the course and lets
``lessonlib.setup.colab`` install what is missing. Elsewhere that cell does nothing.

Address and tag come from ``pyproject.toml``: ``[project.urls]`` and ``version``. So a new
version needs a tag of its name; ``python start.py build --badges`` writes the addresses anew.
"""

from __future__ import annotations

import base64
import re
import tomllib
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

PROJECT = Path(__file__).resolve().parent.parent
BADGE = PROJECT / "notebooks" / "images" / "open_in_colab.png"
TAG = "colab"
ALT = "Open in Colab"
#: Folded in JupyterLab and in Colab: it is plumbing.
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}

TEXT = """[![{alt}](attachment:{image})]({url})

*In Colab, run the cell below first. Anywhere else you can pass over it.*"""

#: As short as it can be: on GitHub nothing folds it, and there it is the first code of a page.
CODE = """# @title Only for Google Colab: fetch the course. Anywhere else, this cell does nothing.
import os, subprocess, sys
if "google.colab" in sys.modules:
    if not os.path.isdir("{up}/lessonlib"):
        course = "{address}"
        get = "git clone -q --depth 1 -b {tag}".split() + [course]
        os.path.isdir("{folder}") or subprocess.run(get, check=True)
        os.chdir("{folder}/{place}")
    sys.path.insert(0, os.path.abspath("{up}"))
    from lessonlib.setup import colab; colab.prepare()"""


@cache
def project() -> dict:
    """The table ``project`` of pyproject.toml."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def address() -> str:
    return project()["urls"]["Repository"]


def tag() -> str:
    """The tag in git at which Colab fetches the course."""
    return f"v{project()['version']}"


def colab_url(path: str) -> str:
    """Where Colab opens a notebook. path: such as ``notebooks/00_start_here.ipynb``."""
    owner_and_name = address().removeprefix("https://github.com/")
    return f"https://colab.research.google.com/github/{owner_and_name}/blob/{tag()}/{path}"


def cells(path: str) -> list[NotebookNode]:
    """The two cells of the notebook that stands at ``path`` in the repository."""
    place = Path(path).parent.as_posix()
    text = nbformat.v4.new_markdown_cell(
        TEXT.format(alt=ALT, image=BADGE.name, url=colab_url(path)), metadata={"tags": [TAG]}
    )
    text.attachments = attachments()
    code = CODE.format(
        up="/".join([".."] * len(Path(place).parts)), place=place, tag=tag(), address=address(),
        folder=address().rsplit("/", 1)[-1],
    )
    return [text, nbformat.v4.new_code_cell(code, metadata={"tags": [TAG], **FOLDED})]


def attachments() -> dict:
    """The badge inside the notebook: it is seen without a network, and in Colab."""
    image = base64.b64encode(BADGE.read_bytes()).decode("ascii")
    return {BADGE.name: {"image/png": image}}


def refresh(notebook: NotebookNode, path: str) -> NotebookNode:
    """An executed notebook with today's two cells; nothing is run, for the code prints nothing.

    Cells are numbered as if it had been run.
    """
    had = any(is_generated(cell) for cell in notebook.cells)
    fresh = cells(path)
    fresh[1].execution_count = 1
    for number, cell in enumerate(fresh):
        cell.id = f"{TAG}-{number}"
    rest = without_cells(notebook).cells
    for cell in rest if not had else []:
        if cell.cell_type == "code" and cell.execution_count:
            cell.execution_count += 1
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = cell.execution_count
    notebook.cells = rest[:1] + fresh + rest[1:]
    return notebook


def is_generated(cell: NotebookNode) -> bool:
    return TAG in cell.metadata.get("tags", [])


def with_cells(notebook: NotebookNode, path: str) -> NotebookNode:
    """The notebook with its two cells behind the title."""
    notebook.cells[1:1] = cells(path)
    return notebook


def without_cells(notebook: NotebookNode) -> NotebookNode:
    notebook.cells = [cell for cell in notebook.cells if not is_generated(cell)]
    return notebook


#: A badge in the README, whatever its address: the path of the notebook is group 1.
README_BADGE = re.compile(r"\[!\[[^\]]*\]\([^)]*\)\]\(https://colab\.[^)]*?(notebooks/\w+\.ipynb)\)")


def readme_badge(path: str) -> str:
    """The badge of one notebook, as the README shows it."""
    return f"[![{ALT}]({BADGE.relative_to(PROJECT).as_posix()})]({colab_url(path)})"


def with_badges(text: str) -> str:
    """The README's text with a right badge in each line of the table of notebooks.

    The badge stands in the last column. A line without one gets it.
    """
    lines = []
    for line in text.split("\n"):
        row = re.match(r"\| \w+ \| \[[^\]]+\]\((notebooks/\w+\.ipynb)\)", line)
        if row and (badge := README_BADGE.search(line)):
            line = line.replace(badge[0], readme_badge(row[1]))
        elif row:
            line = f"{line} {readme_badge(row[1])} |"
        lines.append(line)
    return "\n".join(lines)
