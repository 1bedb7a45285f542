"""The data plane of the Azure view: what stands below /openai and /openai/v1.

Requests for files and jobs are answered by the routes of the OpenAI view, in the Azure view's
words. What differs is whom a chat request asks: not a model, but a *deployment*, by the name that
the learner gave it.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lessonlib.practice.protocol import azure_view, openai_view
from lessonlib.practice.protocol.azure_errors import AzureError, deployment_not_found
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.store import deployment_states as states
from lessonlib.practice.store.hosting import Deployment
from lessonlib.practice.store.model_store import ModelInUse
from lessonlib.practice.store.store import Store
from lessonlib.practice.web.chat_call import ChatCall
from lessonlib.practice.web.door import json_response
from lessonlib.practice.web.file_routes import FileRoutes
from lessonlib.practice.web.job_routes import JobRoutes
from lessonlib.practice.web.model_routes import ModelRoutes
from lessonlib.practice.web.shared import House, whose

CLASSIC, V1 = "/openai", "/openai/v1"
#: What became of a deployment that is gone, for the learner who still asks it.
ENDS = {
    states.DELETED: "was deleted",
    states.REPLACED: "was replaced",
    states.IDLE: "was removed, because nobody had asked it for 15 days; its model is still there",
    states.EXPIRED: "was removed, because a deployment of the developer tier lives for 24 hours; "
    "its model is still there",
}


class AzureModelRoutes(ModelRoutes):
    """Models of the resource, not of deployments; a deployed one cannot be deleted."""

    def model(self, request: Request, name: str) -> Response:
        """Ours: a deployment's name is understood, too, and says when it was made.

        By that, ``lessonlib.evaluate`` notices that another model stands behind the name.
        """
        found = self.house.store.deployments.find(whose(request).id, name)
        if found is None:
            return super().model(request, name)
        return json_response({
            "id": found.name, "object": "model", "created": int(found.created_at),
            "owned_by": f"{whose(request).id}: {found.model}",
        })

    def delete(self, request: Request, name: str) -> Response:
        try:
            return super().delete(request, name)
        except ModelInUse as used:  # ours: Azure's words for that are not documented
            raise AzureError(
                "ModelInUse",
                f"The model '{name}' cannot be deleted while it is deployed. "
                f"Delete its deployment first: {', '.join(used.deployments)}.",
            ) from None


class AzureChatRoutes:
    """Chat with deployed models."""

    def __init__(self, house: House):
        self.house = house

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route(f"{V1}/chat/completions", self.by_body, methods=["POST"])
        path = f"{CLASSIC}/deployments/{{name}}/chat/completions"
        router.add_api_route(path, self.by_address, methods=["POST"])
        return router

    async def by_body(self, request: Request) -> Response:
        return await ChatCall(self.house, request, self.deployed).respond()

    async def by_address(self, request: Request, name: str) -> Response:
        return await ChatCall(self.house, request, self.deployed, name).respond()

    def deployed(self, owner: str, name: str) -> ModelFolder:
        """The model behind a deployment, which is thereby in use.

        Raises:
            AzureError: 404 ``DeploymentNotFound``, with what was mixed up.
        """
        found = self.house.store.deployments.use(owner, name)
        if found is None:
            raise deployment_not_found(what_was_meant(self.house.store, owner, name))
        return self.house.catalogue.usable(owner, found.model, azure_view.NAME)


def what_was_meant(store: Store, owner: str, name: str) -> str:
    """Why there is no such deployment, and what to ask instead."""
    there = store.deployments.all(owner)
    of_name = [one for one in store.deployments.history(owner) if one.name.lower() == name.lower()]
    last = of_name[-1] if of_name else None
    of_model = [one.name for one in there if one.model == name]
    if last is not None and last.state != states.GONE:
        return _passing(last)
    if of_model:
        return (
            f"'{name}' is the name of a model. A deployed model is asked by the name of its "
            f"deployment: model='{of_model[0]}'."
        )
    model = store.models.find(owner, name)
    if model is not None and model.view == openai_view.NAME:
        return (
            f"'{name}' is a model of its OpenAI half. Models of one service cannot be deployed "
            "at the other."
        )
    if model is not None or name == "pantry":
        return f"'{name}' is the name of a model, and it is not deployed. Deploy it first."
    names = ", ".join(f"'{one.name}'" for one in there)
    text = f"there are the deployments {names}." if names else "nothing is deployed here yet."
    return f"'{name}' {ENDS[last.reason]}; {text}" if last is not None else text


def _passing(one: Deployment) -> str:
    """Why a deployment that is there does not answer."""
    if one.state == states.FAILED:
        return f"the deployment '{one.name}' has failed: {one.error}"
    return f"the deployment '{one.name}' is still in the state {one.state}."


def routers(house: House) -> list[APIRouter]:
    """All routes of the data plane, in both styles of addresses."""
    kinds = (FileRoutes, JobRoutes, AzureModelRoutes)
    both = [kind(house, azure_view, prefix) for prefix in (V1, CLASSIC) for kind in kinds]
    return [routes.router() for routes in (AzureChatRoutes(house), *both)]
