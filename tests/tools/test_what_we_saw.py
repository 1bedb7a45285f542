"""The folded cells that say what was seen: where they stand, and where their numbers come from."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import notebooks, what_we_saw
from tools.terminal import Stop

SOURCE = '''\
# %% [markdown]
# # Small

# %%
print("tuned 0.87 (0.84-0.90), 1,024 tokens, instructions 0.42")

# %% [markdown] tags=["what-we-saw"]
# Tuned reached **0.87**, the instructions 0.42: better, by 0.45.
# <!-- derived: 0.45 = 0.87 - 0.42 -->

# %%
2 + 2
'''


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks.colab_cell, "cells", lambda path: [])
    source = tmp_path / "notebooks" / "source" / "00_small.py"
    source.parent.mkdir(parents=True)
    source.write_text(SOURCE, encoding="utf-8", newline="\n")
    return source


def edit(source, old, new):
    text = source.read_text(encoding="utf-8")
    assert old in text
    source.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def saved_text(source):
    return notebooks.notebook_of(source).read_text(encoding="utf-8")


def with_text(text, said="0.87"):
    """A source with one such cell, and its saved edition."""
    cells = [new_code_cell("print()"),
             new_markdown_cell(text, metadata={"tags": [what_we_saw.TAG]})]
    saved = new_code_cell("print()", outputs=[new_output("stream", text=said)])
    return new_notebook(cells=cells), new_notebook(cells=[saved])


# --- the build ---------------------------------------------------------------------------------


def test_it_is_folded_under_the_day_of_the_run_and_without_its_comments(small, tmp_path):
    assert notebooks.build(small, tmp_path / "fresh") == []
    text = nbformat.read(notebooks.notebook_of(small), as_version=4).cells[2].source
    assert text.startswith("<details>\n<summary>What we saw on ") and text.endswith("</details>")
    assert "and what we make of it</summary>" in text
    assert "**0.87**" in text and "derived" not in text
    assert notebooks.differences(small) == []


def test_new_words_keep_the_day_of_the_run(small, tmp_path):
    notebooks.build(small, tmp_path / "fresh")
    path = notebooks.notebook_of(small)
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["lesson"]["run"] = "2026-11-07"
    notebooks.write(notebook, path)
    edit(small, "Tuned reached", "The tuned model reached")
    assert notebooks.reword(small) == []
    assert "What we saw on 7 November 2026, and" in saved_text(small)
    assert "The tuned model reached" in saved_text(small)
    assert notebooks.differences(small) == []


def test_without_a_day_it_names_none():
    notebook = what_we_saw.fold(with_text("x")[0], None)
    assert "when this notebook was last run" in notebook.cells[1].source


def test_a_run_that_contradicts_the_text_is_told(small, tmp_path):
    edit(small, "tuned 0.87", "tuned 0.79")
    edit(small, "# <!-- derived: 0.45 = 0.87 - 0.42 -->\n", "")
    found = notebooks.build(small, tmp_path / "fresh")
    assert found == ["source cell 3: 0.87 is in no output", "source cell 3: 0.45 is in no output"]
    assert [text.partition(", ")[2] for text in notebooks.differences(small)] == found


def test_it_stands_right_under_a_measurement(small, tmp_path):
    edit(small, "# %%\nprint", '# %% [markdown] tags=["what-we-saw"]\n# Early.\n\n# %%\nprint')
    assert any(text.startswith("cell 2: tagged what-we-saw")
               for text in notebooks.build(small, tmp_path / "fresh"))


def test_edits_in_the_notebook_are_not_taken_from_a_fold(small, tmp_path):
    notebooks.build(small, tmp_path / "fresh")
    path = notebooks.notebook_of(small)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source = "# Small and new"
    notebooks.write(notebook, path)
    notebooks.take(small)
    taken = small.read_text(encoding="utf-8").lstrip()
    assert taken == SOURCE.replace("# # Small", "# # Small and new")
    notebook.cells[2].source += " more"
    notebooks.write(notebook, path)
    with pytest.raises(Stop, match="Cell 3 was edited"):
        notebooks.take(small)


# --- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "said"), [
    ("0.87 and +0.87, -0.87 or \N{MINUS SIGN}0.87", "0.87"),
    ("0.87.", "tuned 0.87 (0.84-0.90)"),
    ("from 0.84 to 0.90", "tuned 0.87 (0.84-0.90)"),
    ("1,024 tokens, 1024 tokens", "1,024"),
    ("87 % of them", "0.87"),
    ("$1.81", "costs $1.81"),
    ("three of 8, in section 4; see [08](08_tune_4096.ipynb), `k = 77`", ""),
    ("2.07 times <!-- derived: 2.07 = 0.87 / 0.42 -->", "0.87 0.42"),
    ("about 600 <!-- derived: 600 = 800 - 200; 0.45 = 0.87 - 0.42 --> and 0.45", "0.87 0.42"),
])  # fmt: skip
def test_numbers_that_something_vouches_for(text, said):
    assert what_we_saw.unfounded(*with_text(text, said)) == []


@pytest.mark.parametrize(("text", "said", "wrong"), [
    ("0.88", "0.87", "0.88 is in no output"),
    ("8.7", "0.87", "8.7 is in no output"),
    ("40 of them", "4 0", "40 is in no output"),
    ("88 %", "0.87", "88 % is in no output"),
    ("0.47 <!-- derived: 0.47 = 0.87 - 0.42 -->", "0.87 0.42",
     "0.47 = 0.87 - 0.42 is not so"),
    ("0.45 <!-- derived: 0.45 = 0.88 - 0.43 -->", "0.87 0.42", "0.43 is in no output"),
])  # fmt: skip
def test_numbers_that_nothing_vouches_for(text, said, wrong):
    assert wrong in what_we_saw.unfounded(*with_text(text, said))[0]


def test_a_near_miss_of_rounded_numbers_is_no_miss():
    assert what_we_saw.unfounded(*with_text("0.46 <!-- derived: 0.46 = 0.87 - 0.42 -->",
                                            "0.87 0.42")) == []


def test_the_real_models_record_vouches_by_name():
    assert what_we_saw.unfounded(*with_text("0.96 <!-- record: tuned on 400 -->", "")) == []
    assert what_we_saw.unfounded(*with_text("0.84 <!-- record: tuned on 400 | field -->", "")) == []
    assert what_we_saw.unfounded(*with_text("0.84 <!-- record: tuned on 400 -->", ""))


def test_numbers_of_the_html_beside_a_text_do_not_count():
    source, saved = with_text("0.2")
    saved.cells[0].outputs = [new_output(
        "display_data", {"text/plain": "x", "text/html": '<p style="padding: 0.2em">x</p>'})]
    assert what_we_saw.unfounded(source, saved)
    saved.cells[0].outputs[0].data["text/plain"] = "0.2"
    assert not what_we_saw.unfounded(source, saved)


# --- the course --------------------------------------------------------------------------------


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_every_number_of_the_course_was_measured(source):
    """In the learner's edition and in the solved one, which is a run of its own."""
    whole = notebooks.from_source(source)
    assert list(what_we_saw.misplaced(whole)) == []
    for path in (notebooks.notebook_of(source), notebooks.solutions_of(source)):
        if path.exists():
            saved = nbformat.read(path, as_version=4)
            assert what_we_saw.unfounded(whole, saved) == [], path.relative_to(path.parents[1])
