"""The routes under /v1/models, as OpenAI's API reference describes them."""

from __future__ import annotations

from types import ModuleType

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lessonlib.practice.protocol import openai_view
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.web import responses
from lessonlib.practice.web.door import json_response
from lessonlib.practice.web.shared import House, whose


class ModelRoutes:
    """Answers requests about models; ``view`` and ``prefix`` as in ``FileRoutes``."""

    def __init__(self, house: House, view: ModuleType = openai_view, prefix: str = "/v1"):
        self.house, self.view, self.prefix = house, view, prefix
        self.catalogue = house.catalogue

    def router(self) -> APIRouter:
        router = APIRouter(prefix=f"{self.prefix}/models")
        router.add_api_route("", self.models, methods=["GET"])
        router.add_api_route("/{name:path}", self.model, methods=["GET"])
        router.add_api_route("/{name:path}", self.delete, methods=["DELETE"])
        return router

    def models(self, request: Request) -> Response:
        entries = self.catalogue.all(whose(request).id, self.view.NAME)
        return json_response(responses.model_list(entries))

    def model(self, request: Request, name: str) -> Response:
        entry = self.catalogue.known(whose(request).id, name, self.view.NAME)
        return json_response(responses.model_object(entry))

    def delete(self, request: Request, name: str) -> Response:
        owner = whose(request).id
        if self.catalogue.known(owner, name, self.view.NAME).tuned is None:
            raise ApiError(
                f"The model `{name}` was not made by a fine-tuning job and cannot be deleted.",
                status=403,
                param="model",
                code="insufficient_permissions",
            )
        self.house.store.models.delete(owner, name)
        return json_response({"object": "model", "id": name, "deleted": True})
