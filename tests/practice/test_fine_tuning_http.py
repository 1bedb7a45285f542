"""Files, jobs and models of the practice service through the official client, over real HTTP."""

import asyncio
import base64
import csv
import io
import json

import openai
import pytest
from fine_tuning_parts import (
    assert_strict,
    jsonl,
    messages_of,
    rows,
    supervised,
    upload,
    wait,
)
from openai.types import FileObject, Model
from openai.types.file_deleted import FileDeleted
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from openai.types.model_deleted import ModelDeleted

import lessonlib
from lessonlib.practice import service


@pytest.fixture(scope="module")
def client():
    with lessonlib.connect() as client:
        yield client


@pytest.fixture(scope="module")
def training_file(client):
    return upload(client)


def create(client, training_file, **wishes):
    wishes = {"model": "pantry", "method": supervised(n_epochs=1), "seed": 1} | wishes
    return client.fine_tuning.jobs.create(training_file=training_file, **wishes)


# --- files -------------------------------------------------------------------------------


def test_the_life_of_a_file(client):
    content = jsonl(rows(12)) + "ž\n".encode()
    raw = client.files.with_raw_response.create(
        file=("my recipes ž.jsonl", content), purpose="fine-tune"
    )
    file = assert_strict(FileObject, raw.text)
    assert file.id.startswith("file-practice-") and file.bytes == len(content)
    assert (file.filename, file.purpose) == ("my recipes ž.jsonl", "fine-tune")
    assert "expires_at" not in json.loads(raw.text), "optional fields are left out, not null"
    assert client.files.retrieve(file.id) == file and file in client.files.list().data
    assert client.files.content(file.id).read() == content
    deleted = client.files.with_raw_response.delete(file.id)
    assert assert_strict(FileDeleted, deleted.text).deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            call(file.id)
    assert file.id not in [one.id for one in client.files.list()]


def test_files_are_paged_in_both_orders_and_by_purpose(client):
    ids = [upload(client, rows(1, number)) for number in range(5)]
    newest = [file.id for file in client.files.list(limit=2)]
    assert newest[:5] == ids[::-1]
    page = client.files.list(limit=2)
    assert len(page.data) == 2 and page.has_more
    oldest = [file.id for file in client.files.list(limit=3, order="asc", purpose="fine-tune")]
    assert oldest[-5:] == ids
    assert not client.files.list(purpose="fine-tune", after=oldest[0]).data
    assert client.files.list(purpose="batch").data == []
    for id in client.files.list(limit=2):  # who deletes while paging still sees all
        if id.id in ids:
            client.files.delete(id.id)
    assert not set(ids) & {file.id for file in client.files.list()}


@pytest.mark.parametrize(
    ("file", "purpose", "words"),
    [
        (("a.jsonl", b"{}"), "assistants", "Supported values on this practice service are"),
        (("a.txt", b"{}"), "fine-tune", "Must be .jsonl"),
        (("a.jsonl", b""), "fine-tune", "File is empty"),
    ],
)
def test_wrong_uploads_are_refused(client, file, purpose, words):
    with pytest.raises(openai.BadRequestError, match=words):
        client.files.create(file=file, purpose=purpose)


def web():
    running = service.find()
    key = {"Authorization": f"Bearer {running.api_key}"}
    return openai.DefaultHttpxClient(trust_env=False, base_url=running.url, headers=key)


def test_broken_forms_are_refused_and_leave_nothing_behind():
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    purpose, file = part % (b"purpose", b"", b"fine-tune"), part % (
        b"file", b'; filename="a.jsonl"', b"{}")
    for body, headers in (
        (b"{}", {"Content-Type": "application/json"}),
        (b"no boundary", {"Content-Type": "multipart/form-data"}),
        (b"--y\r\n", kind),
        (purpose + b"--x--\r\n", kind),
        (file + b"--x--\r\n", kind),
        (part % (b"purpose", b"", b"x" * 20_000) + file + b"--x--\r\n", kind),
        (purpose + file + part % (b"colour", b"", b"red") + b"--x--\r\n", kind),
        # The second one went on where the first had ended: its content, the size of both.
        (purpose + file + file + b"--x--\r\n", kind),
        (b"".join(part % (b"f%d" % n, b"", b"x" * 9_000) for n in range(12)) + b"--x--\r\n", kind),
        (b"--x\r\n" + b"A: " + b"x" * 200_000 + b"\r\n\r\n{}\r\n--x--\r\n", kind),
    ):
        answer = web().post("/files", content=body, headers=headers)
        assert answer.status_code == 400 and answer.json()["error"]["message"], body
    assert web().post("/files", content=purpose + file + b"--x--\r\n", headers=kind).is_success
    assert not list((service.folder() / "files").glob(".*")), "halves of uploads"


