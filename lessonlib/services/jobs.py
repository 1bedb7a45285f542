"""Follow a fine-tuning job of a service to its end, and read its result file.

    from lessonlib.services import jobs
    run = jobs.follow(client, job)          # what client.fine_tuning.jobs.create returns, or its id
    run.model                               # ask for it by this name
    jobs.results(client, job)               # every step as a table

Both use the official client, and work with the practice service, OpenAI and Azure OpenAI alike.
Training runs at the service: it goes on even when this notebook is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.services.job_results import Results, Step, read_results
from lessonlib.services.watch import Run, follow, look_up

if TYPE_CHECKING:
    import openai

__all__ = ["Run", "follow", "results"]


def results(client: openai.OpenAI, job: Any) -> Results:
    """The result file of a job that succeeded: every step's losses and accuracies.

    Args:
        job: a job as the client returns it, or its id.

    Raises:
        LessonError: the job has no result file, or it cannot be read.

    Introduced in notebook 06.
    """
    job = look_up(client, job)
    if not job.result_files:
        raise LessonError(
            _("The job {id} has no result file: it is {status}.").format(
                id=job.id, status=job.status
            ),
            _("It may come a little later: try again in a minute.")
            if job.status == "succeeded"
            else _("Only jobs that succeeded have one."),
        )
    found = read_results(client.files.content(job.result_files[0]).read(), job.id)
    if any(one.full_valid_loss is not None for one in found.steps):
        return found
    # OpenAI's file has no column for the loss on all validation rows; its events tell it.
    events = client.fine_tuning.jobs.list_events(job.id, limit=100)
    return found.with_epochs([step for event in events if (step := Step.of_event(event))])
