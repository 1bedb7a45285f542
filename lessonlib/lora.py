"""Fine-tuning on this machine with LoRA, through Hugging Face's TRL and PEFT.

    from lessonlib import lora
    model = lora.tune(rows, "my-recipes", validation=more_rows)
    client.chat.completions.create(model="my-recipes", ...)

LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685) leaves the base model as it is and trains
two small matrices beside each of its large ones: the *adapter*. What is done to a row is in
``lora_rows``, what makes it fast in ``lora_speed``, what is written where in ``lora_folders``, what
is known of a tuned model afterwards in ``lora_record``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from lessonlib import kept_trainings, lora_folders, lora_rows, lora_saving, paths
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.lora_device import Choice, choose_device
from lessonlib.lora_guards import OutOfMemory, free_memory, memory_errors
from lessonlib.lora_record import TunedModel, as_json, fingerprint, record_of, renamed, tuned_before
from lessonlib.lora_settings import LoraSettings
from lessonlib.models_quiet import quiet

__all__ = ["Choice", "LoraSettings", "TunedModel", "choose_device", "get_ready", "load", "tune"]


def get_ready() -> threading.Thread:
    """Load the training libraries in the background: the first ``tune`` then starts at once.

    They take some seconds, which pass unnoticed while something else is being waited for.
    """

    def load_libraries() -> None:
        # What is wrong with them is told by ``tune``, where somebody is listening.
        with contextlib.suppress(Exception):
            importlib.import_module("lessonlib.lora_training")

    thread = threading.Thread(target=load_libraries, daemon=True)
    thread.start()
    return thread


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
    number of threads.

    Args:
        rows: ``{"messages": [{"role": ..., "content": ...}, ...]}`` each, as in a training file;
            or ``{"text": ...}`` to go on as in pretraining, without question and answer.
        name: what the new model is to be called; a model of that name is replaced.
        base: the built-in model, or another (see ``lora_folders.find_base``).
        validation: rows to take the validation loss on after each epoch; never trained on.
        show: progress and the loss picture in a notebook, a line an epoch in a terminal.
        merge: write the merged model as well. Without it only the adapter is written: the base
            must fit into this machine's memory to be merged, whatever the GPU holds.
        reuse: where a model of that name was tuned here with the same rows, base, settings and
            seed, take it, and say so.

    Raises:
        LessonError: something about the rows, the name or the settings is wrong, or the memory
            does not suffice. The text names the row, the rule and the cure.
    """
    began = time.perf_counter()
    settings = settings or LoraSettings()
    lora_folders.check_name(name)
    lora_rows.check_rows(rows, _("Training"))
    if validation is not None:
        lora_rows.check_rows(validation, _("Validation"))
    base = lora_folders.find_base(base)
    device = choose_device(settings.device)
    adapter_folder, folder = paths.ADAPTERS / name, paths.MODELS / name
    asked = fingerprint(rows, base, settings, seed)
    if reuse and (found := tuned_before(name, asked, merge)):
        print(_("{name} was tuned here before with the same rows and settings.").format(name=name))
        return found
    kept = kept_trainings.place(asked, base, validation)
    if kept_trainings.take(kept, adapter_folder):
        return renamed(name, base, merge)
    with quiet(), lora_folders.new_folder(adapter_folder) as new:
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
            lora_saving.save_merged(base, new, folder)
    kept_trainings.keep(kept, adapter_folder)
    if show:
        from lessonlib.lora_training import show_result

        show_result(model)
    return dataclasses.replace(model, seconds=time.perf_counter() - began)


def _train(rows, validation, base, settings: LoraSettings, seed, device, folder, show):
    """Train; where the memory does not suffice, once more with half the rows at a time.

    Two halves make one step, so that the same is learned.

    Returns:
        The run, and the settings that it was made with.

    Raises:
        LessonError: the memory does not suffice for half as many rows either.
    """
    from lessonlib import lora_training

    try:
        with memory_errors(device, settings.batch_size):
            run = lora_training.train(rows, validation, base, settings, seed, device, folder, show)
            return run, settings
    except OutOfMemory as error:
        if settings.batch_size == 1:
            raise
        half = settings.batch_size // 2
        print(_("{problem}\nTrying once more with {half} at a time; two times {half} make one"
                " step.").format(problem=error.problem, half=half))
        settings = dataclasses.replace(
            settings, batch_size=half, accumulate=2 * settings.accumulate
        )
    free_memory()  # outside the except: there the error would still hold what was allocated
    with memory_errors(device, settings.batch_size):
        run = lora_training.train(rows, validation, base, settings, seed, device, folder, show)
    return run, settings


def load(name: str) -> TunedModel:
    """A model that was tuned here before, perhaps before the kernel was restarted.

    Raises:
        LessonError: there is none of that name.
    """
    lora_folders.check_name(name)
    saved, _asked = record_of(name)
    if saved is None or not (paths.MODELS / name).is_dir():
        raise LessonError(
            _("No model called {name} was tuned here.").format(name=name),
            _("Tune it first: lora.tune(rows, {name!r}).").format(name=name),
        )
    return saved
