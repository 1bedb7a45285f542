"""The quiz in a real JupyterLab, worked by keyboard alone."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lessonlib.exercises import quizzes
from tests import browser
from tools.notebooks import NOTEBOOK_METADATA

pytestmark = [pytest.mark.browser, pytest.mark.long("a browser and a JupyterLab of its own")]

QUIZ = quizzes.load("00")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def page(place):
    """A notebook with a quiz and an exercise, open and run, once for all tests of this file."""
    folder = place / "course"
    folder.mkdir()
    cells = [new_code_cell('from lessonlib.exercises.quiz_widget import quiz\nquiz("00")'),
             new_code_cell('from lessonlib import exercises\nexercises.check("01-2", len)')]
    notebook = new_notebook(cells=cells, metadata=NOTEBOOK_METADATA)
    nbformat.write(notebook, folder / "quiz.ipynb")
    with (
        browser.jupyterlab(folder, place / "work") as address,
        browser.page_of(f"{address}/lab/tree/quiz.ipynb", place / "profile") as page,
    ):
        browser.run_all_cells(page)
        page.get_by_role("button", name="Check answer 1").wait_for()
        yield page


def focused(page) -> str:
    """The words of what the keyboard would act on now."""
    return page.evaluate("(document.activeElement.closest('label') || document.activeElement)"
                         ".innerText").strip()


def press_until(page, words: str) -> None:
    """Press Tab until something with these words has the keyboard."""
    for _press in range(60):
        if focused(page) == words:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {words!r}; it is at {focused(page)!r}")


@pytest.mark.parametrize("width", [1200, 760])
def test_no_option_is_cut_off(page, width):
    page.set_viewport_size({"width": width, "height": 1400})
    several = next(one for one in QUIZ.questions if one.several)
    for option in several.options:
        words = page.locator(".widget-checkbox label.widget-label-basic", has_text=option.text)
        # What a box cuts off is wider than the box; ipywidgets alone would do so at 760 pixels.
        assert words.evaluate("label => label.scrollWidth <= label.clientWidth"), option.text


def test_a_checks_words_are_seen(page):
    page.get_by_role("status").get_by_text("01-2: not there yet.").wait_for()
    assert page.get_by_text("len stops with TypeError").is_visible()


def test_the_whole_quiz_by_keyboard(page, place):
    page.set_viewport_size({"width": 1200, "height": 1400})
    page.locator(".jp-Cell").first.focus()
    for number, question in enumerate(QUIZ.questions, start=1):
        wrong = next(option for option in question.options if not option.right)
        press_until(page, wrong.text)
        page.keyboard.press("Space")
        press_until(page, f"Check answer {number}")
        page.keyboard.press("Space")
        said = page.get_by_role("alert").nth(number - 1)
        said.get_by_text(wrong.why).wait_for()
        assert "Not quite. Read why, and try again." in said.inner_text()

        page.keyboard.press("Shift+Tab")  # back from the button to the last option
        for _option in question.options[1:]:
            page.keyboard.press("Shift+Tab")
        assert focused(page) == question.options[0].text
        for option in question.options:
            box = page.get_by_role("checkbox", name=option.text)
            if box.is_checked() != option.right and not (wrong is option and not question.several):
                page.keyboard.press("Space")
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        said.get_by_text("Right! Here is why, option by option.").wait_for()
        for option in question.options:
            assert option.why in said.inner_text()
    kept = json.loads((place / "work" / "progress.json").read_text(encoding="utf-8"))
    assert kept["quizzes"] == {question.key: "right" for question in QUIZ.questions}
