"""What the folded cells of notebook 10 say, against the outputs that it was saved with.

Its page compares what other notebooks have measured, so it is built after them:
``python start.py build 10 --after 03 --after 06 --after 07 --after 08 --after 09``. Where a rebuild
turns out otherwise, the texts have to be written again, not this test.
"""

from __future__ import annotations

import re

import nbformat
import pytest

from tools.notebook_rules import output_text

NAME = "10_compare_and_decide.ipynb"


@pytest.fixture(scope="module", params=["", "solutions/"])
def outputs(request, project):
    """All outputs as one text."""
    notebook = nbformat.read(project / "notebooks" / (request.param + NAME), as_version=4)
    return "\n".join(output_text(cell) for cell in notebook.cells if cell.cell_type == "code")


def numbers(pattern, outputs):
    found = re.search(pattern, outputs)
    assert found, f"the outputs do not hold {pattern!r}"
    return [float(group) for group in found.groups()]


def test_the_page_shows_all_routes_side_by_side(outputs):
    """The comparison notebook was saved with eleven rows of "not run", so that whoever read its
    page compared nothing."""
    table = outputs.partition("route ")[2].partition("\n\n")[0]
    assert "runs it" not in table, "build it after the others, see above"
    for name in ("OpenAI, by a job", "Azure OpenAI, by a job", "Hugging Face, LoRA by TRL",
                 "AutoTrain", "trl sft", "renamed by a Python dictionary", "JSON schema"):
        assert name in table


def test_the_reader_is_best_and_renaming_leads_without_tuning(outputs):
    value = {name: numbers(rf"{name} +100 recipes +([\d.]+) \(", outputs)[0] for name in (
        "bare prompt", "instructions", "few-shot examples", "the whole glossary in the prompt",
        r"plain names, renamed by a Python dictionary", r"retrieval \(RAG\)",
        "tuned on this machine", "tuned, with a glossary",
        "tuned on plain names, renamed in Python")}
    first, second, *_rest = sorted(value, key=value.get, reverse=True)
    assert (first, second) == ("tuned on plain names, renamed in Python", "tuned, with a glossary")
    untuned = {name: one for name, one in value.items() if "tuned" not in name}
    assert max(untuned, key=untuned.get) == "plain names, renamed by a Python dictionary"
    row = re.search(r"^tuned, renamed in Python +\+0\.\d\d .*$", outputs, re.MULTILINE)
    assert row and "?" not in row[0], "better than every other"


def test_the_decisive_pair_and_the_price_are_those_of_the_route_that_wins(outputs):
    assert re.search(r"tuned, renamed in Python against .+: \+0\.2\d .*is better", outputs)
    assert re.search(r"tuned, renamed in Python: .* needed 0\.9: enough", outputs)
    assert "'tuned' is the route that wins: tuned, renamed in Python." in outputs
    priced = outputs.partition("By the token, the work not counted")[2]
    assert "days" in priced.partition("By the token, with the work")[0]
    assert "years" in priced.partition("By the token, with the work")[2].partition("a rented")[0]


def test_each_limit_shows(outputs):
    rises = [float(one) for one in re.findall(r"\d\.\d\d   \+(0\.\d\d): on average", outputs)]
    assert len(rises) == 3 and min(rises) > 0.2 and rises[2] == max(rises), "the reader most"
    before, = numbers(r"\npantry: ([\d.]+) \(", outputs)
    after, lists = numbers(r"\nplain-names: ([\d.]+) \(.*?form asked for, ([\d.]+) ", outputs)
    assert before > 0.8 and after < 0.1 and lists > 0.8
    weights, = numbers(r"tuned +micro-F1 .*new names right: ([\d.]+)", outputs)
    renamed, = numbers(r"tuned, renamed in Python +micro-F1 .*new names right: ([\d.]+)", outputs)
    assert weights < 0.2 and renamed > 0.9
    assert re.search(r"tuned on bad labels against tuned: -0\.\d+ .*: tuned is better", outputs)


def test_overfitting_as_the_text_says(outputs):
    """Loss lowest early, much higher in between, back at the end; and the score with it at first,
    and then not."""
    rows = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+)   ([\d.]+) \(", outputs, re.MULTILINE)
    losses = {int(epoch): float(loss) for epoch, _train, loss, _f1 in rows}
    trained = {int(epoch): float(loss) for epoch, loss, *_rest in rows}
    lowest = min(losses, key=losses.get)
    assert lowest == 3 and losses[8] > 1.3 * losses[3] and trained[20] < 0.01
    assert re.search(r"epoch 8 against epoch 3,.*: worse", outputs)
    assert re.search(r"epoch 20 against epoch 3,.*: cannot tell", outputs)


def test_nothing_reaches_the_bar_on_recipes_that_people_typed(outputs):
    field = re.findall(r"^(\S.*?)  +test .* field [\d.]+ \([\d.-]+\): (.+)$", outputs, re.MULTILINE)
    assert len(field) == 4 and {reached for _name, reached in field} == {"not enough"}
    assert re.search(r"on field: \+0\.\d+ .*: better", outputs)
    assert "None yet: nothing is good enough, go on improving" in outputs
    assert "The decision has changed" in outputs, "notebook 03 is run before"
