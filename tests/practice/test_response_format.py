"""Answers in the form that a request asks for: ``response_format``, through the official client.

The untuned model hardly ever writes JSON to the bare prompt. So whatever is JSON here was made so
while it was written.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

import lessonlib
from lessonlib import Method, evaluate
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.measure.local_model import evaluate_here
from lessonlib.practice.answers import grammar
from lessonlib.practice.answers.batch import Answer, Batch, Settings
from lessonlib.practice.answers.loading import load
from lessonlib.practice.protocol.catalogue import read_folder
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.tasks import prompting, recipes

DISH = {
    "type": "object",
    "properties": {
        "dish": {"type": "string", "maxLength": 20},
        "kind": {"enum": ["soup", "cake", "other"]},
        "lines": {"type": "integer", "minimum": 1, "maximum": 99},
        "vegan": {"type": "boolean"},
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 12}},
                "required": ["name"],
                "additionalProperties": False,
            },
            "maxItems": 3,
        },
    },
    "required": ["dish", "kind", "lines", "vegan", "parts"],
    "additionalProperties": False,
}


def schema(inner, **more):
    return {"type": "json_schema", "json_schema": {"name": "dish", "schema": inner} | more}


@pytest.fixture(scope="module")
def client():
    with lessonlib.connect() as client:
        yield client


@pytest.fixture(scope="module")
def rows():
    return recipes.load("test")[:30]


@pytest.fixture(scope="module")
def ask(client, rows):
    def ask(recipe=0, max_tokens=256, **wishes):
        return client.chat.completions.create(
            model="pantry", messages=prompting.bare(rows[recipe]), max_tokens=max_tokens, **wishes
        )

    return ask


def text_of(answer):
    return answer.choices[0].message.content


# --- what it brings ------------------------------------------------------------------------


def test_every_answer_of_the_untuned_model_is_valid_json(client, rows):
    def share(**more):
        method = Method("bare", "pantry", prompting.bare, max_tokens=256, **more)
        result = evaluate(client, method, rows, progress=False)
        return result.metrics()["valid_json"].value, result.metrics()["micro_f1"].value

    without, score = share()
    assert without < 0.2
    valid, score_in_form = share(response_format=recipes.SCHEMA)
    assert valid == 1.0
    assert score_in_form > score + 0.2, "what it knew before was hidden by the form"


def test_an_answer_fits_every_part_of_the_schema(ask):
    for recipe in range(3):
        kind = schema(DISH, strict=True, description="What a recipe is.")
        found = ask(recipe, n=3, temperature=1, seed=recipe, response_format=kind)
        for choice in found.choices:
            dish = json.loads(choice.message.content)
            assert list(dish) == DISH["required"] and choice.finish_reason == "stop"
            assert dish["kind"] in ("soup", "cake", "other") and 1 <= dish["lines"] <= 99
            assert isinstance(dish["vegan"], bool) and len(dish["dish"]) <= 20
            assert len(dish["parts"]) <= 3
            assert all(list(part) == ["name"] for part in dish["parts"])


def test_json_mode_gives_an_object(client):
    talk = [{"role": "user", "content": "Write JSON: the price of salt."}]
    found = client.chat.completions.create(
        model="pantry", messages=talk, max_tokens=200, response_format={"type": "json_object"}
    )
    text, finish = text_of(found), found.choices[0].finish_reason
    assert text.startswith("{")
    assert finish == "length" or isinstance(json.loads(text), dict)


def test_an_answer_that_is_cut_off_fits_no_schema(ask):
    found = ask(max_tokens=6, response_format=recipes.SCHEMA)
    assert found.choices[0].finish_reason == "length" and text_of(found).startswith("[")
    with pytest.raises(ValueError):
        json.loads(text_of(found))
    assert found.usage.completion_tokens == 6


def test_an_answer_complete_with_its_last_token_was_not_cut_off(ask):
    yes = schema({"const": "yes"})
    tokens = ask(response_format=yes).usage.completion_tokens
    found = ask(max_tokens=tokens, response_format=yes)
    assert text_of(found) == '"yes"' and found.choices[0].finish_reason == "stop"


def test_a_stream_gives_the_same_answer_in_pieces(ask):
    whole = text_of(ask(response_format=recipes.SCHEMA))
    chunks = list(ask(response_format=recipes.SCHEMA, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole
    assert chunks[-1].choices[0].finish_reason == "stop" and len(chunks) > 5


def test_a_form_changes_nobody_elses_answer(ask):
    drawn = {"response_format": schema(DISH), "temperature": 1, "seed": 4}
    forms = {}, {"response_format": recipes.SCHEMA}, drawn
    wishes = [{"recipe": n, "max_tokens": 24} | form for n in range(10) for form in forms]
    alone = [text_of(ask(**wish)) for wish in wishes]
    with ThreadPoolExecutor(15) as pool:
        assert list(pool.map(lambda wish: text_of(ask(**wish)), wishes)) == alone


def test_log_probabilities_stay_the_models_own(ask):
    """The form leaves tokens out of the choice. It does not make the others likelier."""
    wish = {"max_tokens": 1, "logprobs": True, "top_logprobs": 5}
    free = ask(**wish).choices[0].logprobs.content[0]
    held = ask(**wish, response_format=recipes.SCHEMA).choices[0].logprobs.content[0]
    assert held.token.startswith("[") and not free.token.startswith("[")
    assert held.top_logprobs == free.top_logprobs and held.logprob < free.logprob


def test_text_asks_for_nothing(ask):
    plain = ask(max_tokens=12)
    assert text_of(ask(max_tokens=12, response_format={"type": "text"})) == text_of(plain)


# --- what is refused -----------------------------------------------------------------------

LIST = {"type": "array", "items": {"type": "string"}}
LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
OPTIONAL = LOOSE | {"required": [], "additionalProperties": False}
DEEP = {"type": "object", "properties": {"b": {"anyOf": [{"type": "null"}, LOOSE]}},
        "required": ["b"], "additionalProperties": False}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "param", "code", "words"),
    [
        ("json", "response_format", "invalid_type", "expected an object"),
        ({}, "response_format.type", "missing_required_parameter", "response_format.type"),
        ({"type": "xml"}, "response_format.type", "invalid_value", "'json_schema', and 'text'"),
        ({"type": "text", "schema": {}}, "response_format.schema", "unknown_parameter", ""),
        ({"type": "json_schema"}, "response_format.json_schema", "missing_required_parameter", ""),
        ({"type": "json_schema", "json_schema": []}, "response_format.json_schema",
         "invalid_type", "an array"),
        ({"type": "json_schema", "json_schema": {"schema": LIST}},
         "response_format.json_schema.name", "missing_required_parameter", ""),
        ({"type": "json_schema", "json_schema": {"name": "two words", "schema": LIST}},
         "response_format.json_schema.name", "invalid_value", "pattern"),
        ({"type": "json_schema", "json_schema": {"name": "x" * 65, "schema": LIST}},
         "response_format.json_schema.name", "string_above_max_length", "length 65"),
        ({"type": "json_schema", "json_schema": {"name": "x"}},
         "response_format.json_schema.schema", "missing_required_parameter", ""),
        (schema(True), "response_format.json_schema.schema", "invalid_type", "a boolean"),
        (schema(LIST, strict="yes"), "response_format.json_schema.strict", "invalid_type", ""),
        (schema(LIST, stricter=True), "response_format.json_schema.stricter",
         "unknown_parameter", ""),
        # OpenAI's rules where strict is set, in its own words
        (schema(LIST, strict=True), "response_format", None,
         "'dish': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'."),
        (schema(LOOSE, strict=True), "response_format", None,
         "In context=(), 'additionalProperties' is required to be supplied and to be false."),
        (schema(OPTIONAL, strict=True), "response_format", None, "Missing 'a'."),
        (schema(DEEP, strict=True), "response_format", None,
         "In context=('properties', 'b', 'anyOf', '1'), 'additionalProperties'"),
        # what cannot be enforced token by token, or means nothing
        (schema(LIST | {"uniqueItems": True}), "response_format", None, "uniqueItems"),
        (schema({"type": "list"}), "response_format", None, "Invalid type: list"),
        (schema({"$ref": "#/$defs/gone"}), "response_format", None, "gone"),
        (schema({"type": "string", "pattern": "(?=a)b"}), "response_format", None, "look-around"),
        (schema({"type": "integer", "minimum": 3, "maximum": 2}), "response_format", None,
         "enforce"),
        (schema({"x-guidance": {"lenient": True}, "not": {}}), "response_format", None, "not"),
        ({"type": "json_object"}, "messages", None, "must contain the word 'json'"),
    ],
)  # fmt: skip
def test_what_cannot_be_enforced_is_refused_by_name(ask, form, param, code, words):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(extra_body={"response_format": form})
    error = caught.value
    assert (error.param, error.code, error.type) == (param, code, "invalid_request_error")
    assert words in error.message


def test_a_schema_as_deep_as_json_can_be_is_refused_not_fallen_over(ask):
    deep = {"type": "string"}
    for _ in range(300):
        deep = {"type": "array", "items": deep}
    inner = LOOSE | {"properties": {"a": deep}, "additionalProperties": False}
    for strict in (False, True):
        try:
            ask(max_tokens=4, response_format=schema(inner, strict=strict))
        except openai.BadRequestError as error:
            assert error.param == "response_format"


def test_a_form_leaves_no_room_for_thinking(ask):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(response_format=recipes.SCHEMA,
            extra_body={"chat_template_kwargs": {"enable_thinking": True}})  # fmt: skip
    assert caught.value.code == "invalid_parameter_combination"


def test_an_answer_that_gets_stuck_ends_alone():
    """What goes wrong in one answer's grammar is told to it; its neighbours go on."""
    model = load(read_folder("pantry", paths.BUILT_IN))
    batch, heard = Batch(model), {"stuck": [], "free": []}
    prompt = model.encode([{"role": "user", "content": "Hello"}])

    class Stuck(grammar.Constraint):
        def barred(self, size):
            raise grammar.cannot_be_enforced("dish", "no token is left")

    held = Stuck("dish", None, 1, frozenset())
    batch.waiting += [
        Answer(0, prompt, Settings(max_tokens=4), heard["stuck"].append, constraint=held),
        Answer(1, prompt, Settings(max_tokens=4), heard["free"].append),
    ]
    while batch.busy:
        batch.step()
    (error,), (piece,) = heard["stuck"], heard["free"]
    assert isinstance(error, ApiError) and error.status == 400 and "dish" in error.message
    assert piece.finish and piece.tokens == 4


def test_a_model_in_this_process_enforces_nothing_and_says_so(rows):
    method = Method("bare", "pantry", prompting.bare, response_format=recipes.SCHEMA)
    with pytest.raises(LessonError, match="response_format"):
        evaluate_here(None, None, method, rows[:1])
