"""Train one job: LoRA on its base model, with the loss on the assistant's answers.

The same parts as in ``lessonlib.lora``, but with a loop of our own, because a service must be
able to stop at any step and to go on from there. Everything that a step depends on follows from
the job's seed and the step's number, or is in the saved state: so a job that was interrupted,
even by ``kill -9``, ends in the same model as one that was not.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import time

import torch

from lessonlib import chat_files, lora_rows, lora_saving
from lessonlib.i18n import _
from lessonlib.lora_device import choose_device
from lessonlib.lora_settings import LoraSettings
from lessonlib.lora_speed import LengthBatches
from lessonlib.lora_training import WIDEST_MERGED, adapter_config, load_base
from lessonlib.models_peft import (
    get_peft_model_state_dict,
    put_beside,
    set_peft_model_state_dict,
)
from lessonlib.models_quiet import quiet
from lessonlib.practice import checking, rehearse, states
from lessonlib.practice.catalogue import Catalogue
from lessonlib.practice.finishing import Finisher, JobRecord, StepMetrics
from lessonlib.practice.job_store import Job
from lessonlib.practice.learning import Learner
from lessonlib.practice.store import Store
from lessonlib.text_files import replacing

log = logging.getLogger("lessonlib.practice")

#: Seconds between two savings of the state, besides those at the end of an epoch.
SAVE_EVERY = 10.0
#: A job tells of so many steps at most; all steps are in its result file.
MOST_STEP_EVENTS = 100
#: Steps between two looks at a batch of the validation file.
VALIDATE_EVERY = 10


class JobFailure(Exception):
    """A job cannot go on. ``args``: code, message, param, as in the job's ``error``."""


