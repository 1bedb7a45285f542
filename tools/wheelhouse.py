"""A folder of packages beside ``start.py``, from which the course installs without a network.

``python start.py kit`` fills it. It may hold the packages of several platforms: for each there is
a small file such as ``linux-x86_64-py311.txt``. Where there is one for this Python on this
machine, ``start.py`` takes all packages from the folder and uses no network at all. Standard
library only.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "wheelhouse"


def platform_name() -> str:
    """This Python on this machine, such as ``linux-x86_64-py311``."""
    machine = platform.machine().lower().replace("amd64", "x86_64")
    return f"{sys.platform}-{machine}-py{sys.version_info.major}{sys.version_info.minor}"


def available(folder: Path | None = None) -> list[str]:
    """The platforms that the folder has packages for; none where there is no folder."""
    return sorted(path.stem for path in (folder or FOLDER).glob("*-py*.txt"))


def fits(folder: Path | None = None) -> bool:
    """Does the folder hold the packages for this Python on this machine?"""
    return platform_name() in available(folder)


def pip_arguments(folder: Path | None = None) -> list[str]:
    """What pip needs to take all from the folder; nothing where it does not fit.

    ``--isolated``: a mirror or another folder in the user's own settings must not take part.
    """
    return ["--isolated", *uv_arguments(folder)] if fits(folder) else []


def uv_arguments(folder: Path | None = None) -> list[str]:
    """The same for uv, which does not read pip's settings."""
    folder = folder or FOLDER
    return ["--no-index", "--find-links", str(folder)] if fits(folder) else []


def note(folder: Path | None = None) -> str:
    """One line about where packages come from, '' where there is no folder."""
    there = available(folder)
    if not there:
        return ""
    if fits(folder):
        return f"packages come from the folder {FOLDER.name}: no network is needed"
    return (f"the folder {FOLDER.name} is for {', '.join(there)}, and this is {platform_name()}:"
            " packages come from the network")
