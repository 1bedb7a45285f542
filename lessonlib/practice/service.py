"""Start, find and stop the practice service of this work folder: always one, never two.

Two things tell whether it runs. The *lock* ``service.lock`` is held by the service for as long as
it lives, and the operating system frees it when the process dies, however it dies. The *record*
``service.json`` says where it listens; it is believed only when the service at that address shows
the same random ``instance``. So a record left behind by a killed service is harmless, even if its
process number now belongs to another program.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from lessonlib.common import child_process, paths
from lessonlib.common.errors import LessonError
from lessonlib.common.files import write_whole
from lessonlib.common.i18n import _

HOST = "127.0.0.1"
START_SECONDS = 90.0
STOP_SECONDS = 15.0

#: Services that this process has started: kept so that Python does not complain about
#: a child that outlives its handle. Outliving us is what it is for.
_children: list[subprocess.Popen] = []

#: Never through a proxy: the service is on this machine.
_open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True)
class Running:
    """The record of a service. ``url`` is the base URL for clients, empty while it starts."""

    pid: int
    port: int
    url: str
    api_key: str
    instance: str
    version: str

    def __repr__(self) -> str:
        return f"Running(pid={self.pid}, url={self.url!r})"


def folder() -> Path:
    """The service's own folder, work/practice."""
    return paths.WORK / "practice"


def log_file() -> Path:
    return folder() / "service.log"


def version() -> str:
    """Changes with all that the service runs on: an older one is then replaced.

    That is the whole package, since the service checks files and trains with the same modules as
    a notebook, and the facts.
    """
    found = [*(paths.PROJECT / "lessonlib").rglob("*.py"), *(paths.DATA / "facts").glob("*.toml")]
    stamps = ((path, path.stat()) for path in sorted(found))
    stamps = tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stamps)
    return _version(f"{paths.BUILT_IN}\n{sys.executable}\n", stamps)


@lru_cache(maxsize=1)
def _version(places: str, stamps: tuple[tuple[Path, int, int], ...]) -> str:
    """The files' contents as a short hash, read anew (1.5 MB, 20 ms) when one was written."""
    digest = hashlib.sha256(places.encode())
    for path, _time, _size in stamps:
        digest.update(f"{path}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def lock() -> FileLock:
    """The lock that a service holds while it lives (not acquired yet)."""
    folder().mkdir(parents=True, exist_ok=True)
    return FileLock(folder() / "service.lock")


def is_alive() -> bool:
    """Whether some process holds the service's lock."""
    try:
        with lock().acquire(timeout=0):
            return False
    except Timeout:
        return True


def new_record(port: int, url: str) -> Running:
    """A record for this process, with a new key and a new instance."""
    return Running(
        pid=os.getpid(),
        port=port,
        url=url,
        api_key=f"practice-{secrets.token_hex(16)}",
        instance=secrets.token_hex(8),
        version=version(),
    )


def write_record(record: Running) -> None:
    """Replace service.json in one step, readable by this user only."""
    write_whole(folder() / "service.json", json.dumps(asdict(record), indent=1), private=True)


def remove_record() -> None:
    (folder() / "service.json").unlink(missing_ok=True)


def read_record() -> Running | None:
    """What service.json says, or None where it is missing or damaged."""
    try:
        values = json.loads((folder() / "service.json").read_text(encoding="utf-8"))
        record = Running(**{field.name: values[field.name] for field in fields(Running)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record


def _ask(record: Running, path: str, method: str = "GET") -> dict | None:
    """One small request to the recorded service; None when it does not answer properly."""
    request = urllib.request.Request(
        f"http://{HOST}:{record.port}{path}",
        method=method,
        headers={"Authorization": f"Bearer {record.api_key}"},
    )
    try:
        with _open_url(request, timeout=5) as answer:
            value = json.loads(answer.read(10_000))
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return value if isinstance(value, dict) else None


def find() -> Running | None:
    """The service that runs for this work folder and answers, or None."""
    record = read_record()
    if record is None or not record.url:
        return None
    health = _ask(record, "/health")
    return record if health and health.get("instance") == record.instance else None


def ensure() -> Running:
    """The running service; starts one where there is none.

    A service of an older version of this course is stopped and replaced. When several
    processes call this at once, one starts the service and all get the same one.

    Raises:
        LessonError: it does not start, or one is there and does not answer.
    """
    running = find()
    if running is not None and running.version == version():
        return running
    folder().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder() / "start.lock").acquire(timeout=START_SECONDS):
            running = _wait_for_living()
            if running is not None and running.version != version():
                stop()
                running = None
            return running or _start()
    except Timeout:
        raise LessonError(
            _("Another program has been starting the practice service for too long."),
            _("Look into {log}, then try again.").format(log=log_file()),
        ) from None


def _wait_for_living() -> Running | None:
    """A service that lives: wait until it answers (it may be starting) or is gone."""
    deadline = time.monotonic() + START_SECONDS
    while (running := find()) is None and is_alive():
        if time.monotonic() > deadline:
            raise LessonError(
                _("The practice service is running but does not answer."),
                _("Run: python -m lessonlib.practice --stop"),
            )
        time.sleep(0.1)
    return running


def _start() -> Running:
    """Start the service as a process of its own, and wait until it answers."""
    # It outlives us: closing the notebook, or Ctrl+C in its terminal, must not end it.
    process = child_process.start(
        [sys.executable, "-m", "lessonlib.practice"], paths.PROJECT, child_process.environment(),
        log_file(), only_errors=True,
    )
    _children[:] = [child for child in _children if child.poll() is None] + [process]
    deadline = time.monotonic() + START_SECONDS
    while (running := find()) is None:
        # With code 0 it found another service, just started in a terminal: wait for that.
        if process.poll() not in (None, 0) or time.monotonic() > deadline:
            raise _did_not_start()
        time.sleep(0.05)
    return running


def _did_not_start() -> LessonError:
    text = log_file().read_text(encoding="utf-8", errors="replace") if log_file().exists() else ""
    tail = "\n".join(text.splitlines()[-12:])
    return LessonError(
        _("The practice service did not start. The end of its log:\n{tail}").format(tail=tail),
        _("Run: python start.py check   (the whole log: {log})").format(log=log_file()),
    )


def stop() -> bool:
    """Stop the service of this work folder. False where none was running.

    It is asked first; one that does not listen is ended. Its process number can be trusted
    here: the lock says that the service lives, and a living one has written its own record.
    """
    if not is_alive():
        remove_record()
        return False
    record = read_record()
    if record is not None:
        _ask(record, "/practice/stop", "POST")
    if _ends_within(STOP_SECONDS):
        return True
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        record = read_record()
        if record is not None and is_alive():
            os.kill(record.pid, number)
        if _ends_within(STOP_SECONDS / 3):
            return True
    raise LessonError(
        _("The practice service does not end."),
        _("End the Python process that runs lessonlib.practice by hand, or restart the machine."),
    )


def _ends_within(seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