def test_a_repeated_upload_or_job_is_not_doubled(client):
    # The client repeats a request whose answer was lost; the first one may have arrived.
    again = {"x-stainless-retry-count": "1"}
    wish = {"file": ("twice.jsonl", jsonl(rows(11))), "purpose": "fine-tune"}
    first = client.files.create(**wish)
    assert client.files.create(**wish, extra_headers=again).id == first.id
    assert client.files.create(**wish).id != first.id, "who uploads twice has two files"
    job = create(client, first.id)
    assert create(client, first.id, extra_headers=again).id == job.id
    other = create(client, first.id)
    assert other.id != job.id
    for id in (job.id, other.id):
        client.fine_tuning.jobs.cancel(id)


# --- the life of a job -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(client, training_file):
    """A job of five short epochs with validation, followed to its end."""
    raw = client.fine_tuning.jobs.with_raw_response.create(
        model="pantry",
        training_file=training_file,
        validation_file=upload(client, rows(3, 50)),
        suffix="My Recipes!",
        seed=7,
        metadata={"room": "kitchen"},
        method=supervised(n_epochs=5, batch_size=5, learning_rate_multiplier=0.5),
    )
    job = assert_strict(FineTuningJob, raw.text)
    assert job.status == "validating_files" and job.fine_tuned_model is None
    assert job.id.startswith("ftjob-practice-") and job.organization_id == "org-practice"
    assert (job.seed, job.metadata, job.result_files) == (7, {"room": "kitchen"}, [])
    return wait(client, job.id)


def test_a_job_succeeds_with_all_that_it_owes(client, finished):
    raw = client.fine_tuning.jobs.with_raw_response.retrieve(finished.id)
    job = assert_strict(FineTuningJob, raw.text)
    assert job.status == "succeeded" and job.error is None
    assert job.fine_tuned_model.startswith("ft:pantry:practice:my-recipes:")
    assert job.created_at <= job.finished_at and job.trained_tokens > 10 * 5
    assert job.trained_tokens % 5 == 0 and job.estimated_finish is None
    chosen = job.method.supervised.hyperparameters
    assert (chosen.n_epochs, chosen.batch_size, chosen.learning_rate_multiplier) == (5, 5, 0.5)
    assert job.hyperparameters.model_dump() == chosen.model_dump()


def test_events_tell_the_story_newest_first(client, finished):
    told = messages_of(client, finished.id)
    assert told[:4] == [
        f"Created fine-tuning job: {finished.id}",
        f"Validating training file: {finished.training_file} and validation file: "
        f"{finished.validation_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
    ]
    assert told[-2:] == [
        f"New fine-tuned model created: {finished.fine_tuned_model}",
        "The job has successfully completed",
    ]
    steps = [text for text in told if text.startswith("Step ")]
    assert [text.split(":")[0] for text in steps] == [f"Step {n}/10" for n in range(1, 11)]
    assert "validation loss=" in steps[1] and "validation loss=" not in steps[0]
    kept = [text for text in told if text.startswith("Checkpoint")]
    assert kept == [f"Checkpoint created at step {step}" for step in (2, 4, 6, 8)]
    raw = client.get(f"/fine_tuning/jobs/{finished.id}/events?limit=200", cast_to=object)
    events = [assert_strict(FineTuningJobEvent, event) for event in raw["data"]]
    assert len(events) == len(told) and not raw["has_more"]
    metrics = [event for event in events if event.type == "metrics"]
    assert metrics[0].data["step"] == 10 and metrics[0].data["total_steps"] == 10
    assert 0 <= metrics[0].data["train_mean_token_accuracy"] <= 1


def test_the_last_three_epochs_are_kept_as_checkpoints(client, finished):
    raw = client.get(f"/fine_tuning/jobs/{finished.id}/checkpoints", cast_to=object)
    kept = [assert_strict(FineTuningJobCheckpoint, one) for one in raw["data"]]
    assert [one.step_number for one in kept] == [10, 8, 6]
    name = finished.fine_tuned_model
    assert [one.fine_tuned_model_checkpoint for one in kept] == [
        name, f"{name}:ckpt-step-8", f"{name}:ckpt-step-6"]
    assert all(one.metrics.full_valid_loss > 0 and one.metrics.train_loss > 0 for one in kept)
    pages = client.fine_tuning.jobs.checkpoints.list(finished.id, limit=1)
    assert [one.step_number for one in pages] == [10, 8, 6]
    served = [model.id for model in client.models.list() if model.id.startswith(name)]
    assert sorted(served) == sorted(one.fine_tuned_model_checkpoint for one in kept)


