"""The minutes that notebooks state: present, the same in the README, and likely to be true."""

from __future__ import annotations

import math
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lessonlib.exercises import feedback, quizzes
from tools import minutes, notebooks

SAVED = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", notebooks.sources(), ids=lambda path: path.stem)
def test_the_stated_minutes_are_those_of_doing_everything(path):
    notebook = notebooks.from_source(path)
    said = minutes.stated(notebook)
    assert said, "wanted: **Time:** 25 minutes, of which the computer works for about one"
    due = minutes.expected(notebook, path.stem.split("_")[0], said.computer)
    assert minutes.within(said.minutes, due), f"python -m tools.minutes {path.stem[:2]}: {due}"


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_the_readme_states_the_same_minutes(path):
    text = (notebooks.PROJECT / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"\(notebooks/{path.name}\) \| (\d+) \|", text)
    assert row and int(row[1]) == minutes.stated(nbformat.read(path, as_version=4)).minutes


def test_the_readmes_ways_through_the_course_add_up():
    """The README gave minutes for each notebook, and for no way through them; then it called 4.4
    hours "about four"."""
    text = (notebooks.PROJECT / "README.md").read_text(encoding="utf-8")
    hours = {path.name[:2]: minutes.stated(nbformat.read(path, as_version=4)).minutes / 60
             for path in SAVED}
    whole = re.search(r"takes about\s+(\w+)\s+hours", text)
    assert minutes.NUMBERS[whole[1]] == round(sum(hours.values()))
    afternoon = re.search(
        r"\| an afternoon \(about (\w+)( and a half)? hours\) \| ([\d, and]+) \|", text)
    said = minutes.NUMBERS[afternoon[1]] + (0.5 if afternoon[2] else 0)
    due = sum(hours[number] for number in re.findall(r"\d\d", afternoon[3]))
    assert said == round(2 * due) / 2, f"{due:.1f} hours"


def with_time(text):
    return new_notebook(cells=[new_markdown_cell(f"# Title\n\n{text}")])


def test_minutes_are_read_from_the_title():
    said = minutes.stated(with_time("**Time:** 25 minutes, of which the computer works for about"
                                    " two."))
    assert (said.minutes, said.computer) == (25, 2)
    for text in ("", "**Time:** long", "**Time:** 25 minutes, of which the computer works for"
                                       " about ninety."):
        assert minutes.stated(with_time(text)) is None


def test_measured_seconds_stand_beside_the_stated_minutes():
    said = minutes.Stated(25, 1)
    assert said.against(42) == "42 s of computing; it says about 1 min"
    assert said.against(100).endswith("1 min 40 s of computing; it says about 1 min, longer than"
                                      " it says")


def test_minutes_are_those_of_text_code_exercises_quiz_and_computing():
    """The minutes that were stated were half of what doing everything took."""
    nothing = minutes.expected(new_notebook(), "00", 1)
    work = sum(one.minutes for one in feedback.all_exercises("00"))
    assert nothing == math.ceil(work + 0.75 * len(quizzes.load("00").questions) + 1)
    cells = [new_markdown_cell("word " * 1800), new_code_cell("x = 1\n\n" * 150)]
    assert minutes.expected(new_notebook(cells=cells), "00", 1) == nothing + 10 + 10
    folded = [new_markdown_cell("word " * 1800, metadata={"tags": ["hint"]}),
              new_code_cell("x = 1\n" * 150, metadata={"tags": ["exercise"]})]
    assert minutes.expected(new_notebook(cells=folded), "00", 1) == nothing


def test_the_minutes_of_one_notebook_are_printed(capsys):
    assert minutes.main(["00"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"00_start_here: states \d+ minutes, should state \d+", said)
