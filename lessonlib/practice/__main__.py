"""``python -m lessonlib.practice``: run, find or stop the practice service."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import sys

from filelock import Timeout

from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.practice import service

IDLE_MINUTES = 30.0


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = read_options(arguments)
    try:
        if options.status:
            return show_status()
        if options.stop:
            was_running = service.stop()
            print(_("Stopped.") if was_running else _("No practice service was running."))
            return 0
        return run(options.port, options.idle_minutes)
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1


def read_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lessonlib.practice",
        description=_(
            "The practice service: answers OpenAI's protocol on this machine with small "
            "models. It is not OpenAI."
        ),
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help=_("say whether it runs, and where"))
    what.add_argument("--stop", action="store_true", help=_("stop it"))
    parser.add_argument("--port", type=int, default=0, help=_("default: any free port"))
    parser.add_argument(
        "--idle-minutes",
        type=float,
        default=float(os.environ.get("LESSON_IDLE_MINUTES", IDLE_MINUTES)),
        help=_("stop after this long without a request (default: %(default)s)"),
    )
    return parser.parse_args(arguments)


def show_status() -> int:
    """Print where the service is; exit code 0 when it runs, 1 when not."""
    running = service.find()
    if running is None:
        print(_("The practice service is not running."))
        return 1
    print(_("The practice service is running."))
    print(_("  address: {url}").format(url=running.url))
    print(_("  process: {pid}").format(pid=running.pid))
    print(_("  log:     {log}").format(log=service.log_file()))
    return 0


def run(port: int, idle_minutes: float) -> int:
    """Serve until stopped or idle. Ends at once where a service runs already."""
    lock = service.lock()
    try:
        # A moment's patience: a starter may be looking whether the lock is held.
        lock.acquire(timeout=2)
    except Timeout:
        print(_("A practice service is running already for this work folder."))
        show_status()
        return 0
    with lock, contextlib.closing(open_socket(port)) as door:
        start_log()
        port = door.getsockname()[1]
        starting = service.new_record(port, url="")
        service.write_record(starting)
        # Imported only now: this loads torch, and --status need not wait for it.
        from lessonlib.practice.serving import serve

        try:
            serve(door, service.new_record(port, f"http://{service.HOST}:{port}/v1"), idle_minutes)
        finally:
            service.remove_record()
    return 0


def open_socket(port: int) -> socket.socket:
    """A listening socket on this machine only."""
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY); without,
    # each answer waits 40 ms for company.
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":  # there, this option would let two programs share one port
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((service.HOST, port))
    except OSError as error:
        door.close()
        raise LessonError(
            _("Port {port} cannot be used: {error}").format(port=port, error=error.strerror),
            _("Leave out --port: a free one is then chosen."),
        ) from None
    return door


def start_log() -> None:
    """Write to work/practice/service.log, and to the terminal where there is one."""
    handlers: list[logging.Handler] = [logging.FileHandler(service.log_file(), encoding="utf-8")]
    if sys.stderr and sys.stderr.isatty():
        handlers.append(logging.StreamHandler())
    style = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=style, handlers=handlers)


if __name__ == "__main__":
    sys.exit(main())
