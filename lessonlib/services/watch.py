"""Watch a fine-tuning job of a service to its end. Used through ``lessonlib.services.jobs``."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.services import job_pictures
from lessonlib.services.job_results import Step
from lessonlib.show import live

if TYPE_CHECKING:
    import openai

#: States that a job does not leave by itself. Azure writes one of them with a single l.
ENDS = ("succeeded", "failed", "cancelled", "canceled")
#: Failed looks at a job, one after the other, before following is given up.
PATIENCE = 10


@dataclass(repr=False)
class Run:
    """A job as far as it was followed.

    Attributes:
        job: the job as it was at the last look.
        messages: what the service told, oldest first, without the single steps.
        steps: the steps that the service told of, see ``services.job_results.Step``.
        seconds: from the job's making to its end, or to the last look.
    """

    job: Any
    messages: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def model(self) -> str:
        """The tuned model's name.

        Raises:
            LessonError: there is none, with the reason.
        """
        if self.job.status == "succeeded":
            return self.job.fine_tuned_model
        error = self.job.error
        reason = error.message if error is not None and error.message else self.job.status
        raise LessonError(
            _("The job {id} has no model: {reason}").format(id=self.job.id, reason=reason),
            _("Fix what it names and create a new job.")
            if self.job.status in ENDS
            else _("Follow it to its end: jobs.follow(client, {id!r})").format(id=self.job.id),
        )

    def picture(self):
        """The losses over the steps; shown when it is the last thing in a cell."""
        return job_pictures.losses(self.steps)

    def __repr__(self) -> str:
        text = _("{id}: {status} after {seconds:.0f} s").format(
            id=self.job.id, status=self.job.status, seconds=self.seconds
        )
        if self.job.status == "succeeded":
            text += _("; model {name}").format(name=self.job.fine_tuned_model)
        elif self.job.error is not None and self.job.error.message:
            text += f"; {self.job.error.message}"
        return text


def follow(client: openai.OpenAI, job: Any, every: float = 2.0, show: bool = True) -> Run:
    """Watch a job to its end: messages, a progress bar, and in a notebook the loss as it falls.

    To stop watching, interrupt the cell (or press Ctrl-C): the job goes on at the service, and
    the message says how to come back. A paused job is not waited for.

    Args:
        job: a job as ``client.fine_tuning.jobs.create`` returns it, or its id.
        every: seconds between two looks; more is kinder to a service that is paid for.
        show: False to be silent.

    Raises:
        LessonError: it is no job, or the service has not answered for long.

    Introduced in notebook 06.
    """
    run = Run(look_up(client, job))
    id = run.job.id
    watcher = _Watcher(client, run, show)
    try:
        while True:
            done = watcher.look()
            if done:
                return run
            time.sleep(every)
    except KeyboardInterrupt:
        print(
            _("We stopped watching; {id} goes on at the service.\n"
              "To watch again:  jobs.follow(client, {id!r})\n"
              "To cancel it:    client.fine_tuning.jobs.cancel({id!r})").format(id=id)
        )
        return run
    finally:
        watcher.close()


def look_up(client: openai.OpenAI, job: Any) -> Any:
    """A job as it is now, by itself, by what ``follow`` returned for it, or by its id."""
    id = job if isinstance(job, str) else getattr(getattr(job, "job", job), "id", None)
    if not isinstance(id, str) or not id:
        raise LessonError(
            _("{what!r} is no job.").format(what=job),
            _("Give what client.fine_tuning.jobs.create returned, or its id (ftjob-...)."),
        )
    found = client.fine_tuning.jobs.retrieve(id)
    if isinstance(found, str):  # so the client hands over what is no JSON
        raise LessonError(
            _("The service has answered with a page for people, not with a job."),
            _("Check the address that you connect to; most end in /v1."),
        )
    return found


class _Watcher:
    """One look after the other at a job."""

    def __init__(self, client, run: Run, show: bool):
        self._client, self._run, self._show = client, run, show
        self._seen: set[str] = set()
        self._failures = 0
        self._bar = None
        self._drawn = 0
        self._picture = live.LivePicture(self._new_picture) if show else None

    def look(self) -> bool:
        """Take in what is new; True when there is nothing more to come."""
        import openai

        run = self._run
        try:
            # The job first: events up to its end are there once its end is told.
            run.job = self._client.fine_tuning.jobs.retrieve(run.job.id)
            new = self._new_events()
            self._failures = 0
        except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as e:
            self._wait_and_see(e)
            return False
        for event in new:
            self._take(event)
        # Not below 0: the service's clock may be ahead of ours.
        run.seconds = max(0.0, (run.job.finished_at or time.time()) - run.job.created_at)
        if self._picture is not None:
            self._picture.update()
        if run.job.status == "paused" and self._show:
            print(_("The job is paused. To go on: client.fine_tuning.jobs.resume({id!r})").format(
                id=run.job.id))
        return run.job.status in ENDS or run.job.status == "paused"

    def _new_picture(self):
        """The steps as a picture, if there are more than at the last one."""
        if len(self._run.steps) in (0, 1, self._drawn):
            return None
        self._drawn = len(self._run.steps)
        return self._run.picture()

    def _new_events(self) -> list:
        """Events not seen before, oldest first."""
        new = []
        for event in self._client.fine_tuning.jobs.list_events(self._run.job.id, limit=100):
            if event.id in self._seen:
                break
            new.append(event)
        self._seen.update(event.id for event in new)
        return new[::-1]

    def _take(self, event) -> None:
        """Keep one event, and show it."""
        step = Step.of_event(event)
        if step is None:
            self._run.messages.append(event.message)
            if self._show:
                live.tqdm.write(event.message)
            return
        self._run.steps.append(step)
        if self._show and step.total:
            if self._bar is None:
                self._bar = live.bar(step.total, _("Training"), _("steps"))
            self._bar.update(step.step - self._bar.n)

    def _wait_and_see(self, error: Exception) -> None:
        self._failures += 1
        id = self._run.job.id
        if self._failures == PATIENCE:
            raise LessonError(
                _("The service does not answer: {error}").format(error=error),
                _("The job goes on there. Come back later: jobs.follow(client, {id!r})").format(
                    id=id
                ),
            ) from error
        time.sleep(min(30, 2**self._failures))

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._picture is not None:
            self._picture.close()