class JobTraining:
    """One running job, from its files to the finished model."""

    def __init__(self, store: Store, job: Job):
        self.store, self.job = store, job
        self.record = JobRecord(store.database, job)
        self.folder = store.folder / "jobs" / job.id
        self.folder.mkdir(exist_ok=True)
        entry = Catalogue(store).find(job.organisation, job.model)
        if entry is None:
            raise JobFailure(*checking.model_gone(job))
        self.base = entry.model
        chosen = job.chosen
        self.settings = LoraSettings(
            epochs=chosen["n_epochs"],
            batch_size=chosen["batch_size"],
            learning_rate=min(
                1.0, chosen["learning_rate_multiplier"] * LoraSettings().learning_rate
            ),
        )

    def run(self) -> None:
        """Train to the end, or until the job is paused or cancelled.

        Raises:
            JobFailure: the job cannot be trained.
            WrongState: it was paused or cancelled in the middle of a step.
        """
        with quiet():
            self._prepare()
            self.record.begin(self.total, self.step)
            self.began, self.saved, first = time.monotonic(), time.monotonic(), self.step
            while self.step < self.total:
                if self.record.status() != states.RUNNING:
                    self._save()
                    return
                self._one_step(first)

    def _prepare(self) -> None:
        """Model, rows and state; a job that was interrupted goes on from its saved state."""
        device = choose_device().value.replace("fp16", "fp32")  # fp16 would need loss scaling
        torch.manual_seed(self.job.seed)
        model, tokenizer = load_base(str(self.base.folder), device)
        merged = model.config.hidden_size <= WIDEST_MERGED
        model = put_beside(model, adapter_config(self.settings, merged))
        self.longest = model.config.max_position_embeddings
        self.rows = self._rows(self.job.training_file, "training_file", tokenizer)
        self.checks = []
        if self.job.validation_file:
            self.checks = self._rows(self.job.validation_file, "validation_file", tokenizer)
        self.learner = Learner(model.to(device.split("-")[0]), self.settings.learning_rate)
        self.per_epoch = math.ceil(len(self.rows) / self.settings.batch_size)
        self.total = self.settings.epochs * self.per_epoch
        self.step = self._restore()
        self.finisher = Finisher(self.store, self.job, self.record, self.base, self.folder)

    def _rows(self, id: str, param: str, tokenizer) -> list[dict]:
        if self.store.files.find(self.job.organisation, id) is None:
            raise JobFailure(*checking.file_gone(id, param))
        rows = chat_files.read(self.store.files.path_of(id))
        return lora_rows.tokenise(rows, tokenizer, self.longest, _("Training"))

    # --- one step

    def _one_step(self, first: int) -> None:
        step, total = self.step + 1, self.total
        if self.job.rehearse == "fail_midway" and step > total / 2:
            raise JobFailure(*rehearse.JOB_ERRORS["fail_midway"])
        rate = learning_rate(self.step, total, self.settings)
        loss, accuracy = self.learner.learn(self._batch(step), rate)
        if not math.isfinite(loss):
            raise JobFailure(
                "training_diverged",
                f"The training loss is no longer a number at step {step}. "
                "Choose a smaller learning_rate_multiplier.",
                "learning_rate_multiplier",
            )
        epoch_is_over = step % self.per_epoch == 0
        checked = self._validate(step, epoch_is_over)
        metrics = StepMetrics(step, loss, accuracy, *checked)
        each = (time.monotonic() - self.began) / (step - first)
        finish = int(time.time() + each * (total - step))
        tell = step % math.ceil(total / MOST_STEP_EVENTS) == 0 or step in (1, total)
        self.record.step(metrics, total, tell, finish)
        self.step = step
        if epoch_is_over:
            self._end_epoch(metrics)
        elif time.monotonic() - self.saved > SAVE_EVERY:
            self._save()

    def _batch(self, step: int) -> list[dict]:
        """The rows of a step: each epoch in an order of its own, made from the seed."""
        epoch, place = divmod(step - 1, self.per_epoch)
        lengths = [len(row["input_ids"]) for row in self.rows]
        size = self.settings.batch_size
        order = list(LengthBatches(lengths, size, self.job.seed * 1000 + epoch))
        return [self.rows[row] for row in order[place * size : (place + 1) * size]]

    def _validate(self, step: int, epoch_is_over: bool) -> tuple[float | None, float | None]:
        """Loss and accuracy: over the whole validation file after an epoch, else on a batch."""
        if not self.checks or not (epoch_is_over or step % VALIDATE_EVERY == 0):
            return None, None
        if epoch_is_over:
            return self.learner.measure(self.checks)
        size, start = self.settings.batch_size, step // VALIDATE_EVERY - 1
        places = [(start * size + place) % len(self.checks) for place in range(size)]
        return self.learner.measure([self.checks[place] for place in sorted(set(places))])

    def _end_epoch(self, metrics: StepMetrics) -> None:
        """Keep the epoch's model; after the last epoch the job is done."""
        adapter = self.folder / "adapter"
        lora_saving.save_adapter(self.learner.model, adapter)
        target = self.finisher.place(metrics.step)
        lora_saving.save_merged(str(self.base.folder), adapter, target)
        if self.step < self.total:
            self.finisher.checkpoint(metrics)
            self._save()
        else:
            tokens = self.settings.epochs * sum(len(row["input_ids"]) for row in self.rows)
            self.finisher.succeed(metrics, tokens)
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- the state that an interrupted job goes on from

    def _save(self) -> None:
        """Write the state in one step, so that there is always a whole one."""
        state = {
            "step": self.step,
            "base": self.base.fingerprint,
            "plan": json.dumps(self.job.chosen),
            "adapter": get_peft_model_state_dict(self.learner.model),
            "optimizer": self.learner.optimizer.state_dict(),
        }
        with replacing(self.folder / "state.pt") as file:
            torch.save(state, file)
        self.saved = time.monotonic()

    def _restore(self) -> int:
        """Go back to the saved state; returns its step, or 0 where training starts anew."""
        path = self.folder / "state.pt"
        if not path.exists():
            return 0
        state = torch.load(path, map_location="cpu", weights_only=True)
        if (state["base"], state["plan"]) != (self.base.fingerprint, json.dumps(self.job.chosen)):
            log.info("%s starts anew: its base model has changed", self.job.id)
            return 0
        set_peft_model_state_dict(self.learner.model, state["adapter"])
        self.learner.optimizer.load_state_dict(state["optimizer"])
        return state["step"]


def learning_rate(done: int, total: int, settings: LoraSettings) -> float:
    """The learning rate after ``done`` steps: up over the warmup, then down along a cosine."""
    warmup = round(settings.warmup * total)
    if done < warmup:
        return settings.learning_rate * (done + 1) / (warmup + 1)
    share = (done - warmup) / max(1, total - warmup)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * share))
