"""Notebooks: each agrees with its source, was run to the end, and keeps the rules.

That the saved outputs are right is nbval's part: pytest collects notebooks/ too, and
runs every cell in a fresh work folder (see conftest.py).
"""

from __future__ import annotations

import datetime
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lessonlib.exercises import feedback, quizzes
from tools import notebooks, rehearse, saved_words
from tools.notebook_rules import output_text, problems
from tools.terminal import Stop

SOURCES = notebooks.sources()
#: What learners open. Solutions, generated beside them, keep the same rules.
SAVED = sorted(notebooks.NOTEBOOKS.rglob("*.ipynb"))


def test_there_are_notebooks():
    # Everything below runs once for each; without any, it would pass in silence.
    assert [path.stem for path in SOURCES][:1] == ["00_start_here"]
    assert len(SAVED) >= len(SOURCES) >= 2


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_agrees_with_its_source(source):
    assert not notebooks.differences(source), f"python start.py build {source.stem}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_taking_a_notebook_back_changes_nothing_in_its_source(source, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    copy = folder / source.name
    copy.write_bytes(source.read_bytes())
    notebooks.write(notebooks.from_source(source), notebooks.notebook_of(copy))
    notebooks.take(copy)
    assert copy.read_text(encoding="utf-8") == source.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_a_notebook_keeps_the_rules(path):
    assert not problems(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_for_the_courses_kernel(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))


# --- words of the package in saved outputs -----------------------------------------------


def test_a_saved_output_with_old_words_is_noticed_without_a_run():
    """The sentence of exercise 02-2 was mended in lessonlib and the notebook made anew with its
    old outputs: the check of sources was content, and only the whole run of all notebooks, 50
    minutes later, told that the solved copy still said the old sentence.
    """
    path = notebooks.NOTEBOOKS / "solutions" / "02_baseline_rag.ipynb"
    saved = nbformat.read(path, as_version=4)
    assert list(saved_words.old_words(saved)) == []
    for name, learned in (("02-1", feedback.find("02-1").learned),
                          ("02", quizzes.load("02").questions[0].text)):
        changed = nbformat.reads(nbformat.writes(saved).replace(learned, "Old."), as_version=4)
        found = list(saved_words.old_words(changed))
        assert len(found) == 1 and f" {name} have changed" in found[0]


# --- each rule notices what it is there for --------------------------------------------


def executed(source="1 + 1", outputs=(), tags=(), count=1, **metadata):
    if tags:
        metadata["tags"] = list(tags)
    return new_code_cell(source, outputs=list(outputs), execution_count=count, metadata=metadata)


def with_title(*cells):
    return new_notebook(cells=[new_markdown_cell("# Title"), *cells])


def printed(text):
    return new_output("stream", name="stdout", text=text)


def failed():
    return new_output("error", ename="ValueError", evalue="bad", traceback=["ValueError: bad"])


def picture(text="<Figure size 640x480 with 1 Axes>", metadata=None):
    data = {"image/png": "iVBOR", "text/plain": text}
    return new_output("display_data", data, metadata=metadata or {})


def html(text):
    return new_output("display_data", {"text/html": text})


GOOD = [
    executed(),
    executed(outputs=[failed()], tags=["raises-exception"]),
    executed(tags=["nbval-ignore-output"], reason="seconds differ"),
    executed(outputs=[picture("Bars: tuned is highest.")]),
    executed(outputs=[picture(metadata={"image/png": {"alt": "Bars: tuned is highest."}})]),
    executed(outputs=[printed("work/models/first: see http://localhost:8888/home/lab")]),
    executed('open("data/recipes/test.jsonl")  # and/or'),
    new_markdown_cell("## Next\n\n![a tree](tree.png) <img src='x.png' alt='a tree'>"),
    new_markdown_cell("## Code\n\n```bash\n# not a heading\n```"),
]


def test_a_good_notebook_has_no_problems():
    assert problems(with_title(*GOOD)) == []


