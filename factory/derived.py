"""What the programs of this folder that write data files have in common: write them, or compare."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def write_or_check(name: str, told: str, files: Callable[[], dict[Path, str]], what: str) -> None:
    """The command line of such a program; ``--check`` compares and writes nothing.

    Args:
        name: of the program, such as "factory.recipes".
        told: its docstring.
        files: makes the texts, each with the place where it belongs.
        what: a line of a file is, such as "recipes".

    Raises:
        SystemExit: with ``--check``, where a file is missing or another one.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    check = parser.parse_args().check
    stale = []
    for path, text in files().items():
        data = text.encode("utf-8")
        if check:
            stale += [path.name] if not path.exists() or path.read_bytes() != data else []
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"{path.name}: {text.count(chr(10))} {what}")
    if stale:
        raise SystemExit(f"not what this program writes: {', '.join(stale)}")
