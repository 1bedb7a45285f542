"""What AutoTrain and ``trl sft`` have in common: a program trains; we watch, and judge the outcome.

We judge by what is in the output folder, not by what the program says: AutoTrain ends with exit
status 0, "all well", even when its training has failed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lessonlib.common import child_process, paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora import saving
from lessonlib.models.folders import check_name, find_base
from lessonlib.show import live

ADAPTER = "adapter_model.safetensors"
#: Written into an output folder when its training has ended well.
RECORD = "course-training.json"
#: A folder with one of these was made by a training.
OUTPUTS = (ADAPTER, "training_params.json", RECORD, "training_args.bin")
#: ``14/236 [00:10<02:40,`` of a progress bar: steps done and steps in all.
STEPS = re.compile(r"(\d+)/(\d+) \[\d+:\d+(?::\d+)?<")
#: ``{'loss': 1.23, ..., 'epoch': 0.5}`` as trainers print it; some write the numbers as texts.
LOSS = re.compile(r"\{'loss': .*?\}")
#: What stands before the message in a line of AutoTrain's.
LEAD = re.compile(r"^(INFO|WARNING|ERROR)\s*\| [\d -]+:[\d:]+ \| \S+ - ")
#: Folders of this machine in a message: only the last two names of such a path are shown.
NAME_PART = r"[^\\/\s'\",:]+"
PLACE = re.compile(rf"(?:[A-Za-z]:)?(?:[\\/]+{NAME_PART})+[\\/]+({NAME_PART}[\\/]+{NAME_PART})")


@dataclass(frozen=True)
class Training:
    """A training that has ended well.

    Attributes:
        folder: the output folder with the adapter.
        seconds: from the start of the program to its end, its loading included.
        exit_status: what the program ended with.
        losses: (epoch, training loss) as the program printed them.
        steps: how many steps it took, or None where it did not say.
        log: all that it printed.
    """

    folder: Path
    seconds: float
    exit_status: int
    losses: list[tuple[float, float]] = field(repr=False)
    steps: int | None
    log: Path = field(repr=False)

    def __str__(self) -> str:
        text = _("{name}: trained in {seconds:.0f} s").format(
            name=self.folder.name, seconds=self.seconds)
        if len(self.losses) == 1:  # "3.16 -> 3.16" looked as if nothing had been learned
            text += _(", loss {loss:.2f} (reported once)").format(loss=self.losses[0][1])
        elif self.losses:
            text += _(", loss {first:.2f} -> {last:.2f}").format(
                first=self.losses[0][1], last=self.losses[-1][1])
        return text

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


class Watcher:
    """Reads a trainer's lines: moves a bar, prints a plain line for each loss, keeps both."""

    def __init__(self, show: bool = True):
        self.losses: list[tuple[float, float]] = []
        self.steps: int | None = None
        self.show = show
        self.bar = None

    def __call__(self, text: str) -> None:
        if found := STEPS.search(text):
            self._step(*map(int, found.groups()))
        elif found := LOSS.search(text):
            values = ast.literal_eval(found[0])
            self._loss(float(values["epoch"]), float(values["loss"]))
        elif self.show and text.startswith(("WARNING", "ERROR")):
            print(plain(text), flush=True)

    def _loss(self, epoch: float, loss: float) -> None:
        if self.losses[-1:] == [(epoch, loss)]:  # AutoTrain and the trainer beneath both print it
            return
        self.losses.append((epoch, loss))
        if self.show:
            print(_("epoch {epoch:.2f}: loss {loss:.3f}").format(epoch=epoch, loss=loss),
                  flush=True)

    def _step(self, done: int, total: int) -> None:
        # Reading the rows has bars as well; the training's is the one that comes last.
        if self.bar is None or total != self.bar.total:
            self.close()
            self.bar = live.bar(total, _("Training"), _("steps"), show=self.show)
        self.bar.update(done - self.bar.n)
        self.steps = total

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()


def plain(text: str, longest: int = 110) -> str:
    """A line of a log without its date and this machine's folders, cut to a screen's width."""
    text = PLACE.sub(r".../\1", LEAD.sub(r"\1: ", text.rstrip()))
    return text if len(text) <= longest else text[: longest - 3] + "..."


