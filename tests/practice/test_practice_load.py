"""A full room at work: thirty learners upload and ask at the same time, while others' jobs train.

Small files and short answers, and every fifth learner trains, so that it takes a minute; the
real size is measured by ``python -m benchmarks.job_queue``.
"""

import threading
import time

import pytest
from fine_tuning_parts import rows, supervised, upload, wait
from test_practice_classroom import Room

LEARNERS, EVERY = 30, 5
QUESTIONS = 6


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Room(tmp_path_factory.mktemp("full room"), LEARNERS)
    yield room
    room.close()


class Learner:
    """One of the thirty, in a thread: what they did, and what went wrong."""

    def __init__(self, room, number):
        self.number, self.client = number, room.client(number)
        self.examples = rows(10, start=10 * number)
        self.answers, self.errors, self.job = [], [], None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            self.file = upload(self.client, self.examples, f"mine-{self.number}.jsonl")
            if self.number % EVERY == 0:
                self.job = self.client.fine_tuning.jobs.create(
                    model="pantry", training_file=self.file, seed=self.number,
                    suffix=f"learner {self.number}", method=supervised(n_epochs=1, batch_size=10))
            for _time in range(QUESTIONS):
                self.ask("pantry")
                time.sleep(0.5)  # people read an answer before they ask the next question
            if self.job:
                self.job = wait(self.client, self.job.id, seconds=400)
                self.ask(self.job.fine_tuned_model)
        except Exception as error:
            self.errors.append(repr(error))

    def ask(self, model):
        messages = self.examples[len(self.answers) % 10]["messages"][:2]
        answer = self.client.chat.completions.create(model=model, messages=messages, max_tokens=8)
        assert answer.model == model and answer.usage.completion_tokens > 0
        self.answers.append((messages[-1]["content"], answer.choices[0].message.content, model))


@pytest.fixture(scope="module")
def learners(room):
    learners = [Learner(room, number) for number in range(LEARNERS)]
    for one in learners:
        one.thread.start()
    for one in learners:
        one.thread.join(timeout=500)
    return learners


def test_thirty_learners_ask_while_jobs_train_without_an_error(learners):
    assert not any(one.thread.is_alive() for one in learners)
    assert [one.errors for one in learners] == [[]] * LEARNERS
    training = [one for one in learners if one.job]
    assert len(training) == LEARNERS // EVERY
    assert all(one.job.status == "succeeded" for one in training)
    assert all(len(one.answers) == QUESTIONS + bool(one.job) for one in learners)


def test_nothing_is_lost_and_nothing_doubled(learners):
    for one in learners:
        own = [one.job] if one.job else []
        assert [job.id for job in one.client.fine_tuning.jobs.list()] == [job.id for job in own]
        files = {file.id: file.purpose for file in one.client.files.list()}
        results = {job.result_files[0]: "fine-tune-results" for job in own}
        assert files == {one.file: "fine-tune"} | results
        models = [model.id for model in one.client.models.list()]
        assert models == ["pantry", *(job.fine_tuned_model for job in own)]
        for job in own:
            assert f":practice-{one.number + 1:02d}:learner-{one.number}:" in models[-1]
            events = [event.message for event in one.client.fine_tuning.jobs.list_events(job.id)]
            assert len(events) == len(set(events)) and "Step 1/1" in events[2]


def test_an_answer_does_not_depend_on_who_else_asks(room, learners):
    """What was answered in the crowd is answered again when the room is empty, to the letter."""
    for one in learners[::7]:
        question, answer, model = one.answers[0]
        messages = [one.examples[0]["messages"][0], {"role": "user", "content": question}]
        again = one.client.chat.completions.create(model=model, messages=messages, max_tokens=8)
        assert again.choices[0].message.content == answer
