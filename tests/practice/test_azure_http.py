"""The Azure half of the practice service through the official clients, over real HTTP."""

import asyncio
import csv
import io
import json
import re
import time

import openai
import pytest
from fine_tuning_parts import (
    ENDS,
    assert_strict,
    jsonl,
    messages_of,
    no_extras,
    rows,
    supervised,
    wait,
)
from openai.types import FileObject, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from openai.types.model_deleted import ModelDeleted

import lessonlib
from lessonlib.practice import service
from lessonlib.practice.store.store import Organisation, Store
from lessonlib.services.job_results import read_results

BOM = b"\xef\xbb\xbf"
VERSION = "2024-10-21"
HEX = "[0-9a-f]{32}"
ASK = rows(1)[0]["messages"][:2]


@pytest.fixture(scope="module")
def endpoint():
    return f"http://127.0.0.1:{service.ensure().port}"


def http_client():
    return openai.DefaultHttpxClient(trust_env=False)


@pytest.fixture(scope="module")
def classic(endpoint):
    """As the tutorial makes it: the resource's address, its key, a version."""
    with openai.AzureOpenAI(azure_endpoint=endpoint, api_key=service.find().api_key,
                            api_version=VERSION, http_client=http_client()) as client:
        yield client


@pytest.fixture(scope="module")
def v1(endpoint):
    """As Azure has it since 2025: the plain client, another base URL."""
    with openai.OpenAI(base_url=f"{endpoint}/openai/v1/", api_key=service.find().api_key,
                       http_client=http_client()) as client:
        yield client


