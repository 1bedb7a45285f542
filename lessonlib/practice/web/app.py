"""The HTTP routes of the practice service: OpenAI's, Azure's, and a few of its own."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from lessonlib.practice.protocol import azure_errors
from lessonlib.practice.protocol.errors import ApiError, server_error
from lessonlib.practice.store.store import DEFAULT
from lessonlib.practice.web import azure_door, azure_routes, status_page
from lessonlib.practice.web.chat_call import ChatCall
from lessonlib.practice.web.classroom import STATUS_PATH, status_key
from lessonlib.practice.web.deployment_routes import DeploymentRoutes
from lessonlib.practice.web.door import Activity, Door, error_response, json_response
from lessonlib.practice.web.file_routes import FileRoutes
from lessonlib.practice.web.job_routes import JobRoutes
from lessonlib.practice.web.meter_routes import MeterRoutes
from lessonlib.practice.web.model_routes import ModelRoutes
from lessonlib.practice.web.shared import House, whose

log = logging.getLogger("lessonlib.practice")


def create_app(
    house: House, *, api_key: str, about: dict, activity: Activity, stop: Callable[[], None]
) -> Callable:
    """The service as an ASGI application.

    Args:
        api_key: the key of the learner at this machine.
        about: what /health tells, so that a starter knows this very service again.
        stop: called when a client with that key asks the service to end.
    """
    app = FastAPI(title="Practice service", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> Response:
        return error_response(error)

    @app.exception_handler(Exception)
    async def own_fault(request: Request, error: Exception) -> Response:
        return error_response(server_error())  # the door writes into the log what it was

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> Response:
        method, path = request.method, request.url.path
        if azure_door.is_azure(path):
            return error_response(azure_errors.not_found(method, path))
        if error.status_code == 405:
            message = f"Not allowed to {method} on {path}."
        else:
            message = f"Invalid URL ({method} {path}). This practice service does not have it."
        return error_response(ApiError(message, status=error.status_code, code="unknown_url"))

    @app.get("/health")
    async def health() -> Response:
        return json_response({"status": "ok", **about})

    @app.post("/practice/stop")
    async def stop_service(request: Request) -> Response:
        if whose(request).id != DEFAULT:
            raise ApiError("Only the machine's own key can stop the service.", status=403)
        log.info("asked to stop")
        stop()
        return json_response({"status": "stopping", **about})

    @app.get(STATUS_PATH)
    def status(key: str = "") -> Response:
        if not hmac.compare_digest(key.encode(), status_key(api_key).encode()):
            raise ApiError("The address of the status page stands in the terminal.", status=401)
        return HTMLResponse(status_page.page(house.store, activity, house.engine.models()))

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await ChatCall(house, request).respond()

    for routes in (FileRoutes, JobRoutes, ModelRoutes, DeploymentRoutes, MeterRoutes):
        app.include_router(routes(house).router())
    for router in azure_routes.routers(house):
        app.include_router(router)
    return Door(app, house.store, api_key, activity)
