"""One service for a room: a key for each learner, who sees nothing of the others."""

import os
import re
import signal
import socket
import subprocess
import sys

import openai
import pytest
from fine_tuning_parts import rows, supervised, upload, wait

import lessonlib
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.practice import service
from lessonlib.practice.store.store import Organisation, Store
from lessonlib.practice.web import classroom
from lessonlib.services import clients


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Room:
    """A running classroom: its keys, its address, what its instructor read."""

    def __init__(self, folder, learners=3):
        self.folder = folder
        port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lessonlib.practice", "classroom",
             "--learners", str(learners), "--port", str(port)],
            env=os.environ | {"LESSON_WORK": str(folder), "PYTHONUTF8": "1"},
            cwd=paths.PROJECT, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        said = []
        while "for you alone" not in (line := self.process.stdout.readline()):
            assert line or self.process.poll() is None, said
            said.append(line)
        self.said = "".join(said) + line
        self.url = f"http://127.0.0.1:{port}/v1"
        self.keys = re.findall(r"practice-\d\d +(practice-\w{32})", self.said)
        self.page = re.search(r"http://\S+/practice/status\?key=\w+", self.said)[0]

    def client(self, number):
        return openai.OpenAI(
            base_url=self.url, api_key=self.keys[number], max_retries=0,
            http_client=openai.DefaultHttpxClient(trust_env=False))

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Room(tmp_path_factory.mktemp("room"))
    yield room
    room.close()


def test_each_learner_gets_a_key_and_three_lines(room):
    assert len(set(room.keys)) == 3 and "only this machine can reach it" in room.said
    handout = (room.folder / "practice" / "classroom.txt").read_text(encoding="utf-8")
    for number, key in enumerate(room.keys, start=1):
        assert f"# practice-{number:02d}\nimport os\n" in handout and key in handout
    log = (room.folder / "practice" / "service.log").read_text(encoding="utf-8")
    assert not any(key in log for key in room.keys)
    # The keys stay, and learners can be added later.
    store = Store(room.folder / "practice")
    assert [one.key for one in classroom.learners(store, 3)] == room.keys


def test_the_three_lines_connect_without_a_question(room, monkeypatch, capsys):
    lines = classroom.lines_to_paste(room.url, classroom.Learner("practice-01", room.keys[0]))
    assert len(lines.splitlines()) == 3
    for name in ("LESSON_PROVIDER", "LESSON_API_KEY"):
        monkeypatch.setenv(name, "")  # given back after the test
    exec(lines, {})
    client = lessonlib.connect()
    assert [model.id for model in client.models.list()] == ["pantry"]
    assert "classroom's practice service (not OpenAI)" in capsys.readouterr().out


def test_a_notebook_that_asks_for_practice_gets_the_rooms_service(room, monkeypatch):
    """Every notebook says PROVIDER = "practice". The pasted lines were then without effect: each
    learner's notebook quietly started a service of its own, and the instructor's page stayed empty.
    """
    monkeypatch.setenv("LESSON_PROVIDER", room.url)
    monkeypatch.setenv("LESSON_API_KEY", room.keys[1])
    client = lessonlib.connect("practice")
    assert str(client.base_url).rstrip("/") == room.url
    # An address alone, or a key that is not a classroom's, changes nothing about "practice".
    monkeypatch.setenv("LESSON_API_KEY", "sk-something-else")
    assert not clients._classroom_address()


def test_a_classroom_key_may_travel_the_rooms_network_and_no_further():
    key = "practice-" + "0" * 32
    for near in ("http://192.168.1.5:8300/v1", "http://teacher.local:8300/v1"):
        assert str(lessonlib.connect(near, api_key=key).base_url).startswith(near)
    for address, other in (("http://example.org/v1", key), ("http://192.168.1.5/v1", "sk-real")):
        with pytest.raises(LessonError, match="unprotected"):
            lessonlib.connect(address, api_key=other)


def test_two_learners_cannot_see_each_other(room):
    a, b = room.client(0), room.client(1)
    job = a.fine_tuning.jobs.create(
        model="pantry", training_file=upload(a), method=supervised(n_epochs=1, batch_size=5))
    own = upload(b)
    job = wait(a, job.id)
    assert job.organization_id == "org-practice-01"
    assert job.fine_tuned_model.startswith("ft:pantry:practice-01::")
    chat = {"messages": rows(1)[0]["messages"][:2], "max_tokens": 2}
    assert a.chat.completions.create(model=job.fine_tuned_model, **chat)
    for call in (
        lambda: b.files.retrieve(job.training_file),
        lambda: b.files.content(job.result_files[0]),
        lambda: b.files.delete(job.training_file),
        lambda: b.fine_tuning.jobs.retrieve(job.id),
        lambda: b.fine_tuning.jobs.cancel(job.id),
        lambda: b.fine_tuning.jobs.list_events(job.id),
        lambda: b.fine_tuning.jobs.checkpoints.list(job.id),
        lambda: b.models.retrieve(job.fine_tuned_model),
        lambda: b.models.delete(job.fine_tuned_model),
        lambda: b.chat.completions.create(model=job.fine_tuned_model, **chat),
    ):
        with pytest.raises(openai.NotFoundError):
            call()
    for wish in ({"training_file": job.training_file}, {"model": job.fine_tuned_model}):
        with pytest.raises(openai.BadRequestError):
            b.fine_tuning.jobs.create(**{"model": "pantry", "training_file": own} | wish)
    assert [file.id for file in b.files.list()] == [own]
    assert b.fine_tuning.jobs.list().data == []
    assert [model.id for model in b.models.list()] == ["pantry"]
    with pytest.raises(openai.BadRequestError, match="'after'"):
        b.files.list(after=job.training_file)


