"""Any task can be measured: its examples score their own answers, its rows name their metrics."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from fake_service import FakeService, serving
from recipe_rows import recipe_row

from lessonlib.common.errors import LessonError
from lessonlib.measure import answer_cache, bootstrap, paired, rows, scoreboard_picture
from lessonlib.measure.evaluation import Method, Result, compare, evaluate
from lessonlib.measure.rows import Answered, Metric
from lessonlib.measure.scoreboard import Scoreboard


@dataclass(frozen=True, kw_only=True)
class SumRow(Answered):
    """The task of this file, which nothing in lessonlib has heard of: add two numbers."""

    METRICS = {
        "right_sums": Metric("right sums", lambda row: (row.off == 0, 1), bootstrap.share),
        "near": Metric("nearly right", lambda row: (row.off < 2, 1), bootstrap.share),
    }

    off: float
    digits: tuple[str, ...]


@dataclass(frozen=True)
class Sum:
    id: str
    one: int
    other: int

    def score(self, answer):
        text = answer["text"]
        off = abs(int(text) - self.one - self.other) if text.isdigit() else 1000
        return SumRow(id=self.id, off=off, digits=tuple(text), **answer)


EXAMPLES = [Sum(f"sum-{one}", one, 3) for one in range(20)]


def ask(example):
    return [{"role": "user", "content": f"{example.one} + {example.other}"}]


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Two methods: one that is right, one that is off by one for every second sum."""
    monkeypatch.setattr(answer_cache, "WORK", tmp_path)

    def right(messages):
        one, other = map(int, messages[-1]["content"].split(" + "))
        return str(one + other)

    def wrong(messages):
        return str(int(right(messages)) + int(messages[-1]["content"][0]) % 2)

    found = []
    for name, answer in (("right", right), ("wrong", wrong)):
        with serving(FakeService(answer)) as client:
            found.append(evaluate(client, Method(name, name, ask), EXAMPLES, progress=False))
    return found


def test_a_third_task_is_measured_compared_and_kept(measured, tmp_path):
    right, wrong = measured
    assert right.main_metric == "right_sums" and right.metrics()["right_sums"].value == 1
    assert wrong.metrics()["near"].value == 1 > wrong.metrics()["right_sums"].value
    assert compare(right, wrong).value > 0 == compare(right, wrong, "near").value
    assert paired.permutation_test(right, wrong).difference.significant
    with pytest.raises(LessonError, match="right_sums, near"):
        compare(right, wrong, "rouge")

    board = Scoreboard(tmp_path / "scoreboard.json")
    for one in measured:
        board.add(one, "sums")
    table = board.table()
    assert table.head[:4] == ["route", "model", "right sums", "nearly right"]
    assert table.rows[0][2] == "1.00 (0.84-1.00)"
    kept = Scoreboard(board.path).results_of("sums")
    assert kept["right"].rows == right.rows, "tuples as well"
    figure, words = scoreboard_picture.build(board.rows())
    assert words.startswith("Right sums with 95 % interval")
    assert "right sums" in figure.axes[0].get_title(loc="left")


def test_what_an_unknown_task_measured_is_shown_and_counts_as_not_kept(tmp_path, monkeypatch):
    """Whoever opens the board without the task's module sees its scores all the same."""
    board = Scoreboard(tmp_path / "scoreboard.json")
    row = SumRow(id="s", text="3", prompt_tokens=1, completion_tokens=1, seconds=0.1, off=0.0,
                 digits=("3",))
    board.add(Result("mine", "m", (row,)), "sums")
    monkeypatch.delitem(rows.KINDS, (SumRow.__module__, "SumRow"))
    assert board.results_of("sums") == {}
    assert "right sums" in str(board.table(columns=["route", "right_sums"]))


@pytest.mark.parametrize("module", ["os.path", "no.such.module", "lessonlib.no_such_module", "",
                                    None])
def test_a_file_loads_no_module_but_ours(module):
    assert rows.kind("Never", module) is None


def test_the_module_of_a_kind_is_loaded_when_its_rows_are_read(monkeypatch):
    monkeypatch.delitem(rows.KINDS, (SumRow.__module__, "SumRow"))

    def load(module):
        assert module == "lessonlib.sums"
        monkeypatch.setitem(rows.KINDS, (module, "SumRow"), SumRow)

    monkeypatch.setattr(rows.importlib, "import_module", load)
    assert rows.kind("SumRow", "lessonlib.sums") is SumRow


