"""The routes under /v1/files, as OpenAI's API reference describes them; Azure's are the same."""

from __future__ import annotations

import asyncio
import time
from pathlib import PurePath
from types import ModuleType

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from lessonlib.common.facts import limits
from lessonlib.practice.protocol import openai_view, paging
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.fields import Fields, unsupported
from lessonlib.practice.store.file_store import StoredFile
from lessonlib.practice.web import uploads
from lessonlib.practice.web.door import attempt, json_response
from lessonlib.practice.web.shared import House, whose

#: A client that repeats a request whose answer was lost does so within these seconds.
REPEATED_WITHIN = 600
MOST_LISTED = 10_000


class FileRoutes:
    """Answers requests about files.

    Args:
        view: the protocol that words the answers (``openai_view.py``). Files that came through
            another one are not seen here.
        prefix: where the routes begin.
    """

    def __init__(self, house: House, view: ModuleType = openai_view, prefix: str = "/v1"):
        self.house, self.view, self.prefix = house, view, prefix
        self.files = house.store.files

    def router(self) -> APIRouter:
        router = APIRouter(prefix=f"{self.prefix}/files")
        router.add_api_route("", self.create, methods=["POST"])
        router.add_api_route("", self.list_files, methods=["GET"])
        router.add_api_route("/{id}", self.retrieve, methods=["GET"])
        router.add_api_route("/{id}/content", self.content, methods=["GET"])
        router.add_api_route("/{id}", self.delete, methods=["DELETE"])
        return router

    async def create(self, request: Request) -> Response:
        owner, id = whose(request), self.view.new_file_id()
        self.house.trainer.get_ready()  # a file is followed by a job, and the trainer needs seconds
        most = owner.upload_bytes or limits()["file"]["bytes"]
        upload = await uploads.receive(request, self.files.draft(id), most)
        try:
            purpose = check(upload)
            new = StoredFile(
                id, owner.id, self.view.NAME, purpose, PurePath(upload.filename).name,
                upload.size, upload.sha256, int(time.time()),
            )
            stored = await asyncio.to_thread(self.keep, new, attempt(request.headers) > 0)
        finally:
            self.files.draft(id).unlink(missing_ok=True)
        return json_response(self.view.new_file_object(stored))

    def keep(self, new: StoredFile, repeated: bool) -> StoredFile:
        """Store a file; a repeated upload that had arrived is not stored again."""
        known = self.files.same(new, new.created_at - REPEATED_WITHIN) if repeated else None
        return known or self.files.add(new)

    def list_files(self, request: Request) -> Response:
        query, owner = request.query_params, whose(request).id
        paging.refuse_others(query, ("after", "limit", "order", "purpose"))
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise ApiError("Invalid 'order': expected 'asc' or 'desc'.", param="order")

        def place(id: str) -> int | None:
            return self.files.place(owner, id)

        found, more = self.files.page(
            owner,
            query.get("purpose"),
            paging.read_after(query, place),
            paging.read_limit(query, MOST_LISTED, MOST_LISTED),
            newest_first=order == "desc",
            view=self.view.NAME,
        )
        items = [self.view.file_object(file) for file in found]
        return json_response(paging.list_object(items, more))

    def known(self, request: Request, id: str) -> StoredFile:
        found = self.files.find(whose(request).id, id, self.view.NAME)
        if found is None:
            raise ApiError(f"No such File object: {id}", status=404, param="id")
        return found

    def retrieve(self, request: Request, id: str) -> Response:
        return json_response(self.view.file_object(self.known(request, id)))

    def content(self, request: Request, id: str) -> Response:
        found = self.known(request, id)
        path, kind = self.files.path_of(found.id), "application/octet-stream"
        return FileResponse(path, media_type=kind, filename=found.filename)

    def delete(self, request: Request, id: str) -> Response:
        found = self.known(request, id)
        self.files.delete(found.organisation, found.id)
        return json_response({"object": "file", "id": found.id, "deleted": True})


def check(upload: uploads.Upload) -> str:
    """See that the upload can become a file; returns its purpose.

    Raises:
        ApiError: 400, with the part that is missing or wrong.
    """
    fields = Fields(dict(upload.fields))
    purpose = fields.required_string("purpose")
    if purpose != "fine-tune":
        raise ApiError(
            f"Invalid value: {purpose!r}. Supported values on this practice service are: "
            "'fine-tune'.",
            param="purpose",
            code="invalid_value",
        )
    for name in fields.left:
        raise unsupported(name)
    if upload.filename is None:
        Fields({}).required("file")
    if not upload.filename.lower().endswith(".jsonl"):
        raise ApiError("Invalid file format for Fine-Tuning API. Must be .jsonl", param="file")
    if not upload.size:
        raise ApiError("File is empty.", param="file")
    return purpose
