"""The tables as Azure OpenAI's protocol shows them: where it differs from ``openai_view.py``.

Microsoft Learn, "Customize a model with fine-tuning", and the tutorial "Azure OpenAI
fine-tuning" with its printed answers. Theirs are: ids of 32 hex digits, the state ``pending``,
-1 for what is not known yet, names ``<base>.ft-<hex>``, the columns of the result file, and those
words of events that are not marked "ours".

An id of 32 hex digits cannot say that it is from a practice service. The organisation
(``org-practice``), the owner of models, request ids and the address do.

Ours, and simpler: ``organization_id`` and ``result_files`` are never null, as OpenAI's client
expects it; a job shows its ``trainingType``, where one was asked for.
"""

from __future__ import annotations

import csv
import io
import re
import secrets

from lessonlib.common.facts import limits
from lessonlib.practice.protocol import openai_view
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.fields import Fields
from lessonlib.practice.store import states
from lessonlib.practice.store.database import token_as_hex, token_of_hex
from lessonlib.practice.store.file_store import StoredFile
from lessonlib.practice.store.job_store import Event, Job

NAME = "azure"
LONGEST_SUFFIX = limits("azure")["suffix"]["longest"]
RESULTS_NAME = "results.csv"
COLUMNS = ("step", "train_loss", "train_mean_token_accuracy", "valid_loss",
           "validation_mean_token_accuracy", "full_valid_loss", "full_valid_mean_token_accuracy")
#: The third is spelled so: "Developer", as one page of Microsoft's has it, is refused there.
TRAINING_TYPES = ("Standard", "GlobalStandard", "developerTier")
#: Shown in place of a number that is not known yet.
NOT_KNOWN = -1

#: Our state of a job -> Azure's. The others have the same name.
STATES = {states.VALIDATING: "pending", states.QUEUED: "pending"}

WORDS = {
    "created": "Job enqueued. Waiting for jobs ahead to complete.",
    "started": "Job started.",
    "completed": "Job succeeded.",
    "model": "Completed results file: {result}",
    "cancelled": "Job canceled.",
    # Ours from here on.
    "forecast": "A model of {millions:,.0f} million weights: about {rate:,.0f} tokens a second "
                "on this machine, so {tokens:,} tokens take about {minutes} min; "
                "{gigabytes:.1f} GB of memory.",
    "validating": "Preprocessing started.",
    "queued": "Preprocessing completed.",
    "checkpoint": "Created checkpoint at step {step}: {model}",
    "continued": "Training was interrupted and goes on after step {done} of {total}.",
    "paused": "Job paused.",
    "resumed": "Job resumed. Waiting for jobs ahead to complete.",
}


# --- ids and names


def new_file_id() -> str:
    return f"file-{secrets.token_hex(16)}"


def new_job_id() -> str:
    return f"ftjob-{secrets.token_hex(16)}"


def tuned_name(model: str, organisation: str, suffix: str | None) -> str:
    """``<base>.ft-<32 hex digits>``, and the suffix behind it (ours: where it stands).

    A model tuned further keeps the name of its first base.
    """
    base = model.split(".ft-")[0]
    plain = re.sub(r"[^a-z0-9]+", "-", (suffix or "").lower()).strip("-")
    return f"{base}.ft-{secrets.token_hex(16)}" + (f"-{plain}" if plain else "")


checkpoint_name = openai_view.checkpoint_name


# --- objects


def take_extra(fields: Fields) -> dict:
    """``trainingType``: where the training may run. Here it changes nothing.

    Raises:
        ApiError: 400, it is none of the known ones.
    """
    kind = fields.string("trainingType")
    if kind is None:
        return {}
    known = {one.lower(): one for one in TRAINING_TYPES}
    if kind.lower() not in known:
        names = ", ".join(f"'{one}'" for one in TRAINING_TYPES)
        raise ApiError(
            f"Invalid value: {kind!r}. Supported values are: {names}.",
            param="trainingType",
            code="invalid_value",
        )
    return {"trainingType": known[kind.lower()]}


def new_file_object(file: StoredFile) -> dict:
    """A file in the answer to its upload: Azure reads it first."""
    return file_object(file) | {"status": "pending"}


file_object = openai_view.file_object


def job_object(job: Job) -> dict:
    """A job. What is left to the service is -1 until it is known."""
    shown = openai_view.job_object(job)
    unknown = {"n_epochs": NOT_KNOWN, "batch_size": NOT_KNOWN, "learning_rate_multiplier": 1}
    chosen = {
        name: unknown[name] if value == "auto" else value
        for name, value in shown["hyperparameters"].items()
    }
    return shown | {
        "status": STATES.get(job.status, job.status),
        "hyperparameters": chosen,
        "method": {"type": "supervised", "supervised": {"hyperparameters": chosen}},
        **job.extra,
    }


def event_object(event: Event, job: Job) -> dict:
    """An event; only a step has data, which do not tell how many steps there are."""
    shown = openai_view.event_object(event, job)
    shown |= {"id": f"ftevent-{token_as_hex(event.token)}", "message": event_message(event, job)}
    shown["data"].pop("total_steps", None)
    if not shown["data"]:
        del shown["data"]
    return shown


def event_message(event: Event, job: Job) -> str:
    """An event in Azure's words."""
    if event.kind == "step":
        return f"Step {event.step}: training loss={event.details['train_loss']}"
    if event.kind == "failed":
        return job.error["message"] if job.error else ""
    known = {"job": job.id, "step": event.step, "result": job.result_file} | event.details
    return WORDS[event.kind].format(**known)


def checkpoint_object(row: dict) -> dict:
    shown = openai_view.checkpoint_object(row)
    return shown | {"id": f"ftchkpt-{token_as_hex(row['token'])}"}


def event_token(id: str) -> str:
    return token_of_hex(id.removeprefix("ftevent-"))


def checkpoint_token(id: str) -> str:
    return token_of_hex(id.removeprefix("ftchkpt-"))


def result_content(metrics: list[dict], job: Job) -> bytes:
    """The result file: a CSV table as it is. The loss on the whole validation file, at the end of
    each epoch, has columns of its own."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in metrics:
        values = [row[name] for name in ("train_loss", "train_accuracy", "valid_loss",
                                         "valid_accuracy")]
        whole = openai_view.is_whole(row["step"], len(metrics), job)
        values[2:] = [None, None, *values[2:]] if whole else [*values[2:], None, None]
        writer.writerow([row["step"]] + ["" if v is None else round(v, 5) for v in values])
    return table.getvalue().encode("utf-8")
