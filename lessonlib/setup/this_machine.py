"""Where am I, and what can this machine do? Standard library only.

Every answer says how it was found, in words that can be pasted into a bug report:
``print(machine())``.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory
from lessonlib.models.device import Choice, choose_device, choose_threads


@dataclass(frozen=True)
class Machine:
    """What ``machine()`` found, each with the way it was found or the reason of the choice.

    Printing it gives a table for a bug report.
    """

    where: Choice  # "colab", "ci", "jupyter" or "terminal"
    system: Choice
    python: Choice
    packages: Choice  # {name: version}
    cores: Choice  # cores that this process may use
    threads: Choice  # threads that training takes
    memory: Choice  # bytes available now, or None where that cannot be told
    disk: Choice  # bytes free for the work folder
    gpu: Choice  # name, or "" for none
    device: Choice  # where training runs, or None where PyTorch was not asked

    def __str__(self) -> str:
        shown = {
            "memory": f"{self.memory.value / 1e9:.1f} GB" if self.memory.value else "?",
            "disk": f"{self.disk.value / 1e9:.1f} GB",
            "gpu": self.gpu.value or _("none"),
            "packages": ", ".join(f"{k} {v}" for k, v in self.packages.value.items()) or _("none"),
            "device": self.device.value or "?",
        }
        rows = []
        for item in fields(self):
            found = getattr(self, item.name)
            reason = f"  ({found.reason})" if found.reason else ""
            rows.append(f"{item.name:<9} {shown.get(item.name, found.value)}{reason}")
        return "\n".join(rows)

    __repr__ = __str__


def machine(quick: bool = False) -> Machine:
    """Look around; changes nothing. Takes about 3 seconds, quick: none.

    quick: do not load PyTorch, and leave open where training would run.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ("torch", "transformers", "peft", "trl", "datasets", "openai", "jupyterlab")
    return Machine(
        where=where(),
        system=Choice(f"{platform.system()} {platform.release()} {platform.machine()}", ""),
        python=Choice(platform.python_version(), sys.prefix),
        packages=Choice(versions(names), ""),
        cores=Choice(cores, _("{count} in the machine").format(count=os.cpu_count())),
        threads=choose_threads(),
        memory=Choice(available_memory(), _("available now")),
        disk=Choice(free_disk(paths.WORK), _("free for the work folder")),
        gpu=_gpu(),
        device=Choice(None, _("PyTorch was not asked")) if quick else choose_device(),
    )


def where() -> Choice:
    """Colab, CI, Jupyter or a plain terminal, and what told us."""
    if "COLAB_RELEASE_TAG" in os.environ or "google.colab" in sys.modules:
        return Choice("colab", _("Colab's own settings are there"))
    if os.environ.get("CI", "").lower() in ("true", "1", "yes"):
        return Choice("ci", _("the environment variable CI is set"))
    shell = sys.modules.get("IPython")
    if shell and getattr(shell.get_ipython(), "kernel", None):
        return Choice("jupyter", _("this code runs in a Jupyter kernel"))
    return Choice("terminal", _("no notebook and no CI around us"))


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


def _gpu() -> Choice:
    if name := nvidia_gpu():
        return Choice(name, _("nvidia-smi names it"))
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Choice("Apple GPU", _("this is a Mac with Apple silicon"))
    return Choice("", _("nvidia-smi is not there or does not answer; the CPU does all the work"))


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
