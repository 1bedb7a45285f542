"""Exercises are cut from solutions: what the learner gets, what is folded, what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lessonlib.exercises.feedback import all_exercises
from tools import exercise_cutting, notebooks
from tools.notebook_rules import output_text
from tools.terminal import Stop

SOURCE = '''# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Small
#
# See [the next one](02_next.ipynb), [home](../README.md), [web](https://example.org), [up](#top).

# %%
from types import SimpleNamespace

from lessonlib import exercises
from lessonlib.exercises import progress_file
from lessonlib.exercises.quiz_widget import quiz

none, four = SimpleNamespace(prompt_tokens=100), SimpleNamespace(prompt_tokens=525)

# %% [markdown]
# ## Try it
#
# ### Exercise 01-1
#
# What do four examples add to 1,000 requests?

# %% tags=["exercise"]
# Take the two results above.
# BEGIN SOLUTION
for_one = four.prompt_tokens - none.prompt_tokens
extra = 1000 * for_one
# END SOLUTION

# %%
exercises.check("01-1", extra, none, four)

# %% [markdown] tags=["hint"]
# What do they add to *one*?

# %% [markdown]
# ### Exercise 01-2

# %% tags=["exercise"]
def most_examples(window, instructions, example, answer):
    # BEGIN SOLUTION
    room = window - instructions - answer
    return max(0, room // example)
    # END SOLUTION


exercises.check("01-2", most_examples)

# %% [markdown] tags=["hint"]
# What is left for them?

# %%
print("done:", progress_file.load()[0]["exercises"])

# %%
quiz("01")
'''


@pytest.fixture
def source(tmp_path, monkeypatch):
    # The cells for Colab are looked at in test_colab.py; here they would only be in the way.
    monkeypatch.setattr(notebooks.colab_cell, "cells", lambda path: [])
    path = tmp_path / "notebooks" / "source" / "01_small.py"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCE, encoding="utf-8", newline="\n")
    return path


@pytest.fixture
def learner(source):
    return notebooks.editions(source)[notebooks.notebook_of(source)]


@pytest.fixture
def solved(source):
    return notebooks.editions(source)[notebooks.solutions_of(source)]


def texts(notebook):
    return [cell.source for cell in notebook.cells]


# --- the learner's notebook --------------------------------------------------------------------


def test_a_blank_takes_the_place_of_the_solution(learner):
    assert texts(learner)[3] == "# Take the two results above.\nextra = ...  # your turn"
    assert texts(learner)[7] == (
        "def most_examples(window, instructions, example, answer):\n"
        "    return ...  # your turn\n\n\n"
        'exercises.check("01-2", most_examples)'
    )


def test_hint_and_solution_are_folded_beneath_the_check(learner):
    assert texts(learner)[5] == """<details>
<summary>Hint</summary>

What do they add to *one*?

</details>

<details>
<summary>Solution</summary>

```python
# Take the two results above.
for_one = four.prompt_tokens - none.prompt_tokens
extra = 1000 * for_one
```

