"""The checks of notebook 07: what each says to right answers and to likely mistakes."""

import pytest

from lessonlib.exercises import feedback, progress_file

PER_HOUR = 1.7


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "work" / "progress.json")


def said(id, *given):
    return str(feedback._feedback(id, given))


@pytest.mark.parametrize(("answer", "hint"), [
    (64 * PER_HOUR, ""),
    (64, "number of hours"),
    (48 * PER_HOUR, "Friday evening"),
    (72 * PER_HOUR, "whole days"),
    (0.0, "not free"),
    (60 * PER_HOUR, "60.0 hours"),
    ("109", "a number"),
])
def test_weekend(answer, hint):
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


@pytest.mark.parametrize(("function", "hint"), [
    (lambda hour, answer: int(24 * hour // answer) + 1, ""),
    (lambda hour, answer: 24 * hour / answer, "really *less*"),
    (lambda hour, answer: 24 * hour / answer + 0.5, "half answers"),
    (lambda hour, answer: int(hour // answer) + 1, "A day has 24"),
    (lambda hour, answer: 7, "is not the number"),
    (lambda hour, answer: -(-24 * hour // answer), "really *less*"),
])
def test_enough_answers(function, hint):
    text = said("07-3", function)
    assert hint in text and text.startswith("[not yet]" if hint else "[ok]")
