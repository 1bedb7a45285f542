"""The dress rehearsal: every notebook, or those of the plan, as a learner runs it, no browser.

At the end the main claims of the lessons are measured once more on a few recipes: what will be said
in the room should be true on this machine, too.

One work folder for the whole course, fresh at the start, so that the scoreboard fills as it does
for a learner. Executed copies, web pages and the work folder are kept in work/rehearsal. Run by:
python start.py rehearse, or rehearse 00 01 03 for these notebooks alone
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from tools.minutes import stated
from tools.notebook_run import execute, stop_practice
from tools.notebooks import NOTEBOOKS, PROJECT, write
from tools.terminal import Step, Stop, duration, line, shown

REHEARSAL = PROJECT / "work" / "rehearsal"


def rehearse(
    notebooks: Path = NOTEBOOKS, target: Path = REHEARSAL, names: Sequence[str] = ()
) -> int:
    """Run the notebooks of a folder, in its order or in that of ``names``.

    Args:
        names: beginnings such as "01"; all notebooks if there are none.

    Returns:
        How many failed.

    Raises:
        Stop: there is no notebook of that name.
    """
    paths = _paths(notebooks, names)
    shutil.rmtree(target, ignore_errors=True)
    work = target / "work"
    work.mkdir(parents=True)
    failed, started = [], time.monotonic()
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        if error := _run(notebook, path.stem, work, notebooks):
            line("fail", f"{path.stem}: {error}")
            failed.append(path.stem)
        write(notebook, target / path.name)
        _write_page(notebook, target / f"{path.stem}.html")
    ran = time.monotonic() - started
    print_scores(work / "scoreboard.json")
    if notebooks == NOTEBOOKS:  # the claims are the course's, not those of any folder
        _measure_claims(work)
    stop_practice(work)
    print(f"\n       {duration(time.monotonic() - started)} in all, of which the notebooks"
          f" {duration(ran)}. Web pages and executed copies:"
          f" {shown(target)}\n")
    if failed:
        line("fail", f"{len(failed)} failed: {', '.join(failed)}")
    return len(failed)


def _paths(notebooks: Path, names: Sequence[str]) -> list[Path]:
    """The notebooks to run, in the order in which they are run."""
    all_of_them = sorted(notebooks.glob("*.ipynb"))
    chosen = []
    for name in names:
        found = [path for path in all_of_them if path.stem.startswith(name)]
        if not found:
            there = " ".join(path.stem.split("_")[0] for path in all_of_them)
            raise Stop(f"There is no notebook {name}.", f"choose among {there}.")
        chosen += found
    return list(dict.fromkeys(chosen)) or all_of_them


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


def print_scores(path: Path) -> None:
    """What the learners' board holds after these notebooks: a table for each kind of examples.

    Narrow enough for a terminal: of each row its first score, and the model only where a route
    was gone with several. The notebooks show all columns.
    """
    if not path.exists():
        return
    from lessonlib.measure.scoreboard import Scoreboard
    from lessonlib.measure.scoreboard_table import score_table, scores_of, sizes

    board = Scoreboard(path=path)
    for split in dict.fromkeys(row["split"] for row in board.rows()):
        rows = board.rows(split)
        score = scores_of(rows[0])[0]
        told = f"Scores on {sizes(rows)} examples of {split} (in brackets: 95 % intervals)"
        print(f"\n       {told}\n")
        routes = [row["route"] for row in rows]
        shown_rows = [
            row | {"route": f"{row['route']} ({row['model']})"}
            if routes.count(row["route"]) > 1 else row for row in rows]
        for text in score_table(shown_rows, ("route", score, "prompt_tokens")).text_lines():
            print(f"       {text}")


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
    try:
        sys.exit(1 if rehearse(names=sys.argv[1:]) else 0)
    except Stop as stop:
        sys.exit(str(stop))
