"""Follow a fine-tuning job of a service: upload, create, watch, look at the result.

    from lessonlib import jobs
    training = jobs.upload(client, "work/train.jsonl")
    job = jobs.create(client, "pantry", training, suffix="recipes")
    run = jobs.follow(client, job)
    run.model                               # ask for it by this name
    jobs.results(client, job)               # every step as a table
    jobs.checkpoints(client, job)           # the models of the last epochs

All of it goes through the official client and works on the practice service, on OpenAI and on
Azure OpenAI alike. Training runs at the service: it goes on when this notebook is closed. On a
paid service ``create`` prints what the job will cost and asks for a yes (``job_guard``).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lessonlib import chat_files, job_guard
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.job_results import Checkpoints, Results, read_checkpoints, read_results
from lessonlib.job_watch import Run, follow

if TYPE_CHECKING:
    import openai

__all__ = ["Run", "checkpoints", "create", "follow", "results", "upload"]

#: States of a file that is not ready yet, on Azure; OpenAI's files are ready at once.
NOT_READY = ("pending", "running", "notRunning")


def upload(client: openai.OpenAI, source: str | Path | Iterable[dict]) -> str:
    """Send a training or validation file; returns its id once the service has read it.

    Args:
        source: the path of a chat training file, or the rows themselves.

    Raises:
        LessonError: there is no such file, or the service cannot read it.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise LessonError(
                _("No such file: {path}").format(path=path),
                _("Write it first: chat_files.write(rows, path)."),
            )
        with open(path, "rb") as content:
            file = client.files.create(file=(path.name, content), purpose="fine-tune")
    else:
        source = list(source)
        lines = [chat_files.json_line(row, number) for number, row in enumerate(source, start=1)]
        content = "".join(f"{line}\n" for line in lines).encode("utf-8")
        file = client.files.create(file=("rows.jsonl", content), purpose="fine-tune")
        if not job_guard.is_practice(client):
            job_guard.remember(file.id, source)
    while file.status in NOT_READY:
        time.sleep(1)
        file = client.files.retrieve(file.id)
    if file.status == "error":
        raise LessonError(
            _("The service cannot read the file {id}: {reason}").format(
                id=file.id, reason=file.status_details or "?"
            ),
            _("Check it: chat_files.check(path)."),
        )
    return file.id


def create(
    client: openai.OpenAI,
    model: str,
    training: str,
    validation: str | None = None,
    *,
    n_epochs: int | str = "auto",
    batch_size: int | str = "auto",
    learning_rate_multiplier: float | str = "auto",
    suffix: str | None = None,
    seed: int | None = None,
    metadata: dict[str, str] | None = None,
    training_type: str | None = None,
    confirm: bool | None = None,
) -> Any:
    """Start a job on uploaded files; returns the client's own job object.

    It is ``client.fine_tuning.jobs.create`` with less to write. On a paid service it first
    prints what the job will cost and asks for a yes. Errors are the client's own: what a service
    says when it refuses is worth reading.

    Args:
        model: the base model.
        training, validation: ids of uploaded files.
        n_epochs, batch_size, learning_rate_multiplier: "auto" leaves the choice to the service.
        suffix: becomes a part of the tuned model's name.
        seed: makes the job repeatable, as far as the service can.
        metadata: labels of your own, to find the job again.
        training_type: Azure's alone: "Standard", "GlobalStandard" or "Developer".
        confirm: True agrees to the printed cost without being asked, for scripts.

    Raises:
        LessonError: the cost was not agreed to. No job was created then.
    """
    job_guard.agree(client, model, training, n_epochs, confirm)
    chosen = {
        "n_epochs": n_epochs,
        "batch_size": batch_size,
        "learning_rate_multiplier": learning_rate_multiplier,
    }
    wishes = {"validation_file": validation, "suffix": suffix, "seed": seed, "metadata": metadata}
    if training_type is not None:  # the official client does not know it
        wishes["extra_body"] = {"trainingType": training_type}
    return client.fine_tuning.jobs.create(
        model=model,
        training_file=training,
        method={"type": "supervised", "supervised": {"hyperparameters": chosen}},
        **{name: value for name, value in wishes.items() if value is not None},
    )


def results(client: openai.OpenAI, job: Any) -> Results:
    """The result file of a job that succeeded: every step's losses and accuracies.

    Raises:
        LessonError: the job has no result file.
    """
    job = client.fine_tuning.jobs.retrieve(job if isinstance(job, str) else job.id)
    if not job.result_files:
        raise LessonError(
            _("The job {id} has no result file: it is {status}.").format(
                id=job.id, status=job.status
            ),
            _("Only jobs that succeeded have one."),
        )
    return read_results(client.files.content(job.result_files[0]).read(), job.id)


def checkpoints(client: openai.OpenAI, job: Any) -> Checkpoints:
    """The models that a job has kept, the newest first: each can be asked by its name."""
    id = job if isinstance(job, str) else job.id
    return read_checkpoints(client.fine_tuning.jobs.checkpoints.list(id))
