"""Notebook 10: what is on the board, other requests, models tuned once, decisions revisited."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from fake_service import FakeService, serving
from recipe_rows import recipe_row

from lessonlib.costs import price_list
from lessonlib.decision import all_routes, record
from lessonlib.decision.record import Record
from lessonlib.exercises import feedback, progress_file
from lessonlib.exercises.checks.notebook_10 import CURVES, LOOK, WORDS
from lessonlib.lessons import nb10_curves, nb10_other_requests, real_runs
from lessonlib.lessons.nb10_other_requests import REQUESTS
from lessonlib.lora import tuning
from lessonlib.measure import answer_cache
from lessonlib.measure.evaluation import Method, Result
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.tasks import prompting, recipes


def result(name, ids, model="pantry", text="[]"):
    rows = tuple(recipe_row(id, 3, 4, predicted=4, text=text) for id in ids)
    return Result(name, model, rows, "practice service")


@pytest.fixture
def board(tmp_path):
    return Scoreboard(tmp_path / "scoreboard.json")


# --- what is on the board ---


def test_every_route_of_the_course_is_named_with_its_notebook(board):
    shown = str(all_routes.overview(board))
    for name in ("OpenAI, by a job", "Azure OpenAI, by a job", "AutoTrain", "trl sft"):
        assert name in shown
    assert "notebook 07 runs it" in shown
    assert len(all_routes.overview(board).missing) == len(all_routes.ROUTES)


def test_a_route_that_was_run_is_shown_with_its_best_row(board):
    board.add(result("RAG, BM25, k = 2", ["a"]), "test")
    board.add(result("tuned + glossary", ["a", "b"], model="mine"), "test")
    board.add(result("OpenAI job", ["a"], model="ft:pantry:x"), "test")
    overview = all_routes.overview(board)
    assert "tuned on this machine" in overview.missing, "tuned + glossary is another route"
    assert not {"retrieval (RAG)", "OpenAI, by a job"} & set(overview.missing)
    assert "2 recipes" in str(overview)
    page = overview._repr_html_()
    assert "(practice)" in page and "<th" in page


def test_of_several_rows_the_one_on_most_recipes_is_shown(board):
    """Thirty recipes had a luckier score than a hundred, and stood on the board for the route."""
    few = Result("instructions", "pantry here", tuple(recipe_row(id, 4, 4, predicted=4)
                                                      for id in "ab"))
    board.add(result("instructions", "abc"), "test")
    board.add(few, "test")
    line = next(line for line in all_routes.overview(board).lines if line[0] == "instructions")
    assert line[1] == "3 recipes" and "one of 2" in line[3]


NAMED = Method("bare prompt", "pantry", prompting.bare)


def dishes(names):
    return [recipes.Recipe(name, f"Dish {name}", ("1 egg",), ("egg",), ("egg",)) for name in names]


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A service that is asked over HTTP and says how often; answers are kept beside the board."""
    monkeypatch.setattr(answer_cache, "WORK", tmp_path)
    return FakeService(lambda messages: '["egg"]')


def test_what_is_on_the_board_is_not_asked_for_again(board, service, tmp_path):
    """``ensure`` promised "from the board if it is kept there", and asked in any case."""
    with serving(service) as client:
        first = all_routes.ensure(board, client, NAMED, dishes("ab"))
        (tmp_path / "cache" / "answers.sqlite").unlink(missing_ok=True)
        for path in (tmp_path / "cache").glob("*"):
            path.unlink()
        again = all_routes.ensure(board, client, NAMED, dishes("ab"))
    assert len(service.asked) == 2 and again.rows == first.rows


def test_a_row_on_more_recipes_is_kept(board, service):
    """Notebook 01 measured 100 recipes; asking about 60 of them must not make the row poorer."""
    with serving(service) as client:
        all_routes.ensure(board, client, NAMED, dishes("abc"))
        assert len(all_routes.ensure(board, client, NAMED, dishes("ab")).rows) == 3
        assert board.rows("test")[0]["examples"] == 3
        assert len(all_routes.ensure(board, client, NAMED, dishes("bcd")).rows) == 3
    assert board.rows("test")[0]["examples"] == 3


@pytest.mark.parametrize("changed", ["model", "prompt", "length"])
def test_what_is_not_the_same_any_more_is_measured_anew(board, service, changed):
    """A model tuned again has its old name and other answers; so has a prompt that was edited."""
    method = NAMED
    with serving(service) as client:
        all_routes.ensure(board, client, method, dishes("abc"))
        if changed == "model":
            service.created = 2
        elif changed == "prompt":
            method = replace(method, messages=prompting.instructions)
        else:
            method = replace(method, max_tokens=7)
        all_routes.ensure(board, client, method, dishes("ab"))
    assert len(service.asked) == 5 and board.rows("test")[0]["examples"] == 2


def test_a_row_of_an_earlier_version_is_measured_anew(board, service):
    """It does not say what was asked of which model."""
    board.add(result("bare prompt", ["a", "b"]), "test")
    with serving(service) as client:
        all_routes.ensure(board, client, NAMED, dishes("ab"))
    assert len(service.asked) == 2


def test_price_and_training_time_are_written_onto_a_row_that_lacks_them(board, service):
    price = price_list.price("gpt-4.1-mini", tuned=True)
    with serving(service) as client:
        all_routes.ensure(board, client, NAMED, dishes("ab"), training_seconds=12.0)
        all_routes.ensure(board, client, NAMED, dishes("ab"), price=price)
    (row,) = board.rows("test")
    assert row["cost_per_1000"] > 0 and row["training_seconds"] == 12.0



