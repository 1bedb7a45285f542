"""The course as a web site to read: notebooks with outputs, search, light and dark, no server.

    python start.py site         makes work/site; open work/site/index.html

Made by Sphinx with MyST-NB and the Sphinx Book Theme, the tools beneath Jupyter Book. They are
large (about 250 MB) and nothing else needs them, so they get an environment of their own, made
at the first time (that needs a network), in work/site-tools. The site itself needs no network:
every script, font and picture lies beside the pages, and so does the index of the search.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat

from lessonlib.show.pictures import INVERT, TURN_HUE
from tools import colab_cell
from tools.diagnose import activity, explain
from tools.own_environment import LOGS, python_of
from tools.pytorch import QUIET_PIP
from tools.terminal import Step, Stop, child_environment, duration, line, run, shown

PROJECT = Path(__file__).resolve().parent.parent
SITE = PROJECT / "work" / "site"
TOOLS = PROJECT / "work" / "site-tools"
WANTED = PROJECT / "constraints" / "site.txt"
#: Pages beside the notebooks, and what they are called in the list of pages.
PAPERS = {"RESOURCES.md": "Resources and glossary", "INSTRUCTORS.md": "For instructors",
          "CONTRIBUTING.md": "For maintainers", "data/README.md": "Data and model cards"}
LINK = re.compile(r"(\]\(\s*<?|\b(?:href|src)=[\"'])([^)\s>\"']+)")
FROM_OUTSIDE = re.compile(
    r"<(?:script|img|iframe)\b[^>]*\bsrc=[\"'](https?://[^\"']+)"
    r"|<link\b(?![^>]*rel=[\"'](?:canonical|next|prev)[\"'])[^>]*\bhref=[\"'](https?://[^\"']+)")
CONF = """\
project = {title!r}
author = "the authors of the course"
extensions = ["myst_nb"]
nb_execution_mode = "off"
nb_ipywidgets_js = {{}}
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 5)]
myst_enable_extensions = ["html_image", "attrs_inline"]
myst_heading_anchors = 4
myst_heading_slug_func = "slugs.same_as_jupyterlab"
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "misc.highlighting_failure"]
html_theme = "sphinx_book_theme"
html_title = {title!r}
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {{
    "repository_url": {address!r},
    "use_repository_button": True,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_persistent": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}}
"""
#: The names of headings in links, as JupyterLab writes them.
SLUGS = '''def same_as_jupyterlab(title):
    return title.replace("`", "").replace(" ", "-")
'''
CSS = f"""\
/* Room for the longest line of code; outputs wrap. */
.bd-main .bd-content .bd-article-container {{ max-width: 58rem; }}
.cell_output pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
.cell_output {{ overflow-x: auto; }}
.cell_output th, .cell_output td {{ padding: 0.2rem 0.7rem; font-variant-numeric: tabular-nums; }}
/* On a dark page pictures are turned, as in JupyterLab (lessonlib/show/pictures.py). */
html[data-theme="dark"] .bd-content .cell_output .lesson-picture {{
  filter: invert({INVERT}) hue-rotate({TURN_HUE}deg) !important;
  background: transparent !important; padding: 0 !important; }}
html[data-theme="dark"] .bd-content div.cell_output .text_html {{
  background: transparent !important; color: inherit !important; padding: 0 !important; }}
details {{ margin: 0.5rem 0 1rem; padding: 0.4rem 0.8rem;
  border: 1px solid var(--pst-color-border); border-radius: 4px; }}
summary {{ cursor: pointer; font-weight: 600; }}
"""


def pages(project: Path = PROJECT) -> list[Path]:
    """The notebooks that the site shows, in order; solutions are folded in the learner's own."""
    return sorted((project / "notebooks").glob("*.ipynb"))


def prepare(source: Path, project: Path = PROJECT) -> list[Path]:
    """Write what Sphinx reads: the papers and the notebooks, in the places that they have here.

    Returns the pages. Links to what is not on the site lead to the repository.
    """
    shutil.rmtree(source, ignore_errors=True)
    notebooks = pages(project)
    papers = [project / name for name in PAPERS if (project / name).exists()]
    made = {"README.md": "index.md"} | {
        path.relative_to(project).as_posix(): path.relative_to(project).as_posix()
        for path in papers + notebooks}
    for name, place in made.items():
        target = source / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".ipynb"):
            notebook = colab_cell.without_cells(
                nbformat.read(project / name, as_version=4))
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    cell.source = with_links(cell.source, name, made)
            nbformat.write(notebook, target)
        else:
            text = with_links((project / name).read_text(encoding="utf-8"), name, made)
            target.write_text(text + (_contents(made) if place == "index.md" else ""), "utf-8")
    _write_settings(source)
    return [source / place for place in made.values()]


def with_links(text: str, name: str, made: dict[str, str]) -> str:
    """Links in the paper or notebook ``name``, as they are right on the site."""
    return LINK.sub(lambda found: found[1] + _target(found[2], name, made), text)


def _target(target: str, name: str, made: dict[str, str]) -> str:
    parts = urlsplit(target)
    if parts.scheme or not parts.path:
        return target
    there = os.path.normpath(os.path.join(os.path.dirname(name), unquote(parts.path)))
    there = Path(there).as_posix()
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    if there in made:
        start = os.path.dirname(made.get(name, name)) or "."
        return Path(os.path.relpath(made[there], start)).as_posix() + anchor
    if there.startswith("notebooks/images/"):
        return target
    return f"{colab_cell.address()}/blob/{colab_cell.tag()}/{there}{anchor}"


def _contents(made: dict[str, str]) -> str:
    notebooks = [place for place in made.values() if place.endswith(".ipynb")]
    papers = [f"{title} <{name}>" for name, title in PAPERS.items() if name in made]
    parts = []
    for caption, entries in (("Notebooks", notebooks), ("More", papers)):
        rows = "\n".join(entries)
        parts.append(f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{rows}\n```\n")
    return "".join(parts)


def _write_settings(source: Path) -> None:
    title = "Fine-tuning, side by side"
    conf = CONF.format(title=title, address=colab_cell.address())
    head = "import sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parent))"
    (source / "conf.py").write_text(f"{head}\n{conf}", encoding="utf-8")
    (source / "slugs.py").write_text(SLUGS, encoding="utf-8")
    (source / "_static").mkdir(exist_ok=True)
    (source / "_static" / "course.css").write_text(CSS, encoding="utf-8")
    images = PROJECT / "notebooks" / "images"
    if images.is_dir():
        shutil.copytree(images, source / "notebooks" / "images", dirs_exist_ok=True)


def tools(folder: Path = TOOLS, wanted: Path = WANTED) -> Path:
    """The Python of the environment that makes the site; makes it where it is missing. Stop."""
    python, stamp = python_of(folder), folder / "made-for.txt"
    text = wanted.read_text(encoding="utf-8")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == text:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    log = LOGS / "site-tools.log"
    log.unlink(missing_ok=True)
    with Step("tools for the site: once, about 250 MB", "tools for the site") as step:
        base = getattr(sys, "_base_executable", None) or sys.executable
        for command in ([base, "-m", "venv", str(folder)],
                        [str(python), "-m", "pip", "install", *QUIET_PIP, "-r", str(wanted)]):
            status, said = run(command, log, child_environment(),
                               on_line=lambda text: step.now(activity(text)))
            if status:
                raise explain(said, log)
    stamp.write_text(text, encoding="utf-8")
    return python


def build(target: Path = SITE, python: Path | None = None) -> Path:
    """Make the site. Returns its first page. Raises Stop where Sphinx fails."""
    python = python or tools()
    source, log = target.with_name(target.name + "-source"), LOGS / "site.log"
    log.unlink(missing_ok=True)
    made = prepare(source)
    shutil.rmtree(target, ignore_errors=True)
    with Step("the site", f"the site: {len(made)} pages"):
        command = [str(python), "-m", "sphinx", "-q", "-b", "html", "-d",
                   str(target.with_name(target.name + "-cache")), str(source), str(target)]
        status, said = run(command, log, child_environment())
    if status:
        raise Stop(f"The site could not be made: {(said.strip().splitlines() or ['?'])[-1]}",
                   "read the end of the log.", log)
    for text in warnings(said):
        line("..", text)
    return target / "index.html"


def warnings(said: str) -> list[str]:
    return [text.split("site-source/", 1)[-1] for text in said.splitlines() if "WARNING" in text]


def from_outside(target: Path) -> list[str]:
    """Addresses that a page would fetch from elsewhere: there must be none."""
    found = set()
    for path in target.rglob("*.html"):
        for pair in FROM_OUTSIDE.findall(path.read_text(encoding="utf-8")):
            found |= {address for address in pair if address}
    return sorted(found)


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> int:
    started = time.monotonic()
    first = build()
    line("ok", f"{shown(first)}: {size(first.parent) / 1e6:.0f} MB,"
               f" {duration(time.monotonic() - started)}; open it in a browser")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(str(stop))
