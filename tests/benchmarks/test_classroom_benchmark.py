"""The room of ``python -m benchmarks.classroom``: what it runs, and that it sees what is wrong."""

from types import SimpleNamespace

import pytest

from benchmarks import classroom
from benchmarks.classroom import NOTEBOOKS, Learner


def client_with(*states, files=()):
    """A service that shows a learner these jobs and files."""
    return SimpleNamespace(
        fine_tuning=SimpleNamespace(jobs=SimpleNamespace(
            list=lambda **_limits: [SimpleNamespace(status=state) for state in states])),
        files=SimpleNamespace(list=lambda: list(files)))


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_a_learner_runs_the_shipped_notebook_with_three_lines_and_smaller_numbers(stem):
    learner = Learner("learner 1", stem, "key", 'import os\nos.environ["LESSON_PROVIDER"] = "here"')
    notebook = classroom.prepared(learner, examples=7, questions=3)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    pasted = [cell.source for cell in code if learner.lines in cell.source]
    assert len(pasted) == 1
    assert "\nEXAMPLES = 7  #" in pasted[0] and "\nQUESTIONS = 3  #" in pasted[0]
    assert pasted[0].index("LESSON_PROVIDER") < pasted[0].index("import lessonlib")
    assert not any("lessonlib.connect" in cell.source for cell in code[:code.index(
        next(cell for cell in code if cell.source == pasted[0]))])
    assert not any(cell.outputs for cell in code), "an old output must not pass for a new one"
    assert len(notebook.cells) > 50


def test_a_lost_job_a_doubled_one_and_a_forgotten_deployment_are_seen(monkeypatch):
    def left(*states, names=(), **more):
        monkeypatch.setattr(classroom, "deployed", lambda room, learner: list(names))
        learner = Learner("learner 1", "06_tune_openai", "", "", seconds=60)
        return classroom.left_behind(None, [learner], [client_with(*states, **more)])

    good = NOTEBOOKS["06_tune_openai"]
    assert left(*reversed(good)) == []
    for wrong in (good[:-1], [*good, "succeeded"], [*good[:-1], "running"]):
        told = left(*wrong)
        assert len(told) == 1 and "learner 1: jobs" in told[0]
    kept = SimpleNamespace(filename="recipes_train.jsonl", purpose="fine-tune")
    told = left(*good, files=[kept])
    assert len(told) == 1 and "recipes_train.jsonl" in told[0]
    told = left(*good, names=["ben"])
    assert len(told) == 1 and "still deployed: ['ben']" in told[0]


def test_the_report_fails_where_a_notebook_stopped_or_something_is_left(capsys):
    through = Learner("learner 1", "06_tune_openai", "", "", seconds=90)
    stopped = Learner("learner 2", "07_tune_azure_openai", "", "", trouble="cell 9: KeyError: 'x'")
    assert classroom.report([through], []) == 0
    assert "Nothing lost" in capsys.readouterr().out
    assert classroom.report([through, stopped], []) == 1
    assert "learner 2, 07_tune_azure_openai, cell 9" in capsys.readouterr().out
    assert classroom.report([through], ["learner 1: jobs [] in place of [...]"]) == 1
    assert "Nothing lost" not in capsys.readouterr().out


def test_the_trainer_is_killed_only_while_it_trains(monkeypatch):
    """A kill of an idle trainer proves nothing: no job was lost because none was there."""
    monkeypatch.setattr(classroom, "AT_WORK", 0)
    monkeypatch.setattr(classroom.time, "sleep", lambda _seconds: None)
    killed, looks = [], iter([False, False, True])
    trainer = SimpleNamespace(pid=5, kill=lambda: killed.append(5))
    monkeypatch.setattr(classroom, "trainer_of", lambda room: trainer)
    monkeypatch.setattr(classroom, "busy", lambda clients: next(looks))
    count = classroom.kill_trainers(None, [], 1, lambda: True, say=lambda *_words, **_how: None)
    assert count == 1 and killed == [5] and next(looks, "none left") == "none left"
