"""Notebooks under hard conditions: a table of what was tried, and how it went.

    python -m tools.hardening                       all notebooks, all conditions
    python -m tools.hardening 00 01                 only these notebooks
    python -m tools.hardening 01 --conditions alone interrupt
    python -m tools.hardening 01 --python work/oldest-set/bin/python      with other packages

Each notebook runs in a copy of the course, fresh for each notebook, so that nothing of yours is
touched and every file that appears can be seen. Conditions:

    alone       as the only notebook, in an empty work folder
    outside     that run wrote nothing outside work/ (course, home and temporary folders)
    memory      that run, its practice service and trainer stay below 2 GB (a limit where the system
                allows one, else measured)
    twice       once more, in the same work folder
    interrupt   stopped in the middle, as by the square button, then run again from the top
    read-only   data/ cannot be written
    odd-path    from a folder with spaces and letters that are not ASCII
    offline     no network interface but the loopback (Linux)

The last three are tried together first, and one by one only if that fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools import kit
from tools.hardening_run import OUTCOME
from tools.terminal import duration

PROJECT = Path(__file__).resolve().parent.parent
CONDITIONS = ("alone", "outside", "memory", "twice", "interrupt", "read-only", "odd-path",
              "offline")
TOGETHER = ("read-only", "odd-path", "offline")
LIMIT = 2 * 10**9
ODD = "a course with spaces, žluťoučký kůň"
#: What Jupyter, Python and matplotlib themselves keep in a home folder; none of it is ours. Nor is
#: .rustup: pip asks a Rust compiler for its version, to tell it to the package index, and rustup,
#: where it is installed, takes notes of that.
NOT_OURS = (".ipython", ".jupyter", ".local/share/jupyter", ".local/state/jupyter", ".config",
            ".cache/matplotlib", ".cache/fontconfig", ".cache/torch", ".nv", ".rustup")
SECONDS = 1800


@dataclass
class Result:
    """``words`` is ok, a number, or what went wrong; ``why`` tells more."""

    words: str
    why: str = ""

    @property
    def good(self) -> bool:
        return not self.why


@dataclass
class Place:
    """A copy of the course and the folders that a run may and may not write to."""

    root: Path
    course: Path
    work: Path
    home: Path
    temporary: Path
    seen: dict[str, float] = field(default_factory=dict)


def place(root: Path, name: str = "course") -> Place:
    """A fresh copy of the course under ``root``."""
    made = Place(root, root / name, root / name / "work", root / "home", root / "tmp")
    kit.copy_course(made.course)
    for folder in (made.work, made.home, made.temporary):
        folder.mkdir(parents=True, exist_ok=True)
    made.seen = files(made)
    return made


def files(where: Place) -> dict[str, float]:
    """Everything that a run could write where it should not: path -> time of change."""
    found = {}
    for path in where.root.rglob("*"):
        name = path.relative_to(where.root).as_posix()
        if path.is_relative_to(where.work) or "__pycache__" in name or not path.is_file():
            continue
        if not any(name.startswith(f"home/{part}") for part in NOT_OURS):
            found[name] = path.stat().st_mtime
    return found


def written_outside(where: Place) -> list[str]:
    """Files that appeared or changed outside of work/."""
    now = files(where)
    return sorted(name for name, when in now.items() if where.seen.get(name) != when)


def run(where: Place, stem: str, python: str, conditions: tuple[str, ...] = (),
        interrupt_after: float = 0.0) -> tuple[str, float, int]:
    """Run one notebook in its copy. Returns ('' or the error, seconds, peak bytes of memory)."""
    env = {**os.environ, "HOME": str(where.home), "TMPDIR": str(where.temporary),
           "LESSON_WORK": str(where.work), "PYTHONPATH": str(where.course), "PYTHONUTF8": "1",
           "XDG_CACHE_HOME": str(where.home / ".cache")}
    for name in ("LESSON_PROVIDER", "OPENAI_API_KEY", "MPLBACKEND"):
        env.pop(name, None)
    command = [python, "-m", "tools.hardening_run", stem, str(interrupt_after)]
    prefix, group = wrapper(where, conditions)
    try:
        done = subprocess.run([*prefix, *command], cwd=where.course, env=env, text=True,
                              capture_output=True, timeout=SECONDS, encoding="utf-8")
    except subprocess.TimeoutExpired:
        return f"not finished after {SECONDS} s", float(SECONDS), 0
    finally:
        if group:
            _leave(group)
    last = [text for text in done.stdout.splitlines() if text.startswith(OUTCOME)]
    if not last:
        said = (done.stderr.strip().splitlines() or ["ended without a word"])[-1]
        killed = " (killed: the memory limit?)" if done.returncode in (-9, 137) else ""
        return f"{said[:200]}{killed}", 0, 0
    _mark, peak, seconds, error = last[-1].split("\t", 3)
    return error, float(seconds), int(peak)


def wrapper(where: Place, conditions: tuple[str, ...]) -> tuple[list[str], Path | None]:
    """What stands before the command, and the memory group that it runs in, if any."""
    steps, share = [], []
    group = memory_group() if "memory" in conditions else None
    if group:
        steps.append(f'echo $$ > "{group}/cgroup.procs"')
    if "offline" in conditions:
        share.append("--net")
        steps.append("ip link set lo up")
    if "read-only" in conditions:
        share.append("--mount")
        data = where.course / "data"
        steps.append(f'mount --bind "{data}" "{data}"')
        steps.append(f'mount -o remount,ro,bind "{data}"')
    if not steps:
        return [], None
    shell = ["bash", "-c", " && ".join([*steps, 'exec "$@"']), "bash"]
    return (["unshare", "--map-root-user", *share] if share else []) + shell, group


def memory_group() -> Path | None:
    """A cgroup with the limit, where this user may make one (version 1 or 2); else None."""
    for base, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                        ("/sys/fs/cgroup", "memory.max")):
        group = Path(base) / f"course-{os.getpid()}"
        try:
            if (Path(base) / "cgroup.procs").exists():
                group.mkdir(exist_ok=True)
                (group / limit).write_text(str(LIMIT), encoding="utf-8")
                return group
        except OSError:
            if group.is_dir():
                group.rmdir()
    return None


def _leave(group: Path) -> None:
    """Remove the group; its processes have ended, or end in a moment."""
    for _attempt in range(50):
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.1)


def harden(stem: str, wanted: tuple[str, ...], python: str) -> dict[str, Result]:
    """Try one notebook under these conditions."""
    found: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        root = Path(folder).resolve()
        if set(wanted) - set(TOGETHER):
            here = place(root / "plain")
            error, seconds, peak = run(here, stem, python,
                                       ("memory",) if "memory" in wanted else ())
            found["alone"] = _as_result((error, seconds, peak))
            extra = written_outside(here)
            found["outside"] = Result("FAILS", ", ".join(extra[:5])) if extra else Result("ok")
            found["memory"] = _memory(error, peak)
            if "twice" in wanted:
                found["twice"] = _as_result(run(here, stem, python))
            if "interrupt" in wanted:
                found["interrupt"] = _interrupted(root, stem, python, seconds)
        hard = tuple(one for one in TOGETHER if one in wanted)
        if hard:
            found |= _together(root, stem, python, hard)
    return {name: found[name] for name in CONDITIONS if name in wanted and name in found}


def _as_result(ran: tuple[str, float, int]) -> Result:
    error, seconds, _peak = ran
    return Result("FAILS", error) if error else Result(f"ok {duration(seconds)}")


def _memory(error: str, peak: int) -> Result:
    if error or not peak:
        return Result("FAILS", error or "not measured")
    words = f"{peak / 1e9:.1f} GB"
    return Result(words) if peak < LIMIT else Result("FAILS", f"{words} at the most")


def _interrupted(folder: Path, stem: str, python: str, seconds: float) -> Result:
    """Stop the notebook at two fifths of its time, then run it from the top."""
    there = place(folder / "interrupted")
    stopped, _seconds, _peak = run(there, stem, python, interrupt_after=max(0.5, 0.4 * seconds))
    result = _as_result(run(there, stem, python))
    if result.good and "KeyboardInterrupt" not in stopped:
        result.words += " (between cells)"
    return result


def _together(folder: Path, stem: str, python: str, hard: tuple[str, ...]) -> dict[str, Result]:
    """All of these at once; where that fails, each by itself, to see which it is."""
    name = ODD if "odd-path" in hard else "course"
    ran = _as_result(run(place(folder / "hard", name), stem, python, hard))
    if ran.good or len(hard) == 1:
        return dict.fromkeys(hard, ran)
    found = {}
    for number, one in enumerate(hard):
        where = place(folder / f"hard {number}", ODD if one == "odd-path" else "course")
        found[one] = _as_result(run(where, stem, python, (one,)))
    return found


def matrix(results: dict[str, dict[str, Result]], wanted: tuple[str, ...]) -> str:
    """A table: notebooks down, conditions across."""
    width = {name: max([len(name), *(len(row[name].words) for row in results.values()
                                     if name in row)]) for name in wanted}
    first = max([8, *map(len, results)])
    lines = ["  ".join(["notebook".ljust(first), *(name.ljust(width[name]) for name in wanted)])]
    for stem, row in results.items():
        cells = [(row[name].words if name in row else "").ljust(width[name]) for name in wanted]
        lines.append("  ".join([stem.ljust(first), *cells]).rstrip())
    lines += [f"{stem}, {name}: {result.why}" for stem, row in results.items()
              for name, result in row.items() if result.why]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Command line. 1 where a notebook does not stand a condition."""
    parser = argparse.ArgumentParser(prog="python -m tools.hardening", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument("--python", default=sys.executable, help="an environment's own Python")
    options = parser.parse_args(arguments)
    wanted = tuple(name for name in CONDITIONS if name in options.conditions)
    if sys.platform != "linux" or not shutil.which("unshare"):
        wanted = tuple(name for name in wanted if name not in ("read-only", "offline"))
        print("read-only and offline need Linux: left out")
    stems = [path.stem for path in sorted((PROJECT / "notebooks").glob("*.ipynb"))
             if not options.names or path.stem.startswith(tuple(options.names))]
    results: dict[str, dict[str, Result]] = {}
    for stem in stems:
        started = time.monotonic()
        # Not resolved: an environment's Python is a link, and is known by its place.
        results[stem] = harden(stem, wanted, os.path.abspath(options.python))
        told = ", ".join(f"{name} {one.words}" for name, one in results[stem].items())
        print(f"       {stem}: {duration(time.monotonic() - started)}; {told}", flush=True)
    print(matrix(results, wanted))
    good = results and all(one.good for row in results.values() for one in row.values())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
