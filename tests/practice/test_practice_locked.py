"""A database that is locked for a while, by a backup or a virus scanner, ends nothing for ever."""

import contextlib
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest

from lessonlib.practice.protocol import openai_view
from lessonlib.practice.store import database, states
from lessonlib.practice.store import deployment_states as deployment
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.store import DEFAULT, Store
from lessonlib.practice.trainer import process as trainer_process
from lessonlib.practice.trainer import trainer
from lessonlib.practice.web import deployment_keeper, serving


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.05)  # not the minute that a real one waits
    monkeypatch.setattr(trainer, "PAUSE", 0.05)
    monkeypatch.setattr(deployment_keeper, "PAUSE", 0.05)
    monkeypatch.setattr(deployment_keeper, "LOOK", 0.05)
    return Store(tmp_path)


@contextlib.contextmanager
def locked(store):
    """Nobody else can even read."""
    store.database.connection().close()
    del store.database._own.connection
    other = sqlite3.connect(store.database.path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.database.rows("SELECT 1 FROM jobs")
        yield
    finally:
        other.close()


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def new_job(store):
    store.jobs.create(Job(
        id="the-job", organisation=DEFAULT, view=openai_view.NAME, model="pantry", seed=3,
        training_file="file-gone", created_at=1, tuned_model="ft:pantry:practice::12345678",
        asked={"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 1.0}))


def failures(caplog, words):
    return [one for one in list(caplog.records) if words in one.getMessage() and one.exc_info]


@pytest.mark.parametrize("step", [trainer.check_next, trainer.train_next])
def test_the_trainer_goes_on_when_the_lock_is_gone(store, caplog, step):
    """``next_to_check`` stood outside of ``try``: one "database is locked" ended the thread, the
    process lived on, and every later job stayed in validating_files for ever."""
    new_job(store)
    if step is trainer.train_next:
        store.jobs.move("the-job", states.QUEUED, "queued")
        store.jobs.move("the-job", states.RUNNING)
        with store.database.transaction() as connection:
            connection.execute("UPDATE jobs SET attempts = ?", (trainer.MOST_ATTEMPTS,))
    ended = threading.Event()
    thread = threading.Thread(target=trainer.keep_on, args=[step, store, ended], daemon=True)
    with locked(store):
        thread.start()
        wait_until(lambda: len(failures(caplog, step.__name__)) > 1)
    # Its file is not there: that is found out only by one who is still at work.
    wait_until(lambda: store.jobs.find("the-job").status == states.FAILED)
    ended.set()
    thread.join(timeout=10)


@pytest.mark.parametrize("when", ["at a check", "in training"])
def test_a_lock_in_the_middle_of_a_job_does_not_fail_it(store, monkeypatch, when):
    """The job had failed with "Training failed. See work/practice/trainer.log."."""
    from lessonlib.practice.trainer import checking, job_training

    def is_locked(*arguments):
        raise sqlite3.OperationalError("database is locked")

    new_job(store)
    step, state = trainer.check_next, states.VALIDATING
    if when == "in training":
        step, state = trainer.train_next, states.RUNNING
        store.jobs.move("the-job", states.QUEUED, "queued")
    monkeypatch.setattr(checking, "check", is_locked)
    monkeypatch.setattr(job_training, "JobTraining", is_locked)
    with pytest.raises(sqlite3.OperationalError):
        step(store)
    assert store.jobs.find("the-job").status == state, "it is tried again"


def test_a_deployment_is_made_when_the_lock_is_gone(store, caplog, monkeypatch):
    """After an exception the keeper waited for a call that nobody made: deployments hung in
    Creating until the service was started again."""
    keeper = deployment_keeper.DeploymentKeeper(store, None, None)
    monkeypatch.setattr(keeper, "_load", lambda one: None)
    store.deployments.put(DEFAULT, "recipes", "pantry", False, "standard", 1, 0.0)
    assert store.deployments.find(DEFAULT, "recipes").state == deployment.ACCEPTED
    with locked(store):
        keeper.watch()
        wait_until(lambda: failures(caplog, "deployments"))
    wait_until(lambda: store.deployments.find(DEFAULT, "recipes").state == deployment.SUCCEEDED)
    keeper.stop()


def test_the_idle_clock_takes_a_lock_for_work(store):
    """The service ended when the lock fell on the second in which it looked for jobs."""
    process = trainer_process.TrainerProcess(store)
    assert not serving.has_work(process)
    with locked(store):
        assert serving.has_work(process)
    assert not serving.has_work(process)


def test_the_service_looks_after_its_trainer_when_the_lock_is_gone(store, caplog, monkeypatch):
    monkeypatch.setattr(trainer_process, "LOOK", 0.05)
    child = SimpleNamespace(pid=1, poll=lambda: None, kill=lambda: None, wait=lambda timeout: 0,
                            stdin=SimpleNamespace(close=lambda: None))
    started = []
    monkeypatch.setattr(trainer_process, "start_trainer", lambda: started.append(child) or child)
    new_job(store)
    process = trainer_process.TrainerProcess(store)
    with locked(store):
        process.watch()
        wait_until(lambda: failures(caplog, "trainer"))
        assert not started
    wait_until(lambda: started)
    process.stop()
