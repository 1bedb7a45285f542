"""Inside a copy of the course: run one notebook, perhaps stop it midway, and say how it went.

Started by ``tools.hardening``, with the copy on Python's path:

    python -m tools.hardening_run 01_baseline_few_shot 12.5      interrupt after 12.5 seconds

The last line begins with ``OUTCOME``: peak memory in bytes of this notebook, its service and
trainer together; seconds from the first cell to the end; and '' or the error.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

OUTCOME = "outcome:"
#: Seconds between two looks at the memory.
STEP = 0.3


class Watch(threading.Thread):
    """Looks at all processes that this one began, also those that outlive their parents.

    Counted is each process's own share (PSS on Linux, else the resident size).
    """

    def __init__(self, work: Path):
        super().__init__(daemon=True)
        self.work, self.peak, self._stop_it = work, 0, threading.Event()

    def run(self) -> None:
        while not self._stop_it.wait(STEP):
            self.peak = max(self.peak, sum(map(_bytes, self._processes())))

    def stop(self) -> int:
        self._stop_it.set()
        self.join()
        return self.peak

    def _processes(self):
        """The kernel, and whatever works for this work folder: the service has left our family."""
        import psutil

        ours = {child.pid: child for child in psutil.Process().children(recursive=True)}
        for process in psutil.process_iter():
            if process.pid in ours or process.pid == os.getpid():
                continue
            try:
                if process.environ().get("LESSON_WORK") == str(self.work):
                    ours[process.pid] = process
            except (psutil.Error, OSError):
                continue
        return list(ours.values())


def _bytes(process) -> int:
    import psutil

    try:
        info = process.memory_full_info()
        return getattr(info, "pss", 0) or info.rss
    except (psutil.Error, OSError):
        return 0


def main() -> int:
    """1 where a cell fails."""
    stem, interrupt_after = sys.argv[1], float(sys.argv[2])
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    from lessonlib.common import paths
    from tools import notebook_run

    notebook = nbformat.read(paths.PROJECT / "notebooks" / f"{stem}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if interrupt_after:
        _interrupt_later(NotebookClient, interrupt_after)
    watch, error, begun = Watch(paths.WORK), "", []
    watch.start()
    try:
        notebook_run.execute(notebook, paths.WORK, paths.PROJECT / "notebooks",
                          on_cell=lambda index: begun.append(time.monotonic()))
    except CellExecutionError as failed:
        error = f"{failed.ename}: {failed.evalue}".splitlines()[0]
    except Exception as failed:  # a dead kernel, a timeout: outcomes, too
        error = f"{type(failed).__name__}: {failed}".splitlines()[0]
    seconds = time.monotonic() - begun[0] if begun else 0.0
    peak = watch.stop()
    notebook_run.stop_practice(paths.WORK)
    print(f"{OUTCOME}\t{peak}\t{seconds}\t{error}", flush=True)
    return 1 if error else 0


def _interrupt_later(kind, seconds: float) -> None:
    """The square button of JupyterLab, pressed by a clock. The kernel gets one interrupt."""
    import asyncio

    start = kind.async_start_new_kernel_client

    async def async_start(self, **more):
        client = await start(self, **more)
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, lambda: asyncio.ensure_future(self.km.interrupt_kernel()))
        return client

    kind.async_start_new_kernel_client = async_start


if __name__ == "__main__":
    sys.exit(main())
