"""The tables as OpenAI's protocol shows them: ids, names, objects and the words of events.

OpenAI API reference, "Files", "Fine-tuning" and "Models". The words of the events on the main
path are OpenAI's, as they stand in the logs that people have published since 2023; those marked
"ours" are not, since the real ones are not documented.

A *view* is a module with these functions and these constants in capitals, such as this one and
``azure_view.py``. Routes and trainer ask it for names and words.
"""

from __future__ import annotations

import base64
import csv
import io
import re

from lessonlib.common.facts import limits
from lessonlib.practice.protocol.fields import Fields
from lessonlib.practice.store.database import token
from lessonlib.practice.store.file_store import StoredFile
from lessonlib.practice.store.job_store import Event, Job

NAME = "openai"
LONGEST_SUFFIX = limits()["job"]["longest_suffix"]
RESULTS_NAME = "step_metrics.csv"
COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")

WORDS = {
    "created": "Created fine-tuning job: {job}",
    "queued": "Files validated, moving job to queued state",
    "started": "Fine-tuning job started",
    "checkpoint": "Checkpoint created at step {step}",
    "model": "New fine-tuned model created: {model}",
    "completed": "The job has successfully completed",
    # Ours from here on.
    "forecast": "A model of {millions:,.0f} million weights: about {rate:,.0f} tokens a second "
                "on this machine, so {tokens:,} tokens take about {minutes} min; "
                "{gigabytes:.1f} GB of memory",
    "continued": "Training was interrupted and goes on after step {done} of {total}",
    "paused": "Fine-tuning job paused",
    "resumed": "Fine-tuning job resumed, moving job to queued state",
    "cancelled": "Fine-tuning job cancelled",
}


# --- ids and names


def new_file_id() -> str:
    return f"file-practice-{token(22)}"


def new_job_id() -> str:
    return f"ftjob-practice-{token()}"


def organisation_id(organisation: str) -> str:
    return f"org-{organisation}"


def tuned_name(model: str, organisation: str, suffix: str | None) -> str:
    """``ft:<base>:<organisation>:<suffix>:<8 characters>``.

    A model tuned further keeps the name of its first base. In a suffix, everything but
    small letters and digits becomes a hyphen.
    """
    base = model.split(":")[1] if model.startswith("ft:") else model
    plain = re.sub(r"[^a-z0-9]+", "-", (suffix or "").lower()).strip("-")
    return f"ft:{base}:{organisation}:{plain}:{token(8)}"


def checkpoint_name(tuned_model: str, step: int) -> str:
    return f"{tuned_model}:ckpt-step-{step}"


# --- objects


def take_extra(fields: Fields) -> dict:
    """Parameters of a new job that only this protocol has: none."""
    return {}


def new_file_object(file: StoredFile) -> dict:
    """A file in the answer to its upload: it can be used at once."""
    return file_object(file)


def file_object(file: StoredFile) -> dict:
    return {
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": file.bytes,
        "created_at": file.created_at,
        "status": "processed",
    }


def job_object(job: Job) -> dict:
    """A job. The tuned model's name is told once the model is there."""
    chosen = job.chosen or job.asked
    return {
        "object": "fine_tuning.job",
        "id": job.id,
        "model": job.model,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "fine_tuned_model": job.tuned_model if job.status == "succeeded" else None,
        "organization_id": organisation_id(job.organisation),
        "result_files": [job.result_file] if job.result_file else [],
        "status": job.status,
        "validation_file": job.validation_file,
        "training_file": job.training_file,
        "hyperparameters": chosen,
        "trained_tokens": job.trained_tokens,
        "error": job.error,
        "seed": job.seed,
        "estimated_finish": job.estimated_finish,
        "integrations": [],
        "metadata": job.metadata,
        "method": {"type": "supervised", "supervised": {"hyperparameters": chosen}},
    }


def event_object(event: Event, job: Job) -> dict:
    data = {}
    if event.kind == "step":
        data = {"step": event.step, "total_steps": event.details["total"]}
        values = step_metrics(event.details, is_whole(event.step, event.details["total"], job))
        data |= {name: value for name, value in values.items() if value is not None}
    return {
        "object": "fine_tuning.job.event",
        "id": f"ftevent-practice-{event.token}",
        "created_at": event.created_at,
        "level": event.level,
        "message": event_message(event, job),
        "data": data,
        "type": "metrics" if event.kind == "step" else "message",
    }


def event_message(event: Event, job: Job) -> str:
    """An event in OpenAI's words."""
    details = event.details
    if event.kind == "validating":
        text = f"Validating training file: {job.training_file}"
        return text + (f" and validation file: {job.validation_file}" * bool(job.validation_file))
    if event.kind == "step":
        text = f"Step {event.step}/{details['total']}: training loss={details['train_loss']:.2f}"
        if details["valid_loss"] is not None:
            full = "full " * is_whole(event.step, details["total"], job)
            text += f", {full}validation loss={details['valid_loss']:.2f}"
        return text
    if event.kind == "failed":
        return job.error["message"] if job.error else ""
    return WORDS[event.kind].format(job=job.id, step=event.step, **details)


def event_token(id: str) -> str:
    return id.removeprefix("ftevent-practice-")


def checkpoint_object(row: dict) -> dict:
    metrics = row["metrics"]
    values = {"step": metrics["step"], **step_metrics(metrics)}
    if metrics["valid_loss"] is not None:  # taken over the whole validation file
        values["full_valid_loss"] = values["valid_loss"]
        values["full_valid_mean_token_accuracy"] = values["valid_mean_token_accuracy"]
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": f"ftckpt-practice-{row['token']}",
        "created_at": row["created_at"],
        "fine_tuning_job_id": row["job"],
        "fine_tuned_model_checkpoint": row["model"],
        "step_number": row["step"],
        "metrics": {name: value for name, value in values.items() if value is not None},
    }


def checkpoint_token(id: str) -> str:
    return id.removeprefix("ftckpt-practice-")


def is_whole(step: int, total: int, job: Job) -> bool:
    """Whether the validation loss of a step is that of the whole file: at the end of an epoch it
    is, and between two of them that of a few examples."""
    epochs = (job.chosen or {}).get("n_epochs")
    return isinstance(epochs, int) and total % epochs == 0 and step % (total // epochs) == 0


def step_metrics(row: dict, whole: bool = False) -> dict:
    """The four numbers of a step by OpenAI's names; ``whole``: as ``is_whole`` tells."""
    full = "full_" * whole
    return {
        "train_loss": row["train_loss"],
        "train_mean_token_accuracy": row["train_accuracy"],
        f"{full}valid_loss": row["valid_loss"],
        f"{full}valid_mean_token_accuracy": row["valid_accuracy"],
    }


def result_content(metrics: list[dict], job: Job) -> bytes:
    """The result file: a CSV table, encoded in base64 as OpenAI delivers it.

    It has no column for the loss on the whole validation file: events and checkpoints tell that.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in metrics:
        values = [row[name] for name in ("train_loss", "train_accuracy", "valid_loss",
                                         "valid_accuracy")]
        if is_whole(row["step"], len(metrics), job):
            values[2:] = [None, None]
        writer.writerow([row["step"]] + ["" if v is None else round(v, 5) for v in values])
    return base64.b64encode(table.getvalue().encode("utf-8"))
