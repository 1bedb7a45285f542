"""The routes under /v1/fine_tuning/jobs, as OpenAI's API reference has them; and Azure's."""

from __future__ import annotations

import asyncio
import re
from types import ModuleType

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lessonlib.practice.protocol import job_request, openai_view, paging
from lessonlib.practice.protocol.errors import ApiError, read_json
from lessonlib.practice.protocol.fields import invalid_type
from lessonlib.practice.store import states
from lessonlib.practice.store.job_store import Job, TooManyPending
from lessonlib.practice.store.states import WrongState
from lessonlib.practice.store.store import Organisation
from lessonlib.practice.web.door import attempt, json_response
from lessonlib.practice.web.file_routes import REPEATED_WITHIN
from lessonlib.practice.web.shared import House, whose

MOST_LISTED = {"jobs": 100, "events": 1000, "checkpoints": 100}
#: How long a client should wait when it has too many unfinished jobs, in seconds.
RETRY_AFTER_SECONDS = 10


class JobRoutes:
    """Answers requests about fine-tuning jobs.

    Args:
        view: the protocol that words the answers (``openai_view.py``). Jobs that were made through
            another one are not seen here.
        prefix: where the routes begin.
    """

    def __init__(self, house: House, view: ModuleType = openai_view, prefix: str = "/v1"):
        self.house, self.view, self.prefix = house, view, prefix
        self.jobs = house.store.jobs

    def router(self) -> APIRouter:
        router = APIRouter(prefix=f"{self.prefix}/fine_tuning/jobs")
        router.add_api_route("", self.create, methods=["POST"])
        router.add_api_route("", self.list_jobs, methods=["GET"])
        router.add_api_route("/{id}", self.retrieve, methods=["GET"])
        router.add_api_route("/{id}/cancel", self.cancel, methods=["POST"])
        router.add_api_route("/{id}/pause", self.pause, methods=["POST"])
        router.add_api_route("/{id}/resume", self.resume, methods=["POST"])
        router.add_api_route("/{id}/events", self.events, methods=["GET"])
        router.add_api_route("/{id}/checkpoints", self.checkpoints, methods=["GET"])
        return router

    async def create(self, request: Request) -> Response:
        body = await read_json(request)
        repeated = attempt(request.headers) > 0
        job = await asyncio.to_thread(self.keep, body, whose(request), repeated)
        self.house.trainer.get_ready()
        return json_response(self.view.job_object(job))

    def keep(self, body: object, owner: Organisation, repeated: bool) -> Job:
        """Store a job; a repeated request that had made one does not make another."""
        house = self.house
        new = job_request.parse(body, owner.id, house.catalogue, house.store.files, self.view)
        if repeated:
            since = new.created_at - REPEATED_WITHIN
            known = self.jobs.same(owner.id, new.view, new.fingerprint, since)
            if known is not None:
                return known
        try:
            return self.jobs.create(new, owner.pending_jobs)
        except TooManyPending:
            raise too_many_pending(owner) from None

    def list_jobs(self, request: Request) -> Response:
        query, owner = request.query_params, whose(request).id
        pairs, without = metadata_filter(query)

        def place(id: str) -> int | None:
            found = self.jobs.find(id, owner, self.view.NAME)
            return found and found.seq

        found, more = self.jobs.page(
            owner,
            pairs,
            without,
            paging.read_after(query, place),
            paging.read_limit(query, 20, MOST_LISTED["jobs"]),
            self.view.NAME,
        )
        items = [self.view.job_object(job) for job in found]
        return json_response(paging.list_object(items, more))

    def known(self, request: Request, id: str) -> Job:
        found = self.jobs.find(id, whose(request).id, self.view.NAME)
        if found is None:
            raise ApiError(
                f"Could not find fine tune: {id}",
                status=404,
                param="fine_tune_id",
                code="fine_tune_not_found",
            )
        return found

    def retrieve(self, request: Request, id: str) -> Response:
        return json_response(self.view.job_object(self.known(request, id)))

    def changed(self, request: Request, id: str, to: str, event: str, **columns) -> Response:
        job = self.known(request, id)
        try:
            job = self.jobs.move(job.id, to, event, **columns)
        except WrongState as wrong:
            raise wrong_state(wrong) from None
        self.house.trainer.get_ready()
        return json_response(self.view.job_object(job))

    def cancel(self, request: Request, id: str) -> Response:
        return self.changed(request, id, states.CANCELLED, "cancelled")

    def pause(self, request: Request, id: str) -> Response:
        return self.changed(request, id, states.PAUSED, "paused")

    def resume(self, request: Request, id: str) -> Response:
        status = self.known(request, id).status
        if status != states.PAUSED:
            raise wrong_state(WrongState(id, status, "resumed"))
        # A pause is no fault of the job's, however often.
        return self.changed(request, id, states.QUEUED, "resumed", attempts=0)

    def events(self, request: Request, id: str) -> Response:
        job, query = self.known(request, id), request.query_params
        paging.refuse_others(query, ("after", "limit"))

        def place(after: str) -> int | None:
            return self.jobs.place("events", job.id, self.view.event_token(after))

        after = paging.read_after(query, place)
        limit = paging.read_limit(query, 20, MOST_LISTED["events"])
        found, more = self.jobs.events(job.id, after, limit)
        job = self.jobs.find(job.id)  # as new as the newest event
        items = [self.view.event_object(event, job) for event in found]
        return json_response(paging.list_object(items, more))

    def checkpoints(self, request: Request, id: str) -> Response:
        job, query = self.known(request, id), request.query_params
        paging.refuse_others(query, ("after", "limit"))

        def place(after: str) -> int | None:
            return self.jobs.place("checkpoints", job.id, self.view.checkpoint_token(after))

        after = paging.read_after(query, place)
        limit = paging.read_limit(query, 10, MOST_LISTED["checkpoints"])
        found, more = self.jobs.checkpoints(job.id, after, limit)
        items = [self.view.checkpoint_object(row) for row in found]
        return json_response(paging.list_object(items, more))


def metadata_filter(query) -> tuple[dict[str, str], bool]:
    """``metadata[k]=v`` as pairs; and whether ``metadata=null`` asks for jobs without any."""
    pairs, without = {}, False
    for name, value in query.items():
        if match := re.fullmatch(r"metadata\[(.*)\]", name):
            pairs[match[1]] = value
        elif name == "metadata":
            if value != "null":
                raise invalid_type("metadata", "an object", value)
            without = True
    known = ("after", "limit", "metadata")
    rest = [name for name in query if not name.startswith("metadata[")]
    paging.refuse_others(dict.fromkeys(rest), known)
    return pairs, without


def wrong_state(wrong: WrongState) -> ApiError:
    """400 (never 409: the client would try again). For an ended job in OpenAI's words."""
    if wrong.state in states.ENDS:
        text = f"Job has already completed: {wrong.job}"
    else:
        text = f"Job {wrong.job} is {wrong.state} and cannot be {wrong.wanted}."
    return ApiError(text, code="invalid_job_state")


def too_many_pending(owner: Organisation) -> ApiError:
    """429: a place becomes free when a job ends."""
    return ApiError(
        f"This fine-tune request has been rate-limited. Your organization has reached the maximum "
        f"of {owner.pending_jobs} unfinished fine-tuning jobs.",
        status=429,
        type="requests",
        code="rate_limit_exceeded",
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )
