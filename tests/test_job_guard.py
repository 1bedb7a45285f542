"""Nothing is paid for by accident: the estimate before each job, and a yes that was typed."""

import json
from types import SimpleNamespace as Thing

import pytest
from fine_tuning_parts import jsonl, rows

import lessonlib
from lessonlib import costs, facts, job_guard, jobs
from lessonlib.errors import LessonError
from lessonlib.practice import service
from tools.notebook_rules import SECRET


class PaidService:
    """A client of a service that charges; it keeps what it was asked to create."""

    def __init__(self, key="sk-real", content=b""):
        self.api_key, self.content_of, self.created = key, content, []
        self.files = Thing(create=self.keep, content=self.give)
        self.fine_tuning = Thing(jobs=Thing(create=self.create))

    def keep(self, file, purpose):
        return Thing(id="file-1", status="processed")

    def give(self, id):
        return Thing(read=lambda: self.content_of)

    def create(self, **wish):
        self.created.append(wish)
        return Thing(id="ftjob-1")


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(job_guard, "_counted", {})
    # A key that lies in the environment must change nothing at all.
    monkeypatch.setenv("OPENAI_API_KEY", "sk-lying-around")


def typed(monkeypatch, answer):
    asked = []

    def read(question=""):
        asked.append(question)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", read)
    return asked


def test_a_yes_creates_the_job_after_the_estimate(monkeypatch, capsys):
    asked = typed(monkeypatch, "yes")
    client = PaidService()
    training = jobs.upload(client, rows(100))
    jobs.create(client, "gpt-4.1-mini-2025-04-14", training, n_epochs=3)
    assert len(client.created) == 1 and len(asked) == 1
    said = capsys.readouterr().out
    price = costs.price("gpt-4.1-mini", tuned=True)
    for part in ("100 examples, 3 epochs", "training tokens", f"(read {price.read})", "$",
                 facts.ends("gpt-4.1-mini").ends.isoformat()):
        assert part in said
    tokens = int(said.split("epochs: ")[1].split()[0].replace(",", ""))
    assert f"${tokens * price.training / 1e6:,.2f}" in said


@pytest.mark.parametrize("answer", ["", "no", "y", "ja", "yes please", None])
def test_anything_but_yes_creates_nothing(monkeypatch, answer):
    typed(monkeypatch, answer)
    client = PaidService()
    training = jobs.upload(client, rows(10))
    with pytest.raises(LessonError, match="no job was created|nobody is here"):
        jobs.create(client, "gpt-4o-mini", training)
    assert client.created == []


def test_each_job_is_asked_for(monkeypatch):
    """A yes to one job is none to the next: it may be a hundred times as large."""
    asked = typed(monkeypatch, "yes")
    client = PaidService()
    training = jobs.upload(client, rows(10))
    for _time in range(2):
        jobs.create(client, "gpt-4o-mini", training)
    assert len(asked) == 2


def test_scripts_agree_in_writing_and_are_told_all_the_same(monkeypatch, capsys):
    asked = typed(monkeypatch, None)
    client = PaidService()
    training = jobs.upload(client, rows(10))
    jobs.create(client, "gpt-4o-mini", training, confirm=True)
    assert len(client.created) == 1 and not asked and "10 examples" in capsys.readouterr().out
    with pytest.raises(LessonError, match="no job was created"):
        jobs.create(client, "gpt-4o-mini", training, confirm=False)
    assert "confirm" not in client.created[0], "the guard's word is not the service's"


def test_a_file_of_another_day_is_fetched_and_counted(monkeypatch):
    client = PaidService(content=b"\xef\xbb\xbf" + jsonl(rows(20)))
    text = job_guard.estimate(client, "gpt-4o-mini", "file-old", "auto")
    assert "20 examples, 5 epochs" in text and "published rule" in text


@pytest.mark.parametrize("content", [b"", b"nonsense", "\u017e".encode("utf-16")])
def test_a_file_that_cannot_be_counted_is_told_and_still_asked_for(monkeypatch, content):
    asked = typed(monkeypatch, "no")
    client = PaidService(content=content)
    assert "could not be counted" in job_guard.estimate(client, "gpt-4o", "file-x", 1)
    with pytest.raises(LessonError):
        jobs.create(client, "gpt-4o", "file-x")
    assert asked and not client.created


def test_a_model_without_a_price_is_told(monkeypatch):
    text = job_guard.estimate(PaidService(content=jsonl(rows(12))), "llama-9", "file-x", 2)
    assert "does not have llama-9" in text and "12 examples, 2 epochs" in text and "$" not in text
    assert job_guard.base_of("ft:gpt-4.1-mini-2025-04-14:me::abc") == "gpt-4.1-mini"
    assert job_guard.base_of("gpt-4.1-nano-2025-04-14") is None


def test_practice_is_free_and_nobody_is_asked(monkeypatch):
    asked = typed(monkeypatch, None)
    with lessonlib.connect() as client:
        assert job_guard.is_practice(client)
        training = jobs.upload(client, rows(10))
        job = jobs.create(client, "pantry", training, n_epochs=50, batch_size=1)
        client.fine_tuning.jobs.cancel(job.id)
        # Followed after its end, a job is not waited for.
        assert jobs.follow(client, job).job.status == "cancelled"
    assert not asked
    assert not job_guard.is_practice(PaidService("sk-practice-1"))


def test_no_key_is_ever_printed(monkeypatch, capsys):
    """Not of the paid service, not in what the guard or the client's own text say."""
    typed(monkeypatch, "yes")
    client = PaidService("sk-proj-abcdefghij0123456789")
    jobs.create(client, "gpt-4.1", jobs.upload(client, rows(10)))
    said = "".join(capsys.readouterr())
    assert said and "sk-" not in said and "sk-lying-around" not in said
    with lessonlib.connect() as practice:
        told = repr(practice) + repr(service.find()) + "".join(capsys.readouterr())
        assert practice.api_key not in told


def test_the_scan_of_notebooks_knows_the_keys_of_practice_services():
    """A learner's key of a classroom is theirs; a saved notebook would hand it to everyone."""
    record = service.new_record(1, "")
    assert SECRET.search(json.dumps({"key": record.api_key}))
    assert not SECRET.search("practice-01") and not SECRET.search("ft:pantry:practice-01::x")