BAD = [
    (executed(count=None), "never executed"),
    (executed(""), "is empty"),
    (executed("\n".join("abcdefghijklmnopqrstuvwxyzabcde")), "31 lines"),
    (executed(outputs=[failed()]), "ends in ValueError"),
    (executed(tags=["raises-exception"]), "no error"),
    (executed(tags=["nbval-ignore-output"]), "without a reason"),
    (executed(tags=["nbval-ignore-output"], reason=" "), "without a reason"),
    (executed(tags=["nbval-skip"]), "nbval-skip"),
    (executed("plot();"), "semicolon"),
    (executed(outputs=[picture()]), "picture without alt"),
    (executed(outputs=[html("<img src='x'>")]), "shows an HTML picture"),
    (executed(outputs=[html("<img src='x' alt=''>")]), "shows an HTML picture"),
    (executed(outputs=[printed("saved to /home/ann/course/work")]), "/home/ann"),
    (executed(outputs=[printed("/tmp/tmpab12/model")]), "/tmp/tmpab12"),
    (executed(outputs=[printed("C:\\Users\\ann\\course")]), "names a path"),
    (executed('folder = "/root/course"'), "text names a path"),
    (executed(outputs=[printed("key sk-proj-abcdefghij0123456789")]), "looks like a key"),
    (executed('token = "hf_abcdefghijABCDEFGHIJ0123"'), "looks like a key"),
    (executed(outputs=[printed("practice-0123456789abcdef0123456789abcdef")]), "looks like a key"),
    (new_markdown_cell("# Second title"), "2 headings of the first level"),
    (new_markdown_cell("### Too deep"), "level 3 follows one of level 1"),
    (new_markdown_cell("![](tree.png)"), "picture without alt"),
    (new_markdown_cell("<img src='tree.png'>"), "HTML picture without alt"),
]


@pytest.mark.parametrize(("cell", "said"), BAD, ids=[said for _cell, said in BAD])
def test_a_broken_rule_is_told(cell, said):
    found = problems(with_title(cell))
    assert len(found) == 1 and said in found[0]


def test_a_notebook_without_title_and_with_widget_state():
    notebook = new_notebook(cells=[new_markdown_cell("## Late"), new_markdown_cell("# Title")])
    notebook.metadata["widgets"] = {}
    found = "\n".join(problems(notebook))
    assert "the first heading is not the title" in found and "widget state" in found


def test_outputs_of_every_kind_are_read():
    lines = new_output("display_data", {"text/html": ["<b>", "bold</b>"], "image/png": "iVBOR"})
    text = output_text(executed(outputs=[printed("said"), lines, failed()]))
    assert [line for line in text.split("\n") if line] == [
        "said", "<b>bold</b>", "ValueError: bad"]


# --- from a source to a notebook -----------------------------------------------------------

SMALL = '''# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Small
#
# A text.

# %%
import os
from pathlib import Path

print(Path.cwd().name, Path(os.environ["LESSON_WORK"]).name)
{"a": 1}

# %% tags=["raises-exception"]
1 / 0

# %% tags=["nbval-ignore-output"] reason="the clock goes on"
import time

time.time()
'''


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A project's notebooks folder with one source."""
    # The cells for Colab are looked at in test_colab.py; here they would only be in the way.
    monkeypatch.setattr(notebooks.colab_cell, "cells", lambda path: [])
    source = tmp_path / "notebooks" / "source" / "00_small.py"
    source.parent.mkdir(parents=True)
    source.write_text(SMALL, encoding="utf-8", newline="\n")
    return source


def test_build_makes_an_executed_notebook(small, tmp_path):
    assert notebooks.differences(small) == ["00_small.ipynb has not been made yet"]
    assert notebooks.build(small, tmp_path / "fresh") == []
    assert notebooks.differences(small) == []
    notebook = nbformat.read(notebooks.notebook_of(small), as_version=4)
    title, first, error, clock = notebook.cells
    assert title.source == "# Small\n\nA text."
    assert first.outputs[0].text == "notebooks fresh\n", "it ran where a learner's kernel stands"
    assert first.outputs[1].data["text/plain"] == "{'a': 1}"
    assert error.outputs[0].ename == "ZeroDivisionError"
    assert clock.metadata == {"tags": ["nbval-ignore-output"], "reason": "the clock goes on"}
    assert [cell.execution_count for cell in (first, error, clock)] == [1, 2, 3]
    assert set(notebook.metadata) == {"kernelspec", "language_info", "lesson"}
    assert notebook.metadata.lesson.run == datetime.date.today().isoformat()
    assert "version" not in notebook.metadata.language_info, "it differs from machine to machine"


def test_a_fetched_model_is_lent_to_a_build_only_when_it_is_asked_for(
        small, tmp_path, monkeypatch):  # fmt: skip
    """A build has a work folder of its own, so notebook 08 could never run with Gemma there."""
    monkeypatch.setattr(notebooks, "PROJECT", tmp_path)
    model = tmp_path / "work" / "models" / "real"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}", encoding="utf-8")
    seen = []
    monkeypatch.setattr(notebooks, "execute", lambda notebook, work, folder, on_cell: seen.append(
        (work / "models" / "real" / "config.json").is_file()))
    notebooks.build(small, tmp_path / "fresh", lend=["real"])
    notebooks.build(small, tmp_path / "fresh")
    assert seen == [True, False]
    assert (model / "config.json").is_file(), "what was lent is still there"
    with pytest.raises(Stop, match="other is not in work/models"):
        notebooks.build(small, tmp_path / "fresh", lend=["other"])


