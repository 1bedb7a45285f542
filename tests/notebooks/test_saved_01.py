"""What notebook 01 says it saw, against the outputs that it was saved with; nothing is run.

Its old text fitted every outcome and said nothing, and what examples teach was announced but not
measured. Now the text says what happened, and here it is noticed if a new run says otherwise.
"""

from __future__ import annotations

import re

import pytest
import saved_notebooks
from saved_notebooks import verdict


@pytest.fixture(scope="module", params=saved_notebooks.EDITIONS)
def said(request):
    """All outputs of an edition as one text."""
    return saved_notebooks.load("01", request.param).said.replace("\N{NO-BREAK SPACE}", " ")


def row(said, name, place=0):
    """The scores in a row of the first table, or a later one, that has it: micro-F1, exact match,
    valid JSON, prompt tokens."""
    rows = re.findall(rf"(?m)^{re.escape(name)} +(\d.*)$", said)
    assert len(rows) > place, f"no table has a row {name!r}"
    return [float(one) for one in re.findall(r"(?:^| )(\d[\d.]*)(?= |$)", rows[place])]


def result(said, name):
    """(micro-F1, valid JSON) of a result that was printed in one line."""
    found = re.search(rf"(?m)^{re.escape(name)} +micro-F1 ([\d.]+).*valid JSON ([\d.]+)", said)
    assert found, f"no result of {name!r}"
    return float(found[1]), float(found[2])


def test_one_example_does_what_the_instructions_do_and_slightly_more(said):
    assert verdict(said, "bare prompt + 1 example against instructions ") == "better"
    assert verdict(said, "few-shot, k = 4         against bare prompt + 4 ex") == "cannot tell"
    assert row(said, "bare prompt")[2] <= 0.02, "hardly an answer is valid JSON"


def test_the_small_steps_add_up(said):
    steps = [verdict(said, f"few-shot, k = {more}         against few-shot, k = {fewer}")
             for fewer, more in ((1, 2), (2, 4))]  # fmt: skip
    assert steps == ["cannot tell", "better"]
    assert verdict(said, "few-shot, k = 4         against instructions") == "better"


def test_examples_teach_the_names_that_they_show_and_no_others(said):
    shares = {}
    for kind in ("renamed, in the examples", "renamed, not in them", "plain names"):
        lines = re.findall(rf"(?m)^{kind} +\d+((?: +[\d.]+)+)$", said)
        shares[kind] = [[float(one) for one in line.split()] for line in lines]
    ours, real = ({kind: tables[place] for kind, tables in shares.items()} for place in (0, 1))
    assert ours["renamed, in the examples"][-1] > 0.25 > ours["renamed, in the examples"][0]
    assert max(ours["renamed, not in them"]) < 0.1
    assert 0.6 < ours["plain names"][0] < ours["plain names"][-1] < 0.9
    assert real["renamed, in the examples"][0] > 0.4 and real["plain names"][0] < 0.1


def test_a_schema_does_for_nothing_what_the_instructions_did(said):
    start = "bare prompt with a schema against instructions without"
    assert verdict(said, start) == "cannot tell"
    f1s = [result(said, name) for name in (
        "bare prompt, JSON schema", "JSON schema", "few-shot, k = 4, JSON schema")]  # fmt: skip
    assert [valid for _f1, valid in f1s][:2] == [1, 1] and 0.95 < f1s[2][1] < 1
    assert max(f1 for f1, _valid in f1s) < 0.6, "it adds no names"


def test_the_whole_glossary_fails_by_its_form_and_not_by_its_content(said):
    worse, better = re.findall(r"against the instructions alone: .*: ([a-z ]+)$", said, re.M)
    assert (worse, better) == ("worse", "better")
    alone, formed = (result(said, name) for name in (
        "whole glossary", "whole glossary, JSON schema"))  # fmt: skip
    assert alone[1] < 0.6 and formed[1] == 1 and formed[0] > alone[0] + 0.1
    start = "whole glossary against four examples, both with a schema"
    assert verdict(said, start) == "cannot tell"


def test_five_examples_fit_and_six_do_not(said):
    assert "k = 5: 100 requests answered,   0 refused" in said
    assert "k = 6:   0 requests answered, 100 refused" in said
    assert "context_length_exceeded" in said


def test_long_prompts_are_cached_and_short_ones_cost_more(said):
    costs = {}
    for name, full, cached in re.findall(
            r"(?m)^(\S.*?) +\d+ +(0\.\d{3}) +(0\.\d{3})(?:  too short to be cached)?$", said):
        costs[name] = float(full), float(cached)
    assert costs["few-shot, k = 4"][0] > 2 * costs["instructions"][0]
    assert costs["Gemma: few-shot, k = 16"][1] < costs["few-shot, k = 1"][0]
    assert all(full == cached for name, (full, cached) in costs.items() if "Gemma" not in name)


def test_the_baseline_beats_the_instructions_on_the_test_set_too(said):
    assert verdict(said, "our baseline against the instructions") == "better"
