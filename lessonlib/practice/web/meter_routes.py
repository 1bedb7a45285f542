"""The hosting meter, and the clock that can be wound forward. All of it is ours.

On Azure the bill appears a day later in the portal's cost analysis, and nobody can wind time
forward. Here you can, though only for deployments and their bill, so that a learner sees within a
minute what a forgotten deployment costs in a month.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from lessonlib import costs
from lessonlib.practice.protocol.errors import read_json
from lessonlib.practice.protocol.fields import Fields, invalid_type, unknown
from lessonlib.practice.store.hosting import HOUR
from lessonlib.practice.web.deployment_routes import GROUP, SUBSCRIPTION
from lessonlib.practice.web.door import json_response
from lessonlib.practice.web.shared import House, whose

#: The longest way that the clock goes at once: ten years.
MOST_HOURS = 10 * 366 * 24.0


class MeterRoutes:
    """Answers what has been spent, and winds the clock."""

    def __init__(self, house: House):
        self.deployments = house.store.deployments

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/practice")
        router.add_api_route("/meter", self.meter, methods=["GET"])
        router.add_api_route("/clock", self.wind, methods=["POST"])
        router.add_api_route("/resource", self.resource, methods=["GET"])
        return router

    def resource(self, request: Request) -> Response:
        """How the learner's resource is called, as the portal would tell."""
        names = {"subscription": SUBSCRIPTION, "group": GROUP, "account": whose(request).id}
        return json_response(names)

    def meter(self, request: Request) -> Response:
        return json_response(self.bill(whose(request).id))

    async def wind(self, request: Request) -> Response:
        """Wind the clock forward by ``hours``; answers with the bill at that time."""
        body, owner = await read_json(request), whose(request).id
        if not isinstance(body, dict):
            raise invalid_type("body", "an object", body)
        fields = Fields(body)
        fields.required("hours")
        hours = Fields(body).number("hours", 0.0, low=0.0, high=MOST_HOURS)
        for name in fields.left:
            raise unknown(name)
        self.deployments.wind(owner, hours * HOUR)
        return json_response(self.bill(owner))

    def bill(self, owner: str) -> dict:
        """All deployments that there ever were, with hours and dollars until now."""
        found, now = self.deployments.history(owner), self.deployments.now(owner)
        price = costs.hosting()
        rows = [
            {
                "name": one.name, "model": one.model, "sku": one.sku, "state": one.state,
                "reason": one.reason, "created_at": one.created_at,
                "hosted_from": one.hosted_from, "hosted_until": one.hosted_until,
                "ends_at": (one.end() or (None,))[0],
                "per_hour": one.per_hour, "hours": one.hours(now), "dollars": one.cost(now),
            }
            for one in found
        ]
        return {
            "object": "practice.meter", "now": now, "data": rows,
            "dollars": sum(row["dollars"] for row in rows),
            "price": {"per_hour": price.per_hour, "source": price.source,
                      "read": price.read.isoformat()},
        }