def test_the_result_file_is_a_table_in_base64(client, finished):
    file = client.files.retrieve(finished.result_files[0])
    assert (file.purpose, file.filename) == ("fine-tune-results", "step_metrics.csv")
    content = client.files.content(file.id).read()
    assert file.bytes == len(content)
    table = list(csv.DictReader(io.StringIO(base64.b64decode(content, validate=True).decode())))
    assert list(table[0]) == [
        "step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"]
    assert [row["step"] for row in table] == [str(step) for step in range(1, 11)]
    assert not any(row["valid_loss"] for row in table), "all rows: OpenAI's file has no column"
    steps = [event for event in client.fine_tuning.jobs.list_events(finished.id) if event.data]
    assert ["full_valid_loss" in one.data for one in steps[::-1]] == [False, True] * 5
    assert "full validation loss=" in steps[0].message and "full" not in steps[1].message
    with pytest.raises(openai.BadRequestError, match="fine-tune-results"):
        create(client, file.id)


def test_tuned_models_and_checkpoints_answer(client, finished):
    for model in (finished.fine_tuned_model, f"{finished.fine_tuned_model}:ckpt-step-6"):
        answer = client.chat.completions.create(
            model=model, messages=rows(1)[0]["messages"][:2], max_tokens=4
        )
        assert answer.model == model and answer.usage.completion_tokens
        raw = client.models.with_raw_response.retrieve(model)
        assert assert_strict(Model, raw.text).owned_by == "practice"


def test_the_same_seed_gives_the_same_losses(client, finished):
    twin = create(
        client,
        finished.training_file,
        validation_file=finished.validation_file,
        seed=finished.seed,
        # The former place of the hyperparameters.
        method=openai.omit,
        hyperparameters={"n_epochs": 5, "batch_size": 5, "learning_rate_multiplier": 0.5},
    )
    twin = wait(client, twin.id)
    tables = [client.files.content(job.result_files[0]).read() for job in (finished, twin)]
    assert tables[0] == tables[1]
    # A model is deleted by its name; its checkpoints stay until they are deleted, too.
    raw = client.models.with_raw_response.delete(twin.fine_tuned_model)
    assert assert_strict(ModelDeleted, raw.text).deleted
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(
            model=twin.fine_tuned_model, messages=rows(1)[0]["messages"][:2]
        )
    assert f"{twin.fine_tuned_model}:ckpt-step-8" in [model.id for model in client.models.list()]
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("pantry")


def test_a_tuned_model_can_be_tuned_further(client, finished, training_file):
    job = wait(client, create(client, training_file, model=finished.fine_tuned_model).id)
    assert job.model == finished.fine_tuned_model
    assert job.fine_tuned_model.startswith("ft:pantry:practice::")
    first = base64.b64decode(client.files.content(job.result_files[0]).read()).decode()
    before = base64.b64decode(client.files.content(finished.result_files[0]).read()).decode()

    def first_loss(table):
        return float(table.splitlines()[1].split(",")[1])

    assert first_loss(first) < first_loss(before)


def test_the_async_client_sees_the_same(client, finished):
    async def see():
        inner = openai.DefaultAsyncHttpxClient(trust_env=False)
        running = service.find()
        async with openai.AsyncOpenAI(
            base_url=running.url, api_key=running.api_key, http_client=inner
        ) as other:
            job = await other.fine_tuning.jobs.retrieve(finished.id)
            events = [event async for event in other.fine_tuning.jobs.list_events(job.id, limit=5)]
            return job, events

    job, events = asyncio.run(see())
    assert job == finished and len(events) == len(messages_of(client, finished.id))


# --- other ends --------------------------------------------------------------------------------


def test_a_broken_file_fails_the_job_not_the_request(client):
    broken = rows(12)
    del broken[2]["messages"][1]["role"]
    for examples, code, words in (
        (rows(7), "invalid_n_examples", "7 example(s), but must have at least 10 examples"),
        (broken, "invalid_training_file", "Example 3, message 2"),
    ):
        job = wait(client, create(client, upload(client, examples)).id)
        assert (job.status, job.error.code, job.error.param) == ("failed", code, "training_file")
        assert words in job.error.message and job.finished_at and job.fine_tuned_model is None
        assert messages_of(client, job.id)[-1] == job.error.message