@pytest.fixture(scope="module", params=["classic", "v1"])
def client(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def openai_half():
    with lessonlib.connect() as client:
        yield client


class Arm:
    """The control plane by bare requests, as the tutorial has it."""

    def __init__(self, endpoint, key, account="practice"):
        self.web = openai.DefaultHttpxClient(
            trust_env=False, base_url=endpoint, headers={"Authorization": f"Bearer {key}"},
            timeout=30)
        self.path = ("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/practice"
                     f"/providers/Microsoft.CognitiveServices/accounts/{account}/deployments")
        self.version = {"api-version": "2024-10-01"}

    def put(self, name, model, sku="standard", capacity=1, version="1"):
        body = {"sku": {"name": sku, "capacity": capacity},
                "properties": {"model": {"format": "OpenAI", "name": model, "version": version}}}
        return self.raw("PUT", f"/{name}", json=body)

    def raw(self, method, path="", **more):
        return self.web.request(method, self.path + path, params=self.version, **more)

    def states(self, name, until):
        """All states that were seen until one of them was reached (404 is called gone)."""
        seen, deadline = [], time.monotonic() + 60
        while not seen or seen[-1] != until:
            assert time.monotonic() < deadline, seen
            answer = self.raw("GET", f"/{name}")
            state = ("gone" if answer.status_code == 404
                     else answer.json()["properties"]["provisioningState"])
            if not seen or state != seen[-1]:
                seen.append(state)
            time.sleep(0.05)
        return seen

    def deploy(self, name, model, **wishes):
        answer = self.put(name, model, **wishes)
        assert answer.status_code in (200, 201), answer.text
        return self.states(name, "Succeeded")

    def remove(self, name):
        assert self.raw("DELETE", f"/{name}").status_code in (202, 204)
        return self.states(name, "gone")


@pytest.fixture(scope="module")
def arm(endpoint):
    return Arm(endpoint, service.find().api_key)


def upload(client, examples=None):
    content = BOM + jsonl(rows() if examples is None else examples)
    return client.files.create(file=("train.jsonl", content), purpose="fine-tune").id


@pytest.fixture(scope="module")
def training_file(v1):
    return upload(v1)


def create(client, training_file, **wishes):
    wishes = {"model": "pantry", "method": supervised(n_epochs=1), "seed": 1} | wishes
    return client.fine_tuning.jobs.create(training_file=training_file, **wishes)


def job_like_the_sdks(raw):
    """A job, with the two things that Azure adds to the client's own type put aside."""
    raw = dict(raw)
    extra = raw.pop("trainingType", None)
    if raw["status"] == "pending":
        raw["status"] = "queued"
    return assert_strict(FineTuningJob, raw), extra


# --- the life of a job -------------------------------------------------------------------------


def test_a_file_is_pending_and_then_processed(client):
    content = BOM + jsonl(rows(11))
    raw = client.files.with_raw_response.create(file=("a.jsonl", content), purpose="fine-tune")
    made = json.loads(raw.text)
    assert made["status"] == "pending"
    file = assert_strict(FileObject, client.files.with_raw_response.retrieve(made["id"]).text)
    assert file.status == "processed" and re.fullmatch(f"file-{HEX}", file.id)
    assert client.files.content(file.id).read() == content
    assert file.id in [one.id for one in client.files.list(purpose="fine-tune")]
    assert client.files.delete(file.id).deleted


@pytest.fixture(scope="module")
def finished(classic):
    """A job of five short epochs with validation, made by the tutorial's client."""
    raw = classic.fine_tuning.jobs.with_raw_response.create(
        model="pantry", training_file=upload(classic), validation_file=upload(classic, rows(3, 50)),
        suffix="My Recipes", seed=7, extra_body={"trainingType": "globalstandard"},
        method={"type": "supervised", "supervised": {"hyperparameters": {
            "n_epochs": 5, "batch_size": "auto", "learning_rate_multiplier": "auto"}}},
    )
    made = json.loads(raw.text)
    assert made["status"] == "pending" and made["fine_tuned_model"] is None
    assert made["hyperparameters"] == {
        "n_epochs": 5, "batch_size": -1, "learning_rate_multiplier": 1}
    job, extra = job_like_the_sdks(made)
    assert extra == "GlobalStandard" and re.fullmatch(f"ftjob-{HEX}", job.id)
    return wait(classic, job.id)


def test_a_job_succeeds_with_all_that_it_owes(client, finished):
    raw = client.fine_tuning.jobs.with_raw_response.retrieve(finished.id)
    job, _extra = job_like_the_sdks(json.loads(raw.text))
    assert job.status == "succeeded" and job.error is None and job.trained_tokens > 0
    assert re.fullmatch(rf"pantry\.ft-{HEX}-my-recipes", job.fine_tuned_model)
    assert job.organization_id == "org-practice"
    chosen = job.method.supervised.hyperparameters
    assert (chosen.n_epochs, chosen.batch_size, chosen.learning_rate_multiplier) == (5, 1, 1)
    assert finished.id in [one.id for one in client.fine_tuning.jobs.list(limit=2)]


def test_what_is_not_known_yet_is_minus_one(v1, training_file):
    job = create(v1, training_file, method=openai.omit)
    shown = job.hyperparameters
    assert (shown.n_epochs, shown.batch_size, shown.learning_rate_multiplier) == (-1, -1, 1)
    wait(v1, job.id, until=["running"])
    shown = v1.fine_tuning.jobs.retrieve(job.id).hyperparameters
    assert (shown.n_epochs, shown.batch_size) == (10, 1)
    assert v1.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    assert messages_of(v1, job.id)[-1] == "Job canceled."


def test_events_tell_the_story_in_azures_words(client, finished):
    told = messages_of(client, finished.id)
    assert told[0] == "Job enqueued. Waiting for jobs ahead to complete."
    assert told[3] == "Job started."
    assert told[-2:] == [f"Completed results file: {finished.result_files[0]}", "Job succeeded."]
    path = f"/fine_tuning/jobs/{finished.id}/events?limit=200"
    raw = client.get(path, cast_to=object)
    events = [assert_strict(FineTuningJobEvent, event) for event in raw["data"]]
    assert len(events) == len(told) == len({event.id for event in events})
    steps = [event for event in events if event.type == "metrics"]
    assert [event.data["step"] for event in steps] == list(range(50, 0, -1))
    assert set(steps[0].data) >= {"train_loss", "train_mean_token_accuracy", "full_valid_loss"}
    assert "total_steps" not in steps[0].data
    assert all("data" not in event for event in raw["data"] if event["type"] == "message")
    assert all(re.fullmatch(f"ftevent-{HEX}", event.id) for event in events)


def test_checkpoints_are_those_of_the_last_epochs(client, finished):
    raw = client.get(f"/fine_tuning/jobs/{finished.id}/checkpoints", cast_to=object)
    kept = [assert_strict(FineTuningJobCheckpoint, one) for one in raw["data"]]
    name = finished.fine_tuned_model
    assert [one.fine_tuned_model_checkpoint for one in kept] == [
        name, f"{name}:ckpt-step-40", f"{name}:ckpt-step-30"]
    assert all(re.fullmatch(f"ftchkpt-{HEX}", one.id) for one in kept)
    paged = client.fine_tuning.jobs.checkpoints.list(finished.id, limit=1)
    assert [one.step_number for one in paged] == [50, 40, 30]


def test_the_result_file_is_a_plain_table(client, finished):
    file = client.files.retrieve(finished.result_files[0])
    assert (file.purpose, file.filename) == ("fine-tune-results", "results.csv")
    content = client.files.content(file.id).read()
    table = list(csv.DictReader(io.StringIO(content.decode("utf-8"))))
    assert list(table[0]) == ["step", "train_loss", "train_mean_token_accuracy", "valid_loss",
                              "validation_mean_token_accuracy", "full_valid_loss",
                              "full_valid_mean_token_accuracy"]
    assert len(table) == 50
    steps = read_results(content, finished.id).steps
    last = table[-1]
    assert steps[-1].full_valid_accuracy == float(last["full_valid_mean_token_accuracy"])
    assert last["valid_loss"] == "", "at the end of an epoch it is that of all rows"


def test_the_same_seed_gives_the_same_model_in_both_halves(openai_half, v1):
    """One trainer stands behind both; the tables differ in their form alone."""
    wish = {"seed": 3, "method": supervised(n_epochs=2, batch_size=5)}
    ours = openai_half.files.create(file=("t.jsonl", jsonl(rows(10))), purpose="fine-tune").id
    one = wait(openai_half, create(openai_half, ours, **wish).id)
    two = wait(v1, create(v1, upload(v1, rows(10)), **wish).id)
    tables = [read_results(half.files.content(job.result_files[0]).read(), "").steps
              for half, job in ((openai_half, one), (v1, two))]
    assert tables[0] == tables[1] and one.trained_tokens == two.trained_tokens


def test_what_came_through_one_half_is_not_seen_through_the_other(openai_half, v1, finished):
    jobs = openai_half.fine_tuning.jobs
    for call, id in ((jobs.retrieve, finished.id), (jobs.cancel, finished.id),
                     (openai_half.files.retrieve, finished.training_file),
                     (openai_half.models.retrieve, finished.fine_tuned_model)):
        with pytest.raises(openai.NotFoundError):
            call(id)
    assert finished.id not in [job.id for job in jobs.list()]
    assert not [file for file in openai_half.files.list() if file.id == finished.training_file]
    assert not [one for one in openai_half.models.list() if ".ft-" in one.id]
    with pytest.raises(openai.NotFoundError):
        openai_half.chat.completions.create(model=finished.fine_tuned_model, messages=ASK)
    for job in jobs.list(limit=1):
        with pytest.raises(openai.NotFoundError):
            v1.fine_tuning.jobs.retrieve(job.id)
    assert {one.id for one in v1.models.list()} >= {"pantry", finished.fine_tuned_model}
    assert not [one for one in v1.models.list() if one.id.startswith("ft:")]
    with pytest.raises(openai.BadRequestError, match="finetuned|file-"):
        create(openai_half, finished.training_file)


@pytest.mark.parametrize(("wish", "param", "words"), [
    ({"suffix": "x" * 19}, "suffix", "1 to 18"),
    ({"trainingType": "Cheap"}, "trainingType", "'GlobalStandard'"),
    ({"trainingType": "Developer"}, "trainingType", "'developerTier'"),  # refused at Azure, too
    ({"trainingType": 5}, "trainingType", "a string"),
    ({"model": "gpt-35-turbo-0613"}, "model", "has: pantry"),
    ({"colour": "red"}, "colour", "colour"),
])
def test_wrong_wishes_are_refused_by_name(v1, training_file, wish, param, words):
    with pytest.raises(openai.BadRequestError) as caught:
        create(v1, training_file, extra_body=wish)
    assert caught.value.param == param and words in caught.value.message


def test_azures_own_parameter_is_none_of_openais(openai_half):
    file = openai_half.files.create(file=("t.jsonl", jsonl(rows())), purpose="fine-tune").id
    with pytest.raises(openai.BadRequestError, match="trainingType"):
        create(openai_half, file, extra_body={"trainingType": "Standard"})


def test_a_file_without_the_mark_is_trained_and_a_mark_in_the_middle_is_not(v1):
    """Azure's guide asks for the mark; that a file without it fails is not documented."""
    plain = v1.files.create(file=("a.jsonl", jsonl(rows())), purpose="fine-tune").id
    job = create(v1, plain)
    wait(v1, job.id, until=["running", "succeeded"])
    wait(v1, job.id)
    broken = BOM + jsonl(rows(5)) + BOM + jsonl(rows(6, 5))
    file = v1.files.create(file=("b.jsonl", broken), purpose="fine-tune").id
    job = wait(v1, create(v1, file).id)
    assert job.status == "failed" and job.error.code == "invalid_training_file"
    assert "byte order mark (line 6)" in job.error.message
    assert messages_of(v1, job.id)[-1] == job.error.message


def test_the_async_client_sees_the_same(endpoint, finished):
    async def see():
        inner = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint, api_key=service.find().api_key, api_version=VERSION,
            http_client=inner,
        ) as client:
            job = await client.fine_tuning.jobs.retrieve(finished.id)
            told = [one async for one in client.fine_tuning.jobs.list_events(job.id, limit=7)]
            file = await client.files.create(
                file=("c.jsonl", BOM + jsonl(rows(4))), purpose="fine-tune")
            await client.files.delete(file.id)
            return job, told

    job, told = asyncio.run(see())
    assert job == finished and len(told) == len({one.id for one in told}) > 50


