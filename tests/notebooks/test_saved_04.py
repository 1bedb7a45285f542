"""What notebook 04 says, against the outputs that it was saved with. Nothing is trained here."""

from __future__ import annotations

import re

import pytest

from tests import saved_notebooks


@pytest.fixture(params=saved_notebooks.EDITIONS)
def saved(request):
    return saved_notebooks.load("04", request.param)


def losses(saved, before):
    """The three losses of a row of the table of labels and raw text, and micro-F1."""
    return saved.numbers(rf"\n{before} +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) \(")


def test_before_tuning_the_house_name_is_not_among_the_likely(saved):
    (probability,) = saved.numbers(r"The right house name, 'salt': ([\d.]+)")
    (after,) = saved.numbers(r"after tuning: likeliest are salt ([\d.]+)")
    assert probability < 0.005 and after > 0.9


def test_five_steps_move_the_probability_of_the_right_tokens(saved):
    steps = re.findall(r"after \d steps: loss ([\d.]+), a right token .* about ([\d.]+)", saved.said)
    assert float(steps[0][0]) > 1.5 and float(steps[-1][0]) < 1
    assert float(steps[-1][1]) > 2 * float(steps[0][1])


def test_tuning_is_behind_looking_up_but_for_the_names_that_it_was_shown_often(saved):
    ways = "tuned, bare prompt minus looked-up glossary lines:"
    assert saved.verdict(ways) == "worse"
    after = saved.said[saved.said.index("Only names that the training examples show"):]
    assert re.search(rf"{ways} .*: cannot tell", after)
    for way in ("instructions", "two examples", "looked-up glossary lines", "tuned, bare prompt"):
        assert saved.verdict(f"\n{way} minus bare prompt") == "better"


def test_labels_teach_the_job_raw_text_teaches_text_and_both_forget(saved):
    before, raw, labels = (losses(saved, one) for one in ("not tuned", "raw text", "with labels"))
    text, answers, other, f1 = range(4)
    assert raw[text] < 0.6 * before[text] and labels[text] > before[text]
    assert labels[answers] < 0.3 * before[answers]
    assert labels[other] > before[other] + 0.2 and raw[other] > labels[other]
    assert labels[f1] > raw[f1] + 0.3
    assert saved.verdict("raw text minus not tuned") == "cannot tell"
    assert saved.verdict("with labels minus not tuned") == "better"


def test_the_memory_of_seven_billion_weights(saved):
    (whole,) = saved.numbers(r"billion weights: ([\d.]+) GB before")
    plain, twice, four_bits = (
        saved.numbers(rf"{name} +model +([\d.]+) GB,.* in all +([\d.]+) GB\n") for name in (
            "\nLoRA", "computed twice", r"\(QLoRA\)"))
    assert whole > 100 and plain[1] > twice[1] > four_bits[1]
    assert plain[0] > 3 * four_bits[0] and four_bits[1] < 8, "it fits on a card with 8 GB"


def test_on_pantry_each_rank_is_better_than_the_next_lower_one(saved):
    for higher, lower in ((4, 1), (16, 4), (64, 16)):
        assert saved.verdict(f"rank {higher:2} minus rank {lower:2}") == "better"


def test_the_strength_of_a_finished_adapter_is_not_alpha_in_training(saved):
    at = {strength: saved.numbers(rf"at strength +{strength}: loss on answers ([\d.]+)")[0]
          for strength in ("0", "0.5", "1", "1.5", "2")}
    assert at["1"] == min(at.values()) and at["2"] > 0.9 * at["0"]
    (twice,) = saved.numbers(r"alpha = 4 r: loss on answers ([\d.]+)")
    assert at["1"] - 0.02 < twice < 0.4 * at["2"]


def test_all_matrices_beat_two_kinds_with_as_many_weights(saved):
    assert saved.verdict("all minus two") == "better"


def test_the_three_curves_are_what_the_exercise_wants(saved):
    """Which is the large rate, which the small one, and which is overfitted."""
    found = re.findall(r"([ABC]): training ([\d.]+) to ([\d.]+), validation ([\d.]+) to ([\d.]+),"
                       r" lowest (\d+\.\d+)", saved.said)
    curves = {name: list(map(float, numbers)) for name, *numbers in found}
    assert curves["A"][1] > 2 and curves["A"][2] > 2
    assert curves["B"][0] > curves["B"][1] > 1 and curves["B"][3] > 0.8 * curves["B"][2]
    assert curves["C"][1] < 0.05 and curves["C"][3] > curves["C"][4] + 0.3
    assert "epoch 4: validation loss" in saved.said
    ours = re.findall(r"our model, epoch \d: validation loss ([\d.]+)(.*)", saved.said)
    assert ours[-1][1].strip() == "<- lowest", "our own run is not overfitted"


def test_another_prompt_makes_no_difference_that_can_be_told():
    """The answer of exercise 04-2, which the solved edition gives."""
    said = saved_notebooks.load("04", "solved").said
    assert "[ok] 04-2" in said and "[not yet]" not in said
