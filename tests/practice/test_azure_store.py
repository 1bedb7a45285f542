"""Deployments and their meter, without any HTTP: states, a wound clock, what is paid for."""

import sqlite3
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lessonlib import costs
from lessonlib.common.facts import limits
from lessonlib.practice.protocol import azure_view
from lessonlib.practice.store import database, deployment_store, hosting
from lessonlib.practice.store import deployment_states as states
from lessonlib.practice.store.deployment_states import WrongDeploymentState
from lessonlib.practice.store.deployment_store import ModelGone
from lessonlib.practice.store.hosting import DAY, HOUR
from lessonlib.practice.store.model_store import ModelInUse, TunedModel, insert_model
from lessonlib.practice.store.store import DEFAULT, Organisation, Store
from lessonlib.practice.web import status_page
from lessonlib.practice.web.door import Activity

#: The machine's time, which stands still in these tests: only the wound clock moves.
NOON = 1_800_000_000.0
MODELS = ("pantry.ft-a", "pantry.ft-b")
PRICE = costs.hosting_per_hour()


@pytest.fixture(autouse=True)
def stopped_time(monkeypatch):
    monkeypatch.setattr(deployment_store, "time", SimpleNamespace(time=lambda: NOON))


def store_with_models(folder, organisation=DEFAULT):
    store = Store(Path(folder))
    with store.database.transaction() as connection:
        for name in MODELS:
            insert_model(connection, TunedModel(
                name, organisation, azure_view.NAME, "job", "pantry", name, 1))
    return store


@pytest.fixture
def store(tmp_path):
    return store_with_models(tmp_path)


def put(store, name="recipes", model=MODELS[0], sku=hosting.STANDARD, owner=DEFAULT):
    tuned = model != "pantry"
    price = hosting.price_per_hour(tuned, sku)
    return store.deployments.put(owner, name, model, tuned, sku, 1, price)


def ready(store, name="recipes", owner=DEFAULT, **wishes):
    put(store, name, owner=owner, **wishes)
    for state in (states.CREATING, states.SUCCEEDED):
        store.deployments.advance(store.deployments.find(owner, name), state)
    return store.deployments.find(owner, name)


def bill(store, owner=DEFAULT):
    now = store.deployments.now(owner)
    return sum(one.cost(now) for one in store.deployments.history(owner))


# --- the meter ---------------------------------------------------------------------------


def test_an_hour_costs_what_the_price_list_says(store):
    ready(store)
    assert bill(store) == 0
    store.deployments.wind(DEFAULT, HOUR)
    assert bill(store) == pytest.approx(PRICE)
    store.deployments.wind(DEFAULT, HOUR / 2)
    assert bill(store) == pytest.approx(1.5 * PRICE)


def test_the_instructor_sees_a_deployment_that_was_forgotten(store):
    """The room's page showed jobs alone: whose bill was growing could be seen nowhere."""
    ready(store, "forgotten")
    ready(store, "<b>base", model="pantry")
    store.deployments.wind(DEFAULT, 10 * HOUR)
    page = status_page.page(store, Activity())
    assert f"<td>forgotten</td><td>{MODELS[0]}</td><td>Succeeded</td><td>{PRICE:.2f}</td>" in page
    assert f"<td>{10 * PRICE:,.2f}</td>" in page and "&lt;b&gt;base" in page
    store.deployments.delete(DEFAULT, "forgotten")
    store.deployments.advance(store.deployments.find(DEFAULT, "forgotten"), states.GONE)
    assert "forgotten" not in status_page.page(store, Activity())


def test_the_meter_begins_when_it_is_ready_and_ends_when_it_is_asked_to_go(store):
    put(store)
    store.deployments.wind(DEFAULT, 5 * HOUR)
    one = store.deployments.find(DEFAULT, "recipes")
    store.deployments.advance(one, states.CREATING)
    store.deployments.wind(DEFAULT, 5 * HOUR)
    assert bill(store) == 0, "Azure does not charge for the time in which it makes it"
    store.deployments.advance(one, states.SUCCEEDED)
    store.deployments.wind(DEFAULT, 2 * HOUR)
    assert store.deployments.delete(DEFAULT, "recipes")
    store.deployments.wind(DEFAULT, 7 * HOUR)  # a service that was off while it was deleted
    store.deployments.advance(one, states.GONE)
    store.deployments.wind(DEFAULT, 9 * HOUR)
    assert bill(store) == pytest.approx(2 * PRICE)
    (gone,) = store.deployments.history(DEFAULT)
    assert (gone.state, gone.reason) == (states.GONE, states.DELETED)


