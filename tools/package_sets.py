"""The oldest and the newest packages that requirements.txt allows, each in an environment.

    python -m tools.package_sets oldest          makes work/oldest-set, says what differs
    python -m tools.package_sets newest          makes work/newest-set
    python -m tools.hardening 00 01 --python work/oldest-set/bin/python

Oldest means: every requirement at its lower bound, and whatever these require as new as fits.
PyTorch is the exception: in both sets it is the tested one, because older builds for CPU are on an
index of their own. A lower bound that cannot be met is found here, before a learner finds it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from lessonlib.setup.environment import requirement_lines
from tools import pytorch
from tools.diagnose import activity, explain
from tools.own_environment import LOGS, constraints, pinned, python_of
from tools.terminal import Step, Stop, child_environment, line, run

PROJECT = Path(__file__).resolve().parent.parent
SETS = ("oldest", "newest")


def oldest(requirements: list[str], torch: str) -> list[str]:
    """Constraints that hold every requirement at its lower bound: ``==1.14.*,>=1.14``."""
    made = [torch]
    for text in requirements:
        wanted = Requirement(text)
        floor = next((one.version for one in wanted.specifier if one.operator == ">="), "")
        if floor and wanted.name != "torch":
            family = ".".join(floor.split(".")[:2])
            made.append(f"{wanted.name}=={family}.*,>={floor}")
    return made


def differences(python: Path, tested: Path) -> list[str]:
    """Packages of the tested set that this environment has in another version."""
    asked = subprocess.run([str(python), "-m", "pip", "list", "--format", "json"],
                           capture_output=True, text=True, check=True, env=child_environment())
    there = {one["name"].lower().replace("_", "-"): one["version"].split("+")[0]
             for one in json.loads(asked.stdout)}
    exact = dict(text.split("==") for text in tested.read_text("utf-8").split() if "==" in text)
    return [f"{name} {there[name]} (tested {version})" for name, version in sorted(exact.items())
            if name in there and there[name] != version]


def make(which: str) -> Path:
    """Make the environment. Returns its Python. Raises Stop."""
    place, log = PROJECT / "work" / f"{which}-set", LOGS / f"{which}-set.log"
    log.unlink(missing_ok=True)
    tested = constraints()
    torch = pinned("torch", tested)
    limits = [torch] if which == "newest" else oldest(
        requirement_lines(PROJECT / "requirements.txt"), torch)
    chosen = LOGS / f"{which}-set.txt"
    LOGS.mkdir(parents=True, exist_ok=True)
    chosen.write_text("\n".join(limits) + "\n", encoding="utf-8")
    base, python = getattr(sys, "_base_executable", None) or sys.executable, python_of(place)
    with Step(f"the {which} set: about 2 GB", f"the {which} set") as step:
        for command in ([base, "-m", "venv", "--clear", str(place)], None,
                        [str(python), "-m", "pip", "install", *pytorch.QUIET_PIP, "-r",
                         str(PROJECT / "requirements.txt"), "-c", str(chosen)]):
            if command is None:
                pytorch.install(python, pytorch.Plan("cpu", "for CPU"), torch, log)
                continue
            status, said = run(command, log, child_environment(),
                               on_line=lambda text: step.now(activity(text)))
            if status:
                raise explain(said, log)
    return python


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in SETS:
        print(f"python -m tools.package_sets {' | '.join(SETS)}", file=sys.stderr)
        return 2
    python = make(arguments[0])
    found = differences(python, constraints())
    line("ok", f"{python}: {len(found)} packages differ from the tested set")
    print("       " + ", ".join(found))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        sys.exit(str(stop))
