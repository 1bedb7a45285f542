"""The notebooks in a real JupyterLab, as a learner sees them: run top to bottom, by keyboard.

One JupyterLab and one work folder for all, as for a learner who goes through the course. What
single widgets do when they are worked has tests of its own (``test_browser_*.py``). The later
notebooks train for minutes, and nbval runs them: they are opened as they are saved, as by someone
who reads before running.
"""

from __future__ import annotations

import io
import re
import shutil

import nbformat
import pytest
from nbformat import NotebookNode
from PIL import Image

from lessonlib.exercises import feedback
from tests import browser
from tools import colab_cell
from tools.notebook_run import stop_practice
from tools.notebooks import NOTEBOOKS, sources

pytestmark = pytest.mark.browser

NUMBERS = ("00", "01", "02", "03", "04", "05")
PATHS = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.stem[:2] in NUMBERS]
READ = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path not in PATHS]
#: Even a slow machine has run a notebook after so long.
SECONDS = 600
#: What the open notebook's cells hold: for code cells [execution count, kinds of outputs].
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code')
    .map(cell => { const all = cell.model.sharedModel;
        return [all.execution_count, all.getOutputs().map(one => one.output_type)] })"""
#: Whatever the keyboard can work in the widgets of a notebook.
CONTROLS = (".jp-OutputArea-output .jupyter-widgets :is(button, input, select, textarea,"
            " [role=slider]):not([disabled]):visible")


@pytest.fixture(scope="module")
def lab(tmp_path_factory, share_answers):
    """(address, a window) of a JupyterLab with a copy of the notebooks."""
    place = tmp_path_factory.mktemp("notebooks")
    folder = place / "course" / "notebooks"
    shutil.copytree(NOTEBOOKS, folder)
    share_answers(place / "work")
    try:
        with (
            browser.jupyterlab(folder, place / "work") as address,
            browser.page_of("about:blank", place / "profile", width=1280, height=900) as page,
        ):
            yield address, page
    finally:
        stop_practice(place / "work")


def each(paths):
    """Notebook 00 in both sizes of the tests, the others in the long one."""
    long = pytest.mark.long("a notebook in a browser, after 00 has shown the way")
    return [pytest.param(path, id=path.stem, marks=[] if path.stem[:2] == "00" else [long])
            for path in paths]


@pytest.fixture(scope="module", params=each(PATHS))
def opened(request, lab):
    """(a window with the notebook, run to its end; the notebook as it was saved)"""
    address, page = lab
    page.goto(f"{address}/lab/tree/{request.param.name}?reset")
    browser.run_all_cells(page, SECONDS)
    return page, nbformat.read(request.param, as_version=4)


@pytest.fixture(scope="module", params=each(READ))
def read(request, lab):
    """(a window with the notebook as it was saved, and nothing run; the notebook)"""
    address, page = lab
    notebook = nbformat.read(request.param, as_version=4)
    page.goto(f"{address}/lab/tree/{request.param.name}?reset")
    page.wait_for_function("count => document.querySelectorAll('.jp-Notebook .jp-Cell').length"
                           " === count", arg=len(notebook.cells))
    page.locator(".jp-Notebook h1").first.wait_for()
    return page, notebook


def texts(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells)


def exercises_of(notebook: NotebookNode) -> list[str]:
    return re.findall(r'exercises\.check\("([\w-]+)"', texts(notebook))


def test_there_are_notebooks_to_look_at():
    made_of = [path.stem for path in sources() if path.stem[:2] in NUMBERS]
    assert [path.stem for path in PATHS] == made_of
    assert {"00", "01", "05"} <= {path.stem[:2] for path in PATHS}


def test_every_cell_was_run_and_no_cell_failed(opened):
    page, notebook = opened
    found = page.evaluate(CELLS)
    saved = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [count for count, _kinds in found] == list(range(1, len(saved) + 1))
    for cell, (_count, kinds) in zip(saved, found, strict=True):
        meant = "raises-exception" in cell.metadata.get("tags", [])
        assert ("error" in kinds) == meant, cell.source


def test_what_a_learner_reads_first_is_there_and_nothing_covers_it(opened):
    look_at_the_first_lines(*opened)


def test_a_notebook_that_is_read_before_it_is_run_is_whole(read):
    page, notebook = read
    look_at_the_first_lines(page, notebook)
    look_at_the_pictures(page)
    look_at_the_folds(page, notebook)
    said = page.locator(".jp-Notebook .jp-OutputArea-output").all_inner_texts()
    assert not any("Error displaying widget" in one or "Javascript Error" in one for one in said)


def look_at_the_first_lines(page, notebook):
    title = notebook.cells[0].source.split("\n")[0].removeprefix("# ")
    assert page.locator("h1", has_text=title).count() == 1
    badge = page.locator(f'img[alt="{colab_cell.ALT}"]')
    assert badge.evaluate("image => image.complete && image.naturalWidth") == 120
    assert not page.locator(".Toastify__toast").count(), "a message covers a corner of the page"
    assert not page.locator(".jp-Dialog").count()


def test_every_picture_is_seen_and_has_its_words(opened):
    look_at_the_pictures(opened[0])


def look_at_the_pictures(page):
    pictures = page.locator(".jp-Notebook img").evaluate_all(
        "images => images.map(one => [one.alt, one.naturalWidth, one.getBoundingClientRect().right,"
        " one.closest('.jp-Notebook').getBoundingClientRect().right])")
    assert pictures
    for alt, width, right, edge in pictures:
        assert alt.strip() and width > 0, alt
        assert right <= edge, f"goes beyond the page: {alt}"


def test_unanswered_exercises_say_so(opened):
    page, notebook = opened
    names = exercises_of(notebook)
    assert names
    for name in names:
        said = page.get_by_role("status").get_by_text(f"{name}: not answered yet, going on.")
        assert said.is_visible()
        assert page.locator("h3", has_text=feedback.find(name).title).count() == 1


def test_a_hint_and_its_solution_unfold_by_keyboard(opened):
    look_at_the_folds(*opened)


def look_at_the_folds(page, notebook):
    # Outputs and what was seen have folds of their own.
    folds = page.locator(".jp-MarkdownCell details").filter(
        has=page.locator("summary").get_by_text(re.compile("^(Hint|Solution)$")))
    assert folds.count() == 2 * len(exercises_of(notebook))
    for fold in folds.all()[:2]:
        fold.locator("summary").focus()
        page.keyboard.press("Enter")
        inner = fold.locator(":scope > *:not(summary)").first
        inner.wait_for()
        assert inner.inner_text().strip()


def test_tab_comes_to_every_widget(opened):
    """Each button, box, list and slider, from the first cell on, by the Tab key alone."""
    page, _notebook = opened
    wanted = page.locator(CONTROLS).evaluate_all(
        "all => all.map((one, place) => { one.dataset.place = place; return place })")
    assert wanted, "each notebook has a quiz at least"
    page.locator(".jp-Cell").first.focus()
    came, others = set(), page.locator(".jp-Notebook :is(a, summary)").count()
    for _press in range(40 + 4 * len(wanted) + others):
        page.keyboard.press("Tab")
        came.add(page.evaluate("document.activeElement?.dataset?.place"))
        if len(came - {None}) == len(wanted):
            return
    never = [place for place in wanted if str(place) not in came]
    names = [page.locator(f'[data-place="{place}"]').evaluate("one => one.outerHTML")[:200]
             for place in never]
    raise AssertionError(f"Tab never comes to: {names}")


def corner(page) -> tuple[int, ...]:
    """The colour of the first picture's corner, as it is on the screen."""
    image = page.locator("img.lesson-picture:visible").first  # others are in folds
    image.scroll_into_view_if_needed()
    with Image.open(io.BytesIO(image.screenshot())) as shot:
        return shot.convert("RGB").getpixel((4, 4))


def test_pictures_follow_the_theme(opened):
    page, _notebook = opened
    if not page.locator("img.lesson-picture").count():
        # 00 and 01 to 05 draw; whatever another one draws is in the course's style as well.
        assert page.locator(".jp-OutputArea img").count() == 0
        return
    for theme, light, least, most in (("JupyterLab Dark", "false", 0, 40),
                                      ("JupyterLab Light", "true", 240, 255)):
        page.evaluate("theme => { window.jupyterapp.commands.execute("
                      "'apputils:change-theme', { theme }) }", theme)
        page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        assert all(least <= part <= most for part in corner(page)), theme
