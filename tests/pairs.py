"""A learner's notebook and its solved copy, run as one: a plugin for pytest, on top of nbval.

Both are cut from one source, so nearly all of their cells are the same, and run once. Whatever
differs runs in both: first as the learner has it, then solved. From the first exercise on
everything counts as different, because what follows may use its answers: so the learner's notebook
runs from top to bottom as it stands, and the solved copy's end runs after it in the same kernel.
Each cell of either is compared with its own saved outputs, and is reported under its own notebook.

A solved copy that is named by its own path runs alone, from top to bottom.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, coalesce_streams

#: The folder of the solved copies, beside the learners' notebooks.
SOLUTIONS = "solutions"


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector):
    """In place of nbval's notebook a pair, and nothing for a copy that its pair runs."""
    found = yield
    if not any(isinstance(one, IPyNbFile) for one in found):
        return found  # not a notebook, or nbval was not asked for
    named, copied = _named(parent.config), file_path.parent.name == SOLUTIONS
    learners = file_path.parent.parent / file_path.name if copied else file_path
    pair = learners.exists() and solved_copy(learners).exists()
    asked = any(learners.is_relative_to(one) for one in named)
    if not pair or not asked or solved_copy(learners) in named:
        return found
    return [] if copied else [Pair.from_parent(parent, path=file_path)]


def solved_copy(notebook: Path) -> Path:
    """notebooks/01_x.ipynb -> notebooks/solutions/01_x.ipynb"""
    return notebook.parent / SOLUTIONS / notebook.name


def _named(config: pytest.Config) -> set[Path]:
    """The files and folders that this run was asked for."""
    here = config.invocation_params.dir
    return {Path(os.path.abspath(here / word.split("::")[0])) for word in config.args}


class Pair(IPyNbFile):
    """A learner's notebook, which runs what differs in the solved copy as well."""

    def collect(self):
        self.setup_sanitize_files()
        mine = list(super().collect())
        copied = Solved.from_parent(self, path=solved_copy(self.path))
        theirs = list(copied.collect())
        end = next((number for number, (one, other) in enumerate(zip(mine, theirs, strict=False))
                    if _is_exercise(one) or _is_exercise(other)), min(len(mine), len(theirs)))
        for one, other in zip(mine[:end], theirs[:end], strict=True):
            yield one
            if not _agree(one, other):
                yield other
        yield from mine[end:]
        yield from theirs[end:]


class Solved(IPyNbFile):
    """The solved copy of a pair, in the kernel of the learner's notebook."""

    def setup(self):
        self.setup_sanitize_files()
        self.kernel = self.parent.kernel
        self._stand_in(self.path.parent)

    def teardown(self):
        self._stand_in(self.parent.path.parent)
        self.kernel = None  # the pair's own, which may go on

    def _stand_in(self, folder: Path) -> None:
        """A kernel stands in the folder of its notebook."""
        if self.kernel.is_alive():
            message = self.kernel.execute_cell_input(f"__import__('os').chdir({str(folder)!r})")
            self.kernel.await_reply(message, timeout=60)


def _is_exercise(item: IPyNbCell) -> bool:
    return "exercise" in item.cell.metadata.get("tags", [])


def _agree(one: IPyNbCell, other: IPyNbCell) -> bool:
    """Whether a run of one cell tests both: the same code, and outputs that a run cannot tell
    apart, or that are not compared."""
    if (one.cell.source, one.options) != (other.cell.source, other.options):
        return False
    if (one.cell.execution_count is None) != (other.cell.execution_count is None):
        return False
    outputs = [coalesce_streams(copy.deepcopy(item.cell.outputs)) for item in (one, other)]
    return not one.options["check"] or one.compare_outputs(*outputs)
