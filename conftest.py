"""For all tests: what they write goes to work/tests, never into a learner's own work.

Each notebook gets a work folder of its own, fresh, as if it were the first one opened.
This must happen before lessonlib is imported, because lessonlib.paths asks only once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent
(PROJECT / "work" / "tests").mkdir(parents=True, exist_ok=True)
#: One folder for each run of pytest, so that two of them do not disturb each other.
WORK = Path(tempfile.mkdtemp(dir=PROJECT / "work" / "tests"))

os.environ["LESSON_WORK"] = str(WORK / "unit")
os.environ["LESSON_PROGRESS"] = "0"
os.environ["MPLBACKEND"] = "agg"
os.environ["PYTHONPATH"] = str(PROJECT)
# A key or a provider in the tester's environment must not make a test call a paid service.
for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "LESSON_PROVIDER",
             "LESSON_LANGUAGE"):
    os.environ.pop(name, None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a notebook's kernel starts, point it to its own work folder."""
    notebook = item.path if item.path.suffix == ".ipynb" else None
    work = str(WORK / (_folder_of(notebook) if notebook else "unit"))
    if work != os.environ["LESSON_WORK"]:
        stop_practice_services()
        os.environ["LESSON_WORK"] = work
    if notebook:  # a notebook's kernel has the drawing of Jupyter, not of the tests
        os.environ.pop("MPLBACKEND", None)
    else:
        os.environ["MPLBACKEND"] = "agg"


def _folder_of(notebook: Path) -> str:
    """The solved notebook must not find what the learner's one has left behind."""
    return notebook.stem + ("_solved" if notebook.parent.name == "solutions" else "")


def stop_practice_services() -> None:
    """A practice service outlives the notebook that started it; a test run ends it."""
    from tools.notebooks import stop_practice

    for record in WORK.glob("*/practice/service.json"):
        stop_practice(record.parent.parent)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    stop_practice_services()
    shutil.rmtree(WORK, ignore_errors=True)
