"""Check the files of a new job, as a service does before it puts the job into the queue."""

from __future__ import annotations

import json
import logging

from lessonlib import chat_files
from lessonlib.common.errors import LessonError
from lessonlib.practice.protocol import hyperparameters, rehearse
from lessonlib.practice.protocol.catalogue import Catalogue
from lessonlib.practice.store import states
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.states import WrongState
from lessonlib.practice.store.store import Store

log = logging.getLogger("lessonlib.practice")


class JobFailure(Exception):
    """A job cannot go on. ``args``: code, message, param, as in the job's ``error``."""


def check(store: Store, job: Job) -> None:
    """Let the job into the queue, its hyperparameters resolved; or fail it with the reason."""
    try:
        error, examples = find_error(store, job)
        if error is not None:
            store.jobs.fail(job.id, *error)
            return
        chosen = hyperparameters.choose(job.asked, examples)
        store.jobs.move(job.id, states.QUEUED, "queued", chosen=json.dumps(chosen))
    except WrongState:
        log.info("%s was cancelled while its files were checked", job.id)


def find_error(store: Store, job: Job) -> tuple[tuple | None, int]:
    """What is wrong with the job's files as (code, message, param), and the training examples."""
    if job.rehearse in ("invalid_n_examples", "invalid_training_file"):
        return rehearse.JOB_ERRORS[job.rehearse], 0
    base = Catalogue(store).find(job.organisation, job.model)
    if base is None:
        return model_gone(job), 0
    examples = 0
    for param, id in (("training_file", job.training_file), ("validation_file",
                                                             job.validation_file)):
        if id is None:
            continue
        if store.files.find(job.organisation, id) is None:
            return file_gone(id, param), 0
        try:
            report = chat_files.check(
                store.files.path_of(id),
                tokenizer=base.model.folder,
                service=job.view,
                minimum=None if param == "training_file" else 1,
                stop_after=1,
                progress=False,
            )
        except LessonError:  # it was deleted a moment ago
            return file_gone(id, param), 0
        error = chat_files.service_error(report, param)
        if error is not None:
            return error, 0
        examples = examples or report.examples
    return None, examples


def file_gone(id: str, param: str) -> tuple[str, str, str]:
    """The error of a job whose file was deleted before it was trained."""
    return "file_not_found", f"The {param} {id} was deleted before training.", param


def model_gone(job: Job) -> tuple[str, str, str]:
    """The error of a job whose base model was deleted before it was trained."""
    return "model_not_available", f"The model {job.model} was deleted before training.", "model"
