"""Tests in two sizes, and the order in which they run: a plugin for pytest.

``python start.py test`` runs what finds most faults in a few minutes, and
``python start.py test --all`` everything. A test is in the second only, if it is marked ``long``
(one test, or by ``pytestmark`` a file; the mark gives its reason), or if it is a cell of a notebook
that is not in ``QUICK``.

Two files run at a time. The longest begin first, so that both workers end together: how long each
one takes stands in ``tests/seconds.toml``, which ``--record-seconds`` writes anew.
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from pathlib import Path

import pytest

#: The notebooks that are run in both sizes, by their numbers.
QUICK = ("00", "01")
NOTEBOOK = "a notebook other than " + " and ".join(QUICK)
RECORD = Path(__file__).with_name("seconds.toml")
NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
#: What a file counts that has not been measured yet.
USUAL = 10
#: These take trainings from what the notebooks have trained before; see conftest.py.
TRAINED_ONCE = ("test_browser_", "test_outcomes")

#: In this run: seconds of each file.
MEASURED: Counter[str] = Counter()
#: Every test that was collected, whether it runs or not: file's name and marks by its id.
COLLECTED: dict[str, tuple[str, list[pytest.Mark]]] = {}
#: How many long tests of each file are left out.
LEFT_OUT: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-seconds", action="store_true",
                     help=f"write down how long each file takes: tests/{RECORD.name}")


@pytest.hookimpl(tryfirst=True)  # before -m chooses by the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cells of long notebooks; where files are shared out, put the longest first."""
    for item in items:
        if item.path.suffix == ".ipynb" and not item.path.stem.startswith(QUICK):
            item.add_marker(pytest.mark.long(NOTEBOOK))
        COLLECTED[item.nodeid] = (item.path.stem, list(item.iter_markers()))
    if os.environ.get("PYTEST_XDIST_WORKER"):
        taken = _recorded()
        items.sort(key=lambda item: turn(item.path, taken))  # those of one file stay together


def turn(path: Path, taken: dict[str, float]) -> tuple[int, float, str]:
    """When a file's turn comes: notebooks, then what takes their trainings, then the rest; of
    these the longest first. taken: seconds of files by their names."""
    group = 0 if path.suffix == ".ipynb" else 1 if path.stem.startswith(TRAINED_ONCE) else 2
    return group, -taken.get(path.stem, USUAL), path.stem


def _recorded() -> dict[str, float]:
    return tomllib.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}


def pytest_deselected(items: list[pytest.Item]) -> None:
    LEFT_OUT.update(item.path.stem for item in items if item.get_closest_marker("long"))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """What a worker of pytest-xdist has left out; all of them leave out the same."""
    LEFT_OUT.update(Counter(getattr(node, "workeroutput", {}).get("left_out")) - LEFT_OUT)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(LEFT_OUT)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    MEASURED[Path(report.nodeid.split("::")[0]).stem] += report.duration


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Measured beside stated minutes; what the quick size has left out, and how to run it."""
    _tell_minutes(terminalreporter)
    if config.option.record_seconds:
        taken = _recorded() | {name: round(seconds) for name, seconds in MEASURED.items()}
        RECORD.write_text("# Seconds of each file, two at a time on two cores.\n" + "".join(
            f"{name} = {taken[name]}\n" for name in sorted(taken, key=lambda one: -taken[one])),
            encoding="utf-8", newline="\n")
    if LEFT_OUT and "not long" in config.option.markexpr:
        terminalreporter.section("left out")
        terminalreporter.write_line(
            f"{LEFT_OUT.total()} tests that take long, of {len(LEFT_OUT)} files"
            " (CONTRIBUTING.md lists them). All: python start.py test --all")


def _tell_minutes(terminalreporter) -> None:
    notebooks = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.stem in MEASURED]
    if not notebooks:
        return
    import nbformat

    from tools.minutes import stated

    terminalreporter.section("minutes of the notebooks")
    for path in notebooks:
        seconds = MEASURED[path.stem]
        said = stated(nbformat.read(path, as_version=4))
        terminalreporter.write_line(
            f"{path.stem}: {said.against(seconds) if said else f'{seconds:.0f} s'}")
