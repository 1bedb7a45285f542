"""The control plane of the Azure view: deployments, as Azure Resource Manager (ARM) has them.

Microsoft Learn, REST API "Azure AI Services, Deployments", version 2024-10-01: create or update,
get, list, delete. The resource's name is the organisation's id, and the subscription and the
resource group are made up; all three are checked, as on Azure.

Ours: a subscription and a group for practice, how long a state lasts, and that capacity is kept but
not enforced.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lessonlib.practice.protocol import azure_errors, azure_view
from lessonlib.practice.protocol.azure_errors import invalid_properties
from lessonlib.practice.protocol.errors import read_json
from lessonlib.practice.store import hosting
from lessonlib.practice.store.deployment_states import WrongDeploymentState
from lessonlib.practice.store.deployment_store import ModelGone
from lessonlib.practice.store.hosting import Deployment
from lessonlib.practice.web.door import json_response
from lessonlib.practice.web.shared import House, whose

SUBSCRIPTION, GROUP = "00000000-0000-0000-0000-000000000000", "practice"
ACCOUNT = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    "Microsoft.CognitiveServices/accounts/{account}"
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}")
MOST_CAPACITY = 100_000


class DeploymentRoutes:
    """Answers requests about deployments."""

    def __init__(self, house: House):
        self.house = house
        self.deployments = house.store.deployments

    def router(self) -> APIRouter:
        router = APIRouter(prefix=f"{ACCOUNT}/deployments")
        router.add_api_route("", self.listed, methods=["GET"])
        router.add_api_route("/{name}", self.retrieve, methods=["GET"])
        router.add_api_route("/{name}", self.put, methods=["PUT"])
        router.add_api_route("/{name}", self.delete, methods=["DELETE"])
        return router

    async def put(self, request: Request, name: str) -> Response:
        """Create a deployment (201), or change it (200); what follows is asked for by GET."""
        owner = check_place(request)
        wish = self.read(await read_json(request), owner, name)
        try:
            made, is_new = self.deployments.put(owner, name, **wish)
        except WrongDeploymentState as wrong:
            raise azure_errors.conflict(wrong.name, wrong.state) from None
        except ModelGone:
            raise self.unknown_model(owner, wish["model"], "1") from None
        self.house.keeper.wake()
        return json_response(deployment_object(made), 201 if is_new else 200)

    def read(self, body: object, owner: str, name: str) -> dict:
        """The wanted deployment, checked.

        Raises:
            AzureError: 400, with what is wrong.
        """
        if not NAME.fullmatch(name):
            raise invalid_properties(
                f"The deployment name '{name}' is invalid.",
                "2 to 64 letters, digits, '-', '_' and '.', a letter or digit first.",
            )
        sku, properties = part(body, "sku"), part(body, "properties")
        model = part(properties, "model", "properties.")
        wanted, version = model.get("name"), model.get("version")
        kind, capacity = sku.get("name"), sku.get("capacity", 1)
        if not isinstance(kind, str) or kind.lower() not in hosting.SKUS:
            raise invalid_properties(
                f"The specified SKU '{kind}' of account deployment is not supported by the model "
                f"'{wanted}'.",
                f"it has the SKUs {', '.join(hosting.SKUS)}.",
            )
        if type(capacity) is not int or not 1 <= capacity <= MOST_CAPACITY:
            raise invalid_properties(
                f"The capacity should be a number from 1 to {MOST_CAPACITY}.")
        found = self.house.catalogue.find(owner, str(wanted), azure_view.NAME)
        if found is None or model.get("format") != "OpenAI" or not isinstance(version, str):
            raise self.unknown_model(owner, wanted, version)
        tuned = found.tuned is not None
        if tuned and version != "1":
            raise azure_errors.model_not_supported(
                wanted, version, "a tuned model has the version '1'.")
        per_hour = hosting.price_per_hour(tuned, kind.lower())
        return {"model": wanted, "tuned": tuned, "sku": kind.lower(), "capacity": capacity,
                "per_hour": per_hour}

    def unknown_model(self, owner: str, name: object, version: object):
        entries = self.house.catalogue.all(owner, azure_view.NAME)
        names = ", ".join(entry.model.name for entry in entries)
        return azure_errors.model_not_supported(
            str(name), str(version),
            f"format is 'OpenAI', version a text, and the models of this resource are: {names}.")

    def known(self, request: Request, name: str) -> Deployment:
        found = self.deployments.find(check_place(request), name)
        if found is None:
            raise azure_errors.AzureError(
                "DeploymentNotFound", f"The deployment '{name}' does not exist.", status=404)
        return found

    def retrieve(self, request: Request, name: str) -> Response:
        return json_response(deployment_object(self.known(request, name)))

    def listed(self, request: Request) -> Response:
        found = self.deployments.all(check_place(request))
        return json_response({"value": [deployment_object(one) for one in found]})

    def delete(self, request: Request, name: str) -> Response:
        """202, and gone a moment later; 204 where there is nothing to delete, as in ARM."""
        if not self.deployments.delete(check_place(request), name):
            return Response(status_code=204)
        self.house.keeper.wake()
        return Response(status_code=202)


def part(body: object, name: str, where: str = "") -> dict:
    """An object within an object.

    Raises:
        AzureError: 400, it is not there.
    """
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, dict):
        raise invalid_properties(f"The request is invalid: '{where}{name}' should be an object.")
    return found


def check_place(request: Request) -> str:
    """See that the address names the learner's own resource; returns its name."""
    owner, given = whose(request).id, request.path_params
    for kind, name, right in (
        ("Subscription", given["subscription"], SUBSCRIPTION),
        ("ResourceGroup", given["group"], GROUP),
        ("Resource", given["account"], owner),
    ):
        if name.lower() != right.lower():
            raise azure_errors.resource_not_found(kind, name, right)
    return owner


def deployment_object(one: Deployment) -> dict:
    """A deployment as ARM shows it."""
    account = ACCOUNT.format(subscription=SUBSCRIPTION, group=GROUP, account=one.organisation)
    made = datetime.fromtimestamp(one.created_at, UTC).isoformat(timespec="milliseconds")
    return {
        "id": f"{account}/deployments/{one.name}",
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "name": one.name,
        "sku": {"name": one.sku, "capacity": one.capacity},
        "properties": {
            "model": {"format": "OpenAI", "name": one.model, "version": "1"},
            "capabilities": {"chatCompletion": "true"},
            "provisioningState": one.state,
        },
        "systemData": {"createdBy": "practice", "createdAt": made},
        "etag": f'"practice-{one.seq}-{one.capacity}"',
    }