def train(
    command: Sequence[str],
    folder: Path,
    output: Path,
    env: Mapping[str, str],
    log: Path,
    show: bool = True,
) -> Training:
    """Run a training program and judge it by the adapter that it leaves in ``output``.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        output: its output folder. What an earlier run has left there is removed first: an old
            adapter must not pass for a new one.

    Raises:
        LessonError: there is no adapter afterwards; with the last lines of the log. So also where
            the program itself was content (exit status 0).
    """
    clear(output)
    began = time.monotonic()
    watcher = Watcher(show)
    try:
        status = child_process.run(list(command), folder, env, log, watcher)
    finally:
        watcher.close()
    if not (output / ADAPTER).is_file():
        raise failed(output.name, log, status)
    return Training(output, time.monotonic() - began, status, watcher.losses, watcher.steps, log)


def once(
    output: Path, log: Path, key: str, run: Callable[[], Training], again: bool, show: bool
) -> Training:
    """The very same training from before, or a new one: ``run()``, recorded beside its adapter.

    Args:
        output, log: the training's output folder, and the file of all that it printed.
        key: changes with whatever the training depends on, see ``key_of``.
        again: train in any case.
    """
    if not again and (before := recall(output, key, log)):
        if show:
            print(_("Already trained here with the same settings and rows: taken from there."))
        return before
    training = run()
    record(training, key)
    return training


def key_of(parts: Sequence[str], *folders: Path) -> str:
    """A fingerprint of a training's words and of the files that it reads: its rows and its base.

    ``lora.record.fingerprint`` knows rows and settings as they are in memory; here both are files
    that anyone may have written.
    """
    digest = hashlib.sha256("\n".join(parts).encode())
    for folder in folders:
        for file in sorted(folder.glob("*.*")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def record(training: Training, key: str) -> None:
    """Write down how a training went, beside its adapter."""
    values = asdict(training) | {"key": key, "folder": None, "log": None}
    (training.folder / RECORD).write_text(json.dumps(values, indent=1), encoding="utf-8")
    shutil.rmtree(training.folder / "autotrain-data", ignore_errors=True)  # a copy of the rows


def recall(output: Path, key: str, log: Path) -> Training | None:
    """A training that was recorded with this key, or None."""
    try:
        values = json.loads((output / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if values.pop("key") != key or not (output / ADAPTER).is_file():
        return None
    losses = [(epoch, loss) for epoch, loss in values.pop("losses")]
    return Training(**values | {"folder": output, "log": log, "losses": losses})


def clear(output: Path) -> None:
    """Remove an earlier run's output folder.

    Raises:
        LessonError: the folder is something else, such as the training data.
    """
    if not output.exists():
        return
    if not any((output / name).is_file() for name in OUTPUTS):
        raise LessonError(
            _("{name} is the name of a folder that no training has made.").format(name=output.name),
            _("Choose another name for the output, so that nothing of yours is overwritten."),
        )
    shutil.rmtree(output)


def failed(name: str, log: Path, status: int | None) -> LessonError:
    """The error for a training without an adapter: the end of its log says why."""
    lines = [text for text in child_process.last_lines(log) if text.strip(" ^~")]
    said = "\n".join("    " + plain(text) for text in lines)
    ended = _("The program itself ended with exit status {status}.").format(status=status)
    text = _("The training {name} has left no adapter.").format(name=name)
    return LessonError(
        " ".join([text, ended] if status is not None else [text])
        + "\n" + _("  The end of its log:") + f"\n{said}",
        _("The last error in it names the cause. The whole log: {log}").format(
            log=log.relative_to(paths.PROJECT).as_posix()
            if log.is_relative_to(paths.PROJECT) else log.name),
    )


def serve(training: Training, name: str, base: str | Path | None = None) -> str:
    """Merge a trained adapter into its base; the practice service offers the model at once.

    Args:
        name: what the model is to be called; one of that name is replaced.
        base: the base as the course knows it, the built-in model if not given.

    Returns:
        The name, to ask for: ``create(model=name, ...)``.

    Raises:
        LessonError: the name will not do.

    Introduced in notebook 09.
    """
    from lessonlib.models.quiet import quiet

    check_name(name)
    with quiet():
        saving.save_merged(find_base(base), training.folder, paths.MODELS / name)
    return name


def difference(one: Training, other: Training) -> float:
    """The largest difference between two adapters, over all their numbers; 0.0: the same ones.

    Introduced in notebook 09.
    """
    from safetensors.torch import load_file

    first, second = (load_file(training.folder / ADAPTER) for training in (one, other))
    if {name: tuple(t.shape) for name, t in first.items()} != {
        name: tuple(t.shape) for name, t in second.items()
    }:
        raise LessonError(_("The two adapters have different shapes."),
                          _("Compare trainings of the same rank on the same base."))
    return max(float((first[name].float() - second[name].float()).abs().max()) for name in first)
