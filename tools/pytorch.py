"""Which build of PyTorch this machine gets, and from where. Standard library only.

On Linux the package index's own build brings several gigabytes of CUDA. A machine
without an NVIDIA GPU has no use for it and gets the CPU build. On macOS and Windows
the index's build is small, and right.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from lessonlib.setup.this_machine import nvidia_gpu
from tools import wheelhouse
from tools.diagnose import activity, explain
from tools.terminal import Step, Stop, child_environment, run

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
QUIET_PIP = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off",
             "--retries", "2", "--timeout", "30"]


@dataclass(frozen=True)
class Plan:
    """``build`` is what we want, ``reason`` is why, in words."""

    build: str  # "cpu" or "cuda"
    reason: str


def plan(system: str = platform.system(), gpu: str | None = None) -> Plan:
    """CPU or CUDA, by what the machine has."""
    gpu = nvidia_gpu() if gpu is None else gpu
    if gpu and system == "Linux":
        return Plan("cuda", f"for the {gpu}")
    if gpu:
        return Plan("cpu", f"for CPU; to use the {gpu} on {system}, see pytorch.org/get-started")
    if system == "Darwin":
        return Plan("cpu", "for this Mac")
    return Plan("cpu", "for CPU: no NVIDIA GPU was found")


def install(python: Path, wanted: Plan, requirement: str, log: Path) -> None:
    """Install PyTorch before everything else, so that nothing pulls in another build.

    requirement: for example ``torch==2.13.0``. Raises Stop.
    """
    env = child_environment()
    present = installed_version(python)
    if present and present.split("+")[0] == requirement.split("==")[1]:
        return
    title = f"PyTorch {requirement.split('==')[1]} {wanted.reason}"
    with Step(title) as step:
        for arguments in sources(python, wanted, requirement, env):
            command = [str(python), "-m", "pip", "install", *QUIET_PIP, requirement, *arguments]
            status, said = run(command, log, env, on_line=lambda text: step.now(activity(text)))
            if status == 0:
                if wanted.build == "cpu" and _has_cuda(python):
                    step.done = (f"{title}; {CPU_INDEX.split('/')[2]} was out of reach, so the"
                                 " large build with CUDA was taken")
                return
        problem = explain(said, log)
        if sys.platform == "darwin" and problem.kind == "resolution":
            raise Stop(f"{requirement} is made for Apple silicon with macOS 14 or newer only.",
                       "update macOS; on a Mac with an Intel processor, use the course in Colab.",
                       log)
        raise problem


def installed_version(python: Path) -> str:
    """'2.13.0+cpu', or '' where PyTorch is not installed for that Python."""
    code = "from importlib.metadata import version; print(version('torch'))"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True,
                           env=child_environment())
    return asked.stdout.strip() if asked.returncode == 0 else ""


def sources(python: Path, wanted: Plan, requirement: str, env: dict[str, str]):
    """pip arguments to try, one after the other."""
    if offline := wheelhouse.pip_arguments():
        return [offline]
    if sys.platform != "linux" or wanted.build == "cuda":
        return [[]]
    # A mirror, or a folder of wheels that pip knows, may offer the CPU build itself.
    if "+cpu" in _pip_would_take(python, requirement, env):
        return [[]]
    return [["--index-url", CPU_INDEX], []] if _answers(CPU_INDEX + "/torch/") else [[]]


def _pip_would_take(python: Path, requirement: str, env: dict[str, str]) -> str:
    """The version that a plain ``pip install`` would choose; '' where pip cannot tell."""
    command = [str(python), "-m", "pip", "install", *QUIET_PIP, "--quiet", "--dry-run",
               "--no-deps", "--ignore-installed", "--report", "-", requirement]
    asked = subprocess.run(command, capture_output=True, text=True, env=env, encoding="utf-8",
                           errors="replace")
    try:
        return json.loads(asked.stdout)["install"][0]["metadata"]["version"]
    except (ValueError, LookupError):
        return ""


def _answers(url: str, seconds: float = 5) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=seconds):
            return True
    except OSError:
        return False


def _has_cuda(python: Path) -> bool:
    code = "from importlib.metadata import distribution; distribution('triton')"
    return subprocess.run([python, "-c", code], capture_output=True,
                          env=child_environment()).returncode == 0
