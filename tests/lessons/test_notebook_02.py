"""What only notebook 02 uses: recorded answers renamed, and the handbook with its questions."""

import json

import pytest
from recipe_rows import recipe_row

from lessonlib.common.errors import LessonError
from lessonlib.common.paths import DATA
from lessonlib.lessons import nb02_renamed, real_runs
from lessonlib.measure.evaluation import Result
from lessonlib.tasks import recipes

DOCUMENTS = DATA / "documents"


def test_a_recorded_answer_is_renamed_and_scored_again():
    glossary = recipes.load_glossary()
    one = recipes.Recipe("r1", "Soup", ("2 scallions", "salt"), ("scallions", "salt"),
                         ("green onion", "salt"))  # fmt: skip
    rows = (recipe_row("r1", 1, 2, predicted=2, text='["scallions", "salt"]', prompt_tokens=77),)
    after = nb02_renamed.renamed(Result("few-shot", "m", rows), [one], glossary)
    assert after.metrics()["micro_f1"].value == 1 and after.name == "few-shot"
    assert after.rows[0].exact and after.prompt_tokens == 77
    assert rows[0].text == '["scallions", "salt"]', "the answer itself stays as it is"


def test_an_answer_that_is_no_list_stays_wrong():
    glossary = recipes.load_glossary()
    one = recipes.Recipe("r1", "Soup", ("scallions",), ("scallions",), ("green onion",))
    rows = (recipe_row("r1", 0, 1, valid_json=False, text="scallions"),)
    after = nb02_renamed.renamed(Result("few-shot", "m", rows), [one], glossary)
    assert after.metrics()["valid_json"].value == 0


def test_an_answer_on_another_recipe_is_refused_by_name():
    result = Result("few-shot", "m", (recipe_row("r9"),))
    with pytest.raises(LessonError, match="r9"):
        nb02_renamed.renamed(result, recipes.load("test"), recipes.load_glossary())


def test_renaming_helps_the_real_model_wherever_it_was_not_taught_the_names():
    """As the text of notebook 02 says, from the record."""
    newer, today = recipes.load("test_new_names"), recipes.load_glossary()

    def gain(route):
        before = real_runs.load().result(route, "test_new_names")
        after = nb02_renamed.renamed(before, newer, today)
        return after.metrics()["micro_f1"].value - before.metrics()["micro_f1"].value

    assert gain("tuned on 400") > 0.25 and gain("RAG, exact lookup, k = 4") > 0.25
    assert 0 <= gain("tuned + glossary") < 0.05


def test_each_answer_stands_in_the_handbook_and_the_rest_have_none():
    lines = (DOCUMENTS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    handbook = " ".join((DOCUMENTS / "kitchen_handbook.md").read_text(encoding="utf-8").split())
    there = [one["passage"] for one in asked if one["passage"]]
    assert len(asked) == 18 and len(there) == 12
    for passage in there:
        assert handbook.count(passage) == 1, "one place, so that a hit is a hit"
