"""What notebook 05 says, against the outputs that it was saved with. Nothing is trained here."""

from __future__ import annotations

import re

import pytest

from tests import saved_notebooks


@pytest.fixture(params=saved_notebooks.EDITIONS)
def saved(request):
    return saved_notebooks.load("05", request.param)


def curve(saved, steps):
    """{examples: micro-F1} of the trainings with so many steps."""
    found = re.findall(rf"\n *(\d+) examples, +{steps} steps: micro-F1 ([\d.]+) \(", saved.said)
    return {int(size): float(score) for size, score in found}


def test_learning_every_token_is_worse_than_learning_the_answers(saved):
    assert saved.verdict("every token minus answers alone") == "worse"
    assert "assistant_only_loss: False" in saved.said
    assert "completion_only_loss: None" in saved.said


def test_one_more_sentence_does_harm_and_two_greater_changes_cannot_be_told(saved):
    assert saved.verdict("the long instructions: micro-F1") == "cannot tell"
    assert saved.verdict("the recipe in one line: micro-F1") == "cannot tell"
    assert saved.verdict("one more sentence: micro-F1") == "worse"


def test_a_leak_lifts_what_leaked_and_nothing_else(saved):
    assert saved.verdict("the 20 that leaked") == "better"
    assert saved.verdict("the other 80") == "cannot tell"


def test_more_examples_help_more_with_more_training(saved):
    """The two trainings of a point were once of different length, and the curve showed that."""
    short, long = curve(saved, 50), curve(saved, 200)
    assert set(short) == set(long) == {25, 100, 800}
    assert long[800] - long[25] > short[800] - short[25] + 0.08
    (at_200,) = saved.numbers(r"50 steps: 25: .*? 200: ([\d.]+), 800:")
    assert short[800] - at_200 < 0.03, "at 50 steps the curve is flat there"
    assert long[25] - short[25] < 0.05 and long[800] - short[800] > 0.1
    for steps in (50, 200):
        assert saved.verdict(f"{steps} steps, 800 minus 25 examples") == "better"
    assert saved.verdict("800 examples, 200 minus 50 steps") == "better"
    assert saved.verdict("25 examples, 200 minus 50 steps") == "cannot tell"


def test_right_labels_alone_beat_the_same_with_wrong_ones_beside_them(saved):
    assert saved.verdict("60 slipped instead of right") == "worse"
    assert saved.verdict("60 slipped thrown away") == "better"
    assert saved.verdict("30 % of them from one bad source") == "worse"


def test_names_that_a_program_renames_need_not_be_learned(saved):
    assert saved.verdict("renamed minus learned") == "better"


def test_what_people_wrote_is_harder_than_what_templates_wrote(saved):
    generated, by_hand = saved.score("test, generated"), saved.score("written by hand")
    assert generated[1] > by_hand[2]


def test_a_simple_test_finds_many_slipped_labels():
    said = saved_notebooks.load("05", "solved").said
    right, slipped = (int(re.search(rf"{kind} +labels: +\d+, suspected: (\d+)", said)[1])
                      for kind in ("right", "slipped"))
    assert slipped >= 20 and right <= 3
