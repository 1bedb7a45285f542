"""A model that was tuned on this machine: what we know about it, kept beside its adapter.

``tuning.json`` in the adapter's folder holds all of a ``TunedModel`` but its folders, which may
move, and a fingerprint of what was asked for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _, ngettext
from lessonlib.lora import saving
from lessonlib.lora.settings import LoraSettings
from lessonlib.models import folders
from lessonlib.models.device import Choice
from lessonlib.models.quiet import quiet


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
        from lessonlib.lora.history import epoch_ends

        return epoch_ends(self.history)

    def checkpoint(self, epoch: int) -> TunedModel:
        """The model as it was after ``epoch``, served as ``<name>-epoch-<epoch>``.

        Raises:
            LessonError: that checkpoint was not kept, or the base is no longer there.

        Introduced in notebook 10.
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
        base = folders.find_base(self.base)
        with quiet():
            saving.save_merged(base, adapter, folder)
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

    def losses_by_epoch(self) -> tuple[list[int], list[float], list[float | None]]:
        """Epochs from 1, the mean training loss within each, the validation loss at its end (None
        where no validation rows were given); in nats per token."""
        numbers, means, checks, start = [], [], [], 0
        for number, end in enumerate(self.epochs, start=1):
            within = [point.train_loss for point in self.history if start < point.step <= end.step]
            numbers.append(number)
            means.append(sum(within) / len(within))
            checks.append(end.validation_loss)
            start = end.step
        return numbers, means, checks

    def picture(self):
        """The loss over the epochs; shown when it is the last thing in a cell."""
        from lessonlib.lora.history import loss_picture

        return loss_picture(self.history, self.name)

    def __repr__(self) -> str:
        text = ngettext("{name}: {epochs} epoch in {seconds:.0f} s on {device}",
                        "{name}: {epochs} epochs in {seconds:.0f} s on {device}",
                        len(self.epochs)).format(
            name=self.name, epochs=len(self.epochs), seconds=self.seconds, device=self.device.value
        )
        losses = [p.validation_loss for p in self.history if p.validation_loss is not None]
        if losses:
            text += _("; validation loss {first:.2f} -> {last:.2f}").format(
                first=losses[0], last=losses[-1]
            )
        return text


def record_of(name: str) -> tuple[TunedModel | None, str]:
    """What ``tuning.json`` says of a model: itself, and the fingerprint of what was asked for.

    None and '' where there is no such model, or its record cannot be read.
    """
    from lessonlib.lora.history import Point

    adapter_folder = paths.ADAPTERS / name
    record = adapter_folder / "tuning.json"
    if not record.is_file():
        return None, ""
    try:
        saved = json.loads(record.read_text(encoding="utf-8"))
        asked = saved.pop("asked", "")
        saved["settings"] = LoraSettings(**saved["settings"])
        saved["device"] = Choice(**saved["device"])
        saved["history"] = [Point(**point) for point in saved["history"]]
        folder = paths.MODELS / name
        return TunedModel(folder=folder, adapter_folder=adapter_folder, **saved), asked
    except (ValueError, KeyError, TypeError, LessonError):
        return None, ""  # cut off by a power cut, or written by another version of the course


def tuned_before(name: str, asked: str, merged: bool) -> TunedModel | None:
    """The model of that name, if the same was asked for when it was tuned."""
    found, before = record_of(name)
    there = found and (found.folder.is_dir() or not merged)
    return found if there and asked == before else None


def fingerprint(
    rows: Sequence[dict],
    validation: Sequence[dict] | None,
    base: str,
    settings: LoraSettings,
    seed: int,
) -> str:
    """Changes with anything that decides what is learned or written down of it.

    Only new weights of the base under its old name are not seen. A row may hold notes of one's own
    beside its messages, a date for instance: what JSON does not know counts as its text.
    """
    checks = None if validation is None else list(validation)
    asked = [list(rows), checks, str(base), dataclasses.asdict(settings), seed]
    text = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_json(model: TunedModel, asked: str) -> str:
    """All of a tuned model's record but its folders, which may move."""
    record = dataclasses.asdict(model) | {"asked": asked}
    del record["folder"], record["adapter_folder"]
    return json.dumps(record, indent=1)
