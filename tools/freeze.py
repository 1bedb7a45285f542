"""Write down the exact versions in this environment as the tested set for this Python.

Only what the requirements bring, directly or not; a build's own mark (``+cpu``) is
left out, so that the set fits every machine. Run by: python start.py freeze
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from lessonlib.setup.environment import requirement_lines

PROJECT = Path(__file__).resolve().parent.parent


def closure(lines: list[str]) -> dict[str, str]:
    """{package: version} of the requirements in ``lines`` and of all that they require."""
    waiting = [Requirement(text) for text in lines]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, str] = {}
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        package = distribution(name)
        found[name] = package.version.split("+")[0]
        for text in package.requires or []:
            needed = Requirement(text)
            extras = wanted.extras or {""}
            if not needed.marker or any(needed.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(needed)
    return dict(sorted(found.items()))


def main() -> int:
    """Write constraints/tested-pyXYZ.txt."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    path = PROJECT / "constraints" / f"tested-py{version.replace('.', '')}.txt"
    packages = closure(requirement_lines(PROJECT / "requirements.txt"))
    head = [f"# The exact set that passed the tests with Python {version} on {sys.platform}.",
            "# Made by: python start.py freeze"]
    rows = [f"{name}=={number}" for name, number in packages.items()]
    path.write_text("\n".join(head + rows) + "\n", encoding="utf-8", newline="\n")
    print(f"{path.relative_to(PROJECT)}: {len(rows)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
