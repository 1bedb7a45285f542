"""The quick and the long tests are together all of them, and CONTRIBUTING lists the long ones.

Looks at whatever this run has collected: in both sizes that is everything.
"""

from __future__ import annotations

import re
import tomllib

import pytest
from _pytest.mark.expression import Expression

import start
from tests import sizes


def chosen(expression: str) -> set[str]:
    """The tests that ``pytest -m expression`` runs, of those that were collected."""
    compiled = Expression.compile(expression)
    return {test for test, (_name, marks) in sizes.COLLECTED.items()
            if compiled.evaluate(lambda name, marks=marks: any(m.name == name for m in marks))}


def is_cell(test: str) -> bool:
    return test.split("::")[0].endswith(".ipynb")


@pytest.fixture(scope="module")
def long():
    return chosen("long")


def test_every_test_belongs_to_exactly_one_size(project, long):
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    options = settings["tool"]["pytest"]["ini_options"]["addopts"]
    everything = chosen(options[options.index("-m") + 1])
    assert start.ALL_TESTS == ("-n", "2"), "--all adds no expression to pyproject's"
    quick = chosen(start.QUICK_TESTS[start.QUICK_TESTS.index("-m") + 1])
    assert quick | (long & everything) == everything and not quick & long
    assert everything | chosen("embeddings or extras") == set(sizes.COLLECTED)


def test_a_long_test_says_why_it_is_long():
    for test, (_name, marks) in sizes.COLLECTED.items():
        for mark in marks:
            assert mark.name != "long" or len(mark.args) == 1 and mark.args[0], test


def test_of_the_notebooks_only_two_are_quick(long):
    quick = {name for test, (name, _marks) in sizes.COLLECTED.items()
             if is_cell(test) and test not in long}
    assert quick <= {"00_start_here", "01_baseline_few_shot"}


def test_contributing_lists_the_long_tests(project, long):
    text = (project / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"(?ms)^## Which test runs when\n(.*?)^## ", text)[1]
    listed = set(re.findall(r"`(test_\w+)\.py`", section))
    found = {sizes.COLLECTED[test][0] for test in long if not is_cell(test)}
    assert found <= listed
    seen = {name for name, _marks in sizes.COLLECTED.values()}
    assert listed & seen <= found, "no longer long"


def test_the_longest_files_begin_first_and_notebooks_before_what_takes_their_trainings(project):
    taken = {"08_x": 200.0, "00_x": 50.0, "test_outcomes": 300.0, "test_long": 90.0}
    files = ("tests/test_new.py", "notebooks/00_x.ipynb", "tests/deep/test_long.py",
             "tests/notebooks/test_outcomes.py", "notebooks/08_x.ipynb")
    order = sorted((project / one for one in files), key=lambda one: sizes.turn(one, taken))
    assert [one.stem for one in order] == ["08_x", "00_x", "test_outcomes", "test_long", "test_new"]