def test_fifteen_idle_days_remove_the_deployment_and_not_the_model(store):
    ready(store)
    days = limits("azure")["deployment"]["idle_days"]
    store.deployments.wind(DEFAULT, days * DAY - 1)
    assert store.deployments.find(DEFAULT, "recipes")
    store.deployments.wind(DEFAULT, 100 * DAY)  # however late somebody looks
    assert store.deployments.find(DEFAULT, "recipes") is None
    assert bill(store) == pytest.approx(days * 24 * PRICE) == pytest.approx(612)
    (gone,) = store.deployments.history(DEFAULT)
    assert gone.reason == states.IDLE and gone.hosted_until == NOON + days * DAY
    assert store.models.find(DEFAULT, MODELS[0])


def test_who_asks_once_a_week_pays_for_ever(store):
    ready(store)
    for _week in range(10):
        store.deployments.wind(DEFAULT, 7 * DAY)
        assert store.deployments.use(DEFAULT, "RECIPES").model == MODELS[0]
    assert bill(store) == pytest.approx(70 * 24 * PRICE)
    store.deployments.wind(DEFAULT, 15 * DAY)
    assert store.deployments.use(DEFAULT, "recipes") is None
    assert bill(store) == pytest.approx(85 * 24 * PRICE)


def test_the_developer_tier_is_free_and_lives_for_a_day_even_when_asked(store):
    ready(store, sku=hosting.DEVELOPER)
    store.deployments.wind(DEFAULT, 23 * HOUR)
    assert store.deployments.use(DEFAULT, "recipes")
    store.deployments.wind(DEFAULT, HOUR)
    assert store.deployments.use(DEFAULT, "recipes") is None
    (gone,) = store.deployments.history(DEFAULT)
    assert gone.reason == states.EXPIRED and gone.hours(NOON) == 24 and bill(store) == 0


def test_a_base_model_is_paid_by_the_token_and_stays(store):
    ready(store, model="pantry")
    store.deployments.wind(DEFAULT, 400 * DAY)
    assert store.deployments.use(DEFAULT, "recipes") and bill(store) == 0


def test_the_price_is_that_of_the_day_of_deploying(store, monkeypatch):
    ready(store)
    monkeypatch.setattr(costs, "hosting_per_hour", lambda service="azure-openai": 99.0)
    store.deployments.wind(DEFAULT, HOUR)
    assert bill(store) == pytest.approx(PRICE)
    ready(store, name="dearer")
    store.deployments.wind(DEFAULT, HOUR)
    assert bill(store) == pytest.approx(2 * PRICE + 99)


def test_the_clock_goes_forward_only_and_not_into_all_eternity(store):
    assert store.deployments.wind(DEFAULT, HOUR) == NOON + HOUR
    assert store.deployments.wind(DEFAULT, -5 * HOUR) == NOON + HOUR
    for _time in range(3):
        store.deployments.wind(DEFAULT, 1e30)
    assert store.deployments.now(DEFAULT) == NOON + deployment_store.MOST_AHEAD


# --- names and models ------------------------------------------------------------------------


def test_another_model_under_the_same_name_is_another_deployment(store):
    ready(store)
    store.deployments.wind(DEFAULT, HOUR)
    made, new = put(store, name="Recipes", model=MODELS[1])
    assert not new and (made.name, made.state) == ("recipes", states.ACCEPTED)
    first, second = store.deployments.history(DEFAULT)
    assert (first.reason, first.hours(NOON)) == (states.REPLACED, 1) and second.model == MODELS[1]
    assert bill(store) == pytest.approx(PRICE)