def test_limits_are_told_with_the_time_to_wait(room):
    c = room.client(2)
    file = upload(c)
    wish = {"model": "pantry", "training_file": file,
            "method": supervised(n_epochs=50, batch_size=1)}
    made = [c.fine_tuning.jobs.create(**wish) for _time in range(classroom.PENDING_JOBS)]
    with pytest.raises(openai.RateLimitError) as caught:
        c.fine_tuning.jobs.create(**wish)
    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) > 0
    for job in made:
        c.fine_tuning.jobs.cancel(job.id)
    c.fine_tuning.jobs.cancel(c.fine_tuning.jobs.create(**wish).id)
    with pytest.raises(openai.APIStatusError) as caught:
        c.files.create(
            file=("big.jsonl", b"x" * (classroom.UPLOAD_BYTES + 1)), purpose="fine-tune")
    assert caught.value.status_code == 413 and caught.value.code == "file_too_large"
    store = Store(room.folder / "practice")
    store.add_organisation(Organisation("practice-98", "hasty", requests_per_minute=3),
                           "practice-hasty")
    room.keys.append("practice-hasty")
    hasty = room.client(-1)
    for _time in range(3):
        hasty.models.list()
    with pytest.raises(openai.RateLimitError, match="Limit 3") as caught:
        hasty.models.list()
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60
    room.keys.pop()
    with pytest.raises(openai.PermissionDeniedError):
        c.post("/../practice/stop", cast_to=object)


def test_the_instructors_page_shows_the_room_and_no_keys(room):
    web = openai.DefaultHttpxClient(trust_env=False)
    room.client(0).files.list()
    text = web.get(room.page).text
    assert "practice-01" in text and "Running and waiting" in text and "http-equiv" in text
    assert not any(key in text for key in room.keys)
    assert web.get(room.page + "x").status_code == 401
    assert web.get(room.page.split("?")[0]).status_code == 401


def test_a_classroom_is_for_one_to_99(capsys):
    from lessonlib.practice import __main__ as command_line

    assert command_line.main(["classroom", "--learners", "0"]) == 1
    assert "--learners" in capsys.readouterr().err


@pytest.mark.browser
def test_the_page_in_a_real_browser(room, tmp_path):
    import browser

    a = room.client(0)
    failed = a.fine_tuning.jobs.create(model="pantry", training_file=upload(a, rows(7)))
    wait(a, failed.id)
    with browser.page_of(room.page, tmp_path / "profile") as page:
        assert page.title() == "Practice service"
        assert page.locator("h1").inner_text() == "Practice service: the classroom"
        row = page.locator("tr", has_text=failed.id)
        assert "must have at least 10 examples" in row.first.inner_text()
        headings = page.locator("th[scope=col]").all_inner_texts()
        assert {"learner", "requests", "why"} <= set(headings)
        # The page loads itself again: a job that comes now is seen without a click.
        job = a.fine_tuning.jobs.create(model="pantry", training_file=upload(a, rows(8)))
        page.locator("tr", has_text=job.id).first.wait_for()


@pytest.mark.browser
def test_looking_at_the_page_is_not_a_refused_request(room, tmp_path):
    """The instructor's own browser asked for the site's icon, without a key, each time the page
    loaded itself: a minute later the list of refused requests held nothing else.
    """
    import browser

    with browser.page_of(room.page, tmp_path / "profile") as page:
        page.goto(room.page)
        page.reload()
        page.wait_for_load_state("networkidle")
        page.reload()
        assert "favicon" not in page.locator("body").inner_text()
        assert page.locator("link[rel=icon]").get_attribute("href") == "data:,"


def test_a_service_for_one_learner_is_not_open_to_the_network():
    lessonlib.connect().close()
    assert service.find().url.startswith("http://127.0.0.1:")
    with socket.socket() as probe:
        probe.settimeout(1)
        own = classroom.own_address()
        reached = own != "127.0.0.1" and probe.connect_ex((own, service.find().port)) == 0
        assert not reached
