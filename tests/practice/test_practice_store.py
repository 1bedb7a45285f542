"""What the service keeps: pages, ways between states, whose turn it is. Without any HTTP."""

import contextlib
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lessonlib.practice.protocol import hyperparameters, openai_view
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.store import states
from lessonlib.practice.store.file_store import StoredFile
from lessonlib.practice.store.job_store import Job, TooManyPending
from lessonlib.practice.store.model_store import TunedModel
from lessonlib.practice.store.states import WrongState
from lessonlib.practice.store.store import DEFAULT, Organisation, Store
from lessonlib.practice.trainer.finishing import JobRecord, StepMetrics

FEW = settings(max_examples=20, deadline=None,
               suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def new_job(id, organisation=DEFAULT, **more):
    values = {"id": id, "organisation": organisation, "view": openai_view.NAME,
              "model": "pantry", "training_file": "file-1", "seed": 1, "created_at": 1,
              "tuned_model": f"ft:pantry:{organisation}::{id}",
              "asked": {"n_epochs": 1, "batch_size": 1, "learning_rate_multiplier": 1.0}}
    return Job(**values | more)


def queue(store, id, organisation=DEFAULT):
    store.jobs.create(new_job(id, organisation))
    store.jobs.move(id, states.QUEUED, "queued")


# --- pages -------------------------------------------------------------------------------------


def add_file(store, id):
    store.files.draft(id).write_bytes(b"x")
    store.files.add(StoredFile(id, DEFAULT, "openai", "fine-tune", "a.jsonl", 1, "", 1))


@given(count=st.integers(0, 12), limit=st.integers(1, 5), newest=st.booleans(),
       late=st.integers(0, 3))
@FEW
def test_pages_together_are_the_list_whatever_comes_in_between(count, limit, newest, late):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = Store(Path(folder))
        for number in range(count):
            add_file(store, f"f{number}")
        seen, after = [], None
        while True:
            found, more = store.files.page(
                DEFAULT, after=after, limit=limit, newest_first=newest)
            assert len(found) <= limit and (not more or len(found) == limit)
            seen += [file.id for file in found]
            if late:  # while somebody turns the pages, another one uploads
                add_file(store, f"late{late}")
                late -= 1
            if not more:
                break
            after = found[-1].seq
        mine = [id for id in seen if id.startswith("f")]
        expected = [f"f{number}" for number in range(count)]
        assert mine == (expected[::-1] if newest else expected)
        assert len(set(seen)) == len(seen)
        store.database.connection().close()


# --- states ----------------------------------------------------------------------------------


class JobLife(RuleBasedStateMachine):
    """Learner, checker and trainer do what they like to one job, in any order."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.store = Store(Path(self.folder.name))
        self.store.jobs.create(new_job("j"))
        self.record = JobRecord(self.store.database, self.store.jobs.find("j"))
        self.state, self.step = states.VALIDATING, 0

    def attempt(self, to, action):
        """Do it; it must work exactly where ``states.NEXT`` allows the way."""
        if to in states.NEXT[self.state]:
            action()
            self.state = to
        else:
            with pytest.raises(WrongState):
                action()

    @rule(to=st.sampled_from([states.QUEUED, states.PAUSED, states.CANCELLED]))
    def learner_or_checker(self, to):
        self.attempt(to, lambda: self.store.jobs.move("j", to, to))

    @rule()
    def fail(self):
        self.attempt(states.FAILED, lambda: self.store.jobs.fail("j", "code", "message"))

    @rule()
    def take_turn(self):
        job = self.store.jobs.next_to_train()
        assert (job is not None) == (self.state in (states.QUEUED, states.RUNNING))
        if job:
            self.state = states.RUNNING

    @rule()
    def take_step(self):
        metrics = StepMetrics(self.step + 1, 1.0, 0.5)
        if self.state != states.RUNNING:
            with pytest.raises(WrongState):
                self.record.step(metrics, 9, True, None)
            return
        for _time in range(2):  # done twice, told once
            self.record.step(metrics, 9, True, None)
        self.step += 1

    @rule()
    @precondition(lambda self: self.step > 0)
    def succeed(self):
        model = TunedModel("ft:m", DEFAULT, "openai", "j", "pantry", "j.1", 1)
        result = StoredFile("r", DEFAULT, "openai", "fine-tune-results", "r.csv", 1, "", 1)
        metrics = StepMetrics(self.step, 1.0, 0.5)
        self.attempt(states.SUCCEEDED,
                     lambda: self.record.succeed(metrics, model, result, 10))

    @invariant()
    def what_is_stored_fits_together(self):
        job = self.store.jobs.find("j")
        assert job.status == self.state
        assert (job.finished_at is not None) == (self.state in states.ENDS)
        done = self.state == states.SUCCEEDED
        assert bool(self.store.models.all(DEFAULT)) == done == bool(job.result_file)
        assert bool(self.store.files.page(DEFAULT)[0]) == done
        assert (job.error is not None) == (self.state == states.FAILED)
        kinds = [event.kind for event in self.store.jobs.events("j", limit=1000)[0]]
        assert kinds.count("step") == self.step == len(self.store.jobs.metrics("j"))
        for once in ("created", "started", "completed", "failed", "cancelled"):
            assert kinds.count(once) <= 1
        assert bool(self.store.jobs.unfinished(only_work=True)) == (self.state in states.WORK)

    def teardown(self):
        self.store.database.connection().close()
        self.folder.cleanup()


TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_every_state_is_left_only_along_the_drawn_ways():
    assert {"succeeded", "failed", "cancelled"} == set(states.ENDS)
    assert set(states.WORK) < set(states.PENDING) and not set(states.PENDING) & states.ENDS
    assert all(states.CANCELLED in states.NEXT[state] for state in states.PENDING)


# --- the queue -----------------------------------------------------------------------------


def test_the_queue_is_fair_between_organisations(store):
    # One learner is quick and sends six jobs, then two others send one each.
    for number in range(6):
        queue(store, f"quick{number}", "quick")
    queue(store, "a", "first")
    queue(store, "b", "second")
    order = []
    while job := store.jobs.next_to_train():
        order.append(job.id)
        store.jobs.fail(job.id, "x", "x")
    assert order[:4] == ["quick0", "a", "b", "quick1"] and len(order) == 8


def test_an_interrupted_job_goes_first_and_counts_its_attempts(store):
    queue(store, "a")
    queue(store, "b", "other")
    assert store.jobs.next_to_train().attempts == 1
    again = store.jobs.next_to_train()
    assert (again.id, again.attempts) == ("a", 2)
    started = [event for event in store.jobs.events("a")[0] if event.kind == "started"]
    assert len(started) == 1


def test_only_attempts_that_came_no_further_are_counted(store):
    """A job of one long epoch failed after four pauses or restarts, although each time it had
    come further: "Training was interrupted 4 times at the same place."."""
    queue(store, "a")
    record = JobRecord(store.database, store.jobs.next_to_train())
    for step in (1, 2):
        assert store.jobs.next_to_train().attempts == 2
        record.step(StepMetrics(step, 1.0, 0.5), 9, True, None)
    store.jobs.next_to_train()
    record.step(StepMetrics(2, 1.0, 0.5), 9, True, None)
    assert store.jobs.next_to_train().attempts == 3, "no further than before"


def test_unfinished_jobs_are_limited_for_each_organisation(store):
    for number in range(2):
        store.jobs.create(new_job(f"a{number}", "a"), most_pending=2)
    with pytest.raises(TooManyPending):
        store.jobs.create(new_job("a2", "a"), most_pending=2)
    store.jobs.create(new_job("b0", "b"), most_pending=2)
    store.jobs.move("a0", states.CANCELLED, "cancelled")
    store.jobs.create(new_job("a3", "a"), most_pending=2)


# --- storing -------------------------------------------------------------------------------


def test_a_transaction_happens_whole_or_not_at_all(store):
    with contextlib.suppress(ZeroDivisionError), store.database.transaction() as connection:
        connection.execute("DELETE FROM organisations")
        raise ZeroDivisionError
    assert store.organisation(DEFAULT) is not None


def test_what_no_row_tells_of_is_swept_away(store):
    add_file(store, "known")
    queue(store, "running")
    for path in ("files/.half.part", "files/orphan", "models/gone.3/x", "jobs/gone/state.pt",
                 "models/running.2/x", "jobs/running/state.pt"):
        (store.folder / path).parent.mkdir(exist_ok=True)
        (store.folder / path).write_bytes(b"x")
    store.sweep()
    left = {path.relative_to(store.folder).as_posix()
            for part in ("files", "models", "jobs") for path in (store.folder / part).iterdir()}
    assert left == {"files/known", "models/running.2", "jobs/running"}


def test_old_checkpoints_are_forgotten_and_their_folders_named(store):
    queue(store, "j")
    record = JobRecord(store.database, store.jobs.next_to_train())
    gone = []
    for step in (2, 4, 6, 8):
        model = TunedModel(f"ft:{step}", DEFAULT, "openai", "j", "pantry", f"j.{step}", 1)
        for _time in range(2):  # a crash between telling and going on
            gone += record.checkpoint(StepMetrics(step, 1.0, 0.5, 1.5, 0.4), model)
    assert gone == ["j.2"]
    assert [row["step"] for row in store.jobs.checkpoints("j")[0]] == [8, 6, 4]
    assert [model.name for model in store.models.all(DEFAULT)] == ["ft:4", "ft:6", "ft:8"]
    assert store.models.find("another", "ft:4") is None


def test_keys_are_readable_by_this_user_only(store):
    assert (store.folder / "service.db").stat().st_mode & 0o077 == 0


def test_two_stores_of_one_folder_see_the_same(store):
    store.add_organisation(Organisation("practice-01", "one"), "practice-key")
    other = Store(store.folder)
    assert other.organisation_of("practice-key").id == "practice-01"
    assert other.organisation_of("") is None
    with pytest.raises(sqlite3.OperationalError), other.database.transaction() as connection:
        connection.execute("SELECT * FROM nothing")
    add_file(other, "f")
    assert store.files.find(DEFAULT, "f") and store.files.find("practice-01", "f") is None


# --- names and hyperparameters ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("examples", "chosen"),
    [(10, (10, 1)), (50, (3, 4)), (100, (3, 8)), (500, (3, 16)), (20_000, (1, 16))],
)
def test_auto_is_what_the_documentation_says(examples, chosen):
    auto = hyperparameters.read(None, "hyperparameters")
    found = hyperparameters.choose(auto, examples)
    assert (found["n_epochs"], found["batch_size"]) == chosen
    assert found["learning_rate_multiplier"] == 1.0
    fixed = {"n_epochs": 2, "batch_size": 3, "learning_rate_multiplier": 0.1}
    assert hyperparameters.choose(fixed, examples) == fixed


@given(value=st.one_of(st.none(), st.booleans(), st.integers(-5, 300), st.floats(), st.text()))
@FEW
def test_any_value_is_taken_or_refused_in_the_protocols_words(value):
    try:
        asked = hyperparameters.read({"batch_size": value}, "h")["batch_size"]
    except ApiError as error:
        assert error.param == "h.batch_size" and error.code
    else:
        assert asked == "auto" or 1 <= asked <= 256


def test_names_of_tuned_models():
    name = openai_view.tuned_name("pantry", "practice", "Rosa's Best -- Soup!")
    assert name.startswith("ft:pantry:practice:rosa-s-best-soup:")
    assert openai_view.tuned_name(name, "practice", None).startswith("ft:pantry:practice::")
