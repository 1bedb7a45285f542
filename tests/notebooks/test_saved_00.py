"""What notebook 00 makes of its outputs, against the outputs that it was saved with."""

from __future__ import annotations

import re

import pytest
import saved_notebooks


@pytest.fixture(params=saved_notebooks.EDITIONS)
def saved(request):
    return saved_notebooks.load("00", request.param)


def test_the_bare_answer_is_tags_and_none_until_it_is_cut_off(saved):
    assert "<food>none</food><food>none</food>" in saved.said
    assert "in tags such as `<food>`" in saved.text


def test_the_worked_example_says_what_its_text_says(saved):
    assert saved.numbers(r"precision: +2 of 3 named are right +=\s+([\d.]+)") == [0.67]
    assert saved.numbers(r"recall: +2 of 4 wanted were named +=\s+([\d.]+)") == [0.5]
    assert saved.numbers(r"F1: +2 x 2 / \(3 \+ 4\) +=\s+([\d.]+)") == [0.57]


def tuned_on_test(saved):
    return saved.numbers(r"tuned +first-taste +([\d.]+) \(([\d.]+)-([\d.]+)\)")


def test_the_order_bare_instructions_tuned(saved):
    bare = saved.score("bare prompt on 100 examples: micro_f1")[0]
    told = saved.score("instructions on 100 examples: micro_f1")[0]
    assert bare < 0.1 < told < 0.6 < 0.8 < tuned_on_test(saved)[0]


def test_both_comparisons_are_better(saved):
    assert saved.verdict("tuned against the bare prompt:") == "better"
    assert saved.verdict("tuned against the instructions:") == "better"


def test_copied_names_are_right_and_rare_renamings_are_missed(saved):
    rows = re.findall(r"(?m)^([a-z ]+?) +-> ([a-z ]+?) +(right|MISSED) +in +(\d+) training examples",
                      saved.said)
    assert len(rows) == 8
    copied = [(mark, int(seen)) for written, house, mark, seen in rows if written == house]
    renamed = {written: (mark, int(seen)) for written, house, mark, seen in rows
               if written != house}
    assert [mark for mark, _seen in copied] == ["right"] * 4 and min(copied)[1] == 1
    assert renamed.pop("cheddar cheese") == ("right", 15)
    assert renamed == dict.fromkeys(("curd cheese", "rockmelon", "pepitas"), ("MISSED", 5))
    assert '"plantains"' in saved.said


def test_the_recipes_by_hand_are_harder(saved):
    told = saved.score("by hand, instructions: micro-F1")
    tuned = saved.score("by hand, tuned: micro-F1")
    test = tuned_on_test(saved)
    assert told[2] < tuned[1] and tuned[2] < test[1], "both are beyond luck"