</details>"""


def test_the_heading_tells_title_difficulty_and_minutes(learner):
    assert texts(learner)[2] == (
        "## Try it\n\n### Exercise 01-1: The price of examples\n\n"
        "*Difficulty: easy (1 of 3). About 3 minutes.*\n\n"
        "What do four examples add to 1,000 requests?"
    )


def test_no_marker_and_no_solution_stands_outside_of_a_fold(learner):
    for cell in learner.cells:
        assert "SOLUTION" not in cell.source
        if cell.cell_type == "code":
            assert "for_one" not in cell.source and "room //" not in cell.source


# --- the solved notebook -----------------------------------------------------------------------


def test_the_solved_notebook_holds_the_solutions_and_says_what_it_is(solved, learner):
    title, note, *rest = texts(solved)
    assert note == "> This is [01_small](../01_small.ipynb) with its exercises solved."
    assert "[the next one](../02_next.ipynb), [home](../../README.md)" in title
    assert "[web](https://example.org), [up](#top)" in title, "only links to files change"
    assert "extra = 1000 * for_one" in rest[2] and "SOLUTION" not in "".join(rest)
    assert "<summary>Hint</summary>" in rest[4] and "<summary>Solution" not in rest[4]
    assert [cell.cell_type for cell in solved.cells][2:] == [
        cell.cell_type for cell in learner.cells][1:]


def test_what_is_folded_is_what_was_run(solved, learner):
    for cell in solved.cells:
        if "exercise" in cell.metadata.get("tags", ()):
            assert any(f"```python\n{cell.source}\n```" in text for text in texts(learner))


# --- blanks ------------------------------------------------------------------------------------


def blank(solution, rest="use(a, b, c)"):
    cell = new_code_cell(f"# BEGIN SOLUTION\n{solution}\n# END SOLUTION",
                         metadata={"tags": ["exercise"]})
    check = new_code_cell(f'{rest}\ncheck("01-1", a)')
    hint = new_markdown_cell("A hint.", metadata={"tags": ["hint"]})
    return exercise_cutting.learner(new_notebook(cells=[cell, check, hint])).cells[0].source


@pytest.mark.parametrize(("solution", "expected"), [
    ("a = 1", "a = ...  # your turn"),
    ("a, b = 1, 2", "a = ...  # your turn\nb = ..."),
    ("x = 1\na = x + 1", "a = ...  # your turn"),
    ("a: int = 1", "a = ...  # your turn"),
    ("a = b = 1\na += 1", "a = ...  # your turn\nb = ..."),
    ("def a(x):\n    c = 1\n    return c", "a = ...  # your turn"),
    ("class a:\n    pass", "a = ...  # your turn"),
    ("a = [b for b in range(3)]", "a = ...  # your turn"),
    ("a = 0\nfor b in range(3):\n    a += b\n    c = b", "a = ...  # your turn\nc = ..."),
    ("if 1:\n    a = 1", "a = ...  # your turn"),
    ("print(1)", "...  # your turn"),
    ("# a word\n\na = 1", "a = ...  # your turn"),
    ("    a = 1", "    ...  # your turn"),
    ("    if a:\n        return 1\n    return 2", "    return ...  # your turn"),
    ("    b = 1\n    return lambda: b", "    return ...  # your turn"),
])
def test_blanks_give_what_the_notebook_needs_and_nothing_more(solution, expected):
    assert blank(solution) == expected


def test_a_name_inside_of_a_function_is_given_only_if_the_function_needs_it():
    # The name stood in another cell, too, and so the first step was given away.
    part = "# END SOLUTION\n    return c\n# BEGIN SOLUTION\na = 1"
    text = f"    b = 1\n    c = b\n    {part}"
    assert blank(text) == "    c = ...  # your turn\n    return c\na = ...  # your turn"


def test_a_cell_may_hold_several_blanks():
    two = "a = 1\n# END SOLUTION\nprint(a)\n# BEGIN SOLUTION\nb = a"
    assert blank(two) == "a = ...  # your turn\nprint(a)\nb = ...  # your turn"


def test_a_solution_with_a_fence_inside_is_fenced_by_more():
    cell = new_code_cell('# BEGIN SOLUTION\na = "```"\n# END SOLUTION',
                         metadata={"tags": ["exercise"]})
    cells = [cell, new_code_cell('check("01-1", a)'),
             new_markdown_cell("A hint.", metadata={"tags": ["hint"]})]
    folded = exercise_cutting.learner(new_notebook(cells=cells)).cells[2].source
    assert '````python\na = "```"\n````' in folded


# --- sources that break a rule -----------------------------------------------------------------


@pytest.mark.parametrize(("old", "new", "said"), [
    ("# END SOLUTION\n\n# %%\n", "\n# %%\n", "cell 4 does not say what its solution is"),
    ("# BEGIN SOLUTION\nfor_one", "for_one", "cell 4 does not say what its solution is"),
    ('# %% tags=["exercise"]\n# Take', "# %%\n# Take", "Cell 4 holds a solution, but is no"),
    (' tags=["hint"]\n# What do', "\n# What do", "cell 4 has no hint"),
    (' tags=["hint"]\n# What is', "\n# What is", "cell 8 has no hint"),
    ('exercises.check("01-1", extra, none, four)', "extra", "hint in cell 6 does not follow"),
    ("# ### Exercise 01-1", "# ### Exercise 01-9", "exercise 01-9, which does not exist"),
    ("for_one = four", "%time for_one = four", "not plain Python"),
    ("for_one = four.prompt_tokens - none.prompt_tokens\nextra = 1000 * for_one\n", "",
     "cell 4 is empty"),
])
def test_a_source_that_breaks_a_rule_is_refused_with_the_cell(source, old, new, said):
    text = source.read_text(encoding="utf-8")
    assert old in text
    source.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(Stop, match=said) as stopped:
        notebooks.editions(source)
    assert stopped.value.cure


# --- taking edits back -------------------------------------------------------------------------


def test_taking_a_learners_notebook_back_loses_no_solution(source, learner):
    notebooks.write(learner, notebooks.notebook_of(source))
    notebooks.take(source)
    assert source.read_text(encoding="utf-8") == SOURCE


def test_edits_new_cells_and_other_orders_are_taken_back(source, learner):
    learner.cells[0].source = "# Small and new"
    learner.cells[2].source = learner.cells[2].source.replace("What do", "How much do")
    learner.cells.insert(1, new_markdown_cell("Another text."))
    learner.cells.append(learner.cells.pop(-2))
    notebooks.write(learner, notebooks.notebook_of(source))
    notebooks.take(source)
    text = source.read_text(encoding="utf-8")
    assert "# # Small and new\n\n# %% [markdown]\n# Another text.\n" in text
    assert "# ### Exercise 01-1\n#\n# How much do" in text, "the heading is as it was written"
    assert "extra = 1000 * for_one\n# END SOLUTION" in text
    assert text.rstrip().endswith('["exercises"])')


@pytest.mark.parametrize("place", [3, 5])
def test_an_edited_blank_or_fold_is_not_taken_back(source, learner, place):
    learner.cells[place].source += "\n# more"
    notebooks.write(learner, notebooks.notebook_of(source))
    with pytest.raises(Stop, match=f"Cell {place + 1} was edited"):
        notebooks.take(source)
    assert source.read_text(encoding="utf-8") == SOURCE


# --- both notebooks, built and run -------------------------------------------------------------


def test_both_notebooks_are_built_and_say_so_when_one_disagrees(source, tmp_path):
    assert len(notebooks.differences(source)) == 2, "neither was made"
    assert notebooks.build(source, tmp_path / "run") == []
    assert notebooks.differences(source) == []
    read = [nbformat.read(path, as_version=4) for path in notebooks.editions(source)]
    said = ["\n".join(map(output_text, (c for c in n.cells if c.cell_type == "code")))
            for n in read]
    assert "[..] 01-1: not answered yet, going on." in said[0] and "[ok]" not in said[0]
    assert "[ok] 01-1: right." in said[1] and "[ok] 01-2: right." in said[1]
    assert "done: {}" in said[0], "the solved one has a work folder of its own"
    assert "done: {'01-1': 'right', '01-2': 'right'}" in said[1]
    assert "Question" not in said[0] and "What has to fit into the *context window*" in said[0]

    path = notebooks.solutions_of(source)
    read[1].cells[4].source += "\nextra = 0"
    notebooks.write(read[1], path)
    assert notebooks.differences(source) == [
        "solutions/01_small.ipynb, cell 5: the text differs from the source"]


def test_a_check_that_refuses_the_solution_or_is_content_with_a_blank_is_told(source, tmp_path):
    # Both faults in one source, because each build starts two kernels.
    text = source.read_text(encoding="utf-8")
    text = text.replace("1000 * for_one", "for_one")
    right = "lambda w, i, e, a: max(0, (w - i - a) // e)"
    text = text.replace('"01-2", most_examples)', f'"01-2", {right})')
    source.write_text(text, encoding="utf-8")
    assert notebooks.build(source, tmp_path / "run") == [
        "cell 8: the check of exercise 01-2 does not say 'not answered yet'",
        "solved, cell 6: the check of exercise 01-1 does not say that the solution is right"]


def test_a_solved_notebook_without_exercises_is_taken_away(source, tmp_path):
    for path, notebook in notebooks.editions(source).items():
        path.parent.mkdir(exist_ok=True)
        notebooks.write(notebook, path)
    source.write_text("# %% [markdown]\n# # Small\n\n# %%\n1 + 1\n", encoding="utf-8")
    assert "solutions/01_small.ipynb is there, but its source has no exercise" in \
        notebooks.differences(source)
    notebooks.build(source, tmp_path / "run")
    assert not notebooks.solutions_of(source).exists()
    assert notebooks.differences(source) == []


def test_nbval_passes_on_both_notebooks_with_checks_progress_and_quiz(source, project):
    # Inside of the project, because only there its conftest.py and settings hold.
    folder = Path(tempfile.mkdtemp(dir=project / "work" / "tests"))
    copy = folder / "notebooks" / "source" / source.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(source.read_bytes())
    notebooks.build(copy, folder / "run")
    paths = [str(path) for path in notebooks.editions(copy)]
    command = [sys.executable, "-m", "pytest", *paths, "-q", "-p", "no:cacheprovider"]
    asked = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert "12 passed" in asked.stdout, asked.stdout
    shutil.rmtree(folder)


# --- the course's own notebooks ----------------------------------------------------------------


def test_every_exercise_of_the_course_stands_in_its_notebook():
    cells = [cell for source in notebooks.sources() for cell in notebooks.from_source(source).cells]
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    written = exercise_cutting.CHECK.findall(code)
    assert sorted(written) == [one.id for one in all_exercises()]


@pytest.mark.parametrize("path", sorted(notebooks.NOTEBOOKS.rglob("*.ipynb")),
                         ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_checks_of_a_saved_notebook_say_what_they_should(path):
    saved = nbformat.read(path, as_version=4)
    assert not exercise_cutting.wrong_states(saved, path.parent.name == "solutions")
