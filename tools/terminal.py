"""What the front door says, and how it runs other programs. Standard library only.

One line for each step. While a long step runs, a terminal shows a small wheel, the
seconds and what is going on; a log file or CI sees one line at the start and one at
the end. Only ASCII is printed, because a Windows console may know nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path


class Stop(Exception):
    """Something that the user can mend: one line of cause, one line of cure."""

    def __init__(self, cause: str, cure: str, log: Path | None = None):
        super().__init__(cause)
        self.cause, self.cure, self.log = cause, cure, log

    def __str__(self) -> str:
        lines = [f"[fail] {self.cause}", f"       Cure: {self.cure}"]
        if self.log:
            lines.append(f"       Full log: {shown(self.log)}")
        return "\n".join(lines)


def shown(path: Path) -> str:
    """A path as a reader wants it: relative to where they stand, where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def duration(seconds: float) -> str:
    """12 -> '12 s', 75 -> '1 min 15 s'."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def line(mark: str, text: str) -> None:
    """``[ok]   text``: all marks take the same width."""
    print(f"{'[' + mark + ']':<7}{text}", flush=True)


class Step:
    """A step that may take long: ``with Step("packages") as step: step.now("numpy")``.

    On leaving it prints ``[ok]   packages (12 s)``, or ``step.done``'s text instead of
    the title. When the body raises, the wheel goes away and nothing is printed: whoever
    catches the exception says what happened.
    """

    def __init__(self, title: str, done: str = ""):
        self.title, self.done, self.activity = title, done or title, ""
        self.started = time.monotonic()
        self._stop = threading.Event()
        self._wheel: threading.Thread | None = None

    def now(self, activity: str) -> None:
        """What is going on at this moment; shown after the seconds. '' changes nothing."""
        self.activity = activity or self.activity

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def __enter__(self) -> Step:
        if sys.stdout.isatty():
            self._wheel = threading.Thread(target=self._turn, daemon=True)
            self._wheel.start()
        else:
            line("..", self.title)
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._stop.set()
        if self._wheel:
            self._wheel.join()
            self._write("")
        if error is None:
            took = self.seconds()
            line("ok", self.done + (f" ({duration(took)})" if took >= 1 else ""))

    def _turn(self) -> None:
        count = 0
        while not self._stop.wait(0.12):
            count += 1
            wheel = "|/-\\"[count % 4]
            text = f"[{wheel}]    {self.title}: {duration(self.seconds())}"
            self._write(f"{text}, {self.activity}" if self.activity else text)

    @staticmethod
    def _write(text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r" + text[:width].ljust(width) + ("" if text else "\r"))
        sys.stdout.flush()


def run(
    command: list[str],
    log: Path,
    env: dict[str, str],
    on_line: Callable[[str], None] = lambda text: None,
    cwd: Path | None = None,
) -> tuple[int, str]:
    """Run a program, keep all it says in ``log``, and give back (exit status, text)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    said: list[str] = []
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"\n$ {' '.join(command)}\n")
        with subprocess.Popen(
            command, cwd=cwd, env=env, text=True, encoding="utf-8", errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:
            for text in process.stdout:
                said.append(text)
                file.write(text)
                file.flush()
                on_line(text.rstrip())
        return process.returncode, "".join(said)


def wait_for(process: subprocess.Popen) -> int:
    """Wait until a program ends, and give back its exit status.

    Ctrl+C reaches the program as well as us, and it gets time to put things in order.
    When only we were told to stop, it is told after a moment.
    """
    try:
        return process.wait()
    except KeyboardInterrupt:
        for patience, then in ((3, process.terminate), (10, process.kill)):
            try:
                return process.wait(patience)
            except subprocess.TimeoutExpired:
                then()
        return process.wait()


def confirm(question: str, yes: bool) -> bool:
    """Ask on a terminal; ``--yes`` answers for those who are not there to be asked."""
    if yes:
        return True
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    return input(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")


def child_environment() -> dict[str, str]:
    """The environment of every program that we start.

    It keeps the user's settings (proxies, mirrors, keys) and drops what would let
    another Python's packages leak in, or make pip write somewhere else.
    """
    env = dict(os.environ)
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV",
                 "__PYVENV_LAUNCHER__"):
        env.pop(name, None)
    env.update(PYTHONUTF8="1", PYTHONNOUSERSITE="1", PIP_USER="0", JUPYTER_PREFER_ENV_PATH="1")
    # Behind a proxy, calls to our own machine must not go through it.
    for name in ("NO_PROXY",) if os.name == "nt" else ("NO_PROXY", "no_proxy"):
        known = [host for host in env.get(name, "").split(",") if host]
        env[name] = ",".join(known + [h for h in ("127.0.0.1", "localhost") if h not in known])
    return env
