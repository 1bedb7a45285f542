"""Following a job: to each of its ends, past interruptions, on any service."""

import base64
from types import SimpleNamespace as Thing

import openai
import pytest
from fine_tuning_parts import rows, supervised, upload

import lessonlib
from lessonlib.assignment.tuning import Tuned
from lessonlib.common.errors import LessonError
from lessonlib.services import job_pictures, jobs, watch
from lessonlib.services.job_results import Step, read_results

CSV = (
    "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n"
    "1,2.0,0.5,,\n2,1.5,0.6,1.5,0.55\n3,1.25,0.75,1.75,0.5\n"
)
#: Azure's tells the loss on all rows in columns of its own.
AZURE_CSV = (
    "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy,"
    "full_valid_loss,full_valid_mean_token_accuracy\n"
    "1,2.0,0.5,,,,\n2,1.5,0.6,1.5,0.55,,\n3,1.25,0.75,,,1.75,0.5\n"
)


def event(number, message, **data):
    kind = "metrics" if data else "message"
    return Thing(id=f"ftevent-{number}", message=message, type=kind, data=data)


EVENTS = [
    event(0, "Created fine-tuning job: ftjob-1"),
    event(1, "Fine-tuning job started"),
    event(2, "Step 1/3: training loss=2.00", step=1, total_steps=3, train_loss=2.0),
    event(3, "Step 2/3: ...", step=2, total_steps=3, train_loss=1.5, valid_loss=1.75),
    event(4, "Step 3/3: ...", step=3, total_steps=3, train_loss=1.25, full_valid_loss=2.25),
    event(5, "The job has successfully completed"),
]


class FakeClient:
    """A client whose job has got one event further at each look."""

    def __init__(self, end="succeeded", error=None, trouble=()):
        self.looks, self.end, self.error, self.trouble = 0, end, error, list(trouble)
        self.fine_tuning = Thing(jobs=self)
        self.cancelled = False

    def retrieve(self, id):
        assert id == "ftjob-1"
        if self.trouble and (error := self.trouble.pop(0)):
            raise error
        self.looks += 1
        done = self.looks > len(EVENTS)
        return Thing(
            id=id, status=self.end if done else "running", error=self.error, created_at=100,
            finished_at=160 if done else None, result_files=[],
            fine_tuned_model="ft:pantry:practice::1" if done else None)

    def list_events(self, id, limit):
        return iter(EVENTS[: self.looks][::-1])

    def cancel(self, id):
        self.cancelled = True


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: None)


def test_a_job_is_followed_to_its_end(capsys):
    run = jobs.follow(FakeClient(), "ftjob-1")
    assert run.model == "ft:pantry:practice::1" and run.seconds == 60
    assert [step.step for step in run.steps] == [1, 2, 3]
    assert [step.valid_loss for step in run.steps] == [None, 1.75, None]
    assert run.messages == [EVENTS[0].message, EVENTS[1].message, EVENTS[5].message]
    said = capsys.readouterr().out
    assert said.count("Fine-tuning job started") == 1 and "Step" not in said
    assert "ftjob-1: succeeded after 60 s; model ft:pantry" in repr(run)
    alt = run.picture().alt
    assert "from 2.00 to 1.25" in alt and "on a few rows: 1.75" in alt


@pytest.mark.parametrize("end", ["failed", "cancelled", "canceled"])
def test_other_ends_are_ends_too_and_say_why(end):
    error = Thing(code="x", message="Example 3 is broken") if end == "failed" else None
    run = jobs.follow(FakeClient(end, error), "ftjob-1", show=False)
    assert run.job.status == end
    with pytest.raises(LessonError, match="Example 3 is broken" if error else end):
        _name = run.model


def test_a_paused_job_is_not_waited_for(capsys):
    run = jobs.follow(FakeClient("paused"), "ftjob-1")
    assert run.job.status == "paused" and "jobs.resume('ftjob-1')" in capsys.readouterr().out
    with pytest.raises(LessonError, match="Follow it to its end"):
        _name = run.model


def test_ctrl_c_leaves_the_job_running_and_says_how_to_come_back(monkeypatch, capsys):
    client = FakeClient()

    def interrupted(seconds):
        if client.looks == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", interrupted)
    run = jobs.follow(client, Thing(id="ftjob-1"))
    assert not client.cancelled and run.job.status == "running" and run.steps
    assert "jobs.follow(client, 'ftjob-1')" in capsys.readouterr().out


