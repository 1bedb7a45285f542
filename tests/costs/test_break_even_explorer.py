"""The break-even explorer: its sum, its table and picture, its controls. And the six cases."""

from __future__ import annotations

import math

import IPython.display
import pytest

from lessonlib import costs
from lessonlib.common.errors import LessonError
from lessonlib.costs import explorer
from lessonlib.costs.explorer import ExplorerView, explore
from lessonlib.costs.scenario import Scenario
from lessonlib.decision import cases
from lessonlib.show import widget_parts

TOKENS = {"few-shot": (700, 20), "RAG": (260, 20), "tuned": (130, 20)}


def scenario(**changed):
    return Scenario(**({"tokens": TOKENS, "trained_tokens": 1_000_000, "model": "gpt-4o"}
                       | changed))


def test_the_sum_by_hand():
    one = scenario()
    tuned, plain = costs.price("gpt-4o", tuned=True), costs.price("gpt-4o")
    assert one.once == pytest.approx(tuned.training)
    for route, price, prompt in (("few-shot", plain, 700), ("tuned", tuned, 130)):
        dollars = (prompt * price.input + 20 * price.output) / 1e6
        assert one.per_request(route) == pytest.approx(dollars)
    assert one.after("tuned", 1000) == pytest.approx(one.once + 1000 * one.per_request("tuned"))
    assert one.after("RAG", 1000) == pytest.approx(1000 * one.per_request("RAG"))
    n = one.break_even("few-shot")
    assert one.after("tuned", n) <= one.after("few-shot", n) + 1e-9
    assert one.after("tuned", n - 2) > one.after("few-shot", n - 2)


def test_work_and_hosting_count_against_the_tuned_model():
    plain, hosted = scenario(), scenario(hosted=True, requests=1000)
    assert scenario(work=500.0).once == pytest.approx(plain.once + 500)
    month = costs.hosting_per_month()
    base = costs.price(hosted.model)
    tokens = (130 * base.input + 20 * base.output) / 1e6
    assert hosted.after("tuned", 1000) == pytest.approx(plain.once + 1000 * tokens + month)
    assert hosted.break_even("few-shot") == math.inf
    assert "never gets cheaper than few-shot" in hosted.sentences()[0]
    assert "what the base model's cost" in hosted.note() and "base" not in plain.note()
    assert hosted.per_request("few-shot") == plain.per_request("few-shot")


def test_table_and_words_of_the_picture():
    one = scenario(requests=1000, months=12)
    rows = one.rows()
    assert rows[0][3:] == ["month 1: 1,000 requests", "month 3: 3,000 requests",
                           "month 6: 6,000 requests", "month 12: 12,000 requests"]
    assert [row[0] for row in rows[1:]] == list(TOKENS)
    assert len(scenario(months=1).rows()[0]) == 4
    page = one.table()._repr_html_()
    assert page.count('<th scope="col"') == 7 and page.count('<th scope="row"') == 3
    assert "read on 20" in page and "read on 20" in str(one.table())
    for route in TOKENS:
        assert route in one.alt() and route in str(one.table())
    assert all(sentence in one.alt() for sentence in one.sentences())


@pytest.mark.parametrize("changed", [
    {"tokens": {"tuned": (1, 1)}}, {"tokens": {"RAG": (1, 1), "few-shot": (1, 1)}},
    {"requests": 0}, {"months": 0}, {"months": 61}])
def test_a_scenario_without_sense_is_refused(changed):
    with pytest.raises(LessonError) as error:
        scenario(**changed)
    assert error.value.cure


def test_every_control_moves_sentence_picture_and_table():
    view = ExplorerView(scenario())
    pages = {view.drawn.value}
    for change in ({"requests": 5000}, {"months": 3}, {"few-shot": 3000}, {"tuned": 300},
                   {"trained_tokens": 9_000_000}, {"work": 250.0}, {"hosted": True},
                   {"model": "gpt-4.1-mini"}):
        view.set(**change)
        pages.add(view.drawn.value)
    assert len(pages) == 9
    one = view.scenario
    assert (one.requests, one.months, one.model, one.hosted) == (5000, 3, "gpt-4.1-mini", True)
    assert one.tokens == {"few-shot": (3000, 20), "RAG": (260, 20), "tuned": (300, 20)}
    assert 'role="status"' in view.said.value and one.sentences()[0] in view.said.value
    assert all(part in view.drawn.value for part in ("<img", "alt=", "<table"))


def test_a_model_that_is_unticked_leaves_the_last_sum_standing():
    view = ExplorerView(scenario())
    before = view.drawn.value
    for box in view.choices.boxes:
        box.value = False
    assert view.drawn.value == before and view.scenario.model == "gpt-4o"


def test_every_control_has_its_words():
    view = ExplorerView(scenario())
    assert [box.description for box in view.choices.boxes] == explorer.models()
    assert all(control.description for control in view.numbers.values())
    assert "1.70 $ an hour" in view.hosted.description


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_without_widgets_explorer_and_cases_leave_their_words(shown, monkeypatch):
    assert explore(scenario()) is not None
    cases.show()
    assert all(widget_parts.WIDGET_VIEW in bundle for bundle in shown)
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
    assert explore(scenario()) is None
    cases.show()
    for before, after in zip(shown[:2], shown[2:], strict=True):
        assert before["text/plain"] == after["text/plain"]
        assert widget_parts.WIDGET_VIEW not in after


# --- the cases ---


def test_the_six_cases():
    known = cases.load()
    assert len(known) == 6
    firsts = set()
    for one in known.values():
        assert one.text.endswith("What would you do?") and not one.several
        assert 3 <= len(one.options) <= 4 and sum(option.right for option in one.options) == 1
        assert all(option.why.endswith((".", "?")) for option in one.options)
        firsts.add(next(place for place, option in enumerate(one.options) if option.right))
    assert len(firsts) > 1, "ours is not always at the same place"


@pytest.mark.parametrize("chosen", range(3))
def test_after_a_choice_every_option_is_discussed(chosen):
    asked = cases.load()["contracts"]
    view = cases._view(1, asked)
    view.answer()
    assert "Nothing is chosen yet." in view.said.value
    view.choices.boxes[chosen].value = True
    assert not any(option.why in view.said.value for option in asked.options)
    view.answer()
    same = "the same" if asked.options[chosen].right else "otherwise"
    assert f"We would decide {same}" in view.said.value and 'role="alert"' in view.said.value
    assert view.said.value.count("This is ours.") == 1
    assert all(widget_parts.rich(option.why) in view.said.value for option in asked.options)
