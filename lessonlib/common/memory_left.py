"""How much memory is left: the machine's, or what a container or a hub allows of it.

On a hub each learner has a limit, which the machine's own figure does not show: a program that
relies on that figure is killed without a word. On Linux such a limit is a *control group* (cgroup),
of version 1 or 2; https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.max, memory.current).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
#: Version 1 writes a number near 2**63 where nothing is limited.
UNLIMITED = 2**60
#: By version: the files with the limit and the use, and the line of memory.stat with what the
#: system has only kept of files that were read, and gives back when asked.
FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def available_memory() -> int | None:
    """Bytes that this process and its kin can still take; None where that cannot be told."""
    found = [bytes_ for bytes_ in (_of_machine(), left_in_groups()) if bytes_ is not None]
    return min(found, default=None)


def left_in_groups(groups: Path = GROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes that the narrowest limit leaves; None where there is none."""
    left = []
    for version, folder in _groups(groups, membership):
        limit, used, kept = FILES[version]
        try:
            most = int((folder / limit).read_text(encoding="utf-8"))
            now = int((folder / used).read_text(encoding="utf-8"))
            stat = (folder / "memory.stat").read_text(encoding="utf-8")
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
        if most < UNLIMITED:
            file_copies = re.search(rf"(?m)^{kept} (\d+)$", stat)
            left.append(max(0, most - now + (int(file_copies[1]) if file_copies else 0)))
    return min(left, default=None)


def _groups(groups: Path, membership: Path) -> Iterator[tuple[int, Path]]:
    """(version, folder) of each group that this process is in, its own first, then those above.

    In a container the path may be the host's and not be there; then only the top one is.
    """
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if controllers == "":
            version, top = 2, groups
        elif "memory" in controllers.split(","):
            version, top = 1, groups / "memory"
        else:
            continue
        folder = top / path.strip("/")
        yield from ((version, one) for one in (folder, *folder.parents)
                    if one == top or top in one.parents)


def _of_machine() -> int | None:
    try:
        import psutil
    except ImportError:
        meminfo = Path("/proc/meminfo")
        text = meminfo.read_text(encoding="utf-8") if meminfo.exists() else ""
        found = re.search(r"MemAvailable:\s+(\d+) kB", text)
        return int(found[1]) * 1024 if found else None
    return psutil.virtual_memory().available
