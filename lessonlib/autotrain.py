"""Hugging Face's AutoTrain: tune a model without writing code, by YAML, command line or web page.

    from lessonlib import autotrain
    autotrain.get_ready()                              # its environment; made once
    autotrain.write_data("recipes", rows)
    path = autotrain.Job("my-recipes", "recipes").write_yaml()
    training = autotrain.by_yaml(path)
    autotrain.serve(training, "my-recipes")            # ask for it like for any other model

The web page is in ``autotrain_page``, the environment in ``autotrain_environment``. Written against
release 0.8.36; what it does was read in its source and measured.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from lessonlib import autotrain_environment, no_code
from lessonlib.autotrain_environment import Environment
from lessonlib.autotrain_job import Job, folder, write_data
from lessonlib.autotrain_yaml import check
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.memory_left import available_memory
from lessonlib.no_code import Training, difference, serve

__all__ = ["Job", "Training", "by_command", "by_yaml", "check", "difference", "get_ready",
           "not_run", "serve", "show_command", "write_data"]

#: Written into an output folder when its training has ended well.
RECORD = "course-training.json"
#: Bytes that notebook 09 takes at the most beside its own kernel, measured on Linux: its command
#: line trains (three processes, 1.5 GB) while its page (two, 0.8 GB) and the practice service run.
NEEDED_MEMORY = 2.8e9


def get_ready(memory: float = NEEDED_MEMORY) -> bool:
    """Is AutoTrain's environment here, and room for it? Makes it where it is not; says so.

    Never raises: where it cannot be made, the cause and the cure are printed and the answer is
    False, so that a notebook can go on with what needs no AutoTrain.

    Args:
        memory: bytes that must be available. Where a limit is passed, the system ends a program
            without a word, most likely the notebook's own kernel.
    """
    try:
        _check_memory(memory)
        environment = autotrain_environment.make()
        version = autotrain_environment.works(environment)
    except LessonError as error:
        print(error)
        print(_("AutoTrain's parts of this notebook are left out; all others run."))
        return False
    if not environment.made:
        print(_("AutoTrain {version} is here, in an environment of its own.").format(
            version=version))
    return True


def _check_memory(needed: float) -> None:
    free = available_memory()
    if free is not None and free < needed:
        raise LessonError(
            _("Too little memory: {free:.1f} GB are available, AutoTrain takes {needed:.1f} GB."
              ).format(free=free / 1e9, needed=needed / 1e9),
            _("Close other programs, then run this cell again. To try it all the same:"
              " autotrain.get_ready(memory=0)"),
        )


def not_run() -> None:
    """Say that a cell was left out, so that nobody takes silence for success."""
    print(_("[not run] AutoTrain is not ready; see the beginning of this notebook."))


def environment() -> Environment:
    """The finished environment.

    Raises:
        LessonError: it has not been made.
    """
    found = autotrain_environment.find()
    if found is None:
        raise LessonError(_("AutoTrain's environment is not here."),
                          _("Make it first: autotrain.get_ready()"))
    return found


def variables(base: str = "") -> dict[str, str]:
    """Environment variables for AutoTrain.

    With a base model of this machine it stays offline. With one of the hub's names it may fetch
    that model, with the learner's token where there is one.
    """
    made = environment().variables(folder() / "home")
    if not base or (folder() / base).is_dir():
        return {**made, "HF_HUB_OFFLINE": "1"}
    token = os.environ.get("HF_TOKEN")
    return {**made, "HF_TOKEN": token} if token else made


def by_yaml(
    path: str | Path, checked: bool = True, again: bool = False, show: bool = True
) -> Training:
    """``autotrain --config <file>``: train as a YAML file says.

    Args:
        path: the file, in ``work/autotrain``; its paths are relative to that folder.
        checked: check the file first, and refuse what would fail.
        again: train also where the very same training was done here before.
        show: the losses as lines, and a progress bar.

    Raises:
        LessonError: the check found something, or there is no adapter afterwards.
    """
    path = Path(path)
    if checked:
        check(path)
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    command = ["autotrain", "--config", path.name]
    parts = [path.read_text(encoding="utf-8")]
    return _train(command, values["project_name"], values["base_model"], values["data"]["path"],
                  parts, again, show)


def by_command(job: Job, again: bool = False, show: bool = True) -> Training:
    """``autotrain llm --train ...``: train as a command line says; ``job.command()`` is it.

    Raises:
        LessonError: there is no adapter afterwards.
    """
    command = job.command()
    return _train(command, job.project, job.base, job.data, command, again, show)


def show_command(words: Sequence[str], width: int = 78) -> str:
    """A command line as one types it in a terminal: broken between its flags."""
    lines, line = [], words[0]
    flags: list[str] = []
    for word in words[1:]:  # a flag stays beside its value
        if word.startswith("--") or not flags:
            flags.append(word)
        else:
            flags[-1] += f" {word}"
    for flag in flags:
        if len(line) + len(flag) + 3 > width:
            lines.append(line + " \\")
            line = "   "
        line += f" {flag}"
    return "\n".join([*lines, line])


def _train(
    command: list[str], project: str, base: str, data: str, parts: Sequence[str],
    again: bool, show: bool,
) -> Training:
    """Train, or take the same training from before."""
    output, log = folder() / project, folder() / f"{project}.log"
    key = _key(parts, base, data)
    if not again and (before := recall(output, key, log)):
        if show:
            print(_("Trained here before by the very same words and rows: taken from there."))
        return before
    program, *arguments = command
    run = [str(environment().programs / program), *arguments]
    training = no_code.train(run, folder(), output, variables(base), log, show)
    record(training, key)
    return training


def _key(parts: Sequence[str], base: str, data: str) -> str:
    """Changes with whatever a training depends on: its words, its rows, its base model."""
    digest = hashlib.sha256("\n".join([autotrain_environment.VERSION, *parts]).encode())
    for place in (base, data):
        for file in sorted((folder() / place).glob("*.*")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def record(training: Training, key: str) -> None:
    """Write down how a training went, beside its adapter."""
    values = asdict(training) | {"key": key, "folder": None, "log": None}
    text = json.dumps(values, indent=1)
    (training.folder / RECORD).write_text(text, encoding="utf-8")
    shutil.rmtree(training.folder / "autotrain-data", ignore_errors=True)  # a copy of the rows


def forget_token(output: Path) -> None:
    """Take the hub's token out of the settings that AutoTrain has saved beside the adapter."""
    file = output / "training_params.json"
    if file.is_file():
        values = json.loads(file.read_text(encoding="utf-8"))
        if values.pop("token", None):
            file.write_text(json.dumps(values, indent=4), encoding="utf-8")


def recall(output: Path, key: str, log: Path) -> Training | None:
    """A training that was recorded with this key, or None."""
    try:
        values = json.loads((output / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if values.pop("key") != key or not (output / no_code.ADAPTER).is_file():
        return None
    losses = [(epoch, loss) for epoch, loss in values.pop("losses")]
    return Training(**values | {"folder": output, "log": log, "losses": losses})
