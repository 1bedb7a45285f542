"""Where an answer ends, for models that do not stop by themselves."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessonlib.common import paths
from lessonlib.measure.evaluation import Method, Until, scored
from lessonlib.measure.local_model import evaluate_here
from lessonlib.tasks import prompting, recipes


@pytest.mark.parametrize(
    ("mark", "text", "answer"),
    [
        ("]", '["a", "b"]\nTitle: another recipe\n["c"]', '["a", "b"]'),
        ("]", '\n\n["a",\n "b"]\n### user', '["a",\n "b"]'),
        ("]", "salt, flour\nand more", "salt, flour"),
        ("]", "", ""),
        ("\n", "\nurgent\nText: the next letter", "urgent"),
        ("\n", "urgent", "urgent"),
    ],
)
def test_an_answer_ends_after_the_mark_or_the_first_line(mark, text, answer):
    """A pretrained model answered rightly and then wrote the next recipe, too: all of it was
    scored as one broken answer."""
    assert Until(mark)(text) == answer
    assert Until(mark)(answer) == answer, "an answer that is cut already stays"


def test_what_follows_the_answer_does_not_count():
    recipe = recipes.load("test")[0]
    text = recipes.answer(recipe) + '\n- 1 cup flour\n["flour"]'
    answer = {"text": text, "prompt_tokens": 1, "completion_tokens": 1, "seconds": 0.1,
              "finish_reason": "length"}  # fmt: skip
    strict, cut = (
        scored(Method("x", "x", prompting.bare, ending=rule), [recipe], [answer], "")
        for rule in (None, Until())
    )
    assert not strict.rows[0].valid_json
    assert cut.rows[0].exact
    assert cut.rows[0].text == recipes.answer(recipe)


def test_writing_stops_where_the_answer_ends():
    """Each answer by itself, although all are written together; and none of the filling-up of the
    shorter ones is counted as tokens."""
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32)
    examples, rule = recipes.load("test")[:4], Until("a")
    whole, cut = (
        evaluate_here(
            model, tokenizer, Method("x", "pantry", prompting.bare, 32, ending), examples,
            progress=False,
        )
        for ending in (None, rule)
    )  # fmt: skip
    for one, other in zip(whole.rows, cut.rows, strict=True):
        assert other.text == rule(one.text)
        assert other.completion_tokens < one.completion_tokens
        assert other.finish_reason == "stop"
    assert len({row.completion_tokens for row in cut.rows}) > 1, "else nothing was filled up"


def test_what_a_program_does_with_an_answer_comes_before_the_score():
    """Last of all: it gets the answer alone, without thinking and cut where it ends."""
    heard = []

    def then(text):
        heard.append(text)
        return text.upper()

    answer = {"text": '<think>\n\n</think>\n\n["salt"] More', "prompt_tokens": 1,
              "completion_tokens": 1, "seconds": 0.1, "finish_reason": "stop", "error": None,
              "error_message": None, "asked": ""}  # fmt: skip
    method = Method("x", "x", prompting.bare, ending=Until(), then=then)
    recipe = recipes.load("test")[0]
    (row,) = scored(method, [recipe], [answer], "").rows
    assert heard == ['["salt"]'] and row.text == '["SALT"]'


def test_a_form_goes_with_each_request_and_no_form_goes_with_none():
    plain = Method("x", "x", prompting.bare)
    assert set(plain.parameters) == {"max_tokens", "temperature"}
    formed = Method("x", "x", prompting.bare, response_format=recipes.SCHEMA)
    assert formed.parameters == plain.parameters | {"response_format": recipes.SCHEMA}
    assert hash(formed) is not None