def test_notebooks_can_be_run_before_one_that_compares_them(small, tmp_path, monkeypatch):
    """A build has a work folder of its own, so the comparison notebook was saved with eleven rows
    of "not run". Both its editions begin with what the others leave, and not with each other's."""
    first = small.with_name("01_first.py")
    first.write_text(SMALL, encoding="utf-8", newline="\n")
    made = notebooks.editions(small)[notebooks.notebook_of(small)]
    monkeypatch.setattr(notebooks, "editions", lambda source, day=None: {
        notebooks.notebook_of(source): made, notebooks.solutions_of(source): made})
    seen = []

    def run(notebook, work, folder, on_cell):
        board = work / "board"
        seen.append((work.name, board.read_text("utf-8") if board.is_file() else ""))
        work.mkdir(parents=True, exist_ok=True)
        board.write_text(f"left by {work.name}", encoding="utf-8")

    monkeypatch.setattr(notebooks, "execute", run)
    notebooks.build(small, tmp_path / "fresh", after=[first])
    assert seen == [("fresh_before", ""), ("fresh", "left by fresh_before"),
                    ("fresh_solved", "left by fresh_before")]
    assert not notebooks.notebook_of(first).exists(), "it was only run"


def test_a_second_build_changes_only_what_time_changes(small, tmp_path):
    def saved():
        notebooks.build(small, tmp_path / "fresh")
        notebook = nbformat.read(notebooks.notebook_of(small), as_version=4)
        notebook.cells[3].outputs = []
        return nbformat.writes(notebook)

    assert saved() == saved()


@pytest.mark.parametrize(("old", "new", "part"), [
    ("A text.", "Another text.", "cell 1: the text"),
    ("# %%\nimport os", "# %% [markdown]\n# import os", "cell 2: the type"),
    ('# %% tags=["raises-exception"]\n1 / 0', "# %%\n1 / 0", "cell 3: the tags"),
    ("the clock goes on", "time flies", "cell 4: the tags"),
    ("# %%\nimport os", "# %%\n2 + 2\n\n# %%\nimport os", "has 4 cells, its source 5"),
])
def test_a_source_that_was_edited_is_noticed(small, old, new, part):
    notebooks.write(notebooks.from_source(small), notebooks.notebook_of(small))
    assert notebooks.differences(small) == []
    text = small.read_text(encoding="utf-8")
    assert old in text
    small.write_text(text.replace(old, new), encoding="utf-8")
    assert any(part in line for line in notebooks.differences(small))


def test_a_notebook_that_was_edited_is_noticed_and_can_be_taken_back(small):
    path = notebooks.notebook_of(small)
    notebook = notebooks.from_source(small)
    notebook.cells[0].source = "# Small\n\nA better text."
    notebook.cells[1].metadata["collapsed"] = True  # what JupyterLab leaves behind
    notebook.metadata["language_info"]["version"] = "3.13.1"
    notebooks.write(notebook, path)
    assert notebooks.differences(small) == [
        "00_small.ipynb, cell 1: the text differs from the source"]
    notebooks.take(small)
    assert small.read_text(encoding="utf-8") == SMALL.replace("A text.", "A better text.")
    assert notebooks.differences(small) == []


def test_a_changed_sentence_needs_no_run_and_keeps_the_outputs(small):
    notebook = notebooks.from_source(small)
    for number, cell in enumerate([cell for cell in notebook.cells if cell.cell_type == "code"]):
        cell.execution_count = number + 1
        fails = "raises-exception" in cell.metadata.get("tags", [])
        cell.outputs = [failed()] if fails else [printed("the output of a long run")]
    notebooks.write(notebook, notebooks.notebook_of(small))
    text = small.read_text(encoding="utf-8").replace("A text.", "A better text.")
    small.write_text(text, encoding="utf-8", newline="\n")
    assert notebooks.reword(small) == []
    assert notebooks.differences(small) == []
    made = notebooks.notebook_of(small).read_text(encoding="utf-8")
    assert "A better text." in made and "the output of a long run" in made


def test_changed_code_does_not_keep_an_output_that_is_not_its_own(small, tmp_path):
    notebooks.write(notebooks.from_source(small), notebooks.notebook_of(small))
    before = notebooks.notebook_of(small).read_text(encoding="utf-8")
    text = small.read_text(encoding="utf-8") + "\n# %%\nprint('one more')\n"
    small.write_text(text, encoding="utf-8", newline="\n")
    with pytest.raises(Stop, match="the code differs as well") as stopped:
        notebooks.reword(small)
    assert stopped.value.cure == "python start.py build 00"
    assert notebooks.notebook_of(small).read_text(encoding="utf-8") == before


