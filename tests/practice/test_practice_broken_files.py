"""More than 200 broken training files through the service: each job fails, each for its reason.

``test_chat_files`` looks at the check itself. Here the files go the learner's way: upload,
job, waiting, error; what the errors must say is written down once more, from outside.
"""

import json
import time

import pytest
from fine_tuning_parts import jsonl, rows

import lessonlib
from tests.chat_files.test_chat_files import BROKEN_LINES, good

#: What the error must say of each kind of broken line.
SAYS = {
    "not_utf8": "not valid UTF-8",
    "bom": "byte order mark",
    "not_json": "cannot be parsed",
    "trailing_comma": "useless comma",
    "not_object": "not a JSON object",
    "broken_text": "surrogate",
    "no_messages": "missing key 'messages'",
    "wrong_type": "wrong type",
    "unknown_key": "extra",
    "tool_calls": "does not train",
    "missing_role": "Discriminator 'role' is missing",
    "unknown_role": "No match for discriminator 'role'",
    "missing_content": "missing key 'content'",
    "empty_content": "content is empty",
    "no_assistant_message": "no message of the role 'assistant'",
    "nothing_to_learn": "no assistant message with weight 1",
    "wrong_name": "name does not match",
    "wrong_weight": "weight must be 0 or 1",
}
PLACES = (0, 7, 12)


def broken_lines():
    """(name, file content, code, words that the error must have)."""
    kinds = [one for one in BROKEN_LINES if one[0] in SAYS]
    for number, (key, broken, message) in enumerate(kinds):
        for place in PLACES:
            lines = good(12)
            lines.insert(place, broken)
            end = b"\r\n" if (number + place) % 2 else b"\n"
            where = f"Example {place + 1}"
            words = [where if message is None else f"{where}, message {message}", SAYS[key]]
            yield f"{key} {number} at {place}", end.join(lines) + end, words


def broken_files():
    """All of them: (name, content, code, words)."""
    for name, content, words in broken_lines():
        yield name, content, "invalid_training_file", words
    for count in range(1, 10):
        words = [f"{count} example(s)", "at least 10"]
        yield f"{count} examples", jsonl(rows(count)), "invalid_n_examples", words
    yield "only line ends", b"\n\n\n", "invalid_n_examples", ["0 example(s)"]
    sixteen = jsonl(rows()).decode().encode("utf-16")
    yield "UTF-16", sixteen, "invalid_training_file", ["Example 1", "UTF-8"]
    blank = b"\n\n".join(good(12)) + b"\n"
    yield "blank lines", blank, "invalid_training_file", ["Line 2 is empty"]
    for place in range(5):
        long = rows(12)
        long[place]["messages"][1]["content"] = "flour and " * 2000
        words = [f"Example {place + 1} has", "more than the 1024 of the model"]
        yield f"too long at {place}", jsonl(long), "invalid_training_file", words


FILES = list(broken_files())


@pytest.fixture(scope="module")
def client():
    with lessonlib.connect() as client:
        yield client


def jobs_of(client, ids):
    """The jobs, once all of them have ended; found by turning the pages of the list."""
    deadline = time.monotonic() + 300
    while True:
        listed = {job.id: job for job in client.fine_tuning.jobs.list(limit=100) if job.id in ids}
        if all(job.status in ("failed", "succeeded", "cancelled") for job in listed.values()):
            return listed
        assert time.monotonic() < deadline, "not all of them were checked"
        time.sleep(1)


@pytest.fixture(scope="module")
def ended(client):
    """Name of the file -> its job, for training files; each was uploaded and tried."""
    made = {}
    for name, content, _code, _words in FILES:
        file = client.files.create(file=(f"{len(made)}.jsonl", content), purpose="fine-tune")
        made[client.fine_tuning.jobs.create(model="pantry", training_file=file.id).id] = name
    found = jobs_of(client, made)
    return {made[id]: job for id, job in found.items()}


def test_there_are_more_than_200_and_none_is_lost(ended):
    assert len({content for _name, content, _code, _words in FILES}) == len(FILES) > 200
    assert set(ended) == {name for name, *_rest in FILES}


def test_each_kind_that_a_service_refuses_is_among_them():
    from lessonlib.chat_files.problems import ERROR, RULES

    kinds = {key for key, rule in RULES.items() if rule.level == ERROR}
    # Of files and sizes: above, or in test_chat_files where the file would have to be huge.
    elsewhere = {"too_few_examples", "empty_file", "blank_line", "too_long", "too_large",
                 "line_too_long", "template_refused", "leak_from_test"}
    assert kinds - elsewhere <= set(SAYS)


@pytest.mark.parametrize(("name", "code", "words"),
                         [(name, code, words) for name, _content, code, words in FILES],
                         ids=[name for name, *_rest in FILES])
def test_a_broken_file_fails_its_job_for_its_reason(ended, name, code, words):
    job = ended[name]
    assert job.status == "failed" and job.finished_at and job.fine_tuned_model is None
    assert (job.error.code, job.error.param) == (code, "training_file")
    for part in words:
        assert part in job.error.message
    assert job.trained_tokens is None and job.result_files == []


def test_a_broken_validation_file_is_named_as_such(client):
    """And after all these failures a sound file still trains."""
    sound = client.files.create(file=("s.jsonl", jsonl(rows(10))), purpose="fine-tune").id
    made = {}
    for name, content, words in list(broken_lines())[::9]:
        file = client.files.create(file=("v.jsonl", content), purpose="fine-tune").id
        job = client.fine_tuning.jobs.create(
            model="pantry", training_file=sound, validation_file=file)
        made[job.id] = (name, words)
    assert len(made) > 15
    for id, job in jobs_of(client, made).items():
        name, words = made[id]
        assert (job.error.code, job.error.param) == ("invalid_validation_file",
                                                     "validation_file"), name
        assert "invalid validation file" in job.error.message
        assert all(part in job.error.message for part in words), name
    hyperparameters = {"n_epochs": 1, "batch_size": 10}
    last = client.fine_tuning.jobs.create(
        model="pantry", training_file=sound,
        method={"type": "supervised", "supervised": {"hyperparameters": hyperparameters}})
    assert jobs_of(client, {last.id})[last.id].status == "succeeded"


def test_the_error_is_told_as_an_event_too(client, ended):
    for name in (FILES[0][0], FILES[-1][0]):
        events = client.fine_tuning.jobs.list_events(ended[name].id, limit=1).data
        assert (events[0].level, events[0].message) == ("error", ended[name].error.message)
        assert json.loads(events[0].to_json())["type"] == "message"
