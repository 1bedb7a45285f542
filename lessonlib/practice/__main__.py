"""``python -m lessonlib.practice``: run, find or stop the practice service."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable

from filelock import Timeout

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
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
        if options.command == "classroom":
            return run_classroom(options)
        return run(options.port, options.idle_minutes or default_idle_minutes(), options.open)
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
    parser.add_argument(
        "command",
        nargs="?",
        choices=["serve", "classroom"],
        default="serve",
        help=_("classroom: a key for each learner, and a page for the instructor"),
    )
    parser.add_argument("--learners", type=int, default=30, help=_("in a classroom: how many"))
    parser.add_argument(
        "--open",
        action="store_true",
        help=_("let other machines in this network reach it (else only this one can)"),
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help=_("say whether it runs, and where"))
    what.add_argument("--stop", action="store_true", help=_("stop it"))
    parser.add_argument("--port", type=int, default=0, help=_("default: any free port"))
    parser.add_argument(
        "--idle-minutes",
        type=float,
        help=_("stop after this long without a request (default: {minutes:g})").format(
            minutes=IDLE_MINUTES
        ),
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


def default_idle_minutes() -> float:
    return float(os.environ.get("LESSON_IDLE_MINUTES", IDLE_MINUTES))


def run(
    port: int,
    idle_minutes: float,
    to_all: bool = False,
    more: Callable[[service.Running], list[str]] | None = None,
) -> int:
    """Serve until stopped or idle. Ends at once where a service runs already.

    Args:
        to_all: let other machines in.
        more: makes further lines for the terminal, once the address is known.
    """
    lock = service.lock()
    try:
        # A moment's patience: a starter may be looking whether the lock is held.
        lock.acquire(timeout=2)
    except Timeout:
        print(_("A practice service is running already for this work folder."))
        show_status()
        return 0
    with lock, contextlib.closing(open_socket(port, "0.0.0.0" if to_all else service.HOST)) as door:
        start_log()
        port = door.getsockname()[1]
        starting = service.new_record(port, url="")
        service.write_record(starting)
        # Imported only now: this loads torch, and --status need not wait for it.
        from lessonlib.practice.web.serving import serve

        record = service.new_record(port, f"http://{service.HOST}:{port}/v1")
        try:
            serve(door, record, idle_minutes, more(record) if more else ())
        finally:
            service.remove_record()
    return 0


def run_classroom(options: argparse.Namespace) -> int:
    """Serve a room: keys, the learners' lines, the address of the instructor's page."""
    from lessonlib.practice.store.store import Store
    from lessonlib.practice.web import classroom

    if not 1 <= options.learners <= 99:
        raise LessonError(
            _("A classroom of {count} learners?").format(count=options.learners),
            _("Give --learners a number from 1 to 99."),
        )

    def more(record: service.Running) -> list[str]:
        room = classroom.learners(Store(service.folder()), options.learners)
        host = classroom.own_address() if options.open else service.HOST
        url = f"http://{host}:{record.port}/v1"
        handout = service.folder() / "classroom.txt"
        classroom.write_handout(handout, url, room)
        key = classroom.status_key(record.api_key)
        page = f"http://{service.HOST}:{record.port}{classroom.STATUS_PATH}?key={key}"
        return classroom.announcement(url, room, handout, page)

    minutes = options.idle_minutes or classroom.IDLE_MINUTES
    return run(options.port or classroom.PORT, minutes, options.open, more)


def open_socket(port: int, host: str = service.HOST) -> socket.socket:
    """A listening socket; unless another host is given, for this machine only."""
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY); without,
    # each answer waits 40 ms for company.
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":  # there, this option would let two programs share one port
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
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