# --- other requests ---


@pytest.mark.parametrize(("place", "right", "wrong"), [
    (0, "+ milk\n+ salt", '["milk", "salt"]'),
    (0, "+ milk\n+ salt\n+ egg", "- milk\n- salt"),
    (1, "<item>milk</item><item>salt</item><item>e", "<food>milk</food><food>salt</food>"),
    (2, "*milk*, *salt*", "_milk_, _salt_"),
    (3, "milk; salt", '["milk; salt"]'),
])
def test_the_form_that_was_asked_for_is_recognised(place, right, wrong):
    assert REQUESTS[place].follows(right)
    assert not REQUESTS[place].follows(wrong)


def test_a_json_list_follows_none_of_the_requests():
    for request in REQUESTS:
        assert not request.follows('["milk", "sea salt", "egg"]')
        assert not request.follows("")


def test_the_change_is_paired_over_recipes():
    before = nb10_other_requests.Listening("a", np.ones((4, 5), int), np.zeros((4, 5), int), ())
    after = replace(before, follows=np.zeros((4, 5), int), json=np.ones((4, 5), int))
    change = nb10_other_requests.change(before, after)
    assert change.value == -1 and change.significant
    assert after.json_share.value == 1 and before.share.value == 1


# --- tuned once ---


def test_a_model_is_tuned_once_and_again_when_anything_differs(capsys):
    rows = [{"messages": [{"role": "user", "content": f"{n}"},
                          {"role": "assistant", "content": "[]"}]} for n in range(4)]
    settings = tuning.LoraSettings(epochs=1, rank=4)
    found = []
    for given, how in ((rows, settings), (rows, settings), (rows[:3], settings),
                       (rows[:3], replace(settings, epochs=2))):
        model = tuning.tune(given, "once-test", settings=how, show=False, reuse=True)
        found.append("before" in capsys.readouterr().out)
    assert found == [False, True, False, False] and len(model.epochs) == 2


# --- decisions revisited ---


def test_what_changed_since_the_last_decision_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    assert record.last("recipe assistant") is None
    before = Record("recipe assistant", date(2026, 11, 1), "measure_first",
                    answers={"quality": ("unknown",)}, evidence={"quality": ("nothing",)})
    assert "this is the first" in record.changes(None, before)[0]
    record.write(before)
    after = replace(before, made=date(2026, 11, 25), decided="tune",
                    answers={"quality": ("better",)}, evidence={"quality": ("+0.2",)})
    said = "\n".join(record.changes(record.last("recipe assistant"), after))
    assert "has changed" in said and "new evidence on: quality" in said and "Before:" in said
    assert "stands" in record.changes(after, after)[0]
    assert len(record.changes(after, after)) == 1


# --- exercises ---


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "work" / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


def cheapest(routes, needed):
    good = {name: cost for name, (low, cost) in routes.items() if low >= needed}
    return min(good, key=good.get) if good else "none"


@pytest.mark.parametrize(("function", "hint"), [
    (cheapest, ""),
    (lambda r, n: max(r, key=lambda name: r[name][0]), "a cheaper one"),
    (lambda r, n: min(r, key=lambda name: r[name][1]), "not good enough"),
    (lambda r, n: cheapest(r, n + 0.001), "at least"),
    (lambda r, n: None, "no return"),
    (lambda r, n: 3, "the name of a route"),
    (lambda r, n: ..., "not answered yet"),
])
def test_choosing_a_route(function, hint):
    text = said("10-1", function)
    assert text.startswith("[ok]") if not hint else hint in text or "returns nothing" in text


def test_reading_curves():
    assert said("10-2", CURVES).startswith("[ok]")
    assert set(CURVES) == set(nb10_curves.ROUTES) and set(CURVES.values()) == set(WORDS)
    for letter, right in CURVES.items():
        for word in set(WORDS) - {right}:
            text = said("10-2", CURVES | {letter: word})
            assert f"{letter}: look again" in text and LOOK[letter, word].rstrip("?") in text
    assert "Curve C is missing" in said("10-2", {"A": "train longer", "B": "stop earlier"})
    assert "none of" in said("10-2", CURVES | {"A": "burn it"})
    assert "should be a dictionary" in said("10-2", ["A"]) and said("10-2", ...).startswith("[..]")


def test_the_curves_are_what_the_exercise_says_of_them():
    """By the record: still falling, turned long ago, lowest at the end."""
    record = real_runs.load()
    losses = {letter: record.training(route).epochs()[2]
              for letter, route in nb10_curves.ROUTES.items()}
    assert losses["A"] == sorted(losses["A"], reverse=True)
    assert losses["B"].index(min(losses["B"])) < len(losses["B"]) / 4
    assert losses["B"][-1] > 1.5 * min(losses["B"])
    assert losses["C"][-1] == min(losses["C"])
    assert "Curve B" in nb10_curves.show("B").alt


@pytest.mark.parametrize(("function", "hint"), [
    (lambda t, n, h, r, p: t * n + h * 8760 + r / 1000 * p, ""),
    (lambda t, n, h, r, p: t + h * 8760 + r / 1000 * p, "How often"),
    (lambda t, n, h, r, p: t * n + h * 8760 + r * p, "a thousand"),
    (lambda t, n, h, r, p: t * n + h + r / 1000 * p, "each hour"),
    (lambda t, n, h, r, p: t * n + r / 1000 * p, "Hosting is missing"),
    (lambda t, n, h, r, p: 17, "not the sum"),
])
def test_the_first_year(function, hint):
    text = said("10-3", function)
    assert text.startswith("[ok]") if not hint else hint in text
