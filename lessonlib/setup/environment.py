"""Is everything ready for the course? The preflight check. Standard library only.

``preflight()`` returns a list of checks, each with a cure; ``machine()`` (from
``setup.this_machine``) says what was found and how. On a command line, ``python -m
lessonlib.setup.environment`` prints both; ``python start.py check`` does that.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.errors import first_line
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory
from lessonlib.setup.this_machine import free_disk, machine, versions

OLDEST, NEWEST = (3, 11), (3, 13)
#: What the course needs to run, in bytes. Measured peaks, rounded up.
NEEDED_MEMORY, NEEDED_DISK = 2 * 10**9, 10**9
SPLITS = ("train", "validation", "test", "test_new_names", "field")


@dataclass(frozen=True)
class Check:
    """One line of the preflight. ``cure`` says what to do where ``ok`` is False."""

    name: str
    ok: bool
    detail: str
    cure: str = ""

    def __str__(self) -> str:
        text = f"{'[ok]' if self.ok else '[fail]':<7}{self.name}: {self.detail}"
        return text if self.ok else f"{text}\n       {_('Cure')}: {self.cure}"


def preflight(quick: bool = False, packages: bool = True) -> list[Check]:
    """Is everything ready for the course? Takes about 3 seconds, quick: well under one.

    quick: do not load PyTorch (its package is still looked for).
    packages: False where the packages are known not to be installed yet.
    """
    checks = [_python(), _built_in_model(), _recipes(), _work_folder(), _disk(), _memory(),
              _loopback()]
    if packages:
        checks.insert(1, _packages())
    return checks if quick or not packages else checks + [_pytorch()]


def _python() -> Check:
    ok = OLDEST <= sys.version_info[:2] <= NEWEST
    return Check("Python", ok, platform.python_version(),
                 _("install Python 3.11, 3.12 or 3.13 from python.org and start with that one"))


def requirement_lines(path: Path) -> list[str]:
    """The requirements in a file, without comments and empty lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [bare for text in lines if (bare := text.split(" #")[0].strip()) and bare[0] != "#"]


def _packages() -> Check:
    name, cure = _("packages"), "python start.py"
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return Check(name, False, _("not installed for {python}").format(python=sys.prefix), cure)
    wrong, lines = [], requirement_lines(paths.PROJECT / "requirements.txt")
    for requirement in map(Requirement, lines):
        found = versions([requirement.name]).get(requirement.name)
        if found is None:
            wrong.append(_("{package} is missing").format(package=requirement.name))
        elif not requirement.specifier.contains(found, prereleases=True):
            text = _("{package} {found} does not fit {wanted}")
            wrong.append(text.format(package=requirement.name, found=found,
                                     wanted=requirement.specifier))
    if len(wrong) > 4:
        wrong[4:] = [_("and {count} more").format(count=len(wrong) - 4)]
    detail = "; ".join(wrong) or _("all {count} as required").format(count=len(lines))
    return Check(name, not wrong, detail, cure)


def _built_in_model() -> Check:
    wanted = ("config.json", "tokenizer.json", "model.safetensors")
    return _files(_("built-in model"), paths.BUILT_IN, wanted)


def _recipes() -> Check:
    wanted = [f"{split}.jsonl" for split in SPLITS] + ["house_glossary.csv"]
    return _files(_("recipes"), paths.DATA / "recipes", wanted)


def _files(name: str, folder: Path, wanted: Iterable[str]) -> Check:
    wanted = list(wanted)
    missing = [each for each in wanted
               if not (folder / each).is_file() or not (folder / each).stat().st_size]
    shown = folder.relative_to(paths.PROJECT) if folder.is_relative_to(paths.PROJECT) else folder
    if missing:
        detail = _("missing or empty in {folder}: {files}")
        return Check(name, False, detail.format(folder=shown, files=", ".join(missing)),
                     _("fetch the course again: the download was not complete"))
    size = sum((folder / each).stat().st_size for each in wanted) / 1e6
    return Check(name, True, _("{count} files, {size:.1f} MB").format(count=len(wanted), size=size))


def _work_folder() -> Check:
    probe = paths.WORK / f"preflight-{os.getpid()}.tmp"
    try:
        paths.WORK.mkdir(parents=True, exist_ok=True)
        probe.write_text("ok", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        return Check(_("work folder"), False, str(error),
                     _("put the course into a folder where you may write"))
    return Check(_("work folder"), True, _("can be written"))


def _disk() -> Check:
    free = free_disk(paths.WORK)
    return Check(_("disk"), free >= NEEDED_DISK, _("{free:.1f} GB free").format(free=free / 1e9),
                 _("free at least {needed:.0f} GB").format(needed=NEEDED_DISK / 1e9))


def _memory() -> Check:
    free = available_memory()
    if free is None:
        return Check(_("memory"), True, _("this system does not tell; 4 GB are enough"))
    return Check(_("memory"), free >= NEEDED_MEMORY,
                 _("{free:.1f} GB available").format(free=free / 1e9),
                 _("close other programs until {needed:.0f} GB are available").format(
                     needed=NEEDED_MEMORY / 1e9))


def _loopback() -> Check:
    """The practice service listens on 127.0.0.1: may a program here do that?"""
    name = _("connection to ourselves")
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
    except OSError as error:
        return Check(name, False, _("no connection to 127.0.0.1: {error}").format(error=error),
                     _("allow Python in the firewall or the security software"))
    if urllib.request.getproxies().get("http") and not urllib.request.proxy_bypass("127.0.0.1"):
        return Check(name, False, _("calls to this machine would go through the proxy"),
                     _("set NO_PROXY=127.0.0.1,localhost"))
    return Check(name, True, _("127.0.0.1 can be reached"))


def _pytorch() -> Check:
    cure = "python start.py --rebuild"
    try:
        import torch

        total = float(torch.ones(4, 4).matmul(torch.ones(4, 4)).sum())
    except (ImportError, OSError, RuntimeError) as error:
        if platform.system() == "Windows":
            cure = _("install the Microsoft Visual C++ Redistributable (x64), then try again")
        detail = _("does not load: {error}").format(error=first_line(error))
        return Check("PyTorch", False, detail, cure)
    threads = torch.get_num_threads()
    detail = _("{version} computes; {threads} threads").format(version=torch.__version__,
                                                               threads=threads)
    return Check("PyTorch", total == 64.0, detail, cure)


def main(arguments: list[str]) -> int:
    """Print the checks and the machine; 1 where a check failed."""
    quick = "--quick" in arguments
    checks = preflight(quick)
    for check in checks:
        if "--failures" not in arguments or not check.ok:
            print(check)
    if "--failures" not in arguments:
        from lessonlib.models import fetching

        print(fetching.here())
        # A PyTorch that does not load cannot be asked where it would run.
        print(f"\n{machine(quick or not checks[-1].ok)}")
    return 0 if all(check.ok for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