@pytest.mark.parametrize("job", [None, "", 7, Thing(id=None)])
def test_what_is_no_job_is_told(job):
    """'NoneType' object has no attribute 'id': it named neither cause nor cure."""
    for call in (jobs.follow, jobs.results):
        with pytest.raises(LessonError, match="is no job") as caught:
            call(FakeClient(), job)
        assert "ftjob-" in caught.value.cure


def test_a_page_for_people_is_no_job(monkeypatch):
    """At a mistyped address the client hands over the page's text: 'str' has no attribute 'id'."""
    client = FakeClient()
    monkeypatch.setattr(client, "retrieve", lambda id: "<html>Welcome</html>")
    for call in (jobs.follow, jobs.results):
        with pytest.raises(LessonError, match="page for people") as caught:
            call(client, "ftjob-1")
        assert "/v1" in caught.value.cure


def test_what_follow_returns_is_a_job_too():
    """``jobs.results(client, run)`` is what one writes by itself; Run has no id."""
    run = jobs.follow(FakeClient(), "ftjob-1", show=False)
    assert jobs.follow(FakeClient(), run, show=False).model == run.model
    with pytest.raises(LessonError, match="no result file"):
        jobs.results(FakeClient(), run)


def test_a_service_whose_clock_is_ahead_takes_no_negative_time(monkeypatch):
    """'running after -60 s'."""
    monkeypatch.setattr(watch.time, "time", lambda: 40.0)  # the job was made at 100
    client = FakeClient()
    run = watch.Run(client.retrieve("ftjob-1"))
    watch._Watcher(client, run, show=False).look()
    assert run.seconds == 0 and "running after 0 s" in repr(run)


def lost():
    request = openai.DefaultHttpxClient().build_request("GET", "http://127.0.0.1/")
    return openai.APIConnectionError(request=request)


def test_a_shaky_network_is_survived_a_dead_one_is_told():
    run = jobs.follow(FakeClient(trouble=[None, lost(), lost(), None, lost()]), "ftjob-1")
    assert run.job.status == "succeeded" and len(run.steps) == 3
    trouble = [None] + [lost() for _time in range(watch.PATIENCE)]
    with pytest.raises(LessonError, match=r"does not answer(?s:.*)jobs.follow"):
        jobs.follow(FakeClient(trouble=trouble), "ftjob-1", show=False)


@pytest.mark.parametrize("content", [
    base64.b64encode(CSV.encode()), CSV.encode(), AZURE_CSV.encode("utf-8-sig")])
def test_result_files_of_all_services_are_read(content):
    found = read_results(content, "ftjob-1")
    assert [one.train_loss for one in found.steps] == [2.0, 1.5, 1.25]
    assert found.steps[1].valid_accuracy == 0.55 and found.steps[0].valid_loss is None
    assert found.steps[2].train_accuracy == 0.75 and found.steps[0].total == 3
    assert "75.0%" in repr(found) and ">1.500</td>" in found._repr_html_()
    assert "from 2.00 to 1.25" in found.picture().alt
    assert "from 0.50 to 0.75" in found.accuracy_picture().alt


def test_losses_on_a_few_and_on_all_validation_rows_stay_apart():
    """They were one dashed line: in the picture of notebook 06 the loss rose where it changed from
    a few rows to all of them, and a table had them in one column."""
    found = read_results(AZURE_CSV.encode(), "ftjob-1")
    assert [one.valid_loss for one in found.steps] == [None, 1.5, None]
    assert [one.full_valid_loss for one in found.steps] == [None, None, 1.75]
    alt = found.picture().alt
    assert "on a few rows: 1.50." in alt and "on all rows: 1.75; lowest at step 3" in alt
    assert "Mean of each epoch: 1.58" in alt and "ftjob" not in alt
    (heading,) = [line for line in str(found.table()).splitlines() if "all rows" in line]
    assert "a few rows" in heading


def test_what_openais_file_leaves_out_is_taken_from_its_events():
    client = FakeClient()
    client.looks = len(EVENTS)
    done = Thing(id="ftjob-1", status="succeeded", result_files=["file-1"])
    client.retrieve = lambda id: done
    client.files = Thing(content=lambda id: Thing(read=lambda: CSV.encode()))
    found = jobs.results(client, "ftjob-1")
    assert [one.full_valid_loss for one in found.steps] == [None, None, 2.25]
    assert found.steps[1].valid_loss == 1.5, "what the file tells is kept"
    tuned = Tuned.by_job(Thing(model="m", seconds=1.0, steps=found.steps,
                               job=Thing(trained_tokens=9)))
    assert tuned.losses == (2.25, 2.25), "of different rows: never one beside the other"


