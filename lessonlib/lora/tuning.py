"""Fine-tuning on this machine with LoRA, by PyTorch and Hugging Face's PEFT.

    from lessonlib import lora
    model = lora.tune(rows, "my-recipes", validation=more_rows)
    client.chat.completions.create(model="my-recipes", ...)

LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685) leaves the base model as it is and trains
two small matrices beside each of its large ones: the *adapter*. The training itself is in
``lora.loop``, the loss in ``lora.loss``, what happens to a row in ``lora.rows``, and what makes it
fast in ``lora.speed``. ``models.folders`` says what is written where, and ``lora.record`` keeps
what is known about a tuned model afterwards.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora import rows as lora_rows
from lessonlib.lora import saving
from lessonlib.lora.guards import OutOfMemory, disk_errors, free_memory, memory_errors
from lessonlib.lora.history import Lines, LivePicture, Point
from lessonlib.lora.plan import for_size
from lessonlib.lora.record import TunedModel, as_json, fingerprint, record_of, tuned_before
from lessonlib.lora.settings import ROWS_AT_ONCE, LoraSettings
from lessonlib.models import catalogue, folders
from lessonlib.models.configs import context_of
from lessonlib.models.device import Choice, choose_device
from lessonlib.models.quiet import quiet
from lessonlib.show.live import in_notebook

__all__ = ["Choice", "LoraSettings", "TunedModel", "choose_device", "load", "tune"]

#: Two threads that load a model at once spoil it for all of the process: transformers changes
#: PyTorch's modules for a moment, and puts back what the other one has changed.
ONE_AT_A_TIME = threading.Lock()


def tune(
    rows: Sequence[dict],
    name: str,
    base: str | Path | None = None,
    settings: LoraSettings | None = None,
    validation: Sequence[dict] | None = None,
    seed: int = 0,
    show: bool = True,
    merge: bool = True,
    reuse: bool = False,
) -> TunedModel:
    """Train a LoRA adapter on chat rows or raw text; the tuned model is served at once.

    The loss counts the assistant's answers alone; in a row of raw text it counts everything.
    The same rows, settings and seed give the same model on the same machine with the same
    number of threads. In one process one training waits for another.

    Args:
        rows: ``{"messages": [{"role": ..., "content": ...}, ...]}`` each, as in a training file;
            or ``{"text": ...}`` to go on as in pretraining, without question and answer.
        name: what the new model is to be called; a model of that name is replaced.
        base: the built-in model, or another (see ``models.folders.find_base``).
        settings: those that suit a model of that size, if not given (see ``lora.plan``).
        validation: rows to take the validation loss on after each epoch; never trained on.
        show: progress and the loss picture in a notebook, a line an epoch in a terminal.
        merge: write the merged model as well. Without it only the adapter is written, and an older
            merged model of that name is removed: the base must fit into this machine's memory to be
            merged, whatever the GPU holds.
        reuse: where a model of that name was tuned here with the same rows, validation rows, base,
            settings and seed, take it, and say so.

    Raises:
        LessonError: something about the rows, the name or the settings is wrong, or memory or
            disk do not suffice. The text names the row, the rule and the cure.

    Introduced in notebook 00.
    """
    began = time.perf_counter()
    folders.check_name(name)
    lora_rows.check_rows(rows, _("Training"))
    if validation is not None:
        lora_rows.check_rows(validation, _("Validation"))
    base = folders.find_base(base)
    settings = settings or for_size(catalogue.counted(base).total)
    device = choose_device(settings.device)
    adapter_folder, folder = paths.ADAPTERS / name, paths.MODELS / name
    asked = fingerprint(rows, validation, base, settings, seed)
    if reuse and (found := tuned_before(name, asked, merge)):
        print(_("{name} was tuned here before with the same rows and settings.").format(name=name))
        return found
    with ONE_AT_A_TIME, quiet(), disk_errors(), folders.new_folder(adapter_folder) as new:
        run, settings = _train(rows, validation, base, settings, seed, device.value, new, show)
        model = TunedModel(
            name,
            base,
            folder,
            adapter_folder,
            run.history,
            time.perf_counter() - began,
            run.tokens,
            settings,
            seed,
            device,
        )
        (new / "tuning.json").write_text(as_json(model, asked), encoding="utf-8")
        if merge:
            saving.save_merged(base, new, folder)
        elif Path(base) != folder.resolve():  # else an older model would answer to this name
            shutil.rmtree(folder, ignore_errors=True)
    if show:
        _show_result(model)
    return dataclasses.replace(model, seconds=time.perf_counter() - began)


@dataclass(frozen=True)
class Run:
    """``history``: see ``lora.history.Point``. ``tokens``: rows' tokens times epochs."""

    history: list[Point]
    tokens: int


