"""The break-even explorer: its sum, its table and picture, its controls. And the six cases."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import IPython.display
import pytest

from lessonlib import costs
from lessonlib.common import facts
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


def offered(**changed):
    """One whose prices the explorer has."""
    return scenario(**({"model": "gpt-6-luna", "tuned_model": "Llama-3.1-8B"} | changed))


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
    plain, hosted = scenario(), scenario(hosting="azure-openai", requests=1000)
    assert scenario(work=500.0).once == pytest.approx(plain.once + 500)
    month = costs.hosting_per_month()
    base = costs.price(hosted.model)
    tokens = (130 * base.input + 20 * base.output) / 1e6
    assert hosted.after("tuned", 1000) == pytest.approx(plain.once + 1000 * tokens + month)
    assert hosted.break_even("few-shot") == math.inf
    assert "what the base model's cost" in hosted.note() and "base" not in plain.note()
    assert hosted.per_request("few-shot") == plain.per_request("few-shot")


def test_the_number_of_requests_at_which_hosting_pays():
    """It was left to be guessed: at 10,000, at a million and at a hundred million requests six
    nearly equal sentences said never, and then "after 9,578 requests, within the first month"."""
    one = scenario(hosting="azure-openai", requests=1000)
    pays = one.hosting_pays("few-shot")
    saved = one.per_request("few-shot") - (one.per_request("tuned") - one.host.per_month / 1000)
    assert pays == math.ceil(one.host.per_month / saved)
    assert f"{pays:,} requests a month" in one.sentences()[0]
    below, above = (replace(one, requests=pays + more) for more in (-1, 1))
    assert below.break_even("few-shot") == math.inf > above.break_even("few-shot")
    assert scenario().hosting_pays("few-shot") == 0
    longer = replace(one, tokens={"few-shot": (100, 20), "tuned": (130, 20)})
    assert longer.hosting_pays("few-shot") == math.inf
    assert "never" in longer.sentences()[0] and "Hosting pays" not in longer.sentences()[0]


def test_a_rented_machine_is_paid_by_the_hour_and_not_by_the_token():
    one = scenario(model="gpt-6-luna", hosting="rented-processor", requests=1000,
                   training_hours=2.0, work=10.0)
    assert one.once == pytest.approx(2 * one.host.per_hour + 10)
    assert one.per_request("tuned") == pytest.approx(one.host.per_month / 1000)
    assert one.tuned_price is None and one.ends() is None
    assert replace(one, trained_tokens=10).once == one.once


def test_a_small_tuned_model_against_a_large_untuned_one():
    """Both sides had to be the same model, so the commonest reason to tune could not be put in."""
    one = scenario(model="gpt-4o", tuned_model="Llama-3.1-8B")
    tuned, plain = costs.price("Llama-3.1-8B", tuned=True), costs.price("gpt-4o")
    assert one.once == pytest.approx(tuned.training)
    assert one.per_request("tuned") == pytest.approx(tuned.of_request(130, 20))
    assert one.per_request("RAG") == pytest.approx(plain.of_request(260, 20))
    assert "Llama-3.1-8B" in one.note() and "gpt-4o" in one.note()


def test_a_break_even_after_the_last_day_of_its_model_is_told():
    """"Tuned is cheaper after 4.0 months", said the notebook, of a model with seven weeks left."""
    last = facts.ends("gpt-4o").ends
    one = scenario(requests=1000, start=last - timedelta(days=40))
    assert one.break_even_day("few-shot") > last == one.ends()
    assert f"ends on {last}, before that" in one.sentences()[0]
    soon = replace(one, requests=1_000_000)
    assert soon.break_even_day("few-shot") < last and "before" not in soon.sentences()[0]
    assert f"it ends on {last}" in one.note()
    assert scenario(model="gpt-6-luna", tuned_model="Llama-3.1-8B").ends() is None
    late = scenario(model="gpt-6-luna", tuned_model="Llama-3.1-8B", work=1e9, requests=1)
    assert late.break_even_day("few-shot") is None and "years" in late.sentences()[0]


def test_a_long_prompt_is_cached_and_a_short_one_is_not():
    price, least = costs.price("gpt-6-luna"), facts.limits()["caching"]["shortest_prompt"]
    for length, cached in ((least, 500), (least - 1, 0)):
        one = scenario(tokens={"long": (length, 20), "tuned": (130, 20)}, model="gpt-6-luna",
                       tuned_model="Llama-3.1-8B", cached={"long": 500})
        paid = (length - cached) * price.input + cached * price.cached_input + 20 * price.output
        assert one.per_request("long") == pytest.approx(paid / 1e6)
        assert ("500 tokens of each prompt are cached" in one.note()) == bool(cached)
        assert ("too short" in one.note()) != bool(cached)


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
    {"requests": 0}, {"months": 0}, {"months": 61}, {"model": "gpt-9"}, {"hosting": "moon"},
    {"tuned_model": "gpt-6-luna"}, {"cached": {"letters": 3}}])
def test_a_scenario_without_sense_is_refused(changed):
    with pytest.raises(LessonError) as error:
        scenario(**changed)
    assert error.value.cure


def test_every_control_moves_sentence_picture_and_table():
    long = TOKENS | {"few-shot": (2000, 20)}
    view = ExplorerView(offered(cached={"few-shot": 1500}, tokens=long))
    pages = {view.drawn.value}
    for change in ({"requests": 5000}, {"months": 3}, {"few-shot": 3000}, {"tuned": 300},
                   {"trained_tokens": 9_000_000}, {"work": 250.0}, {"cached": False},
                   {"offer": "azure"}):
        view.set(**change)
        pages.add(view.drawn.value)
    assert len(pages) == 9
    one = view.scenario
    assert (one.requests, one.months, one.cached) == (5000, 3, {})
    assert (one.model, one.hosting) == ("gpt-4.1-mini", "azure-openai")
    assert one.tokens == {"few-shot": (3000, 20), "RAG": (260, 20), "tuned": (300, 20)}
    assert 'role="status"' in view.said.value and one.sentences()[0] in view.said.value
    assert all(part in view.drawn.value for part in ("<img", "alt=", "<table"))


def test_a_model_that_is_unticked_leaves_the_last_sum_standing():
    view = ExplorerView(offered())
    before = view.drawn.value
    for box in view.choices.boxes:
        box.value = False
    assert view.drawn.value == before and view.scenario.tuned_model == "Llama-3.1-8B"


@pytest.mark.parametrize("offer", explorer.OFFERS)
def test_whatever_is_offered_has_its_prices(offer):
    view = ExplorerView(offered())
    view.set(offer=offer)
    assert explorer.OFFERS[offer].fits(view.scenario) and view.scenario.table().rows


def test_prices_that_cannot_be_chosen_are_refused_with_those_that_can():
    with pytest.raises(LessonError, match="does not have") as error:
        explore(scenario(model="gpt-4o"))
    assert "rented-card" in error.value.cure


def test_every_control_has_its_words():
    view = ExplorerView(offered())
    assert [box.description for box in view.choices.boxes] == [
        offer.words for offer in explorer.OFFERS.values()]
    assert all(control.description for control in view.numbers.values())
    assert view.cached.description and view.cached.disabled, "nothing here is cached"


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_without_widgets_explorer_and_cases_leave_their_words(shown, monkeypatch):
    assert explore(offered()) is not None
    cases.show()
    assert all(widget_parts.WIDGET_VIEW in bundle for bundle in shown)
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
    assert explore(offered()) is None
    cases.show()
    for before, after in zip(shown[:2], shown[2:], strict=True):
        assert before["text/plain"] == after["text/plain"]
        assert widget_parts.WIDGET_VIEW not in after
    for case in cases.load().values():
        ours = next(option for option in case.options if option.right)
        assert f"*{ours.text}* **This is ours.** {ours.why}" in shown[1]["text/markdown"]


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
