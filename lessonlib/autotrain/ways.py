"""Hugging Face's AutoTrain: tune a model without writing code, by YAML, command line or web page.

    from lessonlib import autotrain
    autotrain.get_ready()                              # its environment; made once
    autotrain.write_data("recipes", rows)
    path = autotrain.Job("my-recipes", "recipes").write_yaml()
    training = autotrain.by_yaml(path)
    autotrain.serve(training, "my-recipes")            # then ask it like any other model

The web page is in ``autotrain.page``, the environment in ``autotrain.python_environment``.
Written for release 0.8.36; what that does was read in its source and measured.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from lessonlib.autotrain import python_environment, watch
from lessonlib.autotrain.job import Job, folder, write_data
from lessonlib.autotrain.python_environment import Environment
from lessonlib.autotrain.watch import Training, difference, serve
from lessonlib.autotrain.yaml_check import check
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory

__all__ = ["Job", "Training", "by_command", "by_yaml", "check", "difference", "get_ready",
           "serve", "show_command", "write_data"]

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

    Introduced in notebook 09.
    """
    try:
        _check_memory(memory)
        environment = python_environment.make()
        version = python_environment.works(environment)
    except LessonError as error:
        print(error)
        print(_("AutoTrain's parts of this notebook are skipped: everything under \"if ready\"."
                " All other cells run."))
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


def environment() -> Environment:
    """The finished environment.

    Raises:
        LessonError: it has not been made.
    """
    found = python_environment.find()
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

    Introduced in notebook 09.
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

    Introduced in notebook 09.
    """
    command = job.command()
    return _train(command, job.project, job.base, job.data, command, again, show)


def show_command(words: Sequence[str], width: int = 78) -> str:
    """A command line as one types it in a terminal: broken between its flags.

    Introduced in notebook 09.
    """
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
    program, *arguments = command
    run = [str(environment().programs / program), *arguments]
    return watch.once(
        output, log, key_of(parts, base, data),
        lambda: watch.train(run, folder(), output, variables(base), log, show), again, show)


def key_of(parts: Sequence[str], base: str, data: str) -> str:
    """Changes with whatever a training depends on: its words, its rows, its base model."""
    return watch.key_of([python_environment.VERSION, *parts], folder() / base, folder() / data)
