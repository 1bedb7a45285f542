"""AutoTrain's own environment: made once, kept, shared by all notebooks and tests.

AutoTrain's last release (0.8.36, January 2025) needs the libraries of that time. They cannot be
installed beside today's, so they get a folder of their own, ``work/autotrain-environment``.
PyTorch is not installed a second time: the course lends its own (``autotrain.autotrain_torch``).
``LESSON_AUTOTRAIN`` names another folder, for instance one that outlives the course's.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lessonlib.autotrain import autotrain_torch
from lessonlib.common import child_process, paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.install_problems import recognise
from lessonlib.setup.this_machine import free_disk
from lessonlib.show import live

VERSION = "0.8.36"
#: All packages with their exact versions.
PACKAGES = paths.PROJECT / "constraints" / "autotrain.txt"
#: Python's of which some of these packages have no ready-made build.
TOO_NEW = (3, 14)
#: Bytes: what is fetched, what it comes to on disk, what must be free before.
FETCHED, ON_DISK, NEEDED_DISK = 300e6, 900e6, 1.5e9
#: How long we wait for another notebook that is making it.
WAIT_SECONDS = 1200


@dataclass(frozen=True)
class Environment:
    """A finished environment. ``folder`` holds it; ``made`` says if this call has made it."""

    folder: Path
    made: bool = False

    @property
    def programs(self) -> Path:
        """The folder of its programs: python, autotrain, accelerate."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        return self.programs / ("python.exe" if os.name == "nt" else "python")

    def variables(self, home: Path) -> dict[str, str]:
        """Environment variables for its programs; what they cache goes to ``home``.

        AutoTrain starts its programs by their bare names, so its folder stands first on PATH.
        """
        ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MPLBACKEND", "HF_TOKEN")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        local = "127.0.0.1,localhost"
        return {
            **kept,
            "PATH": os.pathsep.join([str(self.programs), os.environ.get("PATH", "")]),
            "PYTHONNOUSERSITE": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",  # on Windows AutoTrain would read its YAML in another encoding
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), local])),
            "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy"), local])),
        }


def place() -> Path:
    """Where this Python's environment is: one for each version, so that two can be tested."""
    return paths.AUTOTRAIN / "py{}{}".format(*sys.version_info[:2])


