"""Killed at any moment, a job goes on: nothing is lost, nothing is there twice."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import openai
import psutil
import pytest
from crash_stages import STAGES
from fine_tuning_parts import jsonl, messages_of, rows, supervised, upload, wait

import lessonlib
from lessonlib.common import paths
from lessonlib.practice import service
from lessonlib.practice.protocol import openai_view
from lessonlib.practice.store import states
from lessonlib.practice.store.file_store import StoredFile
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.store import DEFAULT, Store

no_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")


@pytest.fixture(scope="module")
def workshop():
    """The process that makes trainers which die where they are told to."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crash_stages.py"))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        cwd=paths.PROJECT,
        env=os.environ | {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1",
                          "TOKENIZERS_PARALLELISM": "false"},
    )
    assert process.stdout.readline() == "ready\n"

    def work(store, stage=""):
        process.stdin.write(f"{store.folder}|{stage}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield work
    process.stdin.close()
    process.wait(timeout=20)


def store_with_a_job(folder, epochs=4):
    """A store with one job of two steps an epoch, and a validation file."""
    store = Store(folder)
    for name, examples in (("train", rows(10)), ("check", rows(3, 40))):
        content = jsonl(examples)
        store.files.draft(name).write_bytes(content)
        store.files.add(StoredFile(
            name, DEFAULT, "openai", "fine-tune", f"{name}.jsonl", len(content), "", 1))
    store.jobs.create(Job(
        id="the-job", organisation=DEFAULT, view=openai_view.NAME, model="pantry",
        training_file="train", validation_file="check", seed=3, created_at=1,
        tuned_model="ft:pantry:practice::12345678",
        asked={"n_epochs": epochs, "batch_size": 5, "learning_rate_multiplier": "auto"},
    ))
    return store


def outcome(store):
    """All that a job leaves, without times and random letters."""
    store = Store(store.folder)
    store.sweep()
    job = store.jobs.find("the-job")
    files, _more = store.files.page(DEFAULT)
    models = store.models.all(DEFAULT)
    events, _more = store.jobs.events(job.id, limit=100)
    weights = [hashlib.sha256((store.models.path_of(model) / "model.safetensors").read_bytes())
               for model in models]
    on_disk = [sorted(path.name for path in (store.folder / part).iterdir())
               for part in ("models", "jobs")]
    return {
        "job": (job.status, job.trained_tokens, job.chosen, job.error),
        "files": [(file.filename, file.bytes) for file in files],
        "contents": [store.files.path_of(file.id).read_bytes() for file in files],
        "number of contents": len(list((store.folder / "files").iterdir())),
        "events": [openai_view.event_message(event, job) for event in events[::-1]
                   if event.kind != "continued"],
        "checkpoints": [(row["step"], row["model"], row["metrics"])
                        for row in store.jobs.checkpoints(job.id)[0]],
        "models": {model.name: one.hexdigest()
                   for model, one in zip(models, weights, strict=True)},
        "on disk": on_disk,
    }


@pytest.fixture(scope="module")
def undisturbed(workshop, tmp_path_factory):
    store = store_with_a_job(tmp_path_factory.mktemp("undisturbed"))
    assert workshop(store) == 0
    seen = outcome(store)
    assert seen["job"][0] == states.SUCCEEDED and len(seen["models"]) == 3
    assert [step for step, *_rest in seen["checkpoints"]] == [8, 6, 4]
    return seen


@no_fork
@pytest.mark.parametrize("stage", STAGES)
def test_a_trainer_killed(stage, workshop, undisturbed, tmp_path):
    store = store_with_a_job(tmp_path)
    assert workshop(store, stage) == -signal.SIGKILL, "it did not get there"
    # The next one finds what the first has left, and ends where that would have ended.
    assert workshop(store) == 0
    assert outcome(store) == undisturbed


@no_fork
def test_a_job_that_kills_each_trainer_is_given_up(workshop, tmp_path):
    store = store_with_a_job(tmp_path)
    for _attempt in range(4):
        assert workshop(store, "while the model is loaded") == -signal.SIGKILL
    assert workshop(store) == 0
    job = store.jobs.find("the-job")
    assert job.status == states.FAILED and "interrupted 4 times" in job.error["message"]
    assert not store.jobs.unfinished()


@no_fork
def test_a_job_killed_again_and_again_gets_there_in_the_end(workshop, undisturbed, tmp_path):
    store = store_with_a_job(tmp_path)
    for stage in ("in the middle of the first epoch", "before the state is saved",
                  "while a checkpoint is written", "before the result is told of"):
        assert workshop(store, stage) == -signal.SIGKILL
    assert workshop(store) == 0
    assert outcome(store) == undisturbed


# --- the whole service ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    with lessonlib.connect() as client:
        yield client


def command_of(process):
    """The words that started a process; none where it has ended and only waits to be noticed."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


def the_trainer():
    """The trainer's process, a child of the service's."""
    for child in psutil.Process(service.find().pid).children():
        if "lessonlib.practice.trainer" in command_of(child):
            return child
    return None


def test_a_trainer_that_has_just_died_is_no_trainer_and_no_error():
    """A killed trainer stays in the process table until the service has noticed its death.

    Asking for its command line in that moment raised ZombieProcess, and CI failed on it.
    """
    dead = subprocess.Popen([sys.executable, "-c", ""])
    there = psutil.Process(dead.pid)
    deadline = time.monotonic() + 30
    while there.status() != psutil.STATUS_ZOMBIE and os.name != "nt":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert command_of(there) == []
    dead.wait()
    assert command_of(there) == []


def wait_for_trainer(but=None):
    deadline = time.monotonic() + 60
    while (found := the_trainer()) is None or found.pid == but:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def a_running_job(client):
    job = client.fine_tuning.jobs.create(
        model="pantry", training_file=upload(client, rows(24)), seed=1,
        method=supervised(n_epochs=4, batch_size=2))
    wait(client, job.id, until=["running"])
    deadline = time.monotonic() + 60
    while not any("Checkpoint" in text for text in messages_of(client, job.id)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return job


def assert_whole(client, job_id):
    job = wait(client, job_id)
    assert job.status == "succeeded"
    told = messages_of(client, job_id)
    steps = [text.split(":")[0] for text in told if text.startswith("Step")]
    assert steps == [f"Step {n}/48" for n in range(1, 49)]
    for words in ("Created", "Fine-tuning job started", "New fine-tuned", "The job has"):
        assert len([text for text in told if text.startswith(words)]) == 1
    assert any("goes on after step" in text for text in told)
    assert len(client.fine_tuning.jobs.checkpoints.list(job_id).data) == 3
    assert client.files.content(job.result_files[0]).read()
    wish = {"messages": [{"role": "user", "content": "- 2 onions"}], "max_tokens": 2}
    assert client.chat.completions.create(model=job.fine_tuned_model, **wish)


def test_a_killed_trainer_is_replaced_and_chat_does_not_notice(client):
    job = a_running_job(client)
    old = the_trainer()
    old.kill()
    wish = {"messages": [{"role": "user", "content": "- 2 onions"}], "max_tokens": 2}
    assert client.chat.completions.create(model="pantry", **wish)
    wait_for_trainer(but=old.pid)
    assert_whole(client, job.id)


def test_a_killed_service_goes_on_with_its_jobs(client):
    job = a_running_job(client)
    waiting = client.fine_tuning.jobs.create(
        model="pantry", training_file=job.training_file, method=supervised(n_epochs=1))
    files = client.files.list().data
    before, trainer = service.find(), the_trainer()
    os.kill(before.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    # The trainer has no service any more and ends by itself.
    trainer.wait(timeout=30)
    # The same client starts the service again, and finds everything as it was.
    assert client.fine_tuning.jobs.retrieve(job.id).status == "running"
    assert service.find().pid != before.pid
    assert [file.id for file in client.files.list() if file.purpose == "fine-tune"] == [
        file.id for file in files if file.purpose == "fine-tune"]
    assert_whole(client, job.id)
    assert wait(client, waiting.id).status == "succeeded"


def test_an_answer_lost_with_the_service_makes_no_second_job(client, monkeypatch):
    """The service stores the job and is killed before it answers; the client tries again."""
    file = upload(client)
    wish = {"model": "pantry", "training_file": file, "seed": 5, "method": supervised(n_epochs=1)}
    inner = client._client._transport
    send, sent = type(inner).handle_request, []

    def lose_the_first_answer(self, request):
        answer = send(self, request)
        if request.url.path.endswith("/fine_tuning/jobs") and request.method == "POST":
            sent.append(answer.status_code)
            if len(sent) == 1:
                os.kill(service.find().pid, getattr(signal, "SIGKILL", signal.SIGTERM))
                raise _connection_lost(request)
        return answer

    monkeypatch.setattr(type(inner), "handle_request", lose_the_first_answer)
    job = client.fine_tuning.jobs.create(**wish)
    assert sent == [200, 200]
    made = [one for one in client.fine_tuning.jobs.list(limit=50) if one.training_file == file]
    assert [one.id for one in made] == [job.id]
    assert wait(client, job.id).status == "succeeded"


def _connection_lost(request):
    from lessonlib.practice.transport import http

    return http.ReadError("connection lost", request=request)


def test_the_service_does_not_stop_while_a_job_waits_or_runs(tmp_path):
    environment = os.environ | {"LESSON_WORK": str(tmp_path), "PYTHONUTF8": "1"}
    store = store_with_a_job(tmp_path / "practice", epochs=1)
    idle = subprocess.Popen(
        [sys.executable, "-m", "lessonlib.practice", "--idle-minutes", "0.01"],
        env=environment, cwd=paths.PROJECT, stdout=subprocess.DEVNULL)
    assert idle.wait(timeout=240) == 0
    assert store.jobs.find("the-job").status == states.SUCCEEDED


def test_a_paused_job_does_not_keep_the_service_awake(client):
    job = client.fine_tuning.jobs.create(
        model="pantry", training_file=upload(client), method=supervised(n_epochs=50, batch_size=1))
    wait(client, job.id, until=["running"])
    client.fine_tuning.jobs.pause(job.id)
    store = Store(service.folder())
    assert job.id in [one.id for one in store.jobs.unfinished()]
    assert job.id not in [one.id for one in store.jobs.unfinished(only_work=True)]
    client.fine_tuning.jobs.cancel(job.id)
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.resume(job.id)
