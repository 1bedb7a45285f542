"""INSTRUCTORS.md: plans that add up, minutes and sections that the notebooks have, commands that
exist, and outputs that the programs still print."""

from __future__ import annotations

import re

import nbformat
import pytest

import start
from lessonlib.practice.web import classroom
from tools import hub_links, minutes, wheelhouse
from tools.notebooks import NOTEBOOKS, PROJECT
from tools.own_environment import constraints, pinned

TEXT = (PROJECT / "INSTRUCTORS.md").read_text(encoding="utf-8")
PLANS = (45, 90, 180)
ROW = re.compile(r"(?m)^\| (\d+) \| (.+?) \| (.+?) \|$")


def plan(length: int) -> list[tuple[int, str, str]]:
    """(minutes, what, notebook) of each row of a plan."""
    part = TEXT.split(f"### {length} minutes")[1].split("\n#")[0]
    return [(int(number), what, where) for number, what, where in ROW.findall(part)]


def notebook_of(where: str):
    """The notebook that a row names, or None while it does not exist."""
    number = re.search(r"\b(\d\d|A1)\b", where)
    found = sorted(NOTEBOOKS.glob(f"{number[1]}_*.ipynb")) if number else []
    return nbformat.read(found[0], as_version=4) if found else None


@pytest.mark.parametrize("length", PLANS)
def test_a_plans_minutes_add_up(length):
    assert sum(row[0] for row in plan(length)) == length


@pytest.mark.parametrize("length", PLANS)
def test_a_whole_notebook_gets_its_minutes_and_a_part_fewer(length):
    rows = plan(length)
    assert len(rows) >= 5
    for number, what, where in rows:
        notebook = notebook_of(where)
        if notebook is None:
            continue
        stated = minutes.stated(notebook).minutes
        if "All of it" in what:
            assert number == stated, f"{where}: {what}"
        elif what.startswith("Part"):
            assert number <= stated, f"{where}: {what}"


@pytest.mark.parametrize("length", PLANS)
def test_the_sections_of_a_part_exist(length):
    for _number, what, where in plan(length):
        named = re.match(r"Part: sections? ([\d, and]+|\d+ to \d+)\b", what)
        if not named:
            continue
        first, *rest = map(int, re.findall(r"\d+", named[1]))
        wanted = range(first, rest[0] + 1) if " to " in named[1] else [first, *rest]
        text = "\n".join(cell.source for cell in notebook_of(where).cells
                         if cell.cell_type == "markdown")
        for section in wanted:
            assert re.search(rf"(?m)^## {section}\. ", text), f"{where} has no section {section}"


def test_a_notebook_of_a_plan_that_exists_is_linked():
    for length in PLANS:
        for _number, what, where in plan(length):
            if ("All of it" in what or what.startswith("Part")) and notebook_of(where):
                assert "](notebooks/" in where or where == "06", where


def test_its_commands_exist():
    words = set(re.findall(r"python start\.py ([a-z]+)", TEXT))
    assert words <= set(start.WORDS) and {"kit", "rehearse", "slides", "nbgrader"} <= words
    for module in set(re.findall(r"python -m (lessonlib[\w.]*|tools[\w.]*)", TEXT)):
        path = PROJECT.joinpath(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_what_it_quotes_is_what_the_programs_say():
    """A quoted line that no program prints any more sends an instructor looking for it."""
    house = "\n".join(path.read_text(encoding="utf-8") for folder in ("lessonlib", "tools")
                      for path in (PROJECT / folder).rglob("*.py"))
    house += (PROJECT / "start.py").read_text(encoding="utf-8")
    for line in ("The disk is full.", "No network: the Python package index cannot be reached.",
                 "calls to this machine would go through the proxy", "no connection to 127.0.0.1",
                 "Connected to the practice service on this machine", "no network is needed",
                 "Connected to the classroom's practice service", "the course's own files",
                 "Each learner pastes three lines into the first cell, such as these:",
                 "Queue, jobs and errors (for you alone): {url}",
                 "This is the practice service on this machine: small models for learning"):
        assert line in house, line
        assert line.split("{")[0] in re.sub(r"\n", " ", TEXT), line
    assert str(classroom.PORT) in TEXT
    assert f"{classroom.IDLE_MINUTES:.0f} minutes without a request" in TEXT
    assert pinned("torch", constraints()) in TEXT


def test_links_for_a_hub_name_repository_version_and_notebook():
    made = hub_links.link("https://hub.example.org/", NOTEBOOKS / "01_baseline_few_shot.ipynb")
    assert made.startswith("https://hub.example.org/hub/user-redirect/git-pull?repo=https%3A%2F%2F")
    assert re.search(r"&branch=v[\d.]+&urlpath=lab%2Ftree%2F[\w-]+%2Fnotebooks%2F01_", made)


def test_the_printed_page_count_of_the_preflight_is_right():
    from lessonlib.setup import environment

    assert len(environment.preflight()) == 9 and "Nine lines should begin" in TEXT


def test_no_blank_was_left_open():
    assert not re.search(r"\{[A-Z]+\}|\?\?\?", TEXT)
    assert wheelhouse.FOLDER.name in TEXT