def find(folder: Path | None = None) -> Environment | None:
    """The environment, where it is complete and fits this Python; else None."""
    folder = folder or place()
    try:
        stamp = json.loads((folder / "course-stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    environment = Environment(folder)
    if stamp != _stamp(folder) or not environment.python.exists():
        return None
    _lend_torch(environment)  # the course's PyTorch may have moved
    return environment


def make(folder: Path | None = None) -> Environment:
    """The environment; made now where there is none yet, which is said beforehand.

    When several notebooks ask at the same time, one makes it and the others wait.

    Raises:
        LessonError: it cannot be made: no network, no room on the disk, a Python that is too
            new, no PyTorch to lend.
    """
    folder = folder or place()
    if found := find(folder):
        return found
    _check_beforehand(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{folder}.lock").acquire(timeout=WAIT_SECONDS):
            return find(folder) or _make(folder)
    except Timeout:
        raise LessonError(
            _("Another notebook has been making AutoTrain's environment for too long."),
            _("Stop that notebook, then run this cell again."),
        ) from None


def _check_beforehand(folder: Path) -> None:
    """What would only come out after minutes."""
    if sys.version_info[:2] >= TOO_NEW:
        raise LessonError(
            _("This is Python {found}; AutoTrain's packages exist up to 3.13.").format(
                found=sys.version.split()[0]),
            _("Set the course up with Python 3.11, 3.12 or 3.13. The rest of it works as it is."),
        )
    if importlib.util.find_spec("torch") is None:
        raise LessonError(
            _("There is no PyTorch that the course could lend to AutoTrain."),
            _("Set up the course again: python start.py --rebuild"),
        )
    free = free_disk(folder)
    if free < NEEDED_DISK:
        raise LessonError(
            _("Too little disk: {free:.1f} GB are free, AutoTrain needs {needed:.1f} GB.").format(
                free=free / 1e9, needed=NEEDED_DISK / 1e9),
            _("Free some room, or name a folder on another disk by LESSON_AUTOTRAIN."),
        )


def _make(folder: Path) -> Environment:
    began = time.monotonic()
    print(_("Making AutoTrain's own environment, once: about {fetched:.0f} MB are fetched, it"
            " takes {disk:.1f} GB and one to three minutes.").format(
        fetched=FETCHED / 1e6, disk=ON_DISK / 1e9), flush=True)
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted attempt has left
    log = paths.WORK / "logs" / "autotrain-environment.log"
    try:
        _install(folder, log)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    environment = Environment(folder, made=True)
    _lend_torch(environment)
    stamp = json.dumps(_stamp(folder), indent=1)
    (folder / "course-stamp.json").write_text(stamp + "\n", encoding="utf-8")
    print(_("AutoTrain {version} is ready ({seconds:.0f} s).").format(
        version=VERSION, seconds=time.monotonic() - began), flush=True)
    return environment


def _install(folder: Path, log: Path) -> None:
    """An empty environment, then the packages: by uv where it is installed, else by pip."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    _run_step([sys.executable, "-m", "venv", "--without-pip", str(folder)], log, env)
    python = str(Environment(folder).python)
    exact = ["--no-deps", "--only-binary", ":all:", "-r", str(PACKAGES)]
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-input",
           "--no-compile",  # thousands of files are never imported; the others compile when used
           "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2", *exact]
    if uv := shutil.which("uv"):
        with contextlib.suppress(LessonError):  # it may not know the user's settings for pip
            _run_step([uv, "pip", "install", "--python", python, *exact], log, env)
            return
    _run_step(pip, log, env)


def _run_step(command: list[str], log: Path, env: dict[str, str]) -> None:
    """Run one command, with a bar that counts the packages.

    Raises:
        LessonError: it failed; the cause in one line, and the cure.
    """
    said: list[str] = []
    text = PACKAGES.read_text(encoding="utf-8")
    total = sum("==" in line and not line.startswith("#") for line in text.splitlines())
    with live.bar(total, _("AutoTrain's packages"), _("packages")) as bar:

        def on_line(line: str) -> None:
            said.append(line)
            if line.startswith(("Collecting ", "Processing ")) and bar.n < total:
                bar.update(1)

        status = child_process.run(command, paths.PROJECT, env, log, on_line)
    if status:
        raise problem("\n".join(said))


def problem(said: str) -> LessonError:
    """The error for a failed installation, from all that the installer said."""
    kind, cause = recognise(said)
    cures = {
        "disk": _("Free about 2 GB, or name a folder on another disk by LESSON_AUTOTRAIN."),
        "network": _("Connect to the internet and run this cell again; it is needed once."),
        "proxy": _("Set HTTPS_PROXY=http://user:password@host:port, then start the course again."),
        "certificate": _("Ask for your company's certificate file, set PIP_CERT to it, try again."),
        "permission": _("Close other notebooks that use AutoTrain, then run this cell again."),
        "resolution": _("Not every system has these packages as ready-made builds; the rest of the"
                        " course works without AutoTrain."),
    }
    other = _("Read work/logs/autotrain-environment.log; the rest of the course works without it.")
    return LessonError(_("AutoTrain's environment cannot be made. {cause}").format(cause=cause),
                       cures.get(kind, other))


def _stamp(folder: Path) -> dict[str, str]:
    """What the environment was made for: another list, Python or place makes it anew."""
    return {
        "packages": hashlib.sha256(PACKAGES.read_bytes()).hexdigest(),
        "python": "{}.{}".format(*sys.version_info[:2]),
        "base": str(Path(sys.base_prefix).resolve()),
        "folder": str(folder),
    }


def _lend_torch(environment: Environment) -> None:
    """Put the hook that shows the course's PyTorch into the environment's folder of packages."""
    version = "python{}.{}".format(*sys.version_info[:2])
    site = environment.folder / ("Lib" if os.name == "nt" else f"lib/{version}") / "site-packages"
    torch = importlib.metadata.distribution("torch").locate_file("")
    said = str(Path(str(torch)).resolve())
    hook = Path(autotrain_torch.__file__).read_text(encoding="utf-8")
    for name, text in (("py", hook), ("pth", "import autotrain_torch\n"), ("txt", said)):
        file = site / f"autotrain_torch.{name}"
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def works(environment: Environment) -> str:
    """AutoTrain's version as it tells it itself; raises LessonError where it does not start."""
    asked = subprocess.run(
        [str(environment.programs / "autotrain"), "--version"], capture_output=True, text=True,
        env=environment.variables(environment.folder / "home"), encoding="utf-8",
    )
    if asked.returncode:
        last = (asked.stderr.strip().splitlines() or [""])[-1]
        raise LessonError(_("AutoTrain does not start: {last}").format(last=last),
                          _("Delete the folder {folder} and run this cell again.").format(
                              folder=environment.folder.name))
    return asked.stdout.strip().splitlines()[-1]
