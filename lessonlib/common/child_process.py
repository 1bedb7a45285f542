"""Run a program beside the notebook: its lines as they come, a full log, and nothing left behind.

A training program starts further programs, some of them in a session of their own, where a signal
to their parent does not reach them. So we ask the operating system who belongs to the family, and
end all of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import psutil

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

#: Seconds that a program gets to end by itself when asked to.
PATIENCE = 5.0
#: A log that is longer is begun anew.
LOG_BYTES = 1_000_000


def environment(**more: str) -> dict[str, str]:
    """What a Python process of this course needs to find the same work folder and modules."""
    path = [str(paths.PROJECT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "LESSON_WORK": str(paths.WORK),
        "LESSON_BUILT_IN": str(paths.BUILT_IN),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "PYTHONUTF8": "1",
        **more,
    }


def start(
    command: list[str],
    folder: Path,
    env: Mapping[str, str],
    output: Path | IO | int = subprocess.PIPE,
    *,
    stdin: int = subprocess.DEVNULL,
    only_errors: bool = False,
) -> subprocess.Popen:
    """Start a program in ``folder``.

    It does not get our Ctrl+C, and closing our terminal does not end it: whoever waits for it
    ends it, and all that it started. On Windows it opens no console.

    Args:
        output: where what it prints goes, on both channels. A path is a log: it is written on
            from its end, or begun anew, the old one kept beside it, where it is very long.
        only_errors: drop what it prints on the standard channel.

    Raises:
        LessonError: the program is not there.
    """
    if isinstance(output, Path):
        with _log(output) as file:
            return start(command, folder, env, file, stdin=stdin, only_errors=only_errors)
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        apart = {"creationflags": flags}
    else:
        apart = {"start_new_session": True}
    channels = {"stdout": output, "stderr": subprocess.STDOUT}
    if only_errors:
        channels = {"stdout": subprocess.DEVNULL, "stderr": output}
    try:
        return subprocess.Popen(
            command, cwd=folder, env=dict(env), stdin=stdin, **channels, **apart
        )
    except OSError as error:
        raise LessonError(
            _("{program} cannot be started: {reason}.").format(
                program=Path(command[0]).name, reason=error.strerror or error),
            _("Is it installed? The notebook's first cells set it up."),
        ) from error


def _log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        os.replace(path, path.with_suffix(".old.log"))
    return path.open("ab")


def run(
    command: list[str],
    folder: Path,
    env: Mapping[str, str],
    log: Path,
    on_line: Callable[[str], None] = lambda text: None,
) -> int:
    """Run a program to its end and give back its exit status.

    Args:
        log: gets every line, the progress bars' as well; an older log is replaced.
        on_line: told of each line as soon as it is there, without its end.

    When we are interrupted, the program and all that it has started are ended first.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    process = start(command, folder, env)
    try:
        with open(log, "w", encoding="utf-8") as file:
            for text in lines(process.stdout):
                file.write(text + "\n")
                file.flush()
                on_line(text)
        return process.wait()
    finally:
        end(process)
        process.stdout.close()


def lines(stream) -> Iterator[str]:
    """The lines of a running program. A progress bar ends its lines with a carriage return."""
    rest = b""
    while chunk := os.read(stream.fileno(), 65536):
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        yield from (text.decode("utf-8", "replace") for text in whole if text.strip())
    if rest.strip():
        yield rest.decode("utf-8", "replace")


def family(pid: int) -> list[psutil.Process]:
    """A running program and all that it has started, youngest first; empty where it is gone."""
    try:
        parent = psutil.Process(pid)
        return [*reversed(parent.children(recursive=True)), parent]
    except psutil.NoSuchProcess:
        return []


def end(process: subprocess.Popen) -> None:
    """End a program and all that it has started, and wait until they are gone."""
    if process.poll() is None:
        end_all(family(process.pid))
    process.wait()


def end_all(processes: list[psutil.Process]) -> None:
    """Ask these to end; after a while make those end that are still there.

    psutil knows a process by its number *and* its start, so a number that belongs to another
    program by now does no harm.
    """
    for ask in ("terminate", "kill"):
        for process in processes:
            try:
                getattr(process, ask)()
            except psutil.NoSuchProcess:
                continue
        processes = psutil.wait_procs(processes, timeout=PATIENCE)[1]
        if not processes:
            return


def end_known(known: dict[int, float]) -> None:
    """End processes, given by number and start, and all that they have started."""
    left: dict[psutil.Process, None] = {}
    for pid, began in known.items():
        try:
            # A number is given to another program in time; with its start it is the same one.
            if psutil.Process(pid).create_time() == began:
                left |= dict.fromkeys(family(pid))
        except psutil.NoSuchProcess:
            continue
    end_all(list(left))


def last_lines(log: Path, count: int = 12) -> list[str]:
    """The end of a log, without progress bars."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return [one for one in text.splitlines() if one.strip() and "it/s]" not in one
            and "s/it]" not in one][-count:]
