"""Choosing tokens, and turning them into text."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from lessonlib.common import paths
from lessonlib.practice.answers.choosing import Choices, logprob_entry, sample
from lessonlib.practice.answers.text import TextStream, Vocabulary

MARGIN = 1e-3


class Request:
    tokens = [1, 2]

    def __init__(self, temperature=0.0, top_p=1.0, seed=0):
        self.temperature, self.top_p = temperature, top_p
        self.random = np.random.default_rng(seed)

    def noise(self, size):
        return self.random.gumbel(size=size)

    def barred(self, size):
        return None


def never(tokens):
    raise AssertionError("this choice was safe")


# --- choosing ----------------------------------------------------------------------------


def test_greedy_takes_the_likeliest():
    choices = Choices(torch.tensor([[0.0, 3.0, 1.0], [5.0, 3.0, 1.0]]), MARGIN, never)
    assert choices.choose(0, Request())[0] == 1
    assert choices.choose(1, Request())[0] == 0


def test_a_close_call_is_decided_by_the_request_alone():
    asked = []

    def canonical(tokens):
        asked.append(tokens)
        return torch.tensor([0.0, 1.0, 1.0001])

    choices = Choices(torch.tensor([[0.0, 1.0004, 1.0]]), MARGIN, canonical)
    token, logits = choices.choose(0, Request())
    assert token == 2 and asked == [Request.tokens]
    assert logits[2] > logits[1], "the logprobs come from the same logits as the choice"


def test_sampling_follows_the_probabilities():
    logits = torch.tensor([0.6, 0.3, 0.1]).log()
    random = np.random.default_rng(1)
    drawn = [sample(logits, 1.0, 1.0, random.gumbel(size=3), MARGIN)[0] for _ in range(4000)]
    assert np.allclose(np.bincount(drawn) / 4000, [0.6, 0.3, 0.1], atol=0.03)


def test_temperature_sharpens():
    logits = torch.tensor([0.6, 0.3, 0.1]).log()
    random = np.random.default_rng(1)
    drawn = [sample(logits, 0.5, 1.0, random.gumbel(size=3), MARGIN)[0] for _ in range(4000)]
    expected = np.array([0.36, 0.09, 0.01]) / 0.46
    assert np.allclose(np.bincount(drawn) / 4000, expected, atol=0.03)


@pytest.mark.parametrize(("top_p", "kept"), [(0.0, 1), (0.5, 1), (0.61, 2), (0.89, 2), (0.95, 3)])
def test_top_p_keeps_the_smallest_sufficient_set(top_p, kept):
    logits = torch.tensor([0.1, 0.6, 0.3]).log()
    random = np.random.default_rng(1)
    drawn = {sample(logits, 1.0, top_p, random.gumbel(size=3), MARGIN)[0] for _ in range(400)}
    assert drawn == {1, 2, 0} if kept == 3 else drawn == {1, 2} if kept == 2 else drawn == {1}


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    temperature=st.sampled_from([0.2, 1.0, 2.0]),
    top_p=st.sampled_from([0.3, 0.9, 1.0]),
)
def test_a_draw_called_safe_survives_rounding_errors(seed, temperature, top_p):
    random = np.random.default_rng(seed)
    logits = random.normal(size=40) * random.choice([0.01, 1, 5])
    noise = random.gumbel(size=40)
    disturbed = logits + random.uniform(-MARGIN / 2, MARGIN / 2, size=40)
    token, safe = sample(torch.tensor(logits), temperature, top_p, noise, MARGIN)
    again, _ = sample(torch.tensor(disturbed), temperature, top_p, noise, MARGIN)
    assert again == token or not safe


# --- text --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(paths.BUILT_IN)


def test_the_bytes_of_the_tokens_are_the_text(tokenizer):
    vocabulary = Vocabulary(tokenizer)
    text = 'Crème brûlée: 2 ½ c. "sugar" \u4f60\u597d\n\ttea'
    ids = tokenizer(text)["input_ids"]
    assert b"".join(map(vocabulary.text_bytes, ids)).decode() == text
    assert any(vocabulary.label(id)[0].startswith("\\x") for id in ids), "some are no letters"


def test_special_tokens_are_no_text(tokenizer):
    vocabulary = Vocabulary(tokenizer)
    end = tokenizer.eos_token_id
    assert vocabulary.text_bytes(end) == b""
    assert vocabulary.label(end)[0] == tokenizer.eos_token


def test_a_letter_in_pieces_appears_when_it_is_whole():
    stream = TextStream()
    assert stream.feed(b"caf\xc3")[0] == "caf"
    assert stream.feed(b"\xa9")[0] == "\u00e9"
    assert stream.feed(b"\xe4\xbd", last=True)[0] == "\ufffd"
    assert stream.text == "caf\u00e9\ufffd"


@given(
    text=st.text("ab,\u00e9", max_size=30),
    stop=st.text("ab,\u00e9", min_size=1, max_size=3),
    sizes=st.lists(st.integers(1, 4), min_size=70, max_size=70),
)
def test_a_stop_string_cuts_however_the_text_arrives(text, stop, sizes):
    raw, place, shown = text.encode(), 0, ""
    stream = TextStream((stop,))
    for size in sizes:
        last = place + size >= len(raw)
        shown += stream.feed(raw[place : place + size], last=last)[0]
        place += size
        if last or stream.stopped:
            break
    assert shown == stream.text == text.split(stop)[0]
    assert stream.stopped == (stop in text)


def test_logprob_entries_come_and_go_with_their_text():
    stream = TextStream(("\n\n",))
    assert stream.feed(b"one", {"t": 1}) == ("one", [{"t": 1}])
    assert stream.feed(b"\n", {"t": 2}) == ("", []), "it may be the stop string"
    assert stream.feed(b"two", {"t": 3}) == ("\ntwo", [{"t": 2}, {"t": 3}])
    assert stream.feed(b"\n", {"t": 4}) == ("", [])
    assert stream.feed(b"\n", {"t": 5}) == ("", []), "cut off with the stop string"
    assert stream.stopped and stream.text == "one\ntwo"


def test_logprobs_are_log_probabilities(tokenizer):
    word, other = tokenizer("the")["input_ids"][0], tokenizer("(")["input_ids"][0]
    logits = torch.zeros(2048)
    logits[word] = 3.0
    entry = logprob_entry(logits, other, 2, Vocabulary(tokenizer))
    expected = torch.log_softmax(logits, -1)
    assert entry["token"] == "(" and entry["bytes"] == [40]
    assert entry["logprob"] == pytest.approx(float(expected[other]), abs=1e-6)
    assert [other["logprob"] for other in entry["top_logprobs"]] == sorted(
        (other["logprob"] for other in entry["top_logprobs"]), reverse=True
    )
    best = entry["top_logprobs"][0]
    assert best["logprob"] == pytest.approx(float(expected[word]), abs=1e-6)
    assert bytes(best["bytes"]).decode() == best["token"] == tokenizer.decode([word])
