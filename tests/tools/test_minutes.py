"""The minutes that notebooks state: present, the same in the README, and likely to be true."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import minutes, notebooks

SAVED = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_the_stated_minutes_lie_between_reading_and_doing_everything(path):
    notebook = nbformat.read(path, as_version=4)
    said = minutes.stated(notebook)
    assert said, "wanted: **Time:** 25 minutes, of which the computer works for about one"
    least, most = minutes.expected(notebook, path.stem.split("_")[0], said.computer)
    assert least <= said.minutes <= most, f"expected: {least:.0f} to {most:.0f} minutes"


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_the_readme_states_the_same_minutes(path):
    text = (notebooks.PROJECT / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"\(notebooks/{path.name}\) \| (\d+) \|", text)
    assert row and int(row[1]) == minutes.stated(nbformat.read(path, as_version=4)).minutes


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


def test_what_is_expected_grows_with_text_code_and_exercises():
    cells = [new_markdown_cell("word " * 400), new_code_cell("x = 1\n\n" * 60)]
    least, most = minutes.expected(new_notebook(cells=cells), "00", 1)
    assert least == 400 / 200 + 60 / 30 + 1
    assert most > least + 5, "two exercises and a quiz"
