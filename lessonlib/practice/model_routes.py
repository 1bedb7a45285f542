"""The routes under /v1/models, as OpenAI's API reference describes them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lessonlib.practice import responses
from lessonlib.practice.door import json_response
from lessonlib.practice.errors import ApiError
from lessonlib.practice.house import House, whose


class ModelRoutes:
    """Answers requests about models."""

    def __init__(self, house: House):
        self.house = house
        self.catalogue = house.catalogue

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/v1/models")
        router.add_api_route("", self.models, methods=["GET"])
        router.add_api_route("/{name:path}", self.model, methods=["GET"])
        router.add_api_route("/{name:path}", self.delete, methods=["DELETE"])
        return router

    def models(self, request: Request) -> Response:
        return json_response(responses.model_list(self.catalogue.all(whose(request).id)))

    def model(self, request: Request, name: str) -> Response:
        return json_response(responses.model_object(self.catalogue.known(whose(request).id, name)))

    def delete(self, request: Request, name: str) -> Response:
        owner = whose(request).id
        if self.catalogue.known(owner, name).tuned is None:
            raise ApiError(
                f"The model `{name}` was not made by a fine-tuning job and cannot be deleted.",
                status=403,
                param="model",
                code="insufficient_permissions",
            )
        self.house.store.models.delete(owner, name)
        return json_response({"object": "model", "id": name, "deleted": True})
