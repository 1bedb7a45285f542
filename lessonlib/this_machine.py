"""Where am I, and what can this machine do? Standard library only.

Every answer comes with the way it was found, in words that can be pasted into a bug
report: ``print(machine())``.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from lessonlib import paths
from lessonlib.i18n import _


@dataclass(frozen=True)
class Fact:
    """A value, and how it was found or why it was chosen, in words."""

    value: object
    reason: str


@dataclass(frozen=True)
class Machine:
    """What ``machine()`` found. Printing it gives a table for a bug report."""

    where: Fact  # "colab", "ci", "jupyter" or "terminal"
    system: Fact
    python: Fact
    cores: Fact  # cores that this process may use
    memory: Fact  # bytes available now, or None where that cannot be told
    disk: Fact  # bytes free in the work folder
    gpu: Fact  # name, or "" for none
    packages: Fact  # {name: version}

    def __str__(self) -> str:
        shown = {
            "memory": f"{self.memory.value / 1e9:.1f} GB" if self.memory.value else "?",
            "disk": f"{self.disk.value / 1e9:.1f} GB",
            "gpu": self.gpu.value or _("none"),
            "packages": ", ".join(f"{k} {v}" for k, v in self.packages.value.items()) or _("none"),
        }
        rows = []
        for item in fields(self):
            fact = getattr(self, item.name)
            reason = f"  ({fact.reason})" if fact.reason else ""
            rows.append(f"{item.name:<9} {shown.get(item.name, fact.value)}{reason}")
        return "\n".join(rows)

    __repr__ = __str__


def machine() -> Machine:
    """Look around. Imports nothing heavy and changes nothing."""
    total = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ("torch", "transformers", "peft", "trl", "datasets", "openai", "jupyterlab")
    return Machine(
        where=where(),
        system=Fact(f"{platform.system()} {platform.release()} {platform.machine()}", ""),
        python=Fact(platform.python_version(), sys.prefix),
        cores=Fact(total, _("{count} in the machine").format(count=os.cpu_count())),
        memory=Fact(available_memory(), _("available now")),
        disk=Fact(free_disk(paths.WORK), _("free for the work folder")),
        gpu=_gpu(),
        packages=Fact(versions(names), ""),
    )


def where() -> Fact:
    """Colab, CI, Jupyter or a plain terminal, and what told us."""
    if "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules:
        return Fact("colab", _("Colab's own settings are there"))
    if os.environ.get("CI", "").lower() in ("true", "1", "yes"):
        return Fact("ci", _("the environment variable CI is set"))
    shell = sys.modules.get("IPython")
    if shell and getattr(shell.get_ipython(), "kernel", None):
        return Fact("jupyter", _("this code runs in a Jupyter kernel"))
    return Fact("terminal", _("no notebook and no CI around us"))


def nvidia_gpu() -> str:
    """The NVIDIA GPU's name, or '' where there is none, or none that answers."""
    program = shutil.which("nvidia-smi")
    if not program:
        return ""
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = asked.stdout.strip().splitlines()
    return found[0] if found and asked.returncode == 0 else ""


def _gpu() -> Fact:
    if name := nvidia_gpu():
        return Fact(name, _("nvidia-smi names it"))
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Fact("Apple GPU", _("this is a Mac with Apple silicon"))
    return Fact("", _("nvidia-smi is not there or does not answer; the CPU does all the work"))


def versions(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def free_disk(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def available_memory() -> int | None:
    try:
        import psutil
    except ImportError:
        meminfo = Path("/proc/meminfo")
        text = meminfo.read_text(encoding="utf-8") if meminfo.exists() else ""
        found = re.search(r"MemAvailable:\s+(\d+) kB", text)
        return int(found[1]) * 1024 if found else None
    return psutil.virtual_memory().available