def _train(
    rows: Sequence[dict],
    validation: Sequence[dict] | None,
    base: str,
    settings: LoraSettings,
    seed: int,
    device: str,
    folder: Path,
    show: bool,
) -> tuple[Run, LoraSettings]:
    """Train, and write the adapter to ``folder``; where the memory does not suffice, once more
    with half the rows at a time, so that the same is learned in steps of as many rows.

    Returns:
        The run, and the settings that it was made with.

    Raises:
        LessonError: the memory does not suffice for half as many rows either.
    """
    together = min(settings.batch_size, ROWS_AT_ONCE)
    try:
        with memory_errors(device, together):
            return _run(rows, validation, base, settings, seed, device, folder, show), settings
    except OutOfMemory as error:
        if together == 1:
            raise
        step = settings.batch_size * settings.accumulate
        fewer = next(size for size in range(together // 2, 0, -1) if step % size == 0)
        print(_("{problem}\nTrying once more with {fewer} at a time; {times} times {fewer} make one"
                " step.").format(problem=error.problem, fewer=fewer, times=step // fewer))
        settings = dataclasses.replace(settings, batch_size=fewer, accumulate=step // fewer)
    free_memory()  # outside the except: there the error would still hold what was allocated
    with memory_errors(device, settings.batch_size):
        return _run(rows, validation, base, settings, seed, device, folder, show), settings


def _run(rows, validation, base, settings, seed, device, folder, show) -> Run:
    """One training run from rows to the saved adapter; arguments as for ``_train``."""
    from lessonlib.lora import base as lora_base
    from lessonlib.lora import loop

    model, tokenizer = lora_base.load(base, settings, device, seed)
    longest = min(context_of(model.config), settings.max_length or 10**9)
    data = lora_rows.tokenise(rows, tokenizer, longest, _("Training"))
    checks = lora_rows.tokenise(validation or [], tokenizer, longest, _("Validation"))
    learner, history = loop.Learner(model, settings, device), []
    with contextlib.ExitStack() as stack:
        shown = None
        if show and in_notebook():
            shown = LivePicture(loop.steps(data, settings))
            stack.callback(shown.close)
        elif show:
            shown = Lines(settings.epochs)

        def watch(point: Point, epoch_is_over: bool) -> None:
            history.append(point)
            if shown:
                shown(history, epoch_is_over)
            if epoch_is_over and settings.keep_checkpoints:
                saving.save_adapter(model, folder / f"epoch-{round(point.epoch)}")

        stack.enter_context(learner.at_work())
        if checks:
            watch(Point(0, 0.0, None, learner.measure(checks)[0], 0.0), False)
        loop.train(learner, data, checks, seed, watch)
    saving.save_adapter(model, folder)
    return Run(history, settings.epochs * sum(len(row["input_ids"]) for row in data))


def _show_result(model: TunedModel) -> None:
    """The final picture in a notebook, a closing line in a terminal."""
    if in_notebook():
        from IPython.display import display

        display(model.picture())
    else:
        print(model, flush=True)


def load(name: str) -> TunedModel:
    """A model that was tuned here before, perhaps before the kernel was restarted.

    Raises:
        LessonError: there is none of that name.
    """
    folders.check_name(name)
    saved, _asked = record_of(name)
    if saved is None or not (paths.MODELS / name).is_dir():
        raise LessonError(
            _("No model called {name} was tuned here.").format(name=name),
            _("Tune it first: lora.tune(rows, {name!r}).").format(name=name),
        )
    return saved