def test_the_same_wish_again_changes_the_capacity_and_nothing_else(store):
    one = ready(store)
    store.deployments.wind(DEFAULT, HOUR)
    made, new = store.deployments.put(
        DEFAULT, "recipes", MODELS[0], True, hosting.STANDARD, 50, PRICE)
    assert not new and (made.seq, made.capacity, made.state) == (one.seq, 50, states.SUCCEEDED)
    assert bill(store) == pytest.approx(PRICE)


def test_what_is_under_way_is_not_disturbed(store):
    put(store)
    for state in (states.CREATING, None):
        with pytest.raises(WrongDeploymentState):
            put(store, model=MODELS[1])
        if state:
            store.deployments.advance(store.deployments.find(DEFAULT, "recipes"), state)
    one = store.deployments.find(DEFAULT, "recipes")
    assert store.deployments.delete(DEFAULT, "recipes")
    with pytest.raises(WrongDeploymentState):  # the keeper had begun to load it
        store.deployments.advance(one, states.SUCCEEDED)
    store.deployments.advance(one, states.GONE)
    assert not store.deployments.delete(DEFAULT, "recipes") and put(store)[1]


def test_a_deployed_model_cannot_be_deleted_and_a_deleted_one_not_deployed(store):
    ready(store)
    with pytest.raises(ModelInUse) as caught:
        store.models.delete(DEFAULT, MODELS[0])
    assert caught.value.deployments == ["recipes"] and store.models.find(DEFAULT, MODELS[0])
    store.deployments.wind(DEFAULT, 15 * DAY)
    store.deployments.all(DEFAULT)
    assert store.models.delete(DEFAULT, MODELS[0])
    with pytest.raises(ModelGone):
        put(store)
    assert store.models.delete(DEFAULT, MODELS[1])


def test_two_organisations_have_deployments_and_clocks_of_their_own(store):
    store.add_organisation(Organisation("other", "another one"), "key")
    ready(store)
    ready(store, model="pantry", owner="other")
    store.deployments.wind(DEFAULT, 30 * DAY)
    assert store.deployments.now("other") == NOON and bill(store, "other") == 0
    assert store.deployments.find(DEFAULT, "recipes") is None
    assert store.deployments.find("other", "recipes").model == "pantry"
    with pytest.raises(ModelGone):  # another one's model
        put(store, name="stolen", owner="other")
    assert not store.deployments.delete("other", "stolen")


def test_tables_of_the_first_edition_get_what_they_lack(tmp_path):
    """A work folder from before the Azure view had no tables for it, and must go on working."""
    path = tmp_path / "service.db"
    with sqlite3.connect(path) as old:
        for statement in database.TABLES.split(";"):
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO organisations VALUES ('practice', 't', NULL, NULL, NULL, NULL, 1)")
    old.close()
    store = Store(tmp_path)
    assert store.deployments.all(DEFAULT) == [] and store.organisation(DEFAULT).title == "t"
    again = Store(tmp_path)
    assert again.database.row("PRAGMA user_version")[0] == len(database.EDITIONS)


def test_ids_of_32_hex_digits_can_be_read_back():
    for _time in range(200):
        token = database.short_token()
        text = database.token_as_hex(token)
        assert len(text) == 32 and int(text, 16) >= 0 and database.token_of_hex(text) == token
    for wrong in ("", "xyz", "f" * 32, "0" * 31, "-1", "1f" * 40):
        assert database.token_of_hex(wrong) == ""


# --- every order of things that can happen ---------------------------------------------------


