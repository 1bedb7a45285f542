"""Train one job: LoRA on its base model, with the loss on the assistant's answers.

The loop is that of ``lora.tune``: ``lessonlib.lora.loop``. A service must be able to stop at any
step and go on from there. Everything that a step depends on follows from the job's seed and the
step's number, or is in the saved state. So a job that was interrupted, even by ``kill -9``, ends
with the same model as one that was not.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import time

import torch

from lessonlib import chat_files
from lessonlib.common.errors import LessonError
from lessonlib.common.files import replacing
from lessonlib.common.i18n import _
from lessonlib.lora import base as lora_base
from lessonlib.lora import loop, saving
from lessonlib.lora import rows as lora_rows
from lessonlib.lora.history import Point
from lessonlib.models.device import choose_device
from lessonlib.models.quiet import quiet
from lessonlib.practice.protocol import rehearse
from lessonlib.practice.protocol.catalogue import Catalogue
from lessonlib.practice.store import states
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.store import Store
from lessonlib.practice.trainer import checking, forecast
from lessonlib.practice.trainer.checking import JobFailure
from lessonlib.practice.trainer.finishing import Finisher, JobRecord, StepMetrics

log = logging.getLogger("lessonlib.practice")

#: Seconds between two savings of the state, besides those at the end of an epoch.
SAVE_EVERY = 10.0
#: A job tells of so many steps at most; all steps are in its result file.
MOST_STEP_EVENTS = 100
#: Steps between two looks at a batch of the validation file.
VALIDATE_EVERY = 10


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
        self.device = choose_device().value
        self.size = forecast.Size(self.base.folder)
        self.settings = forecast.settings(self.size, job.chosen)

    def run(self) -> None:
        """Train to the end, or until the job is paused or cancelled.

        Raises:
            JobFailure: the job cannot be trained.
            WrongState: it was paused or cancelled in the middle of a step.
        """
        with quiet(), forecast.threads(self.size):
            self._prepare()
            self.record.begin(self.total, self.step)
            with self.learner.at_work():
                self._tell_how_long()
                self.began, self.saved, self.first = time.monotonic(), time.monotonic(), self.step
                loop.train(
                    self.learner, self.rows, self.checks, self.job.seed, self._after_step,
                    start=self.step, stop=self._must_stop,
                )
            if self.step < self.total:
                self._save()

    def _prepare(self) -> None:
        """Model, rows and state; a job that was interrupted goes on from its saved state."""
        if self.size.is_large:
            self.settings, self.needed = forecast.fitting(self.size, self.settings, self.device)
        try:
            model, tokenizer = lora_base.load(
                str(self.base.folder), self.settings, self.device, self.job.seed
            )
        except LessonError as error:
            raise JobFailure("model_not_loadable", str(error), "model") from error
        self.longest = model.config.max_position_embeddings
        kinds = {"training_file": _("Training"), "validation_file": _("Validation")}
        self.rows, self.checks = (
            self._rows(getattr(self.job, param), param, kind, tokenizer)
            for param, kind in kinds.items()
        )
        self.learner = loop.Learner(model, self.settings, self.device)
        self.total = loop.steps(self.rows, self.settings)
        self.step = self._restore()
        self.finisher = Finisher(self.store, self.job, self.record, self.base, self.folder)

    def _tell_how_long(self) -> None:
        """Of a large model: how fast it is trained here, before it is."""
        if not self.size.is_large or self.job.attempts > 1:
            return
        few = sorted(self.rows, key=lambda row: len(row["input_ids"]))[len(self.rows) // 2 :][:2]
        began = time.perf_counter()
        self.learner.measure(few)
        # Forward alone; the way back takes about twice as long.
        rate = sum(len(row["input_ids"]) for row in few) / (3 * (time.perf_counter() - began))
        tokens = self.settings.epochs * sum(len(row["input_ids"]) for row in self.rows)
        self.record.forecast(
            millions=self.size.weights / 1e6, rate=rate, tokens=tokens,
            minutes=max(1, round(tokens / rate / 60)), gigabytes=self.needed / 1e9,
        )  # fmt: skip

    def _rows(self, id: str | None, param: str, kind: str, tokenizer) -> list[dict]:
        """The rows of a file, tokenised; none where the job has no such file."""
        if not id:
            return []
        if self.store.files.find(self.job.organisation, id) is None:
            raise JobFailure(*checking.file_gone(id, param))
        try:
            rows = chat_files.read(self.store.files.path_of(id))
            return lora_rows.tokenise(rows, tokenizer, self.longest, kind)
        except LessonError as error:
            raise JobFailure(f"invalid_{param}", str(error), param) from error

    # --- one step

    def _must_stop(self) -> bool:
        if self.job.rehearse == "fail_midway" and self.step + 1 > self.total / 2:
            raise JobFailure(*rehearse.JOB_ERRORS["fail_midway"])
        return self.record.status() != states.RUNNING

    def _after_step(self, point: Point, epoch_is_over: bool) -> None:
        step, total = point.step, self.total
        if not math.isfinite(point.train_loss):
            raise JobFailure(
                "training_diverged",
                f"The training loss is no longer a number at step {step}. "
                "Choose a smaller learning_rate_multiplier.",
                "learning_rate_multiplier",
            )
        checked = (point.validation_loss, point.validation_accuracy)
        if self.checks and not epoch_is_over and step % VALIDATE_EVERY == 0:
            checked = self.learner.measure(self._few_checks(step))
        metrics = StepMetrics(step, point.train_loss, point.train_accuracy, *checked)
        each = (time.monotonic() - self.began) / (step - self.first)
        finish = int(time.time() + each * (total - step))
        tell = step % math.ceil(total / MOST_STEP_EVENTS) == 0 or step in (1, total)
        self.record.step(metrics, total, tell, finish)
        self.step = step
        if epoch_is_over:
            self._end_epoch(metrics)
        elif time.monotonic() - self.saved > SAVE_EVERY:
            self._save()

    def _few_checks(self, step: int) -> list[dict]:
        """As many rows of the validation file as a batch has, others each time."""
        size, start = self.settings.batch_size, step // VALIDATE_EVERY - 1
        places = {(start * size + place) % len(self.checks) for place in range(size)}
        return [self.checks[place] for place in sorted(places)]

    def _end_epoch(self, metrics: StepMetrics) -> None:
        """Keep the epoch's model; after the last epoch the job is done."""
        adapter = self.folder / "adapter"
        saving.save_adapter(self.learner.model, adapter)
        target = self.finisher.place(metrics.step)
        saving.save_merged(str(self.base.folder), adapter, target)
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
            "learner": self.learner.state(),
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
        plan = json.dumps(self.job.chosen)
        same = (state["base"], state["plan"]) == (self.base.fingerprint, plan)
        if not same or "learner" not in state:  # an older edition of the course wrote other states
            log.info("%s starts anew: its base model or the course has changed", self.job.id)
            return 0
        self.learner.restore(state["learner"])
        return state["step"]
