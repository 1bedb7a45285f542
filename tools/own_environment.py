"""The course's own Python environment, ``.venv`` beside ``start.py``. Standard library only.

Nothing is ever installed anywhere else. A stamp in ``.venv`` says for which
requirements, which Python and which place it was made; while it fits, setting up
again takes a moment.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools import pytorch, wheelhouse
from tools.diagnose import activity, explain
from tools.terminal import Step, Stop, child_environment, confirm, line, run

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
LOGS = PROJECT / "work" / "logs"
#: Free disk that setting up needs, in bytes: what is installed, and what is unpacked on the way.
NEEDED_DISK = {"cpu": 4 * 10**9, "cuda": 12 * 10**9, "more packages": 10**9}

#: JupyterLab's settings for the course: no question about news in a corner of the first page. They
#: stand in .venv, so that the user's own JupyterLab, and its settings, stay as they are.
PAGES = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}

#: Runs inside the environment: its version, its folder of packages, and which of the
#: names given on the command line are not installed there.
_PROBE = """
import json, sys, sysconfig
from importlib.metadata import PackageNotFoundError, version
missing = []
for name in sys.argv[1:]:
    try:
        version(name)
    except PackageNotFoundError:
        missing.append(name)
print(json.dumps(["%d.%d" % sys.version_info[:2], sysconfig.get_path("purelib"), missing]))
"""


@dataclass(frozen=True)
class Condition:
    """``state`` is missing, broken, outdated or ready; ``why`` says so in words."""

    state: str
    why: str
    fingerprint: dict[str, str] = field(default_factory=dict)
    site_packages: Path = Path()


def python_of(venv: Path) -> Path:
    """The environment's interpreter; the folders differ on Windows."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirement_names(project: Path = PROJECT) -> list[str]:
    """The packages that requirements.txt names."""
    text = (project / "requirements.txt").read_text(encoding="utf-8")
    return re.findall(r"(?m)^[A-Za-z0-9][A-Za-z0-9._-]*", text)


def constraints(version: str = "", project: Path = PROJECT) -> Path:
    """The exact set of packages for a Python like "3.12"; where none was tested, the
    nearest older one."""
    wanted = _pair(version) if version else sys.version_info[:2]
    sets = {}
    for path in (project / "constraints").glob("tested-py*.txt"):
        digits = path.stem.removeprefix("tested-py")
        sets[_pair(f"{digits[0]}.{digits[1:]}")] = path
    return sets[max([key for key in sets if key <= wanted] or [min(sets)])]


