"""Get a Colab machine ready for the course. Elsewhere this module has nothing to do.

Colab brings most packages. The first cell of each notebook, written by the build
(``tools/colab_cell.py``), fetches the course there and calls ``prepare``, which

* installs what is missing or too old for the course, and nothing else: every other package is
  held at the version that Colab brought,
* removes an old torchao: from 0.19 on, peft refuses to work beside one older than 0.16, and the
  course does not use it,
* says what it did.

Standard library and ``packaging`` only: it runs before anything is installed.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.paths import PROJECT
from lessonlib.setup.this_machine import versions

#: peft (0.19 and later) raises ImportError in get_peft_model beside an older torchao.
OLDEST_TORCHAO = "0.16"
#: First words of a comment in requirements.txt: what only those who work on the course need.
NOT_FOR_LEARNERS = ("tests", "maintainers", "rehearsal")
#: Colab brings its own place to open notebooks.
NOT_FOR_COLAB = ("jupyterlab",)


@dataclass(frozen=True)
class Wanted:
    """A package to be installed. ``found`` is the version that is there, or ''."""

    requirement: str
    name: str
    found: str

    def __str__(self) -> str:
        return f"{self.requirement} ({_('found {version}').format(version=self.found)})" \
            if self.found else self.requirement


def here() -> bool:
    """Does this run in Google Colab?"""
    return "google.colab" in sys.modules


def prepare() -> None:
    """Install what is missing, mend what is known to be broken, and say so.

    Raises:
        LessonError: not in Colab, where this would change the packages of somebody's own
            Python; or pip could not install something.
    """
    if not here():
        raise LessonError(
            _("This is not Google Colab, and nothing was installed."),
            _("On your own machine, type: python start.py"),
        )
    started = time.monotonic()
    if old := _old_torchao():
        _pip("uninstall", "--yes", "torchao")
        print(_("Removed torchao {old}: peft needs {new} or newer, or none.").format(
            old=old, new=OLDEST_TORCHAO))
    lacking = missing()
    if lacking:
        _install(lacking)
        print(_("Installed: {names}.").format(names=", ".join(map(str, lacking))))
        print(_("All other packages are those that Colab brought ({seconds:.0f} s).").format(
            seconds=time.monotonic() - started))
    else:
        print(_("Every package that the course needs is here; nothing was installed."))
    print(_("The course is in {folder}. Colab forgets it when the session ends.").format(
        folder=PROJECT.name))


def missing(path: Path | None = None) -> list[Wanted]:
    """Packages of requirements.txt that learners need and that are absent or too old here.

    A package that is *newer* than the course has been tried with is left alone: to go back is
    what breaks Colab.
    """
    from packaging.requirements import Requirement
    from packaging.version import Version

    wanted = []
    text = (path or PROJECT / "requirements.txt").read_text(encoding="utf-8")
    for line in re.findall(r"(?m)^([^#\s]\S*)\s+#\s*(.+)$", text):
        requirement, who = Requirement(line[0]), line[1]
        if who.startswith(NOT_FOR_LEARNERS) or requirement.name in NOT_FOR_COLAB:
            continue
        found = versions([requirement.name]).get(requirement.name, "")
        lowest = [Version(one.version) for one in requirement.specifier if one.operator == ">="]
        if not found or any(Version(found) < low for low in lowest):
            wanted.append(Wanted(line[0], requirement.name, found))
    return wanted


def _old_torchao() -> str:
    """The version of a torchao that stands in peft's way, or ''."""
    from packaging.version import Version

    found = versions(["torchao"]).get("torchao", "")
    return found if found and Version(found) < Version(OLDEST_TORCHAO) else ""


def _install(lacking: list[Wanted]) -> None:
    """pip, with every package that is here and may stay held at its version."""
    replaced = {one.name.lower() for one in lacking}
    held = sorted(
        f"{name}=={part.version}"
        for part in importlib.metadata.distributions()
        if (name := part.metadata["Name"]) and name.lower() not in replaced
        and re.fullmatch(r"[\w.!]+", part.version)  # a local build (+cu126) is on no index
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "held.txt"
        path.write_text("\n".join(held) + "\n", encoding="utf-8")
        _pip("install", "--constraint", str(path), *[one.requirement for one in lacking])


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    asked = subprocess.run(command, capture_output=True, text=True)
    if asked.returncode:
        said = (asked.stderr or asked.stdout).strip().splitlines() or ["?"]
        raise LessonError(
            _("pip could not do it: {said}").format(said=said[-1][:300]),
            _("Choose 'Disconnect and delete runtime' in Colab's menu 'Runtime', then run this"
              " cell again."),
        )
