"""Serve a model folder with ``transformers serve``: start it, ask it, stop it.

    with open_server.serving(folder) as server:
        client = server.connect()
        client.chat.completions.create(model=server.model, ...)

It speaks OpenAI's protocol for chat. Measured with transformers 5.23: it ignores ``logprobs``,
``n`` and ``response_format`` in silence, asks for no key, ends a stream without ``[DONE]``, and
cannot load an adapter without its base, so we give it a merged model. Without a model on its
command line it would load any path that a request names, so we always name one. It listens to this
machine alone.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common import child_process, paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.models.device import choose_device

#: Seconds that it may take to start: it loads PyTorch and the model.
PATIENCE = 180


@dataclass(frozen=True)
class Server:
    """A running server. ``url`` is for a client's ``base_url``, ``model`` is what it serves."""

    url: str
    model: str
    process: subprocess.Popen
    seconds: float

    def connect(self):
        """The course's client for it. It asks for no key and costs nothing, so we ask nobody."""
        from lessonlib.services.clients import connect

        return connect(base_url=self.url, api_key="none-needed", confirm=True)


def command(folder: str | Path, port: int = 8000) -> list[str]:
    """The command line that serves a model folder on this machine alone.

    By itself the server takes the number format of the file. A processor that has to emulate
    bfloat16 gets float32 instead.
    """
    words = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder),
             "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    slow = choose_device().value == "cpu-fp32"
    return [*words, "--dtype", "float32"] if slow else words


@contextlib.contextmanager
def serving(folder: str | Path, port: int | None = None) -> Iterator[Server]:
    """Start ``transformers serve`` for a model folder; stop it at the end, whatever happens.

    Raises:
        LessonError: the folder holds no model, the port is taken, or the server does not start;
            with the last lines that it wrote.

    Introduced in notebook 12.
    """
    folder = Path(folder).resolve()
    if not (folder / "config.json").is_file():
        raise LessonError(
            _("There is no model in {folder}.").format(folder=folder.name),
            _("Give the folder of a merged model: it holds config.json."),
        )
    port = _port(port)
    log = paths.WORK / "serve.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # By itself it asks the network for newer versions, and notes that in the home folder.
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1",
                                "TOKENIZERS_PARALLELISM": "false"}
    began = time.perf_counter()
    with log.open("wb") as file:
        process = child_process.start(command(folder, port), paths.WORK, environment, file)
        try:
            _wait(process, port, log)
            yield Server(f"http://127.0.0.1:{port}/v1", str(folder), process,
                         time.perf_counter() - began)
        finally:
            child_process.end(process)


def _port(wanted: int | None) -> int:
    """``wanted``, or one that is free.

    Raises:
        LessonError: somebody else listens there.
    """
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            raise LessonError(
                _("Port {port} is taken by another program.").format(port=wanted),
                _("Leave the port out: a free one is chosen."),
            ) from error
        return probe.getsockname()[1]


def _wait(process: subprocess.Popen, port: int, log: Path) -> None:
    """Return when the server answers."""
    # Never through a proxy: this is our own machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            with opener.open(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.2)
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
    raise LessonError(
        _("transformers serve did not start: {lines}").format(lines=" / ".join(last) or "?"),
        _("Its log is {log}. It needs the packages of pip install \"transformers[serving]\".")
        .format(log="work/serve.log"),
    )  # fmt: skip