# --- keys and versions ---------------------------------------------------------------------


def test_keys_and_versions_are_looked_at(endpoint, arm):
    web, key = http_client(), service.find().api_key
    version = {"api-version": VERSION}

    def status(path, headers, params=version):
        answer = web.get(endpoint + path, headers=headers, params=params)
        error = answer.json().get("error", {})
        assert answer.status_code == 200 or set(error) == {"code", "message"}
        return answer.status_code, error.get("code"), error.get("message", "")

    by_key, by_token = {"api-key": key}, {"Authorization": f"Bearer {key}"}
    assert status("/openai/files", by_key)[0] == status("/openai/files", by_token)[0] == 200
    assert status("/openai/v1/files", by_key, {})[0] == 200
    assert status("/openai/v1/files", by_token, {"api-version": "preview"})[0] == 200
    for headers in ({}, {"api-key": ""}, {"api-key": "wrong"}, {"Authorization": "Basic x"}):
        code, _name, words = status("/openai/files", headers)
        assert code == 401 and "invalid subscription key" in words
    assert "api-version" in status("/openai/files", by_key, {})[2]
    assert status("/openai/sunshine", by_key)[:2] == (404, "404")
    assert status(arm.path, by_token)[0] == 200
    code, name, words = status(arm.path, by_key)
    assert (code, name) == (401, "AuthenticationFailed") and "Bearer" in words
    # The key header is Azure's. The OpenAI half does not take it.
    assert web.get(f"{endpoint}/v1/models", headers=by_key).status_code == 401


