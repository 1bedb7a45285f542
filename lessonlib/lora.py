"""Fine-tuning on this machine with LoRA, through Hugging Face's TRL and PEFT.

    from lessonlib import lora
    model = lora.tune(rows, "my-recipes", validation=more_rows)
    client.chat.completions.create(model="my-recipes", ...)

LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685) leaves the base model as it is and trains
two small matrices beside each of its large ones: the *adapter*. What is done to a row is in
``lora_rows``, what makes it fast in ``lora_speed``, what is written where in ``lora_folders``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lessonlib import kept_trainings, lora_folders, lora_rows, paths
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.lora_device import Choice, choose_device
from lessonlib.lora_guards import OutOfMemory, free_memory, memory_errors, quiet
from lessonlib.lora_settings import LoraSettings

__all__ = ["Choice", "LoraSettings", "TunedModel", "choose_device", "get_ready", "load", "tune"]


@dataclass(frozen=True, repr=False)
class TunedModel:
    """What ``tune`` made.

    Attributes:
        name: ask for it by this name: ``create(model=name, ...)``.
        folder: the merged model, a Hugging Face folder.
        adapter_folder: the adapter alone, with ``tuning.json`` and the kept checkpoints.
        history: one ``Point`` a step (step, epoch, train_loss, validation_loss, seconds); with
            validation rows, step 0 is the base model.
        seconds: the whole call, from rows to the finished model.
        tokens: trained tokens, that is tokens of all rows times epochs.
        device: where it was trained, and why there.
    """

    name: str
    base: str
    folder: Path
    adapter_folder: Path
    history: list
    seconds: float
    tokens: int
    settings: LoraSettings
    seed: int
    device: Choice

    @property
    def epochs(self) -> list:
        """The history's last point of each epoch: where the validation losses are."""
        from lessonlib.lora_progress import epoch_ends

        return epoch_ends(self.history)

    def checkpoint(self, epoch: int) -> TunedModel:
        """The model as it was after ``epoch``, served as ``<name>-epoch-<epoch>``.

        Raises:
            LessonError: that checkpoint was not kept.
        """
        adapter = self.adapter_folder / f"epoch-{epoch}"
        if not adapter.is_dir():
            kept = sorted(int(path.name[6:]) for path in self.adapter_folder.glob("epoch-*"))
            raise LessonError(
                _("There is no checkpoint of {name} after epoch {epoch}.").format(
                    name=self.name, epoch=epoch
                ),
                _("Kept are: {kept}.").format(kept=", ".join(map(str, kept)))
                if kept
                else _("Tune again with LoraSettings(keep_checkpoints=True)."),
            )
        name = f"{self.name}-epoch-{epoch}"
        folder = paths.MODELS / name
        with quiet():
            lora_folders.save_merged(self.base, adapter, folder)
        steps = self.epochs[epoch - 1].step
        history = [point for point in self.history if point.step <= steps]
        return dataclasses.replace(
            self,
            name=name,
            folder=folder,
            adapter_folder=adapter,
            history=history,
            seconds=history[-1].seconds,
            tokens=self.tokens * epoch // self.settings.epochs,
        )

    def picture(self):
        """The loss over the epochs; shown when it is the last thing in a cell."""
        from lessonlib.lora_progress import loss_picture

        return loss_picture(self.history, self.name)

    def __repr__(self) -> str:
        text = _("{name}: {epochs} epochs in {seconds:.0f} s on {device}").format(
            name=self.name, epochs=len(self.epochs), seconds=self.seconds, device=self.device.value
        )
        losses = [p.validation_loss for p in self.history if p.validation_loss is not None]
        if losses:
            text += _("; validation loss {first:.2f} -> {last:.2f}").format(
                first=losses[0], last=losses[-1]
            )
        return text


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
    asked = _fingerprint(rows, base, settings, seed)
    if reuse and (found := _tuned_before(name, asked, merge)):
        print(_("{name} was tuned here before with the same rows and settings.").format(name=name))
        return found
    kept = kept_trainings.place(asked, base, validation)
    if kept_trainings.take(kept, adapter_folder):
        return _renamed(name, base, merge)
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
        (new / "tuning.json").write_text(_as_json(model, asked), encoding="utf-8")
        if merge:
            lora_folders.save_merged(base, new, folder)
    kept_trainings.keep(kept, adapter_folder)
    if show:
        from lessonlib.lora_training import show_result

        show_result(model)
    return dataclasses.replace(model, seconds=time.perf_counter() - began)


def _renamed(name: str, base: str, merge: bool) -> TunedModel:
    """The model of an adapter that was trained under another name, perhaps, and merged here."""
    folder = paths.ADAPTERS / name
    record = json.loads((folder / "tuning.json").read_text(encoding="utf-8"))
    text = json.dumps(record | {"name": name}, indent=1)
    (folder / "tuning.json").write_text(text, encoding="utf-8")
    if merge:
        with quiet():
            lora_folders.save_merged(base, folder, paths.MODELS / name)
    return _record(name)[0]


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
    saved, _asked = _record(name)
    if saved is None or not (paths.MODELS / name).is_dir():
        raise LessonError(
            _("No model called {name} was tuned here.").format(name=name),
            _("Tune it first: lora.tune(rows, {name!r}).").format(name=name),
        )
    return saved


def _record(name: str) -> tuple[TunedModel | None, str]:
    """What ``tuning.json`` says of a model: itself, and the fingerprint of what was asked for."""
    from lessonlib.lora_progress import Point

    adapter_folder = paths.ADAPTERS / name
    record = adapter_folder / "tuning.json"
    if not record.is_file():
        return None, ""
    saved = json.loads(record.read_text(encoding="utf-8"))
    asked = saved.pop("asked", "")
    saved["settings"] = LoraSettings(**saved["settings"])
    saved["device"] = Choice(**saved["device"])
    saved["history"] = [Point(**point) for point in saved["history"]]
    folder = paths.MODELS / name
    return TunedModel(folder=folder, adapter_folder=adapter_folder, **saved), asked


def _tuned_before(name: str, asked: str, merged: bool) -> TunedModel | None:
    """The model of that name, if the same was asked for when it was tuned."""
    found, before = _record(name)
    there = found and (found.folder.is_dir() or not merged)
    return found if there and asked == before else None


def _fingerprint(rows: Sequence[dict], base: str, settings: LoraSettings, seed: int) -> str:
    """Changes when anything that decides what is learned changes (but a base's new weights)."""
    asked = [list(rows), str(base), dataclasses.asdict(settings), seed]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _as_json(model: TunedModel, asked: str) -> str:
    """All of a tuned model's record but its folders, which may move."""
    record = dataclasses.asdict(model) | {"asked": asked}
    del record["folder"], record["adapter_folder"]
    return json.dumps(record, indent=1)