def test_jobs_are_paused_resumed_and_cancelled(client, training_file):
    jobs = client.fine_tuning.jobs
    job = create(client, training_file, method=supervised(n_epochs=50, batch_size=1))
    with pytest.raises(openai.BadRequestError, match="cannot be resumed"):
        jobs.resume(job.id)
    wait(client, job.id, until=["running"])
    assert jobs.pause(job.id).status == "paused"
    # Another job is not held up by a paused one.
    other = create(client, training_file)
    assert wait(client, other.id).status == "succeeded"
    assert jobs.retrieve(job.id).status == "paused"
    assert jobs.resume(job.id).status == "queued"
    wait(client, job.id, until=["running"])
    assert jobs.cancel(job.id).status == "cancelled"
    for call in (jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(openai.BadRequestError, match="already completed") as caught:
            call(job.id)
        assert caught.value.status_code != 409, "the client would try again"
    told = messages_of(client, job.id)
    for words in ("Fine-tuning job paused", "Fine-tuning job cancelled"):
        assert told.count(words) == 1
    assert told[-1] == "Fine-tuning job cancelled"


def test_jobs_are_paged_and_found_by_metadata(client, training_file):
    ids = []
    for metadata in ({"dish": "soup", "x y": '"ž'}, {"dish": "pie"}, {}, None):
        ids.append(create(client, training_file, metadata=metadata).id)
    jobs = client.fine_tuning.jobs
    assert [job.id for job in jobs.list(limit=3)][:4] == ids[::-1]

    def found(**metadata):
        return [job.id for job in jobs.list(metadata=metadata) if job.id in ids]

    assert found(dish="soup") == [ids[0]] and found(dish="tart") == []
    assert found(**{"x y": '"ž'}) == [ids[0]] and found(dish="pie", other="") == []
    without = jobs.list(extra_query={"metadata": "null"})
    assert [job.id for job in without if job.id in ids] == [ids[3]]
    for id in ids:
        jobs.cancel(id)


@pytest.mark.parametrize(
    ("wish", "param", "code", "words"),
    [
        ({"model": "gpt-4o-mini"}, "model", "model_not_available", "has: pantry"),
        ({"model": ""}, "model", "model_not_available", "not available"),
        ({"training_file": "file-none"}, "training_file", "file_not_found", "file-none"),
        ({"validation_file": "file-none"}, "validation_file", "file_not_found", "file-none"),
        ({"suffix": "x" * 65}, "suffix", "string_above_max_length", "65"),
        ({"suffix": ""}, "suffix", "string_below_min_length", "1 to 64"),
        ({"seed": -1}, "seed", "integer_below_min_value", ">= 0"),
        ({"seed": 2**31}, "seed", "integer_above_max_value", "2147483647"),
        ({"method": {"type": "dpo"}}, "method.type", "unsupported_value", "'supervised' alone"),
        ({"method": {"type": "reinforcement"}}, "method.type", "unsupported_value", "alone"),
        ({"method": {"type": "magic"}}, "method.type", "invalid_value", "'magic'"),
        ({"method": supervised(n_epochs=51)}, "method.supervised.hyperparameters.n_epochs",
         "integer_above_max_value", "<= 50"),
        ({"method": supervised(batch_size=0)}, "method.supervised.hyperparameters.batch_size",
         "integer_below_min_value", ">= 1"),
        ({"method": supervised(beta=0.1)}, "method.supervised.hyperparameters.beta",
         "unknown_parameter", "Unknown"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}, "method": None},
         "hyperparameters.learning_rate_multiplier", "decimal_below_min_value", "> 0"),
        # Above it the learning rate was capped at 1, and nobody was told.
        ({"method": supervised(learning_rate_multiplier=400)},
         "method.supervised.hyperparameters.learning_rate_multiplier",
         "decimal_above_max_value", "<= 333"),
        # The next one was taken; its digits alone ended in a status 500.
        ({"hyperparameters": {"learning_rate_multiplier": 10**400}, "method": None},
         "hyperparameters.learning_rate_multiplier", "decimal_above_max_value", "<= "),
        ({"hyperparameters": {"n_epochs": "many"}, "method": None},
         "hyperparameters.n_epochs", "invalid_type", "an integer"),
        ({"hyperparameters": {"n_epochs": 2}}, "hyperparameters",
         "invalid_parameter_combination", "same time"),
        ({"metadata": {"a": "x" * 513}}, "metadata", "string_above_max_length", "512"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata",
         "object_above_max_properties", "17"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_type", "a string"),
        ({"integrations": [{"type": "wandb"}]}, "integrations", "unsupported_parameter", ""),
        ({"colour": "red"}, "colour", "unknown_parameter", "colour"),
    ],
)
def test_wrong_wishes_are_refused_by_name(client, training_file, wish, param, code, words):
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, training_file, extra_body=wish)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert words in caught.value.message