# --- deployments -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deployed(arm, finished):
    """The tuned model and the base model, under names of their own."""
    seen = arm.deploy("recipes", finished.fine_tuned_model)
    assert seen in (["Accepted", "Creating", "Succeeded"], ["Creating", "Succeeded"])
    arm.deploy("plain", "pantry")
    return finished.fine_tuned_model


def test_a_deployment_is_shown_as_arm_shows_it(arm, deployed):
    one = arm.raw("GET", "/recipes").json()
    assert one["id"] == f"{arm.path}/recipes" and one["name"] == "recipes"
    assert one["type"] == "Microsoft.CognitiveServices/accounts/deployments"
    assert one["sku"] == {"name": "standard", "capacity": 1}
    assert one["properties"]["model"] == {"format": "OpenAI", "name": deployed, "version": "1"}
    assert one["properties"]["provisioningState"] == "Succeeded"
    assert one in arm.raw("GET").json()["value"]
    assert arm.put("recipes", deployed, capacity=5).status_code == 200
    assert arm.raw("GET", "/RECIPES").json()["sku"]["capacity"] == 5


def test_chat_is_by_the_name_of_the_deployment(client, deployed):
    raw = client.chat.completions.with_raw_response.create(
        model="recipes", messages=ASK, max_tokens=8, logprobs=True)
    answer = assert_strict(ChatCompletion, raw.text)
    assert answer.model == deployed and answer.choices[0].message.content
    assert raw.headers["x-request-id"].startswith("req_practice_")
    chunks = list(client.chat.completions.create(
        model="recipes", messages=ASK, max_tokens=8, stream=True))
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.to_dict(), strict=True)
        no_extras(chunk)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == answer.choices[0].message.content
    plain = client.chat.completions.create(model="plain", messages=ASK, max_tokens=8)
    assert plain.model == "pantry"


