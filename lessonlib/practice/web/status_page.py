"""The instructor's page: who trains, who waits, what went wrong. Plain HTML, no scripts."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Sequence

from lessonlib.common.i18n import _
from lessonlib.practice.answers.batch import Batch
from lessonlib.practice.store import states
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.store import Store
from lessonlib.practice.web.door import Activity

#: Seconds after which the page loads itself again.
REFRESH = 5
MOST_JOBS = 200
#: Text and lines only, no colours of our own: the browser's theme decides, dark or light.
STYLE = (
    ":root { color-scheme: light dark; font-family: sans-serif }"
    "body { max-width: 70rem; margin: 1rem auto; padding: 0 1rem }"
    "table { border-collapse: collapse; margin-bottom: 1.5rem }"
    "th, td { text-align: left; padding: 0.2rem 0.8rem; border-bottom: 1px solid GrayText }"
    "td:first-child { white-space: nowrap }"  # a learner: practice-01
)


def page(store: Store, activity: Activity, models: Sequence[Batch] = ()) -> str:
    """The page as it is now."""
    jobs = store.jobs.all(MOST_JOBS)
    active = [job for job in jobs[::-1] if job.status in states.PENDING]
    order = {states.RUNNING: 0, states.QUEUED: 1, states.VALIDATING: 2, states.PAUSED: 3}
    active.sort(key=lambda job: order[job.status])
    failed = [job for job in jobs if job.status == states.FAILED][:20]
    parts = [
        f"<h1>{_('Practice service: the classroom')}</h1>",
        f"<p>{html.escape(headline(jobs))}</p>",
        table(_("Running and waiting"), (_("learner"), _("job"), _("state"), _("step"),
                                         _("waiting or running for")),
              [(job.organisation, job.id, job.status, steps(store, job),
                ago(job.started_at or job.created_at)) for job in active]),
        table(_("Learners"), (_("learner"), _("requests"), _("files"), _("jobs"), _("succeeded"),
                              _("failed"), _("models")), learner_rows(store, activity, jobs)),
        table(_("Models in memory, most recently asked first"),
              (_("model"), _("answers running and waiting"), _("what it is, and how fast here")),
              [(batch.model.name, len(batch.running) + len(batch.waiting), batch.model.about)
               for batch in models]),
        table(_("Deployments"), (_("learner"), _("deployment"), _("model"), _("state"),
                                 _("$ an hour"), _("$ so far, by the learner's clock")),
              deployment_rows(store)),
        table(_("Jobs that failed"), (_("learner"), _("job"), _("ago"), _("code"), _("why")),
              [(job.organisation, job.id, ago(job.finished_at), job.error["code"],
                job.error["message"]) for job in failed]),
        table(_("Refused requests, latest first"),
              (_("learner"), _("ago"), _("status"), _("request")),
              [(owner or _("unknown key"), ago(when), status, f"{method} {path}")
               for when, owner, status, method, path in reversed(activity.refusals)]),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="refresh" content="{REFRESH}">'
        f'<meta name="viewport" content="width=device-width">'
        # An empty icon: else the browser asks for one, without a key, and is listed as refused.
        f'<link rel="icon" href="data:,">'
        f"<title>{_('Practice service')}</title><style>{STYLE}</style></head>\n<body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def headline(jobs: Sequence[Job]) -> str:
    """How many jobs are in which state."""
    counts = {state: sum(job.status == state for job in jobs) for state in states.NEXT}
    return _("Jobs: {running} running, {queued} waiting, {succeeded} succeeded, {failed} failed."
             ).format(running=counts[states.RUNNING],
                      queued=counts[states.QUEUED] + counts[states.VALIDATING],
                      succeeded=counts[states.SUCCEEDED], failed=counts[states.FAILED])


def steps(store: Store, job: Job) -> str:
    if job.total_steps is None:
        return ""
    done = store.jobs.metrics(job.id)
    return f"{len(done)} / {job.total_steps}"


def learner_rows(store: Store, activity: Activity, jobs: Sequence[Job]) -> list[tuple]:
    rows = []
    for one, _key in store.organisations():
        own = [job.status for job in jobs if job.organisation == one.id]
        files, _more = store.files.page(one.id)
        rows.append((one.id, activity.requests[one.id], len(files), len(own),
                     own.count(states.SUCCEEDED), own.count(states.FAILED),
                     len(store.models.all(one.id))))
    return rows


def deployment_rows(store: Store) -> list[tuple]:
    """Whose deployments there are, and which of them cost by the hour: the forgotten ones."""
    rows = []
    for owner, _key in store.organisations():
        now = store.deployments.now(owner.id)
        rows += [(owner.id, one.name, one.model, one.state, f"{one.per_hour:.2f}",
                  f"{one.cost(now):,.2f}") for one in store.deployments.all(owner.id)]
    return rows


def ago(when: float | None) -> str:
    """A time in the past as minutes and seconds until now."""
    seconds = max(0, int(time.time() - (when or time.time())))
    return f"{seconds // 60}:{seconds % 60:02d}"


def table(title: str, heading: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A table under its title; a dash where there are no rows."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in heading)
    lines = ["<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
             for row in rows]
    body = "\n".join(lines) or f'<tr><td colspan="{len(heading)}">-</td></tr>'
    return f"<h2>{html.escape(title)}</h2>\n<table>\n<tr>{head}</tr>\n{body}\n</table>"
