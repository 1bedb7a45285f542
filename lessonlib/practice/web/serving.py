"""Serve until stopped or idle: the web server around the routes, and the idle clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence

import uvicorn

from lessonlib.common.i18n import _
from lessonlib.models.catalogue import BUILT_IN_NAME
from lessonlib.practice import service
from lessonlib.practice.answers.engine import Engine
from lessonlib.practice.protocol.catalogue import Catalogue, find_base
from lessonlib.practice.store.store import Store
from lessonlib.practice.trainer.process import TrainerProcess
from lessonlib.practice.trainer.trainer import lock as trainer_lock
from lessonlib.practice.web.app import create_app
from lessonlib.practice.web.deployment_keeper import DeploymentKeeper
from lessonlib.practice.web.door import Activity
from lessonlib.practice.web.shared import House

log = logging.getLogger("lessonlib.practice")


def serve(
    door: socket.socket, record: service.Running, idle_minutes: float, more: Sequence[str] = ()
) -> None:
    """Announce the address, answer requests, return when asked to stop or idle too long.

    ``more``: lines for the terminal alone, since they hold keys.
    """
    store = Store(service.folder())
    with trainer_lock(store.folder):  # a killed service's trainer needs a moment to see it
        store.sweep()
    engine, trainer = Engine(), TrainerProcess(store)
    catalogue = Catalogue(store)
    keeper = DeploymentKeeper(store, engine, catalogue)
    house = House(store, engine, catalogue, trainer, keeper)
    activity = Activity(last=time.monotonic())
    about = {
        "service": "lessonlib practice service, not OpenAI",
        "instance": record.instance,
        "pid": record.pid,
        "version": record.version,
    }

    def stop() -> None:
        server.should_exit = True

    app = create_app(house, api_key=record.api_key, about=about, activity=activity, stop=stop)
    server = web_server(app)
    # uvicorn raises the signal again once it has closed; the record must still be removed.
    signal.signal(signal.SIGTERM, lambda *_: None)

    loader = threading.Thread(target=load_built_in, args=[engine], daemon=True)

    async def serve_until_idle() -> None:
        serving = asyncio.create_task(server.serve(sockets=[door]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        service.write_record(record)
        announce(record, engine, idle_minutes, door.getsockname()[0])
        if sys.stdout and more:
            print("\n".join(["", *more]), flush=True)
        loader.start()
        trainer.watch()
        keeper.watch()
        while not serving.done():
            if has_work(trainer):
                activity.last = time.monotonic()
            if activity.idle_seconds() > idle_minutes * 60:
                log.info("nobody asked for %g minutes: stopping", idle_minutes)
                stop()
            await asyncio.wait({serving}, timeout=1)
        await serving

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve_until_idle())
    keeper.stop()
    trainer.stop()
    if loader.is_alive():  # Python aborts where it ends in the middle of PyTorch's work
        loader.join(timeout=30)
    engine.stop()
    log.info("stopped")


def has_work(trainer: TrainerProcess) -> bool:
    """Whether a job waits or runs; yes, where that cannot be told at the moment."""
    try:
        return trainer.has_work()
    except sqlite3.OperationalError:
        log.exception("looking for jobs failed")
        return True


def web_server(app) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=75,  # longer than clients keep a connection, so they close it
            timeout_graceful_shutdown=5,
        )
    )


def load_built_in(engine: Engine) -> None:
    """Have the built-in model ready before the first question."""
    found = find_base(BUILT_IN_NAME)
    if found is None:
        log.warning("there is no built-in model")
        return
    try:
        engine.batch_for(found)
    except Exception:
        log.exception("the built-in model cannot be loaded")


def announce(
    record: service.Running, engine: Engine, idle_minutes: float, bound_to: str
) -> None:
    """The start-up lines: what this is, what it is not, where it listens."""
    reach = _("only this machine can reach it")
    if bound_to != service.HOST:
        reach = _("other machines in this network can reach it, too")
    lines = [
        _("This is the practice service on this machine: small models for learning, not OpenAI."),
        _("Address: {url}   ({reach})").format(url=record.url, reach=reach),
        _("Stops after {minutes:g} minutes without a request, or by: {command}").format(
            minutes=idle_minutes, command="python -m lessonlib.practice --stop"
        ),
    ]
    if sys.stdout:
        print("\n".join(lines), flush=True)
    for line in lines:
        log.info(line)
    log.info("threads: %d (%s)", engine.threads.value, engine.threads.reason)