def hint(client, name):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model=name, messages=ASK, max_tokens=2)
    assert caught.value.code == "DeploymentNotFound"
    said = caught.value.body["message"]
    assert said.startswith("The API deployment for this resource does not exist.")
    return said[said.index("(Practice service: "):]


def test_deployment_not_found_says_what_was_mixed_up(client, arm, openai_half, deployed, finished):
    assert "is the name of a model" in hint(client, deployed)
    assert "model='recipes'" in hint(client, deployed)
    assert "model='plain'" in hint(client, "pantry")
    early = f"{deployed}:ckpt-step-40"
    assert "not deployed. Deploy it first" in hint(client, early)
    said = hint(client, "recipies")
    assert "'recipes'" in said and "'plain'" in said and "name of a model" not in said
    tuned = next((one.id for one in openai_half.models.list() if one.id.startswith("ft:")), None)
    if tuned is None:
        job = create(openai_half, openai_half.files.create(
            file=("t.jsonl", jsonl(rows())), purpose="fine-tune").id)
        tuned = wait(openai_half, job.id).fine_tuned_model
    assert "OpenAI half" in hint(client, tuned)
    arm.put("early", early)
    assert "still in the state" in hint(client, "early")
    arm.states("early", "Succeeded")
    assert client.chat.completions.create(model="early", messages=ASK, max_tokens=2).model == early
    arm.remove("early")
    assert "was deleted" in hint(client, "early")


def test_a_deployed_model_is_not_deleted(classic, v1, arm, finished):
    name = f"{finished.fine_tuned_model}:ckpt-step-30"
    arm.deploy("kept", name)
    for client in (classic, v1):
        with pytest.raises(openai.BadRequestError) as caught:
            client.models.delete(name)
        assert caught.value.code == "ModelInUse" and "kept" in caught.value.body["message"]
    arm.remove("kept")
    raw = classic.models.with_raw_response.delete(name)
    assert assert_strict(ModelDeleted, raw.text).deleted
    assert arm.put("kept", name).json()["error"]["code"] == "DeploymentModelNotSupported"
    with pytest.raises(openai.NotFoundError):
        v1.models.retrieve(name)


