"""Run a notebook as a learner's JupyterLab would: a fresh kernel, all cells, a work folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode

PROJECT = Path(__file__).resolve().parent.parent
#: No cell of the course comes near this; a cell that hangs must not hang a build.
CELL_SECONDS = 900


def execute(
    notebook: NotebookNode,
    work: Path,
    folder: Path = PROJECT / "notebooks",
    on_cell: Callable[[int], None] = lambda index: None,
    cell_seconds: int = CELL_SECONDS,
) -> float:
    """Run all cells in a fresh kernel, as a learner's JupyterLab would. Returns seconds.

    work: what the run writes goes there (LESSON_WORK). folder: where the kernel stands.
    on_cell: told the number of each cell as it begins. cell_seconds: the longest that one cell
    may take. Raises CellExecutionError, and TimeoutError where a cell takes longer.
    """
    work.mkdir(parents=True, exist_ok=True)
    # No progress bars: a finished notebook would show them at 0 %.
    env = dict(os.environ, LESSON_WORK=str(work), LESSON_PROGRESS="0", PYTHONPATH=str(PROJECT))
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=cell_seconds, record_timing=False,
        store_widget_state=False, coalesce_streams=True,
        on_cell_start=lambda cell, cell_index: on_cell(cell_index),
        resources={"metadata": {"path": str(folder)}},
    )
    started = time.monotonic()
    with open(work / "kernel.log", "w", encoding="utf-8") as log:
        client.execute(env=env, stdout=log, stderr=log)
    return time.monotonic() - started


def stop_practice(work: Path) -> None:
    """End the practice service that notebooks left running for this work folder, if any."""
    if (work / "practice" / "service.json").exists():
        command = [sys.executable, "-m", "lessonlib.practice", "--stop"]
        env = dict(os.environ, LESSON_WORK=str(work), PYTHONPATH=str(PROJECT))
        subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