def test_a_run_away_job_is_drawn():
    steps = [Step(1, 2, 1.0, 0.5, None, None, float("nan"), 0.1),
             Step(2, 2, float("nan"), 0.5, None, None, float("nan"), 0.1)]
    assert "none is a number" in job_pictures.losses(steps).alt


@pytest.mark.parametrize("content, reason", [
    (b"", "no column 'step'"),
    (b"<html>Sign in</html>", "no column 'step'"),
    (CSV.replace("step,", "n,").encode(), "no column 'step'"),
    (base64.b64encode(CSV.encode())[:-7], "no column 'step'"),
    (CSV.encode()[:-12] + b"\n,,", "could not convert|''"),
    (CSV.replace("1.25", "low").encode(), "low"),
    (b"\xff\xfe" + CSV.encode("utf-16-le"), "utf-8")])
def test_a_result_file_that_is_none_is_told(content, reason):
    """Half a file was an empty table without a word, and other columns were a bare KeyError."""
    with pytest.raises(LessonError, match=f"cannot be read.*({reason})") as caught:
        read_results(content, "ftjob-1")
    assert "ftjob-1" in str(caught.value) and caught.value.cure


def test_base64_in_lines_and_steps_as_decimals_are_read():
    """Broken into lines, as many programs write it, it was taken for text: an empty table."""
    content = base64.encodebytes(CSV.replace("\n2,", "\n2.0,").encode())
    assert [one.step for one in read_results(content, "j").steps] == [1, 2, 3]
    header = read_results(CSV.split("\n")[0].encode(), "j")
    assert header.steps == [] and header.picture().alt and repr(header)


def test_a_long_result_file_is_shown_in_parts():
    lines = "".join(f"{n},{n}.0,0.5,,\n" for n in range(1, 501))
    found = read_results((CSV.split("\n")[0] + "\n" + lines).encode(), "j")
    assert len(found.steps) == 500 and len(found.shown) == 12
    assert (found.shown[0].step, found.shown[-1].step) == (1, 500)


def test_a_shortened_table_shows_the_steps_that_were_validated():
    """Twelve of 150 steps, evenly: hardly one of them had a validation loss in notebook 06."""
    lines = "".join(f"{n},{n}.0,0.5,{'' if n % 50 else n / 10},\n" for n in range(1, 151))
    shown = read_results((CSV.split("\n")[0] + "\n" + lines).encode(), "j").shown
    assert [one.step for one in shown if one.valid_loss] == [50, 100, 150]
    assert len(shown) == 12 and shown == sorted(shown, key=lambda one: one.step)
    often = "".join(f"{n},{n}.0,0.5,{n / 10},\n" for n in range(1, 151))
    shown = read_results((CSV.split("\n")[0] + "\n" + often).encode(), "j").shown
    gaps = [b.step - a.step for a, b in zip(shown, shown[1:], strict=False)]
    assert len(shown) == 12 and max(gaps) < 20


def test_a_job_without_results_says_so():
    with pytest.raises(LessonError, match="no result file: it is running"):
        jobs.results(FakeClient(), "ftjob-1")


def test_the_whole_way_on_the_practice_service(monkeypatch, capsys):
    monkeypatch.undo()
    with lessonlib.connect() as client:
        job = client.fine_tuning.jobs.create(
            model="pantry", training_file=upload(client, rows(10)),
            validation_file=upload(client, rows(3, 30)),
            method=supervised(n_epochs=3, batch_size=5),
            suffix="soup", seed=1, metadata={"lesson": "06"})
        assert job.metadata == {"lesson": "06"} and job.seed == 1
        run = jobs.follow(client, job, every=0.2)
        assert run.model.startswith("ft:pantry:practice:soup:") and len(run.steps) == 6
        table = jobs.results(client, run.job)
        assert [one.step for one in table.steps] == [1, 2, 3, 4, 5, 6]
        kept = client.fine_tuning.jobs.checkpoints.list(job.id).data
        assert [one.step_number for one in kept] == [6, 4, 2]
        best = min(kept, key=lambda one: one.metrics.full_valid_loss)
        assert run.model == kept[0].fine_tuned_model_checkpoint
        assert client.chat.completions.create(
            model=best.fine_tuned_model_checkpoint, messages=rows(1)[0]["messages"][:2],
            max_tokens=2)
    assert "The job has successfully completed" in capsys.readouterr().out
