"""The practice service through the official client, over real HTTP.

What the model answers is of no interest here: these tests hold for any model.
"""

import json
import random
import shutil
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from fine_tuning_parts import FOODS, assert_strict
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

import lessonlib
from lessonlib.common import paths
from lessonlib.practice import service

SYSTEM = "You are to extract the generic ingredients from each of the recipes provided."


def messages(seed, most_lines=20):
    """A recipe as a chat request; short and long ones."""
    draw = random.Random(seed)
    lines = [
        f"- {draw.randint(1, 9)} c. chopped {draw.choice(FOODS)} {draw.choice(FOODS)}"
        for _ in range(draw.randint(1, most_lines))
    ]
    text = f"Title: {draw.choice(FOODS)} Soup\nIngredients:\n" + "\n".join(lines)
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


@pytest.fixture(scope="module")
def client():
    with lessonlib.connect() as client:
        yield client


@pytest.fixture(scope="module")
def ask(client):
    def ask(recipe=0, max_tokens=24, **wishes):
        return client.chat.completions.create(
            model="pantry", messages=messages(recipe), max_tokens=max_tokens, **wishes
        )

    return ask


def text_of(answer):
    return answer.choices[0].message.content


# --- models ------------------------------------------------------------------------------


def test_models_are_listed_and_retrieved(client):
    listed = client.models.list().data
    assert listed[0].id == "pantry"
    assert all(model.owned_by == "practice" and model.object == "model" for model in listed)
    raw = client.models.with_raw_response.retrieve("pantry")
    model = assert_strict(Model, raw.text)
    assert model == listed[0] and abs(model.created) > 1_500_000_000


