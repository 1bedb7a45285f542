"""Links within the repository: does what they point to exist, down to the heading?

For Markdown files and notebooks. A link to another site must be https, and is followed only when
asked to.

    python -m tools.links              links within, and the form of those that lead elsewhere
    python -m tools.links --online     ask other sites as well: what has moved, what is gone
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools import outside_links
from tools.link_reader import links, texts

HEADING = re.compile(r"(?m)^#{1,6}[ \t]+(.+?)[ \t]*#*$")
#: Not a place in the repository.
ELSEWHERE = ("https", "mailto", "data", "attachment")


def problems(path: Path, root: Path) -> list[str]:
    """One line for each link of a .md or .ipynb file that leads nowhere."""
    return [f"{place}: {text}" for place, target in links(path)
            if (text := _problem(target, path, root))]


def anchors(path: Path) -> set[str]:
    """What may stand behind # in a link to this file.

    A notebook's headings as JupyterLab names them, a Markdown file's as GitHub does.
    """
    found: set[str] = set()
    for _place, text in texts(path):
        for title in HEADING.findall(re.sub(r"(?ms)^```.*?^```", "", text)):
            title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)
            bare = re.sub(r"[`*_]", "", title)
            if path.suffix == ".ipynb":
                name = bare.replace(" ", "-")
            else:
                name = re.sub(r"[^\w\- ]", "", bare.lower()).replace(" ", "-")
            again = 0
            while (name if not again else f"{name}-{again}") in found:
                again += 1
            found.add(name if not again else f"{name}-{again}")
    return found


def _problem(target: str, path: Path, root: Path) -> str:
    """What is wrong with a link in the file ``path``, or ''."""
    parts = urlsplit(target)
    if parts.scheme in ELSEWHERE:
        return ""
    if parts.scheme:
        return f"{target} is not https"
    if parts.path.startswith("/"):
        return f"{target} begins at the root of a disk"
    there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not there.is_relative_to(root):
        return f"{target} leads out of the repository"
    if not there.exists():
        return f"{target} does not exist"
    if parts.fragment and unquote(parts.fragment) not in (
            anchors(there) if there.suffix in (".md", ".ipynb") else ()):
        return f"{target}: there is no such heading"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Check all papers of the course; with --online, ask other sites too. 1 where one is gone."""
    parser = argparse.ArgumentParser(prog="python -m tools.links", description=main.__doc__)
    parser.add_argument("--online", action="store_true", help="ask other sites, too (never in CI)")
    options = parser.parse_args(arguments)
    root = Path(__file__).resolve().parent.parent
    papers = [path for kind in ("*.md", "data/**/*.md", "notebooks/*.ipynb") for path in
              sorted(root.glob(kind))]
    found = [f"{path.relative_to(root).as_posix()}, {text}" for path in papers
             for text in problems(path, root) + outside_links.lint(path)]
    print("\n".join(found or [f"[ok]   {len(papers)} papers: every link inside leads somewhere"]))
    if not options.online:
        return 1 if found else 0
    facts = sorted((root / "data" / "facts").glob("*.toml"))
    return 1 if outside_links.check(papers + facts, root) or found else 0


if __name__ == "__main__":
    sys.exit(main())
