"""What the tests of the fine-tuning service share: tiny files, waiting, strict checks."""

import json
import time

import openai

FOODS = "flour sugar butter onion garlic salt pepper chicken milk eggs cheese basil rice".split()
ENDS = ("succeeded", "failed", "cancelled")


def rows(count=10, start=0):
    """Short examples, each another one."""
    made = []
    for number in range(start, start + count):
        food, other = FOODS[number % 13], FOODS[(number // 13 + number) % 13]
        made.append({"messages": [
            {"role": "system", "content": "List the ingredients."},
            {"role": "user", "content": f"- {number + 1} c. {food}\n- chopped {other}"},
            {"role": "assistant", "content": json.dumps([food, other])},
        ]})
    return made


def jsonl(examples):
    return "".join(json.dumps(row) + "\n" for row in examples).encode()


def upload(client, examples=None, name="train.jsonl"):
    content = jsonl(rows() if examples is None else examples)
    return client.files.create(file=(name, content), purpose="fine-tune").id


def supervised(**hyperparameters):
    return {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}


def wait(client, job_id, until=ENDS, seconds=240):
    """The job, once it is in one of the states."""
    deadline = time.monotonic() + seconds
    while (job := client.fine_tuning.jobs.retrieve(job_id)).status not in until:
        assert job.status not in ENDS, f"{job.status}: {job.error}"
        assert time.monotonic() < deadline, f"still {job.status}"
        time.sleep(0.1)
    return job


def messages_of(client, job_id):
    """All events' messages, oldest first."""
    pages = client.fine_tuning.jobs.list_events(job_id, limit=7)
    return [event.message for event in pages][::-1]


def assert_strict(kind, raw):
    """The JSON holds the SDK's required fields with the right types, and no other fields."""
    value = kind.model_validate(raw if isinstance(raw, dict) else json.loads(raw), strict=True)
    no_extras(value)
    return value


def no_extras(value):
    if isinstance(value, list):
        for item in value:
            no_extras(item)
    elif isinstance(value, openai.BaseModel):
        assert not value.model_extra, f"{type(value).__name__}: {value.model_extra}"
        for name in type(value).model_fields:
            no_extras(getattr(value, name))