def test_an_unknown_model_is_a_404_that_names_the_known_ones(client):
    for call in (
        lambda: client.models.retrieve("gpt-4o"),
        lambda: client.chat.completions.create(model="gpt-4o", messages=messages(0)),
        lambda: client.models.retrieve("../models/pantry"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.code == "model_not_found" and "pantry" in caught.value.message


def test_a_tuned_model_is_served_at_once_and_again_when_retrained(client):
    folder = paths.MODELS / "my-tune_1.0"
    shutil.copytree(paths.BUILT_IN, folder, copy_function=shutil.copyfile)
    try:
        assert "my-tune_1.0" in [model.id for model in client.models.list()]

        def fingerprint():
            wish = {"model": "my-tune_1.0", "messages": messages(1), "max_tokens": 2}
            return client.chat.completions.create(**wish).system_fingerprint

        first = fingerprint()
        assert fingerprint() == first
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes())  # as a second training run would
        assert fingerprint() != first
        (folder / "config.json").write_text("{}", encoding="utf-8")
        with pytest.raises(openai.BadRequestError) as caught:
            fingerprint()
        assert caught.value.code == "model_not_loadable"
    finally:
        shutil.rmtree(folder)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("my-tune_1.0")


def test_a_half_written_folder_is_not_listed(client):
    folder = paths.MODELS / "half"
    folder.mkdir(parents=True)
    try:
        for name in ("config.json", "tokenizer.json"):
            shutil.copy(paths.BUILT_IN / name, folder)
        assert "half" not in [model.id for model in client.models.list()]
    finally:
        shutil.rmtree(folder)


# --- answers -----------------------------------------------------------------------------


def test_the_response_is_what_the_sdk_expects(client):
    raw = client.chat.completions.with_raw_response.create(
        model="pantry", messages=messages(0), max_tokens=8, logprobs=True, top_logprobs=3
    )
    answer = assert_strict(ChatCompletion, raw.text)
    assert raw.headers["x-request-id"].startswith("req_practice_")
    assert answer.id.startswith("chatcmpl-practice-") and answer.model == "pantry"
    assert abs(answer.created - time.time()) < 60
    assert answer.choices[0].message.role == "assistant"


def test_usage_and_finish_reason(ask):
    short = ask(max_tokens=3)
    assert short.choices[0].finish_reason == "length"
    assert short.usage.completion_tokens == 3
    assert short.usage.total_tokens == short.usage.prompt_tokens + 3
    assert ask(max_tokens=None, max_completion_tokens=2).usage.completion_tokens == 2
    longer = messages(0)
    longer[1]["content"] += " more words here"
    assert ask(extra_body={"messages": longer}).usage.prompt_tokens > short.usage.prompt_tokens


def test_the_end_token_stops_the_answer(client):
    # In a copy whose end token is the first token of the answer, the answer ends at once.
    answer = client.chat.completions.create(
        model="pantry", messages=messages(0), max_tokens=1, logprobs=True
    )
    first = answer.choices[0].logprobs.content[0].token
    folder = paths.MODELS / "ends"
    shutil.copytree(paths.BUILT_IN, folder, copy_function=shutil.copyfile)
    try:
        tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        id = tokens["model"]["vocab"][first.replace(" ", "\u0120").replace("\n", "\u010a")]
        path = folder / "generation_config.json"
        settings = json.loads(path.read_text(encoding="utf-8")) | {"eos_token_id": [id]}
        path.write_text(json.dumps(settings), encoding="utf-8")
        answer = client.chat.completions.create(model="ends", messages=messages(0))
    finally:
        shutil.rmtree(folder)
    assert answer.choices[0].finish_reason == "stop"
    assert text_of(answer) == "" and answer.usage.completion_tokens == 1


def test_a_stop_string_ends_the_answer_before_itself(ask):
    whole = text_of(ask(max_tokens=40))
    stop = whole[len(whole) // 2 : len(whole) // 2 + 2]
    answer = ask(max_tokens=40, stop=["never in there", stop])
    assert text_of(answer) == whole.split(stop)[0]
    assert answer.choices[0].finish_reason == "stop"
    assert "".join(piece(c) for c in ask(max_tokens=40, stop=stop, stream=True)) == text_of(answer)


def test_logprobs_spell_the_answer_and_greedy_is_the_likeliest(ask):
    answer = ask(logprobs=True, top_logprobs=4).choices[0]
    raw = b"".join(bytes(token.bytes) for token in answer.logprobs.content)
    assert raw.decode("utf-8", "replace") == answer.message.content
    for token in answer.logprobs.content:
        assert len(token.top_logprobs) == 4 and token.logprob <= 0
        assert token.logprob == max(other.logprob for other in token.top_logprobs)
    assert ask(logprobs=True).choices[0].logprobs.content[0].top_logprobs == []
    assert ask().choices[0].logprobs is None


def test_several_answers(ask):
    answer = ask(n=3, temperature=1, seed=5)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    same = ask(n=3, temperature=1, seed=5)
    assert [c.message.content for c in same.choices] == [c.message.content for c in answer.choices]
    assert len({choice.message.content for choice in ask(n=3).choices}) == 1, "greedy by default"
    assert ask(n=3).usage.completion_tokens == 3 * ask().usage.completion_tokens


def test_sampling_varies_without_a_seed(ask):
    assert len({text_of(ask(temperature=1.5)) for _ in range(5)}) > 1
    assert text_of(ask(temperature=1.5, top_p=0)) == text_of(ask())


def test_messages_may_come_in_parts_and_from_a_developer(client, ask):
    parts = messages(0)
    text = parts[1]["content"]
    parts[0]["role"] = "developer"
    parts[1]["content"] = [{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}]
    assert text_of(ask(extra_body={"messages": parts})) == text_of(ask())


def test_an_answer_can_be_sent_back(client, ask):
    message = ask().choices[0].message
    talk = [*messages(0), message, {"role": "user", "content": "And now in Czech: \u017elutý kůň"}]
    assert client.chat.completions.create(model="pantry", messages=talk, max_tokens=2).choices


def test_harmless_values_of_unsupported_parameters_pass(ask):
    plain = text_of(ask())
    harmless = {
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "response_format": {"type": "text"},
    }
    assert text_of(ask(**harmless, user="me", store=False, logit_bias={}, n=1)) == plain


# --- streaming ---------------------------------------------------------------------------


def piece(chunk):
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


def test_a_stream_gives_the_same_answer_in_pieces(ask):
    whole = ask(logprobs=True, top_logprobs=2)
    chunks = list(ask(stream=True, logprobs=True, top_logprobs=2))
    assert "".join(map(piece, chunks)) == text_of(whole)
    assert chunks[0].choices[0].delta.role == "assistant"
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + [whole.choices[0].finish_reason]
    entries = [e for c in chunks if c.choices[0].logprobs for e in c.choices[0].logprobs.content]
    assert [e.token for e in entries] == [e.token for e in whole.choices[0].logprobs.content]
    assert all(chunk.usage is None for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_can_end_with_its_usage(ask):
    chunks = list(ask(stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and all(c.usage is None for c in chunks[:-1])
    assert chunks[-1].usage == ask().usage


def test_a_stream_of_several_answers(ask):
    texts = ["", "", ""]
    for chunk in ask(stream=True, n=3, temperature=1, seed=5):
        texts[chunk.choices[0].index] += piece(chunk)
    assert texts == [c.message.content for c in ask(n=3, temperature=1, seed=5).choices]


def test_the_bytes_of_a_stream(client):
    wish = {"model": "pantry", "messages": messages(0), "max_tokens": 3, "stream": True}
    with client.chat.completions.with_streaming_response.create(**wish) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [line for line in response.iter_lines() if line]
    assert events[-1] == "data: [DONE]"
    for event in events[:-1]:
        assert_strict(ChatCompletionChunk, event.removeprefix("data: "))


# --- the same answer, whoever else is asking -----------------------------------------------


def test_an_answer_does_not_depend_on_the_neighbours(ask):
    def text(recipe):
        return text_of(ask(recipe, max_tokens=16))

    alone = {recipe: text(recipe) for recipe in range(50)}
    order = random.Random(1).sample(range(50), 50)
    with ThreadPoolExecutor(30) as pool:
        assert dict(zip(order, pool.map(text, order), strict=True)) == alone


def test_a_seeded_draw_does_not_depend_on_the_neighbours(ask):
    def draw(seed):
        return text_of(ask(seed, max_tokens=16, temperature=1, top_p=0.9, seed=seed))

    alone = [draw(seed) for seed in range(12)]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(draw, range(12))) == alone


def test_a_shared_beginning_changes_no_answer(client):
    # Long few-shot prompts: after the first ones the beginning comes from memory.
    shots = [
        message
        for seed in range(5)
        for message in (messages(seed)[1], {"role": "assistant", "content": '["salt", "rice"]'})
    ]

    def few_shot(seed):
        system, question = messages(seed, most_lines=4)
        answer = client.chat.completions.create(
            model="pantry", messages=[system, *shots, question], max_tokens=12
        )
        return answer.usage.prompt_tokens, text_of(answer)

    first = [few_shot(seed) for seed in range(100, 106)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(few_shot, range(100, 106))) == first


def test_requests_of_two_models_run_side_by_side(client):
    folder = paths.MODELS / "twin"
    shutil.copytree(paths.BUILT_IN, folder, copy_function=shutil.copyfile)

    def one(job):
        name, seed = job
        wish = {"model": name, "messages": messages(seed), "max_tokens": 10}
        return text_of(client.chat.completions.create(**wish))

    try:
        jobs = [(name, seed) for seed in range(6) for name in ("pantry", "twin")]
        with ThreadPoolExecutor(12) as pool:
            texts = list(pool.map(one, jobs))
    finally:
        shutil.rmtree(folder)
    assert texts[::2] == texts[1::2]


# --- refusals ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "param", "code", "words"),
    [
        ({"temperature": 2.5}, "temperature", "decimal_above_max_value", "<= 2, but got 2.5"),
        ({"temperature": "hot"}, "temperature", "invalid_type", "a decimal, but got a string"),
        ({"temperature": True}, "temperature", "invalid_type", "got a boolean"),
        ({"top_p": -0.1}, "top_p", "decimal_below_min_value", ">= 0, but got -0.1"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value", ">= 1, but got 0"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type", "an integer, but got a decimal"),
        ({"max_completion_tokens": 5}, "max_tokens", "invalid_parameter_combination", "same time"),
        ({"n": 0}, "n", "integer_below_min_value", ">= 1"),
        ({"n": 129}, "n", "integer_above_max_value", "<= 128"),
        ({"seed": "x"}, "seed", "invalid_type", "an integer"),
        ({"stop": [1]}, "stop", "invalid_type", "array of strings"),
        ({"stop": list("abcde")}, "stop", "array_above_max_length", "maximum length 4"),
        ({"stop": ""}, "stop", "empty_string", "empty string"),
        ({"logprobs": 3}, "logprobs", "invalid_type", "a boolean"),
        ({"top_logprobs": 3}, "top_logprobs", None, "only allowed when 'logprobs'"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value", "20"),
        ({"stream_options": {}}, "stream_options", None, "only allowed when 'stream'"),
        ({"user": 7}, "user", "invalid_type", "a string"),
        ({"messages": []}, "messages", "empty_array", "minimum length 1"),
        ({"messages": "hi"}, "messages", "invalid_type", "array of objects"),
        ({"messages": None}, "messages", "missing_required_parameter", "Missing"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter", ""),
        ({"messages": [{"role": "cook", "content": "x"}]}, "messages[0].role", "invalid_value", ""),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_type", "null"),
        ({"model": 5}, "model", "invalid_type", "a string"),
        ({"flavour": "salty"}, "flavour", "unknown_parameter", "Unknown parameter: 'flavour'"),
    ],
)
def test_wrong_values_are_refused_by_name(ask, wish, param, code, words):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(extra_body=wish)
    error = caught.value
    assert (error.param, error.code, error.type) == (param, code, "invalid_request_error")
    assert words in error.message and error.request_id.startswith("req_practice_")
    assert set(error.response.json()) == {"error"}
    assert set(error.response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "wish",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"audio": {"voice": "alloy", "format": "mp3"}},
        {"frequency_penalty": 0.5},
        {"logit_bias": {"50": 1}},
        {"reasoning_effort": "low"},
        {"web_search_options": {}},
        {"store": True},
        {"prediction": {"type": "content", "content": "x"}},
    ],
)
def test_what_it_cannot_do_is_refused_by_name_never_ignored(ask, wish):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(**wish)
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.param == next(iter(wish)) and caught.value.param in caught.value.message


def test_every_parameter_of_the_sdk_is_known():
    from openai.types.chat.completion_create_params import CompletionCreateParamsBase

    from lessonlib.practice.protocol import chat_request

    honoured = "messages model temperature top_p max_tokens max_completion_tokens stop seed n"
    honoured = {*honoured.split(), "logprobs", "top_logprobs", "stream_options", "response_format"}
    known = honoured | set(chat_request.UNSUPPORTED) | set(chat_request.LABELS)
    assert set(CompletionCreateParamsBase.__annotations__) <= known


def test_pictures_and_names_in_messages_are_refused(ask):
    picture = [{"type": "image_url", "image_url": {"url": "data:,"}}]
    for message, param in (
        ({"role": "user", "content": picture}, "messages[0].content[0].type"),
        ({"role": "user", "content": "x", "name": "Eva"}, "messages[0].name"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(extra_body={"messages": [message]})
        assert caught.value.param == param


def test_the_context_window_is_told_with_its_counts(client, ask):
    long = [{"role": "user", "content": "onion soup with garlic " * 3000}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="pantry", messages=long)
    assert caught.value.code == "context_length_exceeded" and caught.value.param == "messages"
    assert "maximum context length is" in caught.value.message
    assert "your messages resulted in" in caught.value.message
    prompt = ask().usage.prompt_tokens
    with pytest.raises(openai.BadRequestError) as caught:
        ask(max_tokens=100_000)
    assert f"you requested {prompt + 100_000} tokens" in caught.value.message
    assert f"({prompt} in the messages, 100000 in the completion)" in caught.value.message


def test_the_context_window_can_be_used_to_the_last_token(client):
    def attempt(max_tokens):
        return client.chat.completions.create(
            model="pantry", messages=messages(0), max_tokens=max_tokens
        )

    with pytest.raises(openai.BadRequestError) as caught:
        attempt(10**6)
    words = caught.value.message.split()
    context, prompt = int(words[words.index("is") + 1]), attempt(1).usage.prompt_tokens
    assert attempt(context - prompt).usage.prompt_tokens == prompt
    with pytest.raises(openai.BadRequestError):
        attempt(context - prompt + 1)


def test_a_wrong_key_is_a_401_and_is_not_repeated_in_full(client):
    wrong = client.with_options(api_key="sk-very-secret-key")
    wrong._client = openai.DefaultHttpxClient(trust_env=False)  # ours would mend the key
    with pytest.raises(openai.AuthenticationError) as caught:
        wrong.models.list()
    assert caught.value.code == "invalid_api_key"
    assert "very-secret" not in caught.value.message


def test_broken_bodies_and_addresses(client):
    running = service.find()
    key = {"Authorization": f"Bearer {running.api_key}"}
    web = openai.DefaultHttpxClient(trust_env=False, base_url=running.url)
    for body in (b"", b"{", b"[" * 100_000, b"\xff"):
        answer = web.post("/chat/completions", content=body, headers=key)
        assert answer.status_code == 400 and "parse the JSON" in answer.json()["error"]["message"]
    assert web.post("/chat/completions", content=b"[]", headers=key).status_code == 400
    half = b'{"model": "pantry", "\\ud800": 1, "messages": [{"role": "user", "content": "x"}]}'
    answer = web.post("/chat/completions", content=half, headers=key)
    assert answer.json()["error"]["code"] == "unknown_parameter"
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/chat/completions", 405),
        ("POST", "/fine_tuning/nothing", 404),
    ):
        answer = web.request(method, path, headers=key)
        assert answer.status_code == status and path in answer.json()["error"]["message"]
        assert answer.headers["x-request-id"]
    assert "provide an API key" in web.get("/models").json()["error"]["message"]
    assert web.get("/models").status_code == 401


# --- clients that go away ------------------------------------------------------------------


def raw_request(wish):
    """A request on a bare socket, so that a test can walk away from it."""
    running = service.find()
    body = json.dumps({"model": "pantry", "messages": messages(0), **wish}).encode()
    line = socket.create_connection((service.HOST, running.port))
    line.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Authorization: Bearer {running.api_key}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return line


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_whose_client_left_is_dropped(ask, stream):
    def seconds():
        begun = time.perf_counter()
        ask(max_tokens=8)
        return time.perf_counter() - begun

    log_before = service.log_file().stat().st_size
    # Far more work than a second's: 128 answers of 500 tokens.
    line = raw_request({"n": 128, "max_tokens": 500, "temperature": 2, "stream": stream})
    time.sleep(0.3)
    line.close()
    deadline = time.monotonic() + 20
    with service.log_file().open(encoding="utf-8") as log:
        log.seek(log_before)
        text = ""
        while "POST /v1/chat/completions" not in text:
            assert time.monotonic() < deadline, "the request went on without its client"
            time.sleep(0.05)
            text += log.read()
    assert seconds() < 5


def test_slow_readers_do_not_hold_up_the_others(ask):
    line = raw_request({"stream": True, "max_tokens": 200, "n": 8, "temperature": 2})
    done = threading.Event()
    threading.Thread(target=lambda: (ask(), done.set()), daemon=True).start()
    assert done.wait(20)
    line.close()
