"""Notebook 03's widgets in a real JupyterLab, worked by keyboard alone: the decision guide, the
break-even explorer and the six cases.
"""

from __future__ import annotations

import os
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lessonlib.costs.explorer import OFFERS
from lessonlib.decision import cases, questionnaire
from tests import browser
from tools.notebooks import NOTEBOOK_METADATA

pytestmark = [pytest.mark.browser, pytest.mark.long("a browser and a JupyterLab of its own")]

CELLS = {
    "explorer": """from lessonlib.costs.scenario import Scenario
from lessonlib.costs.explorer import explore
view = explore(Scenario({"few-shot": (700, 20), "RAG": (260, 20), "tuned": (130, 20)}, 1_000_000,
                        tuned_model="Llama-3.1-8B", requests=2_000))""",
    "cases": "from lessonlib.decision import cases\ncases.show()",
    "guide": """from lessonlib.decision.guide import DecisionGuide
DecisionGuide("my use case").show()""",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def page(place):
    """The three widgets, each under a cell of its own, open and run once for all tests."""
    folder = place / "course"
    folder.mkdir()
    notebook = new_notebook(cells=[new_code_cell(text) for text in CELLS.values()],
                            metadata=NOTEBOOK_METADATA)
    nbformat.write(notebook, folder / "widgets.ipynb")
    with (
        browser.jupyterlab(folder, place / "work") as address,
        browser.page_of(f"{address}/lab/tree/widgets.ipynb", place / "profile") as page,
    ):
        browser.run_all_cells(page)
        page.get_by_role("button", name="Write my decision record").wait_for()
        yield page


def tab_to(page, role: str, name: str, nth: int = 0) -> None:
    """Press Tab until this control has the keyboard; nth: of those with the same words."""
    wanted = page.get_by_role(role, name=name, exact=True).nth(nth)
    for _press in range(90):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to the {role} {name!r}")


def from_the_top(page, cell: int) -> None:
    page.locator(".jp-Cell").nth(cell).focus()


def type_number(page, words: str, number: int) -> None:
    tab_to(page, "spinbutton", words)
    page.keyboard.press("Control+A")
    page.keyboard.type(str(number))
    page.keyboard.press("Tab")


def test_the_explorer(page):
    from_the_top(page, 0)
    picture = page.get_by_role("img", name="Dollars against requests").last
    before = picture.get_attribute("alt")
    type_number(page, "Requests a month", 50000)
    page.get_by_role("columnheader", name="month 1: 50,000 requests").wait_for()
    type_number(page, "Prompt tokens, few-shot", 3000)
    tab_to(page, "spinbutton", "Work on data, US dollars")
    said = page.get_by_role("status").filter(has_text="Tuned").first
    for _back in range(40):
        page.keyboard.press("Shift+Tab")
    tab_to(page, "checkbox", OFFERS["rented-card"].words)
    page.keyboard.press("Space")
    said.get_by_text("tuned never becomes cheaper than RAG").wait_for()
    assert "Hosting pays from" in said.inner_text()
    assert picture.get_attribute("alt") != before
    for _back in range(40):
        page.keyboard.press("Shift+Tab")
    tab_to(page, "checkbox", OFFERS["openai"].words)
    page.keyboard.press("Space")
    page.get_by_text("Untuned: gpt-4.1-mini, $0.40 and $1.60").first.wait_for()
    one = page.get_by_role("checkbox", name=OFFERS["rented-card"].words, exact=True)
    assert not one.is_checked()


def test_the_cases(page):
    from_the_top(page, 1)
    for number, asked in enumerate(cases.load().values(), start=1):
        choice = asked.options[0]
        tab_to(page, "checkbox", choice.text)
        page.keyboard.press("Space")
        tab_to(page, "button", f"Decide case {number}")
        page.keyboard.press("Space")
        verdict = "the same" if choice.right else "otherwise"
        said = page.get_by_role("alert").filter(has_text=asked.options[-1].why)
        said.get_by_text(f"We would decide {verdict}.").wait_for()
        for option in asked.options:
            assert option.why in said.inner_text()
        assert said.get_by_text("This is ours.").count() == 1


def test_the_guide_from_the_first_question_to_the_record(page, place):
    answers = {"aspect": "habits", "prompting": "not_enough", "retrieval": "not_enough",
               "tunability": "yes", "effort": "lasting", "compute": "own", "data": "hundreds",
               "quality": "better", "bar": "enough", "cost": "yes", "extensibility": "no"}
    from_the_top(page, 2)
    for one in questionnaire.questions():
        option = one.option(answers[one.id])
        before = questionnaire.questions()[:questionnaire.questions().index(one)]
        nth = sum(other.text == option.text for each in before for other in each.options)
        tab_to(page, "checkbox", option.text, nth)
        page.keyboard.press("Space")
        page.get_by_role("status").filter(has_text=option.means).first.wait_for()
    tab_to(page, "button", "What does the guide suggest?")
    page.keyboard.press("Space")
    page.get_by_role("alert").get_by_text("Tune a model", exact=True).wait_for()

    tab_to(page, "textbox", "Use case")
    page.keyboard.press("Control+A")
    page.keyboard.type("Sorting mails")
    tab_to(page, "checkbox", questionnaire.VERDICTS["tune"])
    page.keyboard.press("Space")
    tab_to(page, "textbox", "Because")
    page.keyboard.type("measured twice")
    tab_to(page, "button", "Write my decision record")
    page.keyboard.press("Space")
    page.get_by_role("alert").get_by_text("Written to work/decisions/sorting-mails.md").wait_for()
    # Read back as a program of its own would, from this learner's work folder.
    code = ("from lessonlib.decision import record as d; r = d.last('Sorting mails');"
            "print(r.use_case, r.decided, r.suggested, r.because, sep='|')")
    env = os.environ | {"LESSON_WORK": str(place / "work"), "PYTHONPATH": str(browser.PROJECT)}
    read = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert read.stdout.strip() == "Sorting mails|tune|tune|measured twice", read.stderr


@pytest.mark.parametrize("width", [1200, 760])
def test_nothing_is_cut_off(page, width):
    page.set_viewport_size({"width": width, "height": 1400})
    labels = page.locator(".lesson-widget .widget-checkbox label.widget-label-basic")
    assert labels.count() > 40
    cut = labels.evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)")
    assert not cut
