"""What the folded cells of notebooks 11 and A1 say, against the outputs they were saved with.

Numbers are looked up by ``tools.what_we_saw``; here are the directions. See ``test_saved_06_07.py``.
"""

from __future__ import annotations

import re

import nbformat
import pytest

from tools.notebook_rules import output_text


@pytest.fixture(scope="module", params=["", "solutions/"])
def saved(request, project):
    """The outputs of a notebook of that edition, as one text."""
    def said(name):
        notebook = nbformat.read(project / "notebooks" / (request.param + name), as_version=4)
        return "\n".join(output_text(cell) for cell in notebook.cells if cell.cell_type == "code")
    return said


NAME = "11_assignment.ipynb"


def test_11_prompts_alone_get_nowhere_and_a_search_is_hard_to_beat(saved):
    said = saved(NAME)
    verdicts = dict(re.findall(r"tuned against ([\w -]+?) +accuracy .*: (better|worse|cannot tell)",
                               said))
    assert verdicts == {"commonest": "better", "most similar row": "cannot tell",
                        "instructions": "better", "few-shot": "better", "RAG": "better"}
    assert re.search(r"If the difference stays as measured, about [\d,]+ examples", said)
    assert re.search(r"reached 0\.\d\d \(.*\): cannot_tell", said)


def test_11_the_same_sentence_for_all_passes_most_checks_and_is_near_to_none(saved):
    said = saved(NAME)
    rows = re.findall(r"\n(\S.*?) +nearness ([+-]\d\.\d\d), form checks (\d\.\d\d):", said)
    near = {name: float(value) for name, value, _forms in rows}
    forms = {name: float(value) for name, _near, value in rows}
    same = "the same for every question"
    assert near[same] == 0 and len(near) == 4
    assert forms[same] > 0.5 and forms[same] > max(forms["tuned on style"],
                                                   forms["pantry, instructions"])
    change = re.search(r"change: -\d\.\d\d .*: better", said)
    assert change, "the loss falls a good deal all the same"
    before, after = map(float, re.search(r"general text: (\d\.\d\d) before, (\d\.\d\d) after",
                                         said).groups())
    assert after > before + 1, "and it forgets"


def test_11_nothing_is_decided_and_nothing_earned_by_running_all(saved):
    said = saved(NAME)
    assert "Nothing is written yet: BECAUSE is empty." in said and "0 of 3 points" in said
    assert "What about the answers should get better?" in said, "the decision's table is in words"


def test_a1_skills_grow_after_the_loss_has_fallen(saved):
    said = saved("A1_how_the_built_in_model_was_made.ipynb")
    first, last = map(float, re.search(r"loss +(\d\.\d\d) -> (\d\.\d\d)", said).groups())
    assert last < first / 4
    start, end = (float(re.search(rf"{words} +loss (\d+\.\d\d)", said)[1])
                  for words in ("at the start", "at the end"))
    assert end < start - 2
    assert re.search(r"pantry against my-pantry: \+0\.\d+ .*: better", said)