def test_a_cell_that_fails_stops_the_build_with_its_error(small, tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "PROJECT", tmp_path)
    text = small.read_text(encoding="utf-8")
    small.write_text(text.replace(' tags=["raises-exception"]', ""), encoding="utf-8")
    with pytest.raises(Stop, match="ZeroDivisionError: division by zero") as stopped:
        notebooks.build(small, tmp_path / "fresh")
    assert "raises-exception" in stopped.value.cure
    assert not notebooks.notebook_of(small).exists(), "a half-run notebook is not saved"


def test_ids_depend_on_the_text_alone(small):
    first = [cell.id for cell in notebooks.from_source(small).cells]
    text = small.read_text(encoding="utf-8")
    small.write_text(text.replace("# %%\nimport os", "# %%\n1\n\n# %%\n1\n\n# %%\nimport os"),
                     encoding="utf-8")
    second = [cell.id for cell in notebooks.from_source(small).cells]
    assert second[:1] + second[3:] == first, "the other cells keep theirs"
    assert second[2] == second[1] + "-2"


def test_names_choose_notebooks_and_unknown_names_are_told(small):
    folder = small.parent.parent
    assert notebooks.sources(["00"], folder) == [small]
    with pytest.raises(Stop, match="no notebook 77") as stopped:
        notebooks.sources(["77"], folder)
    assert "00_small" in stopped.value.cure


def test_live_widgets_are_not_saved():
    view = "application/vnd.jupyter.widget-view+json"
    shown = new_output("display_data", {view: {"model_id": "ab12"}, "text/plain": "a slider"})
    notebook = notebooks.clean(with_title(executed(outputs=[shown], scrolled=True)))
    assert notebook.cells[1].outputs[0].data == {"text/plain": "a slider"}
    assert notebook.cells[1].metadata == {}


# --- nbval itself, as pyproject.toml sets it up ---------------------------------------------


def test_nbval_compares_saved_outputs_in_a_fresh_work_folder(small, project):
    folder = project / "work" / "tests" / "nbval-trial"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    path = folder / "notebooks" / "00_small.ipynb"
    notebook = notebooks.from_source(small)
    notebooks.execute(notebook, folder / "00_small", path.parent)
    notebooks.write(notebooks.clean(notebook), path)
    command = [sys.executable, "-m", "pytest", str(path), "-q", "-p", "no:cacheprovider"]
    asked = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert "3 passed" in asked.stdout, asked.stdout

    notebook.cells[1].outputs[1].data["text/plain"] = "{'a': 2}"
    notebooks.write(notebook, path)
    asked = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert "1 failed, 2 passed" in asked.stdout, asked.stdout
    assert "{'a': 2}" in asked.stdout, "it tells which outputs differ"
    shutil.rmtree(folder)


def test_a_saved_notebook_names_the_learners_work_folder(project):
    run = project / "work" / "build" / "00_start_here"
    result = new_output("execute_result", {"text/plain": "'work/build/00_start_here/models/m'"})
    shown = executed(outputs=[printed("saved to work/build/00_start_here/models/m"), result])
    cell = notebooks.clean(with_title(shown), run).cells[1]
    assert cell.outputs[0].text == "saved to work/models/m"
    assert cell.outputs[1].data["text/plain"] == "'work/models/m'"


# --- the rehearsal ------------------------------------------------------------------------------


def test_the_rehearsal_runs_all_and_goes_on_after_a_failure(small, tmp_path, capsys):
    folder = small.parent.parent
    notebooks.write(notebooks.from_source(small), folder / "00_small.ipynb")
    broken = small.with_name("04_broken.py")
    broken.write_text(SMALL.replace('{"a": 1}', 'raise KeyError("gone")'), encoding="utf-8")
    notebooks.write(notebooks.from_source(broken), folder / "04_broken.ipynb")
    notebooks.write(notebooks.from_source(small), folder / "03_small.ipynb")
    assert rehearse.rehearse(folder, tmp_path / "out") == 1
    said = capsys.readouterr().out
    assert "[ok]   00_small" in said and " s in all" in said
    assert "[fail] 04_broken: KeyError: 'gone'" in said
    assert "[ok]   03_small" in said
    assert said.rstrip().endswith("[fail] 1 failed: 04_broken")
    for name in ("00_small", "04_broken", "03_small"):
        page = (tmp_path / "out" / f"{name}.html").read_text(encoding="utf-8")
        assert "A text." in page
    done = nbformat.read(tmp_path / "out" / "00_small.ipynb", as_version=4)
    assert done.cells[1].outputs[0].text == "notebooks work\n", "one work folder for the course"