def test_boards_and_results_from_before_tasks_scored_themselves_are_read(tmp_path):
    """Learners have boards without the keys "kind" and "module", and results without the latter."""
    board = Scoreboard(tmp_path / "scoreboard.json")
    result = Result("tuned", "pantry", (recipe_row("r1", 2, 3), recipe_row("r2", 3, 3)))
    board.add(result, "test")
    (path,) = board.results.glob("*.json")
    for file in (board.path, path):
        kept = json.loads(file.read_text(encoding="utf-8"))
        for one in (*kept["rows"], kept):
            one.pop("module", None)
        if file == board.path:
            del kept["rows"][0]["kind"]
        file.write_text(json.dumps(kept), encoding="utf-8")
    assert board.results_of("test")["tuned"].rows == result.rows
    assert board.table().head[2:5] == ["micro-F1", "exact match", "valid JSON"]


@pytest.fixture
def kept(tmp_path):
    """A board with one result of recipes, and the result's file."""
    board = Scoreboard(tmp_path / "scoreboard.json")
    board.add(Result("tuned", "pantry", (recipe_row("r1", 2, 3),)), "test")
    (path,) = board.results.glob("*.json")
    return board, path


def change(path, **keys):
    old = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(old | keys), encoding="utf-8")


def test_a_task_of_ones_own_may_call_its_rows_as_another_task_does(kept, monkeypatch):
    """A learner's task had a class Row, as that of recipes is called. From then on all results of
    recipes counted as not kept: kinds of rows were known by their names alone.
    """
    monkeypatch.setattr(rows, "KINDS", dict(rows.KINDS))  # the class is known in this test alone

    @dataclass(frozen=True, kw_only=True)
    class Row(Answered):
        METRICS = SumRow.METRICS
        off: float = 0.0

    board, _path = kept
    assert board.results_of("test")["tuned"].metrics()["micro_f1"].value == pytest.approx(0.8)
    mine = Row(id="s", text="3", prompt_tokens=1, completion_tokens=1, seconds=0.1)
    board.add(Result("mine", "m", (mine,)), "sums")
    assert board.results_of("sums")["mine"].rows == (mine,)


def test_results_of_earlier_versions_are_found_whether_their_task_is_loaded_or_not():
    """They do not name their module. In a program that had not loaded the task for another reason
    all of them counted as not kept.
    """
    code = ("from lessonlib.measure import rows\n"
            "for name, module in rows.EARLIER.items():\n"
            "    assert rows.kind(name).__name__ == name and rows.kind(name).__module__ == module")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_a_cell_that_is_run_again_makes_no_other_task(monkeypatch):
    """A learner ran the cell again that defines a task. What was measured before and after it were
    then "results of different tasks".
    """
    monkeypatch.setattr(rows, "KINDS", dict(rows.KINDS))

    def cell():
        @dataclass(frozen=True, kw_only=True)
        class Mine(SumRow):
            pass

        return Mine(id="s", text="3", prompt_tokens=1, completion_tokens=1, seconds=0.1, off=0.0,
                    digits=("3",))

    before, after = (Result(name, "m", (cell(),)) for name in ("before", "after"))
    assert paired.permutation_test(before, after).verdict == "cannot tell"


def test_a_module_that_is_no_name_counts_as_not_kept(kept):
    """It was told as AttributeError: 'int' object has no attribute 'startswith'."""
    board, path = kept
    for module in (3, True, {"a": 1}):
        change(path, kind="Never", module=module)
        assert board.results_of("test") == {}


def test_a_score_that_is_no_number_is_told_before_anything_is_written(kept, monkeypatch):
    """A task's own formula divided by zero: the board refused it as "Out of range float values are
    not JSON compliant", when the result was written already.
    """
    monkeypatch.setattr(rows, "KINDS", dict(rows.KINDS))

    def precision(sums):
        with np.errstate(invalid="ignore"):
            return sums[..., 0] / sums[..., 1]

    @dataclass(frozen=True, kw_only=True)
    class NoneFound(Answered):
        METRICS = {"precision": Metric("precision", lambda row: (0, 0), precision)}

    board, path = kept
    row = NoneFound(id="s", text="", prompt_tokens=1, completion_tokens=1, seconds=0.1)
    with pytest.raises(LessonError, match="'precision' of 'mine' is no number"):
        board.add(Result("mine", "m", (row,)), "test")
    assert len(board.rows()) == 1 and list(board.results.glob("*.json")) == [path]