class DeploymentLife(RuleBasedStateMachine):
    """A learner, the keeper and time do what they like to one name, in any order.

    Beside the store stands the simplest model of it: one list of what is paid for.
    """

    def __init__(self):
        super().__init__()
        self.real_time = deployment_store.time
        deployment_store.time = SimpleNamespace(time=lambda: NOON)
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.store = store_with_models(self.folder.name)
        self.now, self.paid, self.live, self.dearest = NOON, [], None, 0.0

    def teardown(self):
        self.store.database.connection().close()
        deployment_store.time = self.real_time
        self.folder.cleanup()

    def found(self):
        return self.store.deployments.find(DEFAULT, "it")

    def end(self, when):
        if self.live["from"] is not None:
            self.paid.append(((when - self.live["from"]) / HOUR) * self.live["price"])
        self.live = None

    @rule(model=st.sampled_from([*MODELS, "pantry"]),
          sku=st.sampled_from([hosting.STANDARD, hosting.DEVELOPER]))
    def learner_puts(self, model, sku):
        if self.live and self.live["state"] in states.PASSING:
            with pytest.raises(WrongDeploymentState):
                put(self.store, "it", model, sku)
            return
        same = self.live and (self.live["model"], self.live["sku"], self.live["state"]) == (
            model, sku, states.SUCCEEDED)
        _made, new = put(self.store, "it", model, sku)
        assert new == (self.live is None)
        if not same:
            if self.live:
                self.end(self.now)
            price = PRICE if model != "pantry" and sku == hosting.STANDARD else 0.0
            self.live = {"state": states.ACCEPTED, "model": model, "sku": sku, "price": price,
                         "from": None, "used": None, "until": None}

    @rule(to=st.sampled_from(
        [states.CREATING, states.SUCCEEDED, states.FAILED, states.GONE, states.DELETING]))
    def keeper_advances(self, to):
        one = self.found()
        if one is None:
            return
        allowed = to in states.NEXT[one.state]
        # Out of these states only time, a learner's wish or another model lead to the end.
        if not allowed:
            with pytest.raises(WrongDeploymentState):
                self.store.deployments.advance(one, to)
            return
        if to == states.DELETING or (to == states.GONE and one.state != states.DELETING):
            return
        self.store.deployments.advance(one, to)
        if to == states.GONE:
            self.end(self.live["until"])
            return
        self.live["state"] = to
        self.live["from"] = self.now if to == states.SUCCEEDED else None

    @rule()
    def learner_asks(self):
        answers = self.store.deployments.use(DEFAULT, "it")
        assert (answers is not None) == bool(
            self.live and self.live["state"] == states.SUCCEEDED)
        if answers and (self.live["used"] is None or self.now - self.live["used"] >= 60):
            self.live["used"] = self.now

    @rule()
    def learner_deletes(self):
        assert self.store.deployments.delete(DEFAULT, "it") == (self.live is not None)
        if self.live and self.live["state"] != states.DELETING:
            self.live |= {"state": states.DELETING, "until": self.now}

    @rule(hours=st.sampled_from([0.5, 1.0, 13.0, 24.0, 100.0, 360.0, 361.0]))
    def time_goes_by(self, hours):
        self.now += hours * HOUR
        assert self.store.deployments.wind(DEFAULT, hours * HOUR) == self.now
        live = self.live
        if live and live["state"] == states.SUCCEEDED and live["model"] != "pantry":
            ends = [(live["used"] or live["from"]) + 15 * DAY]
            if live["sku"] == hosting.DEVELOPER:
                ends.append(live["from"] + 24 * HOUR)
            if min(ends) <= self.now:
                self.end(min(ends))

    @invariant()
    def the_store_tells_the_same(self):
        found = self.found()
        assert (found is None) == (self.live is None)
        if found is not None:
            assert (found.state, found.model, found.sku) == (
                self.live["state"], self.live["model"], self.live["sku"])
        assert len(self.store.deployments.all(DEFAULT)) <= 1

    @invariant()
    def the_bill_is_right_and_never_falls(self):
        expected = sum(self.paid)
        if self.live and self.live["from"] is not None:
            until = self.now if self.live["until"] is None else self.live["until"]
            expected += (until - self.live["from"]) / HOUR * self.live["price"]
        dollars = bill(self.store)
        assert dollars == pytest.approx(expected, abs=1e-6)
        assert dollars >= self.dearest - 1e-6
        self.dearest = dollars

    @invariant()
    def another_store_sees_the_same(self):
        """Nothing of it is in memory alone."""
        other = Store(self.store.folder)
        assert other.deployments.history(DEFAULT) == self.store.deployments.history(DEFAULT)
        other.database.connection().close()


TestDeploymentLife = DeploymentLife.TestCase
TestDeploymentLife.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None,
    suppress_health_check=list(HealthCheck))
