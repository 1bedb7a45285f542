"""What the folded cells of notebooks 06 and 07 say, against the outputs they were saved with.

The numbers in such a cell are looked up by ``tools.what_we_saw``; here are the directions, which no
look-up can find: that a loss rises, that a difference is worse, that bills add up. A new run that
turns out otherwise is no accident of this test: then the text must say so.
"""

from __future__ import annotations

import re

import nbformat
import pytest

from tools.notebook_rules import output_text


def said_by(project, name, edition):
    notebook = nbformat.read(project / "notebooks" / (edition + name), as_version=4)
    return "\n".join(output_text(cell) for cell in notebook.cells if cell.cell_type == "code")


@pytest.fixture(scope="module", params=["", "solutions/"])
def saved(request, project):
    """The outputs of a notebook of that edition, as one text."""
    return lambda name: said_by(project, name, request.param)


def numbers(pattern, said):
    found = re.search(pattern, said)
    assert found, f"the outputs do not hold {pattern!r}"
    return [float(one) for one in re.findall(r"\d+\.\d+", found.group())]


# --- 06 ---


def test_06_both_losses_fall_in_the_first_job(saved):
    said = saved("06_tune_openai.ipynb")
    first = said[said.index("Loss, step by step"):]
    means, whole = (numbers(rf"{words}: [\d., ]+", first) for words in (
        "Mean of each epoch", "Validation on all rows"))
    assert means == sorted(means, reverse=True) and whole == sorted(whole, reverse=True)


def test_06_token_accuracy_flatters(saved):
    said = saved("06_tune_openai.ipynb")
    (accuracy,) = numbers(r"39 .* (\d\d\.\d)%\n", said)[-1:]
    exact = numbers(r"OpenAI job .*", said)[3]
    assert accuracy > 90 and exact < 0.3


def test_06_a_model_overfits_on_clean_rows_in_all_three_curves(saved):
    said = saved("06_tune_openai.ipynb")
    second = said[said.index("recipes_more.jsonl: examples: 12, errors: 0, warnings: 0"):]
    means = numbers(r"Mean of each epoch: [\d., ]+", second)
    (before,) = numbers(r"validation loss, before: \d\.\d+", second)
    whole = numbers(r"after each epoch: [\d. ]+", second)
    assert means[-1] < 0.05 < means[0], "training loss down"
    assert whole[-1] > 1.3 * before and min(whole) > before, "validation loss up"
    assert re.search(r"after against before: -0\.\d\d .*: worse", second), "score down"
    assert means[2] > means[0], "and the steps were too large at first, says the text"


def test_06_on_the_real_model_the_loss_rises_and_the_score_does_not_fall(saved):
    said = saved("06_tune_openai.ipynb")
    rows = re.findall(r"\n +(\d+) +\d\.\d\d +(\d\.\d\d) +(\d\.\d\d) \(", said)
    loss = {int(epoch): float(one) for epoch, one, _score in rows}
    score = {int(epoch): float(one) for epoch, _loss, one in rows}
    assert loss[4] < loss[8] < loss[50] and score[50] > score[4]


def test_06_the_better_job_undoes_the_harm_and_adds_nothing_that_shows(project):
    said = said_by(project, "06_tune_openai.ipynb", "solutions/")
    assert re.search(r"against the job on auto: +\+0\.\d+ .*: better", said)
    assert re.search(r"against before the job: .*: cannot tell", said)


# --- 07 ---


def test_07_the_loss_falls_and_tuning_helps(saved):
    said = saved("07_tune_azure_openai.ipynb")
    whole = numbers(r"Validation on all rows: [\d., ]+", said)
    assert whole == sorted(whole, reverse=True)
    assert re.search(r"tuned against the bare prompt, micro-F1: \+0\.\d\d .*: better", said)


def test_07_the_meter_adds_up(saved):
    """A day of 26 hours stood there: the clock had been wound by two hours before."""
    said = saved("07_tune_azure_openai.ipynb")
    (per_hour,) = numbers(r"\$\d\.\d\d an hour \(read", said)
    days = {int(day): float(sum_.replace(",", "")) for day, sum_ in
            re.findall(r"day +(\d+): +\$ *([\d.,]+) ", said)}
    assert days[1] == pytest.approx(26 * per_hour)
    assert days[2] == pytest.approx(50 * per_hour) and days[7] == pytest.approx(170 * per_hour)
    assert days[15] == days[21] == pytest.approx(362 * per_hour)
    assert re.search(r"together +615\.40", said)


def test_07_hosting_is_nearly_all_until_there_are_very_many_answers(saved):
    said = saved("07_tune_azure_openai.ipynb")
    rows = [(float(fee.replace(",", "")), float(tokens)) for fee, tokens in
            re.findall(r"hosting +\$ *([\d,.]+) \+ tokens \$([\d.]+)", said)]
    assert len(rows) == 6 and rows[0][0] > 10_000 * rows[0][1]
    assert rows[4][0] > rows[4][1] > rows[5][0]
