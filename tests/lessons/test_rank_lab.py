"""The rank lab and its widget: what a rank costs without a run, what it brings after one."""

from __future__ import annotations

import IPython.display
import pytest

from lessonlib.common.errors import LessonError
from lessonlib.lessons import nb04_rank_lab
from lessonlib.lessons.nb04_rank_lab import RankLab, RankRun, RankWidget
from lessonlib.lora.tuning import LoraSettings
from lessonlib.measure.bootstrap import Interval
from lessonlib.models import sizes
from lessonlib.show import widget_parts


class QuickLab(RankLab):
    """Runs that take no time, and give what a test wants."""

    def run(self, rank):
        if rank == 64:
            raise LessonError("The memory does not suffice.", "Take a lower rank.")
        size = sizes.adapter_size(rank)
        self.runs[rank] = RankRun(size, 2.0, 1 + 1 / rank, Interval(0.5, 0.4, 0.6))
        return self.runs[rank]


@pytest.fixture
def lab():
    return QuickLab(None, [], [], [], LoraSettings())


def test_costs_are_known_before_any_run(lab):
    widget = RankWidget(lab)
    size = sizes.adapter_size(8)
    assert f"{size.weights:,}" in widget.costs.value
    assert f"{size.base_weights:,}" in widget.costs.value
    assert "Rank 8 has not been tried." in widget.said.value
    assert widget.button.description == "Tune with rank 8"
    assert 'alt="No rank has been tried yet' in widget.picture.value


def test_turning_the_slider_changes_costs_button_and_words(lab):
    widget = RankWidget(lab)
    widget.slider.value = 16
    assert f"{sizes.adapter_size(16).weights:,}" in widget.costs.value
    assert widget.button.description == "Tune with rank 16"
    assert "Rank 16 has not been tried." in widget.said.value


def test_the_button_tunes_and_adds_a_point(lab):
    widget = RankWidget(lab)
    widget.button.click()
    assert set(lab.runs) == {8}
    assert "loss 1.12" in widget.said.value and "0.50 (0.40-0.60)" in widget.said.value
    assert "rank 8: loss 1.12, F1 0.50 (0.40-0.60)" in widget.picture.value
    assert not widget.button.disabled and not widget.slider.disabled
    widget.slider.value = 2
    assert "has not been tried" in widget.said.value
    widget.slider.value = 8
    assert "loss 1.12" in widget.said.value, "a run is remembered"


def test_a_run_that_fails_is_told_and_the_widget_lives_on(lab):
    widget = RankWidget(lab)
    widget.slider.value = 64
    widget.button.click()
    assert "The memory does not suffice." in widget.said.value
    assert not widget.button.disabled and lab.runs == {}


def test_words_stand_for_the_widget_where_it_is_not_alive(lab, monkeypatch):
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append(bundle))
    lab.explore()
    lab.run(8)
    lab.explore()
    words = [{kind: text for kind, text in bundle.items() if kind != widget_parts.WIDGET_VIEW}
             for bundle in shown]
    assert words[0] == words[1], "they must not change from run to run"
    for rank in nb04_rank_lab.RANKS:
        assert f"| {rank} | {sizes.adapter_size(rank).weights:,} |" in words[0][
            "text/markdown"]
        assert f"rank {rank:3}:" in words[0]["text/plain"]


def test_only_what_both_versions_of_ipywidgets_have(lab):
    kinds = {type(child).__name__ for child in RankWidget(lab).box.children}
    assert kinds <= {"HTML", "SelectionSlider", "Button"}


def test_a_run_is_told_in_one_line(lab):
    assert "rank   8:" in str(lab.run(8)) and "\n" not in str(lab.run(8))
    assert nb04_rank_lab.FIRST_RANK in nb04_rank_lab.RANKS


def test_ranks_are_compared_in_pairs_on_the_same_recipes(lab):
    """The notebook told its readers to compare intervals, which overlap where a pair can tell."""
    from lessonlib.measure.evaluation import Result
    from lessonlib.tasks import recipes

    def answered(rank, right):
        examples = recipes.load("validation")[:20]
        rows = [one.score({"text": recipes.answer(one) if place < right else "[]",
                           "prompt_tokens": 1, "completion_tokens": 1, "seconds": 0.0,
                           "finish_reason": "stop"}) for place, one in enumerate(examples)]
        result = Result(f"rank {rank}", "pantry", tuple(rows), "here")
        lab.runs[rank] = RankRun(sizes.adapter_size(rank), 1.0, 1.0,
                                 result.metrics()["micro_f1"], result)

    for rank, right in ((16, 15), (1, 4), (4, 15)):
        answered(rank, right)
    pairs = lab.pairs()
    assert list(pairs) == [(4, 1), (16, 4)]
    assert pairs[4, 1].verdict == "better" and pairs[16, 4].verdict == "cannot tell"


def test_a_finished_model_is_measured_and_not_tuned_again(monkeypatch):
    """The notebook's own model has one of the ranks; it need not be trained twice."""
    from types import SimpleNamespace

    from lessonlib.measure.evaluation import Result

    monkeypatch.setattr(nb04_rank_lab.lora, "tune", None)
    monkeypatch.setattr(nb04_rank_lab, "evaluate", lambda client, method, examples, progress:
                        Result(method.name, method.model, (), "here"))
    monkeypatch.setattr(Result, "metrics", lambda self: {"micro_f1": Interval(0.5, 0.4, 0.6)})
    lab = RankLab(None, [], [], [], LoraSettings())
    tuned = SimpleNamespace(name="mine", settings=LoraSettings(rank=2), seconds=3.0,
                            epochs=[SimpleNamespace(validation_loss=0.7)])
    run = lab.add(tuned)
    assert lab.runs == {2: run} and run.loss == 0.7 and run.size.rank == 2
