"""The dress rehearsal: every notebook, as a learner runs it, without a browser.

At the end the chief claims of the lessons are measured once more on a few recipes: what will be
said in the room should be true on this machine, too.

One work folder for the whole course, fresh at the start, so that the scoreboard fills
as it does for a learner. Executed copies, web pages and the work folder are kept in
work/rehearsal. Run by: python start.py rehearse
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from tools.minutes import stated
from tools.notebooks import NOTEBOOKS, PROJECT, execute, stop_practice, write
from tools.terminal import Step, duration, line, shown

REHEARSAL = PROJECT / "work" / "rehearsal"


def rehearse(notebooks: Path = NOTEBOOKS, target: Path = REHEARSAL) -> int:
    """Run all notebooks of a folder in order. Returns how many failed."""
    shutil.rmtree(target, ignore_errors=True)
    work = target / "work"
    work.mkdir(parents=True)
    failed, started = [], time.monotonic()
    for path in sorted(notebooks.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if error := _run(notebook, path.stem, work, notebooks):
            line("fail", f"{path.stem}: {error}")
            failed.append(path.stem)
        write(notebook, target / path.name)
        _write_page(notebook, target / f"{path.stem}.html")
    ran = time.monotonic() - started
    if notebooks == NOTEBOOKS:  # the claims are the course's, not those of any folder
        _measure_claims(work)
    stop_practice(work)
    print(f"\n       {duration(time.monotonic() - started)} in all, of which the notebooks"
          f" {duration(ran)}. Web pages and executed copies:"
          f" {shown(target)}\n")
    if (work / "scoreboard.json").exists():
        from lessonlib.scoreboard import Scoreboard

        print(Scoreboard(path=work / "scoreboard.json").table())
    if failed:
        line("fail", f"{len(failed)} failed: {', '.join(failed)}")
    return len(failed)


def _run(notebook: NotebookNode, title: str, work: Path, folder: Path) -> str:
    """Run one notebook with a line of progress. Returns '' or the error in one line."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    count = len(notebook.cells)
    try:
        said = stated(notebook)
        with Step(title) as step:
            seconds = execute(notebook, work, folder,
                              on_cell=lambda i: step.now(f"cell {i + 1} of {count}"))
            step.done = f"{title}: {said.against(seconds)}" if said else title
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}".splitlines()[0]
    except (TimeoutError, RuntimeError, AssertionError) as error:
        # A kernel that died: nbclient raises DeadKernelError, or trips over it while tidying up.
        words = str(error) or "the kernel died (out of memory?)"
        return f"{type(error).__name__}: {words}".splitlines()[0]
    return ""


def _measure_claims(work: Path) -> None:
    """Lines of ``factory.bar`` as they come; a claim that does not hold is shown, not hidden."""
    print("\n       The claims of the lessons, on 60 recipes of each kind:")
    environment = {**os.environ, "LESSON_WORK": str(work), "LESSON_PROGRESS": "0"}
    command = [sys.executable, "-m", "factory.bar", "--quick", "--no-record"]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, encoding="utf-8") as process:
        for text in process.stdout:
            if text.startswith("["):
                print(f"       {text.rstrip()}", flush=True)
    if process.returncode:
        line("fail", f"the claims could not be measured: {' '.join(command[1:])} ended in an error")


def _write_page(notebook: NotebookNode, path: Path) -> None:
    text, _resources = HTMLExporter(embed_images=True).from_notebook_node(notebook)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(1 if rehearse() else 0)