def _pair(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def condition(venv: Path = VENV, project: Path = PROJECT) -> Condition:
    """Look at the environment without changing it."""
    if not venv.exists():
        return Condition("missing", "it has not been made yet")
    try:
        asked = subprocess.run(
            [python_of(venv), "-c", _PROBE, *requirement_names(project)],
            capture_output=True, text=True, timeout=60, env=child_environment(),
        )
        version, site, missing = json.loads(asked.stdout)
    except OSError:
        return Condition("broken", "its Python does not start (was Python updated or removed?)")
    except (subprocess.TimeoutExpired, ValueError):
        return Condition("broken", "its Python does not answer")
    digest = hashlib.sha256()
    for path in (project / "requirements.txt", constraints(version, project)):
        digest.update(path.read_bytes())
    wanted = {"packages": digest.hexdigest(), "python": version, "folder": str(venv)}
    found = _read_stamp(venv)
    if found.get("python", version) != version:
        state, why = "broken", f"it was made for Python {found['python']} and now runs {version}"
    elif not found:
        state, why = "outdated", "setting it up was not finished"
    elif missing:
        state, why = "outdated", "not installed: " + ", ".join(missing)
    elif found != wanted:
        state, why = "outdated", "the list of packages, or the folder's name, has changed"
    else:
        state, why = "ready", "nothing to do"
    return Condition(state, why, wanted, Path(site))


def _read_stamp(venv: Path) -> dict[str, str]:
    try:
        return json.loads((venv / "course-stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def set_up(yes: bool = False, rebuild: bool = False, venv: Path = VENV) -> bool:
    """Make the environment ready. Returns True where something had to be installed.

    yes: rebuild a broken one without asking. rebuild: throw the old one away first.
    Raises Stop with a cause and a cure.
    """
    now = condition(venv)
    if now.state == "ready" and not rebuild:
        return False
    if now.state == "broken" and not rebuild:
        if not confirm(f"The environment .venv is broken: {now.why}.\n"
                       "Delete .venv and build it again?", yes):
            raise Stop(f"The environment .venv is broken: {now.why}.",
                       "start again with --yes, and it will be rebuilt.")
    log = LOGS / "setup.log"
    log.unlink(missing_ok=True)
    plan = pytorch.plan()
    if text := wheelhouse.note():
        line("..", text[0].upper() + text[1:] + ".")
    if now.state == "outdated" and not rebuild:
        line("..", f"The environment .venv needs an update: {now.why}.")
        _require_disk("more packages")
    else:
        print("Setting up: once, about 3 minutes and 2 GB, all of it in this folder.")
        _require_disk(plan.build)
        _remove(venv)
        _create(venv, log)
    made = condition(venv)
    tested = constraints(made.fingerprint["python"])
    pytorch.install(python_of(venv), plan, pinned("torch", tested), log)
    _install_packages(python_of(venv), tested, log)
    _write_settings(venv, made.site_packages)
    stamp = json.dumps(made.fingerprint, indent=1)
    (venv / "course-stamp.json").write_text(stamp + "\n", encoding="utf-8")
    return True


def _remove(venv: Path) -> None:
    if venv.is_symlink():
        venv.unlink()
    if not venv.exists():
        return
    with Step("removing the old environment", "old environment removed"):
        try:
            shutil.rmtree(venv)
        except OSError as error:
            raise Stop(f"The environment .venv cannot be deleted: {error}.",
                       "close JupyterLab and every terminal that uses it, then start again."
                       ) from None


def pinned(package: str, tested: Path) -> str:
    """``torch`` -> ``torch==2.13.0``, as in the tested set."""
    for text in tested.read_text(encoding="utf-8").splitlines():
        if text.startswith(package + "=="):
            return text.strip()
    raise Stop(f"{package} is missing in {tested.name}.", "add its exact version to that file.")


def _create(venv: Path, log: Path) -> None:
    # The Python beneath, so that this works from inside any other environment too.
    base = getattr(sys, "_base_executable", None) or sys.executable
    with Step("making the environment .venv", "environment .venv"):
        status, said = run([base, "-m", "venv", str(venv)], log, child_environment())
        if status and (uv := shutil.which("uv")):  # Debian's Python may come without ensurepip
            command = [uv, "venv", "--seed", "--clear", "--python", base, str(venv)]
            status, said = run(command, log, child_environment())
        if status:
            # A half-made environment must not be taken for a broken one the next time.
            shutil.rmtree(venv, ignore_errors=True)
            raise explain(said, log)


def _install_packages(python: Path, tested: Path, log: Path) -> None:
    asked = ["-r", str(PROJECT / "requirements.txt")]
    exact = ["-c", str(tested)]
    pip = [str(python), "-m", "pip", "install", *pytorch.QUIET_PIP, *asked]
    attempts = [("the tested set", [*pip, *exact, *wheelhouse.pip_arguments()])]
    if not wheelhouse.fits():
        attempts.append(("the newest that fit", pip))
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--python", str(python), *asked, *exact,
                   *wheelhouse.uv_arguments()]
        attempts.insert(0, ("the tested set, by uv", command))
    with Step("packages") as step:
        for words, command in attempts:
            status, said = run(command, log, child_environment(),
                               on_line=lambda text: step.now(activity(text)))
            if status == 0:
                step.done = f"packages: {words}"
                return
            problem = explain(said, log)
            # Another attempt helps against an unfit set, or a uv that does not see the
            # user's pip settings; against a full disk or a dead line it only costs time.
            if "uv" not in words and problem.kind not in ("resolution", "unknown"):
                break
        raise problem


def _write_settings(venv: Path, site_packages: Path) -> None:
    """Three small files, all inside the environment: import path, kernel, no pop-up."""
    (site_packages / "fine-tuning-course.pth").write_text(f"{PROJECT}\n", encoding="utf-8")
    # "python" is replaced by the environment's own interpreter when the kernel starts.
    kernel = {
        "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (fine-tuning course)",
        "language": "python",
        "metadata": {"debugger": True},
    }
    for place, content in (("share/jupyter/kernels/python3/kernel.json", kernel),
                           ("etc/jupyter/labconfig/page_config.json", PAGES)):
        path = venv / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _require_disk(what: str) -> None:
    free, needed = shutil.disk_usage(PROJECT).free, NEEDED_DISK[what]
    if free < needed:
        raise Stop(f"Too little disk: {free / 1e9:.1f} GB free, {needed / 1e9:.0f} GB needed.",
                   f"free some space on the disk that holds {PROJECT}, then start again.")
