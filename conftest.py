"""For all tests: what they write goes to work/tests, never into a learner's own work.

Each notebook gets a work folder of its own, fresh, as if it were the first one opened.
This must happen before lessonlib is imported, because lessonlib.paths asks only once.

Tests with the mark ``browser`` need Chromium, Chrome or Edge. Where there is none they are
skipped, and the last lines of the run say so; with LESSON_NEED_BROWSER=1, as in CI, or when they
are asked for by ``-m browser``, that is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent
(PROJECT / "work" / "tests").mkdir(parents=True, exist_ok=True)
#: One folder for each run of pytest, so that two of them do not disturb each other.
WORK = Path(tempfile.mkdtemp(dir=PROJECT / "work" / "tests"))

#: Measured seconds of each notebook, by its path.
SECONDS: dict[str, float] = {}
#: Where the sentence is kept that says which tests were not run.
NOT_RUN = pytest.StashKey[str]()

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
        if notebook and notebook.parent.name == "solutions":
            _take_answers_along(notebook.stem)
    if notebook:  # a notebook's kernel has the drawing of Jupyter, not of the tests
        os.environ.pop("MPLBACKEND", None)
    else:
        os.environ["MPLBACKEND"] = "agg"


def _folder_of(notebook: Path) -> str:
    """The solved notebook must not find what the learner's one has left behind."""
    return notebook.stem + ("_solved" if notebook.parent.name == "solutions" else "")


def _take_answers_along(name: str) -> None:
    """The cache of answers alone: the same questions to the same models are asked once."""
    cache = WORK / name / "cache"
    if cache.is_dir():
        shutil.copytree(cache, WORK / f"{name}_solved" / "cache", dirs_exist_ok=True)


def no_browser() -> str:
    """'' where there is a browser, else the sentence that says what to do."""
    from tests import browser

    if browser.program():
        return ""
    return f"no browser on this machine. Cure: {browser.CURE}"


@pytest.hookimpl(trylast=True)  # when -m and -k have left out what they leave out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, unless it was asked for."""
    wanting = [item for item in items if item.get_closest_marker("browser")]
    lack = no_browser() if wanting else ""
    if not lack:
        return
    asked = config.option.markexpr or ""
    if os.environ.get("LESSON_NEED_BROWSER") or re.search(r"(?<!not )\bbrowser\b", asked):
        raise pytest.UsageError(f"There is {lack}")
    for item in wanting:
        item.add_marker(pytest.mark.skip(reason=lack))
    config.stash[NOT_RUN] = f"{len(wanting)} tests were NOT run: there is {lack}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the seconds of each notebook's cells."""
    path = report.nodeid.split("::")[0]
    if path.endswith(".ipynb"):
        SECONDS[path] = SECONDS.get(path, 0) + report.duration


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Measured beside stated minutes; and what was not run: a skip among dots is easily missed."""
    if SECONDS:
        import nbformat

        from tools.minutes import stated

        terminalreporter.section("minutes of the notebooks")
        for path, seconds in SECONDS.items():
            said = stated(nbformat.read(PROJECT / path, as_version=4))
            terminalreporter.write_line(
                f"{path}: {said.against(seconds) if said else f'{seconds:.0f} s'}")
    if text := config.stash.get(NOT_RUN, ""):
        terminalreporter.section("not run")
        terminalreporter.write_line(text)


def stop_practice_services() -> None:
    """A practice service outlives the notebook that started it; a test run ends it."""
    from tools.notebooks import stop_practice

    for record in WORK.glob("*/practice/service.json"):
        stop_practice(record.parent.parent)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    stop_practice_services()
    shutil.rmtree(WORK, ignore_errors=True)