def test_a_number_without_end_is_refused(training_file):
    """It was taken, and no list of jobs was JSON any more: "learning_rate_multiplier": Infinity."""
    wish = {"model": "pantry", "training_file": training_file,
            "hyperparameters": {"learning_rate_multiplier": float("inf")}}
    answer = web().post("/fine_tuning/jobs", content=json.dumps(wish))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "decimal_above_max_value"


def test_half_a_letter_is_no_name():
    """SQLite cannot look for it: status 500."""
    answer = web().post("/fine_tuning/jobs", content=r'{"model": "\ud800", "training_file": "x"}')
    assert answer.status_code == 400
    assert answer.json()["error"] | {"message": ""} == {
        "message": "", "type": "invalid_request_error", "param": "model", "code": "invalid_value"}


def test_unknown_jobs_and_wrong_pages_are_refused(client, training_file):
    jobs = client.fine_tuning.jobs
    for call in (jobs.retrieve, jobs.cancel, jobs.pause, jobs.resume, jobs.list_events,
                 jobs.checkpoints.list):
        with pytest.raises(openai.NotFoundError) as caught:
            call("ftjob-none")
        assert caught.value.code == "fine_tune_not_found"
    for wish in ({"limit": 0}, {"limit": 101}, {"after": "ftjob-none"}):
        with pytest.raises(openai.BadRequestError) as caught:
            jobs.list(**wish)
        assert caught.value.param == next(iter(wish))
    for query in ({"limit": "x"}, {"order": "asc"}, {"metadata": "x"}):
        with pytest.raises(openai.BadRequestError):
            jobs.list(extra_query=query)


# --- rehearsals ----------------------------------------------------------------------------


def test_what_newcomers_meet_can_be_rehearsed(client, training_file):
    for wish in (
        {"metadata": {"practice_rehearse": "training_not_available"}},
        {"extra_headers": {"X-Practice-Rehearse": "training_not_available"}},
    ):
        with pytest.raises(openai.PermissionDeniedError) as caught:
            create(client, training_file, **wish)
        assert caught.value.code == "training_not_available"
        assert caught.value.type == "invalid_request_error"


def test_a_rehearsed_rate_limit_is_waited_for(client):
    once = {"X-Practice-Rehearse": "rate_limit_once"}
    assert client.models.list(extra_headers=once).data
    with pytest.raises(openai.RateLimitError) as caught:
        client.with_options(max_retries=0).models.list(extra_headers=once)
    assert caught.value.response.headers["retry-after"] == "1"
    always = {"X-Practice-Rehearse": "rate_limit_exceeded"}
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=1).models.list(extra_headers=always)
    with pytest.raises(openai.BadRequestError, match="rate_limit_once"):
        client.models.list(extra_headers={"X-Practice-Rehearse": "sunshine"})


def test_failures_of_jobs_can_be_rehearsed(client, training_file):
    ids = {}
    for word in ("invalid_n_examples", "invalid_training_file", "fail_midway", "shut_down"):
        metadata = {"practice_rehearse": word}
        ids[word] = create(client, training_file, metadata=metadata, method=supervised(
            n_epochs=2, batch_size=5)).id
    for word in ("invalid_n_examples", "invalid_training_file"):
        assert wait(client, ids[word]).error.code == word
    midway = wait(client, ids["fail_midway"])
    assert midway.status == "failed" and midway.error.code == "server_error"
    told = messages_of(client, midway.id)
    assert "Step 2/4" in told[-3] and told[-2].startswith("Checkpoint") and "middle" in told[-1]
    gone = wait(client, ids["shut_down"])
    assert gone.status == "succeeded"
    raw = client.models.with_raw_response.retrieve(gone.fine_tuned_model)
    assert assert_strict(Model, raw.text).shutdown_date < "2026-11-01"
    with pytest.raises(openai.NotFoundError, match="has been deprecated"):
        client.chat.completions.create(
            model=gone.fine_tuned_model, messages=[{"role": "user", "content": "x"}]
        )
    with pytest.raises(openai.BadRequestError, match="not available"):
        create(client, training_file, model=gone.fine_tuned_model)
    with pytest.raises(openai.BadRequestError, match="cannot rehearse 'rain'"):
        create(client, training_file, metadata={"practice_rehearse": "rain"})
