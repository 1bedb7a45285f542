"""What the text of notebook 08 says, against the outputs that it was saved with.

The saved run is that of Gemma 3 270M on a processor, and the text speaks of it. No test run has the
model at hand, so nbval passes over these outputs; here they are read. A run that turns out
otherwise is no accident of this test: then the text must say so.
"""

from __future__ import annotations

import re

import nbformat
import pytest

from tools.notebook_rules import output_text

NAME = "08_tune_hugging_face.ipynb"


@pytest.fixture(scope="module", params=["", "solutions/"])
def notebook(request, project):
    return nbformat.read(project / "notebooks" / (request.param + NAME), as_version=4)


@pytest.fixture(scope="module")
def said(notebook):
    """All outputs as one text."""
    return "\n".join(output_text(cell) for cell in notebook.cells if cell.cell_type == "code")


@pytest.fixture(scope="module")
def text(notebook):
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return " ".join("\n".join(cells).split())


def numbers(pattern, said):
    """The numbers in the first match of a pattern's groups."""
    found = re.search(pattern, said)
    assert found, f"the outputs do not hold {pattern!r}"
    return [float(group.replace(",", "")) for group in found.groups()]


def score_on_board(said, route, split, model):
    row = rf"{re.escape(route)} +{split} +{re.escape(model)} +([\d.]+) \("
    return numbers(row, said)[0]


def test_the_saved_run_is_that_of_gemma_on_a_processor(said):
    assert "gemma-3-270m: Gemma3ForCausalLM" in said and "\ncpu torch." in said
    assert "Gemma 3 270M is not here" not in said


def test_more_than_half_of_the_weights_are_the_table_of_tokens(said, text):
    weights, table = numbers(r"([\d,]+) weights, ([\d,]+) of them in the table", said)
    assert table > weights / 2 and "more than half of its weights are a dictionary" in text
    (vocabulary,) = numbers(r"knows ([\d,]+) tokens", said)
    assert f"Gemma knows {vocabulary:,.0f} tokens" in text


def test_the_untuned_model_does_not_answer_and_the_tuned_one_ends_with_its_mark(said):
    """"It goes on with more lines of the same kind, and does not stop." """
    before = said.partition("The model goes on:")[2].partition("to learn from,")[0]
    assert before and "<end_of_turn>" not in before
    assert re.search(r"Written: \[.*\]<end_of_turn>", said)


def test_the_end_mark_has_a_label(said):
    assert re.search(r"\d+ +106 +106  '<end_of_turn>'   <- ends an answer", said)


def test_as_many_steps_as_the_text_counts(said, text):
    done, planned = numbers(r"(\d+) of (\d+) steps in", said)
    assert "200 rows twice, eight at a time, are 50" in text and planned == 50 and done <= planned


def test_both_losses_agree_and_ours_is_several_times_as_fast(said, text):
    losses = re.findall(r"loss (\d+\.\d+); [\d.]+ s a step", said)
    assert len(losses) == 2
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=0.01)
    (times,) = numbers(r"a step, ([\d.]+) times as fast", said)
    assert times > 2.5 and "several times as fast" in text


def test_only_a_small_part_of_the_places_is_learned(said, text):
    places, learned = numbers(r"([\d,]+) places in this batch, ([\d,]+) of them", said)
    assert learned < 0.25 * places and "that is a small part of the places" in text


def test_the_validation_loss_falls_below_one_and_its_lowest_is_kept(said):
    words = re.search(r"Validation loss: (.*?)\. Kept: the checkpoint of step (\d+)", said)
    looks = re.findall(r"([\d.]+) at step (\d+)", words[1])
    assert len(looks) >= 3, "a curve needs some points"
    losses = {int(step): float(loss) for loss, step in looks}
    assert losses[int(words[2])] == min(losses.values()) < 1.0
    assert min(losses.values()) < 0.5 * next(iter(losses.values())) or min(losses.values()) < 0.5


def test_tuning_beats_the_best_prompt_beyond_luck(said):
    gain, low, high = numbers(r"tuned minus .+: \+([\d.]+) \(\+([\d.]+) to \+([\d.]+)\)", said)
    assert 0 < low < gain < high


def test_the_untuned_model_is_on_the_board_under_its_own_name(said):
    instructions = score_on_board(said, "instructions", "test", "gemma-3-270m")
    few_shot = score_on_board(said, "few-shot, k = 4", "test", "gemma-3-270m")
    tuned = score_on_board(said, "Hugging Face LoRA", "test", "gemma-3-270m-recipes")
    assert instructions < few_shot < tuned


def test_beside_pantry_as_the_text_says(said, text):
    """The text called the real model ahead on recipes by hand, after a run that could not tell."""
    minus = r"%s: gemma-3-270m minus pantry: ([+-][\d.]+) \(([+-][\d.]+) to ([+-][\d.]+)\)"
    for split in ("test", "field"):
        measured = numbers(minus % split, said)
        told = re.search(rf"on `{split}`[^()]*\(([^)]*)\)", text)[1].replace("\N{MINUS SIGN}", "-")
        told = [float(number) for number in re.findall(r"[+-]\d\.\d\d", told)]
        assert told == pytest.approx(measured, abs=0.02), "the solved copy is a run of its own"
        assert measured[1] < 0 < measured[2], "the text says that neither can be told apart"
    assert "we cannot tell" in text


def test_the_saved_adapter_gives_the_same_answers(said, text):
    same, of = numbers(r"\n(\d+) of (\d+) answers are the same", said)
    assert same == of == 15 and "word for word" in text
    size, merged, of = numbers(r"(\d+) MB; (\d+) of (\d+) answers are the same", said)
    assert size > 500 and merged >= 0.7 * of, "once in a while an answer may turn out differently"
