"""The course in one folder that installs without a network: for a room with shaky Wi-Fi.

    python start.py kit        makes work/kit/fine-tuning-course; copy it to a USB stick

It holds the whole course (notebooks, data, model, source), a ``wheelhouse`` with every package for
this platform and this Python, and KIT.md, which says what to do. On a learner's machine ``python
start.py`` finds the wheelhouse and installs from it. For a second platform, make a kit there and
copy the contents of its wheelhouse into the first one's.

PyTorch is taken for CPU, whatever this machine has: a kit is for other people's laptops.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools import pytorch, wheelhouse
from tools.diagnose import activity, explain
from tools.own_environment import LOGS, constraints, pinned
from tools.terminal import Step, Stop, child_environment, duration, line, run, shown

PROJECT = Path(__file__).resolve().parent.parent
KIT = PROJECT / "work" / "kit" / "fine-tuning-course"
#: Never copied where the course was not fetched by git.
LEFT_OUT = shutil.ignore_patterns(
    ".venv", "work", ".git", "wheelhouse", "__pycache__", "*.egg-info", ".ipynb_checkpoints",
    ".pytest_cache", ".ruff_cache", ".hypothesis", ".env")
NEEDED_DISK = 2 * 10**9
README = """\
# The course without a network

Everything is in this folder: the notebooks, the data, the built-in model, and in `wheelhouse/`
the packages for {platforms}.

1. Copy the whole folder to your computer; running it from the stick is slow.
2. You need Python {versions} (`python --version`). It is not in the kit:
   <https://www.python.org/downloads/>. Your instructor may have it on the same stick.
3. In the folder, type `python start.py` (on Linux and macOS it may be `python3 start.py`).

It installs from `wheelhouse/`, which takes some minutes and about 2 GB, and opens the first
notebook. On another system than those named above the packages come from the network instead, and
`start.py` says so.

Trouble? `python start.py check` names what is wrong, with a cure for each.
"""


def copy_course(target: Path, project: Path = PROJECT) -> int:
    """Copy what belongs to the course: what git knows, or all but what a run writes.

    Returns how many files. A learner's own work, keys and environment never go along.
    """
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True)
    top = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=project,
                         capture_output=True, text=True)
    if listed.returncode or not top.stdout or Path(top.stdout.strip()) != project:
        shutil.copytree(project, target, ignore=LEFT_OUT, dirs_exist_ok=True)
    else:
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (project / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, target / name)
    return sum(path.is_file() for path in target.rglob("*"))


def fill_wheelhouse(folder: Path, tested: Path, log: Path, python: str = sys.executable) -> None:
    """Fetch every package of the tested set for this platform. Raises Stop."""
    folder.mkdir(parents=True, exist_ok=True)
    fetch = [python, "-m", "pip", "download", *pytorch.QUIET_PIP, "--only-binary", ":all:",
             "--dest", str(folder)]
    env = child_environment()
    wanted = pinned("torch", tested)
    with Step(f"{wanted} for CPU") as step:
        for source in pytorch.sources(Path(python), pytorch.Plan("cpu", ""), wanted, env):
            status, said = run([*fetch, "--no-deps", wanted, *source], log, env,
                               on_line=lambda text: step.now(activity(text)))
            if status == 0:
                break
        else:
            raise explain(said, log)
    with Step("all other packages") as step:
        # The wheel of PyTorch that lies there is preferred: its version ends in +cpu.
        command = [*fetch, "--find-links", str(folder), "-r", str(PROJECT / "requirements.txt"),
                   "-c", str(tested)]
        status, said = run(command, log, env, on_line=lambda text: step.now(activity(text)))
        if status:
            raise explain(said, log)
    names = sorted(path.name for path in folder.glob("*.whl"))
    marker = folder / f"{wheelhouse.platform_name()}.txt"
    marker.write_text("\n".join(names) + "\n", encoding="utf-8")


def write_readme(target: Path) -> None:
    platforms = wheelhouse.available(target / wheelhouse.FOLDER.name)
    versions = sorted({name.rpartition("-py")[2] for name in platforms})
    text = README.format(platforms=", ".join(platforms),
                         versions=" or ".join(f"{v[0]}.{v[1:]}" for v in versions))
    (target / "KIT.md").write_text(text, encoding="utf-8")


def build(target: Path = KIT) -> Path:
    """Make the kit; packages that an earlier run fetched are kept. Returns its folder. Stop."""
    if shutil.disk_usage(PROJECT).free < NEEDED_DISK:
        raise Stop("Too little disk for a kit.", f"free {NEEDED_DISK / 1e9:.0f} GB on the disk"
                   f" that holds {PROJECT}, then start again.")
    house, kept = target / wheelhouse.FOLDER.name, target.with_name("wheels-kept")
    if house.is_dir() and not kept.exists():
        house.rename(kept)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with Step("the course's own files") as step:
        step.done = f"the course's own files: {copy_course(target)}"
    tested = constraints()
    if kept.is_dir():
        kept.rename(house)
        drop_other_versions(house, tested)
    log = LOGS / "kit.log"
    log.unlink(missing_ok=True)
    fill_wheelhouse(house, tested, log)
    write_readme(target)
    return target


def drop_other_versions(house: Path, tested: Path) -> None:
    """Of the wheels that were kept, only those of the tested set stay."""
    exact = dict(text.strip().split("==") for text in tested.read_text("utf-8").splitlines()
                 if "==" in text)
    for path in house.glob("*.whl"):
        name, version = path.name.split("-")[:2]
        if exact.get(re.sub(r"[-_.]+", "-", name).lower()) != version.split("+")[0]:
            path.unlink()


def main() -> int:
    started = time.monotonic()
    target = build()
    wheels = list((target / wheelhouse.FOLDER.name).glob("*.whl"))
    total = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    packages = sum(path.stat().st_size for path in wheels)
    line("ok", f"{shown(target)}: {total / 1e6:.0f} MB, of which {len(wheels)} packages"
               f" {packages / 1e6:.0f} MB; {duration(time.monotonic() - started)}")
    print("       Copy the folder to a stick or a share. On a learner's machine: python start.py")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(str(stop))
