"""The rank widget of notebook 04 in a real JupyterLab, worked by keyboard alone.

The runs are real, on a few rows.
"""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lessonlib.models.sizes import adapter_size
from tests import browser
from tools.notebook_run import stop_practice
from tools.notebooks import NOTEBOOK_METADATA

pytestmark = [pytest.mark.browser, pytest.mark.long("a browser and a JupyterLab of its own")]

SOURCE = """\
import lessonlib
from lessonlib import lora
from lessonlib.lessons.nb04_rank_lab import RankLab
from lessonlib.tasks import recipes, training_rows

client = lessonlib.connect("practice")
rows = training_rows.chat_rows(recipes.load("train")[:8])
settings = lora.LoraSettings(epochs=1, batch_size=4)
lab = RankLab(client, rows, rows[:2], recipes.load("test")[:2], settings)
lab.explore()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    place = tmp_path_factory.mktemp("browser")
    folder = place / "course"
    folder.mkdir()
    notebook = new_notebook(cells=[new_code_cell(SOURCE)], metadata=NOTEBOOK_METADATA)
    nbformat.write(notebook, folder / "rank.ipynb")
    with (
        browser.jupyterlab(folder, place / "work") as address,
        browser.page_of(f"{address}/lab/tree/rank.ipynb", place / "profile") as page,
    ):
        browser.run_all_cells(page)
        page.get_by_role("button", name="Tune with rank 8").wait_for()
        yield page
    stop_practice(place / "work")


def press_tab_until(page, holds: str) -> None:
    """Tab until the thing that the keyboard acts on is found by this JavaScript."""
    for _press in range(60):
        if page.evaluate(holds):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to where {holds}")


def test_a_rank_is_chosen_and_tuned_by_keyboard(page):
    page.get_by_text("Rank 8 has not been tried.").wait_for()
    assert page.get_by_text(f"{adapter_size(8).weights:,}").first.is_visible()

    page.locator(".jp-Cell").first.focus()
    press_tab_until(page, "!!document.activeElement.closest('.widget-slider, .noUi-handle')")
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Tune with rank 4").wait_for()
    assert page.get_by_text(f"{adapter_size(4).weights:,}").first.is_visible()

    press_tab_until(page, "document.activeElement.innerText.trim() === 'Tune with rank 4'")
    page.keyboard.press("Space")
    said = page.get_by_role("status").filter(has_text="rank   4:")
    said.wait_for()
    assert "loss" in said.inner_text() and "F1" in said.inner_text()
    picture = page.get_by_role("img", name="Loss and micro-F1 against the rank. rank 4:")
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 500")
    assert page.get_by_role("button", name="Tune with rank 4").is_enabled()
