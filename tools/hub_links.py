"""Links that bring a notebook to a JupyterHub with nbgitpuller, for each learner's own copy.

    python -m tools.hub_links https://hub.example.org        one line for each notebook

Address and version come from pyproject.toml. What the parameters mean:
https://nbgitpuller.readthedocs.io/en/latest/topic/url-options.html
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tools import colab_cell
from tools.notebooks import NOTEBOOKS


def link(hub: str, notebook: Path) -> str:
    """The address on this hub that fetches the course and opens the notebook."""
    folder = colab_cell.address().rstrip("/").rsplit("/", 1)[1]
    query = urlencode({
        "repo": colab_cell.address(), "branch": colab_cell.tag(),
        "urlpath": f"lab/tree/{folder}/notebooks/{notebook.name}?autodecode", "depth": 1})
    return f"{hub.rstrip('/')}/hub/user-redirect/git-pull?{query}"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or urlsplit(arguments[0]).scheme not in ("http", "https"):
        print("python -m tools.hub_links https://hub.example.org", file=sys.stderr)
        return 2
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        print(link(arguments[0], path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
