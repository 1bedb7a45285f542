"""Try the notebooks with the packages that Google Colab brings, as far as this machine can.

    python -m tools.colab_set                      # make the environment, say what differs, run all
    python -m tools.colab_set 00 01                # run only these
    python -m tools.colab_set --python python3.13  # with another Python than this one

``constraints/colab.txt`` says what Colab brings. What cannot be matched here, and why, is printed
first. The environment is made anew in work/colab-set; nothing else is changed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

from lessonlib.setup.colab import NOT_FOR_COLAB, NOT_FOR_LEARNERS
from tools import pytorch
from tools.own_environment import python_of
from tools.terminal import Step, Stop, child_environment, line, run

PROJECT = Path(__file__).resolve().parent.parent
CONSTRAINTS = PROJECT / "constraints" / "colab.txt"
PLACE = PROJECT / "work" / "colab-set"
LOG = PROJECT / "work" / "logs" / "colab-set.log"
#: What runs a notebook here; in Colab, Colab does.
RUNNER = ("nbclient", "nbformat")
#: Inside of the environment: run one notebook where it stands. Ends with 1 where a cell fails.
RUN = """
import sys, nbclient, nbformat
path, folder = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
try:
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=900,
                            resources={"metadata": {"path": folder}}).execute()
except nbclient.exceptions.CellExecutionError as error:
    print(error)
    sys.exit(f"FAILED {error.ename}: {error.evalue}")
"""


def pins() -> dict[str, str]:
    """{package: version} that Colab brings."""
    text = CONSTRAINTS.read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==([\d.]+)$", text))


def python_of_colab() -> str:
    """Colab's Python as the first lines of the constraints say it: '3.13'."""
    return re.search(r"Python (\d+\.\d+)", CONSTRAINTS.read_text(encoding="utf-8"))[1]


def wanted() -> list[Requirement]:
    """What learners need in Colab, from requirements.txt."""
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^([^#\s]\S*)\s+#\s*(.+)$", text)
    found = [Requirement(row) for row, who in rows if not who.startswith(NOT_FOR_LEARNERS)]
    return [one for one in found if one.name not in NOT_FOR_COLAB]


def unmatched(version: str) -> dict[str, str]:
    """{what: why} of Colab's set that is not held. version: of the Python that is used here."""
    found = {}
    if version != python_of_colab():
        found["Python"] = f"Colab has {python_of_colab()}, this is {version}"
    ranges = {one.name: one.specifier for one in wanted()}
    for name, pin in pins().items():
        if name == "torchao":
            found[name] = f"{pin}: the first cell takes it away in Colab, so it is left out here"
        elif name in ranges and not ranges[name].contains(pin):
            found[name] = (f"{pin} does not fit {name}{ranges[name]}: the first cell installs"
                           " another one in Colab, and so do we")
    return found


def install(python: str) -> tuple[Path, dict[str, str]]:
    """Make the environment. Returns its interpreter and what is not as in Colab. Raises Stop."""
    asked = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                           capture_output=True, text=True)
    if asked.returncode:
        raise Stop(f"{python} does not run.", "name another one: --python python3.12")
    different = unmatched(asked.stdout.strip())
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    held = [f"{name}=={pin}" for name, pin in pins().items() if name not in different]
    (PLACE / "held.txt").write_text("\n".join(held) + "\n", encoding="utf-8")
    venv = PLACE / ".venv"
    inside = python_of(venv)
    _run_or_stop([python, "-m", "venv", str(venv)])
    pytorch.install(inside, pytorch.plan(), f"torch=={pins()['torch']}", LOG)
    with Step("Colab's packages", f"Colab's packages: {len(held)} of {len(pins())} as there"):
        _run_or_stop([str(inside), "-m", "pip", "install", "--quiet", "--constraint",
                      str(PLACE / "held.txt"), *map(str, wanted()), *RUNNER])
    return inside, different


def _run_or_stop(command: list[str]) -> None:
    status, said = run(command, LOG, child_environment())
    if status:
        last = (said.strip().splitlines() or ["?"])[-1]
        raise Stop(f"The packages cannot be installed: {last[:300]}",
                   "read the log; perhaps a version of constraints/colab.txt is gone.", LOG)


def try_notebook(path: Path, python: Path) -> str:
    """Run one notebook with that Python, in a fresh work folder. Returns '' or how it failed."""
    with tempfile.TemporaryDirectory(dir=PLACE) as work:
        env = child_environment() | {"LESSON_WORK": work, "LESSON_PROGRESS": "0",
                                     "PYTHONPATH": str(PROJECT)}
        env["PATH"] = os.pathsep.join([str(python.parent), env.get("PATH", "")])
        with Step(path.stem) as step:
            status, said = run([str(python), "-c", RUN, str(path), str(path.parent)], LOG, env)
            subprocess.run([str(python), "-m", "lessonlib.practice", "--stop"], env=env,
                           stdout=subprocess.DEVNULL, cwd=PROJECT)
            if status:
                step.done = f"{path.stem} was run to the cell that fails"
    if not status:
        return ""
    told = re.search(r"(?m)^FAILED (.+)", said)
    return (told[1] if told else (said.strip().splitlines() or ["?"])[-1])[:300]


def main(arguments: list[str] | None = None) -> int:
    """Command line. 1 where a notebook fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.colab_set")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args(arguments)
    python, different = install(options.python)
    for what, why in different.items():
        line("..", f"not as in Colab: {what}: {why}")
    failed = 0
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        if not options.names or path.stem.startswith(tuple(options.names)):
            if problem := try_notebook(path, python):
                line("fail", f"{path.stem}: {problem}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(str(stop))
