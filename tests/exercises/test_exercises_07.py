"""The checks of notebook 07: what each says to right answers and to likely mistakes."""

import pytest

from lessonlib.exercises import feedback, progress_file
from lessonlib.services import deployments

PER_HOUR = 1.7


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "work" / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


RIGHT = {"ada": 2 * PER_HOUR, "ben": 360 * PER_HOUR, "cora": 0}


@pytest.mark.parametrize(("answer", "hint"), [
    (RIGHT, ""),
    (RIGHT | {"ben": 360}, "number of hours"),
    (RIGHT | {"ben": 504 * PER_HOUR}, "all 21 days"),
    (RIGHT | {"ben": 0}, "not free"),
    (RIGHT | {"ada": 24 * PER_HOUR}, "24.0 hours"),
    (RIGHT | {"cora": 24 * PER_HOUR}, "no hourly fee"),
    ({"ada": 3.4, "ben": 612}, "Nothing is said of cora"),
    (615.4, "a dictionary"),
])
def test_predicted_bill(answer, hint):
    text = said("07-1", answer, PER_HOUR)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")


def right_name(model, deployed):
    return next((one.name for one in deployed
                 if one.model == model and one.state == "Succeeded"), None)


@pytest.mark.parametrize(("function", "hint"), [
    (right_name, ""),
    (lambda model, deployed: model, "the model's name"),
    (lambda model, deployed: deployed[0].name if deployed else None, "is that one ready"),
    (lambda model, deployed: next((one.name for one in deployed if one.model == model), None),
     "is that one ready"),
    (lambda model, deployed: None, "found nothing"),
    (lambda model, deployed: right_name(model, deployed) or "none", "where no deployment answers"),
    (lambda model, deployed: deployed[99].name, "IndexError"),
])
def test_name_to_ask(function, hint):
    text = said("07-2", function)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")


def test_a_blank_in_the_function_is_no_mistake():
    assert said("07-2", lambda model, deployed: ...).startswith("[..]")


MODEL = "pantry.ft-1:ckpt-step-12"
BODY = deployments.request_body(MODEL, "developer")


def changed(part, **values):
    return BODY | {part: BODY[part] | values}


@pytest.mark.parametrize(("order", "hint"), [
    (BODY, ""),
    (deployments.request_body(MODEL), "called developertier"),
    (changed("sku", capacity=1), "capacity is 50"),
    (deployments.request_body("pantry.ft-1", "developer"), "first checkpoint"),
    ({"properties": BODY["properties"]}, "two parts"),
    (changed("properties", model=MODEL), "a dictionary called model"),
    ("PUT", "a dictionary"),
])
def test_deployment_body(order, hint):
    text = said("07-3", order, MODEL)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")