def test_models_are_the_resources_and_a_deployments_name_tells_its_model(client, deployed):
    raw = client.models.with_raw_response.retrieve(deployed)
    assert assert_strict(Model, raw.text).owned_by == "practice"
    raw = client.models.with_raw_response.retrieve("recipes")
    assert assert_strict(Model, raw.text).owned_by == f"practice: {deployed}"
    assert "recipes" not in [model.id for model in client.models.list()]
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("pantry")


@pytest.mark.parametrize(("name", "body", "status", "code"), [
    ("x", None, 400, "InvalidResourceProperties"),
    ("-no", None, 400, "InvalidResourceProperties"),
    ("a" * 65, None, 400, "InvalidResourceProperties"),
    ("fine", {"sku": {"name": "gold"}}, 400, "InvalidResourceProperties"),
    ("fine", {"sku": {"name": "standard", "capacity": 0}}, 400, "InvalidResourceProperties"),
    ("fine", {"sku": {"name": "standard", "capacity": "1"}}, 400, "InvalidResourceProperties"),
    ("fine", {"sku": "standard"}, 400, "InvalidResourceProperties"),
    ("fine", {"properties": {}}, 400, "InvalidResourceProperties"),
    ("fine", {"properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "1"}}},
     400, "DeploymentModelNotSupported"),
    ("fine", {"properties": {"model": {"format": "Mistral", "name": "pantry", "version": "1"}}},
     400, "DeploymentModelNotSupported"),
    ("fine", {"properties": {"model": {"format": "OpenAI", "name": "pantry"}}},
     400, "DeploymentModelNotSupported"),
])
def test_wrong_deployments_are_refused(arm, name, body, status, code):
    good = {"sku": {"name": "standard", "capacity": 1},
            "properties": {"model": {"format": "OpenAI", "name": "pantry", "version": "1"}}}
    answer = arm.raw("PUT", f"/{name}", json=good | (body or {}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert arm.raw("GET", f"/{name}").status_code == 404


def test_broken_requests_and_other_addresses_are_refused(arm, endpoint, deployed):
    assert arm.raw("PUT", "/fine", content=b"{").status_code == 400
    assert arm.raw("PUT", "/fine", json=[]).status_code == 400
    assert arm.put("fine", deployed, version="2").json()["error"]["code"] == (
        "DeploymentModelNotSupported")
    assert arm.raw("DELETE", "/never-there").status_code == 204
    assert arm.raw("PATCH", "/recipes", json={}).status_code == 404
    for old, new, code in (("0000-000000000000", "0000-000000000001", "SubscriptionNotFound"),
                           ("resourceGroups/practice", "resourceGroups/x", "ResourceGroupNotFound"),
                           ("accounts/practice", "accounts/mine", "ResourceNotFound")):
        answer = arm.web.get(arm.path.replace(old, new), params=arm.version)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
    assert arm.web.get(arm.path).status_code == 404, "a version is wanted here, too"


def test_two_wishes_at_once_meet_a_conflict_that_passes(arm):
    assert arm.put("busy", "pantry").status_code == 201
    answer = arm.put("busy", "pantry", capacity=9)
    assert answer.status_code == 409 and answer.headers["retry-after"] == "1"
    assert answer.json()["error"]["code"] == "RequestConflict"
    arm.states("busy", "Succeeded")
    assert arm.put("busy", "pantry", capacity=9).status_code == 200
    assert arm.remove("busy")[-1] == "gone"


# --- the meter and the clock -----------------------------------------------------------------


def test_the_wound_clock_moves_the_bill_and_removes_what_is_idle(arm, v1, deployed):
    arm.deploy("meter", deployed)
    arm.deploy("day", deployed, sku="developertier")

    def of(bill, name):
        return [row for row in bill["data"] if row["name"] == name][-1]

    first = arm.web.get("/practice/meter").json()
    assert of(first, "meter")["per_hour"] == 1.7 == first["price"]["per_hour"]
    begun = of(first, "meter")["dollars"]
    one_day = arm.web.post("/practice/clock", json={"hours": 24}).json()
    assert of(one_day, "meter")["dollars"] - begun == pytest.approx(24 * 1.7, abs=0.01)
    assert of(one_day, "day")["reason"] == "expired" and of(one_day, "day")["dollars"] == 0
    assert "developer tier" in hint(v1, "day")
    arm.web.post("/practice/clock", json={"hours": 14 * 24 - 1})
    assert v1.chat.completions.create(model="meter", messages=ASK, max_tokens=2)
    later = arm.web.post("/practice/clock", json={"hours": 2}).json()
    assert of(later, "meter")["state"] == "Succeeded", "a question in between keeps it"
    end = arm.web.post("/practice/clock", json={"hours": 24 * 40}).json()
    assert of(end, "meter")["reason"] == "idle"
    assert of(end, "meter")["hours"] == pytest.approx(24 * 15 + 15 * 24 - 1, abs=0.1)
    assert "15 days" in hint(v1, "meter") and deployed in [one.id for one in v1.models.list()]
    arm.deploy("recipes", deployed)  # it was idle, too; for the tests that follow
    for body in ({"hours": -1}, {"hours": "x"}, {"hours": 1e9}, {}, {"days": 1, "hours": 1}, []):
        assert arm.web.post("/practice/clock", json=body).status_code == 400


# --- a classroom ----------------------------------------------------------------------------


def test_two_learners_see_nothing_of_each_other(endpoint, arm, deployed, finished):
    store = Store(service.folder())
    for name in ("practice-81", "practice-82"):
        store.add_organisation(Organisation(name, name, pending_jobs=1), f"practice-key-{name}")
    one, two = (Arm(endpoint, f"practice-key-{name}", name)
                for name in ("practice-81", "practice-82"))
    clients = [openai.AzureOpenAI(
        azure_endpoint=endpoint, api_key=f"practice-key-{name}", api_version=VERSION,
        max_retries=0, http_client=http_client()) for name in ("practice-81", "practice-82")]
    assert one.raw("GET").json() == two.raw("GET").json() == {"value": []}
    one.deploy("mine", "pantry")
    assert two.raw("GET", "/mine").status_code == 404
    assert one.web.get(two.path, params=one.version).json()["error"]["code"] == "ResourceNotFound"
    assert clients[0].chat.completions.create(model="mine", messages=ASK, max_tokens=2)
    assert "'mine'" not in hint(clients[1], "hers")
    assert one.put("taken", deployed).json()["error"]["code"] == "DeploymentModelNotSupported"
    one.web.post("/practice/clock", json={"hours": 24 * 365})
    assert two.web.get("/practice/meter").json()["now"] == pytest.approx(time.time(), abs=60)
    assert two.web.get("/practice/meter").json()["data"] == []
    # A limit counts both halves together, and a job of one is nowhere for the other.
    file = upload(clients[0])
    job = create(clients[0], file, method=supervised(n_epochs=50, batch_size=1))
    with pytest.raises(openai.RateLimitError):
        create(clients[0], file)
    for call, id in ((clients[1].files.retrieve, file),
                     (clients[1].fine_tuning.jobs.retrieve, job.id),
                     (clients[1].fine_tuning.jobs.cancel, job.id)):
        with pytest.raises(openai.NotFoundError):
            call(id)
    clients[0].fine_tuning.jobs.cancel(job.id)
    assert clients[0].fine_tuning.jobs.retrieve(job.id).status in ENDS
    with pytest.raises(openai.PermissionDeniedError):
        clients[0].models.delete("pantry")
