"""What the checks of notebooks 12 and 13 say to right answers and to likely wrong ones."""

import math
import random

import pytest

from lessonlib.exercises import feedback, progress_file
from lessonlib.lora import LoraSettings
from lessonlib.models import catalogue
from lessonlib.tasks import text_to_sql


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda step, fits, gpus: math.ceil(step / (fits * gpus)), "[ok]"),
    (lambda step, fits, gpus: math.ceil(step / fits), "for a single GPU"),
    (lambda step, fits, gpus: step // (fits * gpus), "at least one batch"),
    (lambda step, fits, gpus: max(1, step // (fits * gpus)), "round up"),
    (lambda step, fits, gpus: max(1, step / (fits * gpus)), "round up"),
    (lambda step, fits, gpus: 77, "that isn't the number"),
    (..., "not answered yet"),
])  # fmt: skip
def test_12_1_batches(function, sentence):
    assert sentence in said("12-1", function)


def holding(parameters, bits, cards, enough=lambda memory, size: memory >= size):
    size = parameters * bits / 8
    return [name for name, memory in cards.items() if enough(memory, size)]


@pytest.mark.parametrize(("function", "sentence"), [
    (holding, "[ok]"),
    (lambda p, b, c: holding(p, b * 8, c), "a card that can hold the weights is missing"),
    (lambda p, b, c: holding(p, b / 8, c), "the list has a card that can't hold"),
    (lambda p, b, c: holding(p, b, c, lambda memory, size: memory > size), "just enough is enough"),
    (lambda p, b, c: sorted(holding(p, b, c)), "not in the order given"),
    (lambda p, b, c: list(c), "the list has a card that can't hold"),
])  # fmt: skip
def test_12_2_cards(function, sentence):
    assert sentence in said("12-2", function)


SMALL = dict(rank=16, four_bit=True, recompute=True)


@pytest.mark.parametrize(("settings", "sentence"), [
    (LoraSettings(**SMALL, batch_size=8, accumulate=2), "[ok]"),
    (LoraSettings(**SMALL, batch_size=4, accumulate=4), "has room for more than 4 rows"),
    (LoraSettings(**SMALL, batch_size=16), "By the estimate that takes"),
    (LoraSettings(rank=16, recompute=True, batch_size=1, accumulate=16), "that takes"),
    (LoraSettings(**SMALL | {"rank": 8}, batch_size=8, accumulate=2), "The rank is 8"),
    (LoraSettings(**SMALL, batch_size=8), "8 x 1 = 8 rows; they were to stay 16"),
    ({"rank": 16}, "Give settings: lora.LoraSettings"),
    (..., "not answered yet"),
])  # fmt: skip
def test_12_3_make_it_fit(settings, sentence):
    assert sentence in said("12-3", settings, catalogue.find(catalogue.names()[-1]))


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda a, b, o: a == b if o else sorted(a, key=repr) == sorted(b, key=repr), "[ok]"),
    (lambda a, b, o: a == b, "a different order where it doesn't count"),
    (lambda a, b, o: a == b if o else set(a) == set(b), "a row that occurs twice"),
    (lambda a, b, o: sorted(a, key=repr) == sorted(b, key=repr), "where the order counts"),
    (lambda a, b, o: a == b if o else sorted(a) == sorted(b), "'<' not supported"),
    (lambda a, b, o: 1, "Return True or False"),
])  # fmt: skip
def test_13_1_same_answer(function, sentence):
    assert sentence in said("13-1", function)


def without_schema(row, question):
    row["messages"][1] = {"role": "user", "content": question.question}
    return row


def chat(first, second, *, schema=False, system=True, answer=text_to_sql.answer):
    again = text_to_sql.user_message(second) if schema else f"Question: {second.question}"
    messages = [*text_to_sql.messages(first)[0 if system else 1 :],
                {"role": "assistant", "content": answer(first)},
                {"role": "user", "content": again},
                {"role": "assistant", "content": answer(second)}]  # fmt: skip
    return {"messages": messages}


@pytest.mark.parametrize(("function", "sentence"), [
    (chat, "[ok]"),
    (lambda a, b: chat(a, b, schema=True), "The schema is in there twice"),
    (lambda a, b: chat(a, b, system=False), "After the system message"),
    (lambda a, b: chat(a, a), "Message 5 should be the right query"),
    (lambda a, b: chat(a, b, answer=lambda one: f"It is {one.query}"), "and nothing else"),
    (lambda a, b: chat(a, b)["messages"], "A training row is"),
    (lambda a, b: without_schema(chat(a, b), a), "with its schema"),
])  # fmt: skip
def test_13_2_one_chat(function, sentence):
    assert sentence in said("13-2", function)


def split(questions, share, count=round):
    names = sorted({one.database for one in questions})
    held = names[: count(share * len(names))]
    return ([one for one in questions if one.database not in held],
            [one for one in questions if one.database in held])  # fmt: skip


def by_questions(questions, share):
    mixed = random.Random(0).sample(questions, len(questions))
    place = round(share * len(mixed))
    return mixed[place:], mixed[:place]


@pytest.mark.parametrize(("function", "sentence"), [
    (split, "[ok]"),
    (lambda q, share: tuple(map(tuple, split(q, share))), "[ok]"),
    (by_questions, "are in both lists"),
    (lambda q, share: split(q, share)[::-1], "are to be held back"),
    (lambda q, share: (q, split(q, share)[1]), "exactly one"),
    (lambda q, share: split(q, share)[0], "Return two lists"),
])  # fmt: skip
def test_13_3_an_honest_split(function, sentence):
    assert sentence in said("13-3", function)
