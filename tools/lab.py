"""Open the course in JupyterLab, and wait until it is closed. Standard library only."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from tools.own_environment import LOGS, PROJECT, VENV, python_of
from tools.terminal import Step, Stop, child_environment, line, wait_for

FIRST_NOTEBOOK = "notebooks/00_start_here.ipynb"
DEFAULT_PORT = 8888


def is_free(port: int) -> bool:
    """May we listen on this port of 127.0.0.1?"""
    with socket.socket() as probe:
        if os.name != "nt":  # on Windows this option would let two programs share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def choose_port(asked: int | None) -> int:
    """The port asked for, or the first free one from 8888 on. Raises Stop where it is taken."""
    first = asked or DEFAULT_PORT
    if asked is not None and not 1024 <= asked <= 65535:
        raise Stop(f"Port {asked} cannot be used.", "choose one from 1024 to 65535.")
    free = next((port for port in range(first, min(first + 50, 65536)) if is_free(port)), None)
    if free is None:
        raise Stop(f"The ports from {first} on are all taken.", "close other programs, or name"
                   " another one: python start.py --port 9999")
    if asked is not None and free != asked:
        raise Stop(f"Port {asked} is taken by another program (another JupyterLab?).",
                   f"close that one, or start with --port {free}")
    if free != first:
        line("ok", f"port {first} is taken (another JupyterLab?), so this one gets {free}")
    return free


def open_course(port: int, browser: bool) -> int:
    """Start JupyterLab at the first notebook and wait until it ends. Returns its exit status."""
    if not (PROJECT / FIRST_NOTEBOOK).is_file():
        raise Stop(f"{FIRST_NOTEBOOK} is missing.", "fetch the course again, or make it:"
                   " python start.py build 00")
    token = secrets.token_hex(16)
    log = LOGS / "jupyterlab.log"
    LOGS.mkdir(parents=True, exist_ok=True)
    # The token goes by the environment: a command line can be read by every user.
    env = child_environment() | {"JUPYTER_TOKEN": token}
    with open(log, "w", encoding="utf-8") as file, subprocess.Popen(
        _command(port, browser), cwd=PROJECT, env=env, stdin=subprocess.DEVNULL,
        stdout=file, stderr=subprocess.STDOUT,
    ) as process:
        try:
            with Step("starting JupyterLab", "JupyterLab runs"):
                _wait_until_it_answers(port, process, log)
        except BaseException:
            process.terminate()
            raise
        print(f"\n  http://localhost:{port}/lab/tree/{FIRST_NOTEBOOK}?token={token}\n")
        print("The course opens in your browser." if browser else "Open this address.",
              "Ctrl+C here ends it; your work is kept.", flush=True)
        status = wait_for(process)
    if status > 0:
        raise Stop(f"JupyterLab stopped by itself (exit status {status}): {_last(log)}",
                   "read the end of the log, then start again.", log)
    print("\nJupyterLab is closed.")
    return 0


def _command(port: int, browser: bool) -> list[str]:
    command = [
        str(python_of(VENV)), "-m", "jupyterlab", FIRST_NOTEBOOK,
        f"--ServerApp.root_dir={PROJECT}", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", "--ServerApp.answer_yes=True",
    ]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # a container, as a rule
        command.append("--allow-root")
    return command


def _wait_until_it_answers(port: int, process: subprocess.Popen, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Stop(f"JupyterLab does not start: {_last(log)}",
                       "python start.py --rebuild", log)
        try:
            with direct.open(f"http://127.0.0.1:{port}/api", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise Stop("JupyterLab did not answer within 90 seconds.",
               "start again; on a slow disk the first start takes longest.", log)


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "no message"
