"""What the text of notebook 09 concludes, against the outputs that it was saved with."""

from __future__ import annotations

import pytest

from tests import saved_notebooks


@pytest.fixture(scope="module", params=["learner", "solved"])
def saved(request):
    return saved_notebooks.load("09", request.param)


def test_it_is_a_run_with_autotrain(saved):
    assert "AutoTrain's parts of this notebook" not in saved.said
    assert saved.verdict("AutoTrain against the bare prompt") == "better"


def test_the_seed_had_no_effect(saved):
    """"They aren't." """
    assert saved.said.count("was told seed 1") == 2
    (gap,) = saved.numbers(r"largest difference between two numbers of the adapters: ([\d.]+)")
    assert gap > 0.01 and "They aren't. The seed ends up in that file" in saved.text


def test_the_validation_rows_are_used_by_one_tool_alone(saved):
    assert "a loss of the validation rows in the log: False" in saved.said
    assert "a loss of the validation rows in the log: True" in saved.said


def test_the_loss_over_every_token_makes_the_difference_and_packing_cannot_be_seen(saved):
    """Chats cut in two, prompts in the loss, another library: the text blamed all of them at once,
    on the strength of two runs that differed in everything."""
    assert saved.verdict("trl sft against AutoTrain") == "better"
    assert saved.verdict("answers alone against every token") == "better"
    assert saved.verdict("whole chats against chats cut in two") == "cannot tell"
    assert "almost all of the difference" in saved.text


def test_as_many_steps_as_pieces_make(saved):
    counted, taken = saved.numbers(r"by our count (\d+) steps; AutoTrain took (\d+)")
    assert counted == taken
