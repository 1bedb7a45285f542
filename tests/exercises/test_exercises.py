"""Exercise checks: what they say to right, wrong, odd and missing answers; progress."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe_rows import recipe_row

from lessonlib.exercises import answers, feedback, progress_file
from lessonlib.exercises.feedback import Exercise, all_exercises
from lessonlib.measure.evaluation import Result
from lessonlib.tasks import recipes


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """A work folder of its own."""
    path = tmp_path / "work" / "progress.json"
    monkeypatch.setattr(progress_file, "PATH", path)
    return path


def said(id, *given):
    return str(feedback._feedback(id, given))


def result(hits, tokens=100):
    """A result on recipes of four names, of which hits[i] are found."""
    rows = [recipe_row(f"r{i}", h, 4, predicted=4, prompt_tokens=tokens)
            for i, h in enumerate(hits)]
    return Result("some", "pantry", tuple(rows))


# --- an example from beginning to end --------------------------------------------------------


@pytest.fixture
def doubling(monkeypatch):
    """An exercise that no notebook has: a function that doubles a number."""

    def check(function):
        for number, right in ((2, 4), (-1, -2)):
            value = answers.number(answers.call(function, number), "the result")
            if value != right:
                yield f"For {number} the result is wrong."

    all_exercises()  # load those of the notebooks first
    one = Exercise("99-1", "Doubling", 1, 2, check, "Twice as much.")
    monkeypatch.setitem(feedback._registered, "99-1", one)
    return one


def test_a_blank_is_no_mistake(doubling, kept):
    text = "[..] 99-1: not answered yet, going on."
    assert said("99-1", ...) == text
    assert said("99-1", lambda number: ...) == text, "the blank of a function is return ..."
    assert said("99-1", [1, ...]) == text
    assert not kept.exists()


def test_a_right_answer_is_told_with_what_to_take_along(doubling, kept):
    assert said("99-1", lambda number: 2 * number) == "[ok] 99-1: right. Twice as much."
    assert json.loads(kept.read_text(encoding="utf-8"))["exercises"] == {"99-1": "right"}


def test_everything_that_is_missing_is_told(doubling):
    assert said("99-1", lambda number: 0).splitlines() == [
        "[not yet] 99-1: not there yet.",
        "  - For 2 the result is wrong.",
        "  - For -1 the result is wrong.",
    ]


def failing(number):
    return {}["no such key"]


def leaving(number):
    raise SystemExit


class Strange:
    """A thing that fails whatever one does with it."""

    def _fail(self, *given):
        raise RuntimeError("leave me alone")

    __eq__ = __lt__ = __bool__ = __float__ = __str__ = __repr__ = __iter__ = __len__ = _fail
    __hash__ = None


class StrangeError(Exception):
    def __str__(self):
        raise ValueError


def strangely_failing(number):
    raise StrangeError


@pytest.mark.parametrize(("answer", "sentence"), [
    (None, "This should be a function; it is nothing (None)."),
    (4, "This should be a function; it is a number."),
    (failing, "failing stops with KeyError: 'no such key'."),
    (leaving, "leaving stops with SystemExit."),
    (strangely_failing, "strangely_failing stops with StrangeError."),
    (lambda: 4, "takes 0 positional arguments but 1 was given"),
    (lambda number: None, "returns nothing: is there a return in it?"),
    (lambda number: "4", "the result should be a number; it is a text."),
    (lambda number: True, "the result should be a number; it is True or False."),
    (lambda number: float("nan"), "the result is nan, which isn't an amount."),
    (lambda number: np.array([4, 5]), "the result should be a number; it is of the type ndarray."),
    (lambda number: Strange(), "the result should be a number; it is of the type Strange."),
])
def test_mistakes_in_an_answer_become_a_sentence(doubling, answer, sentence):
    text = said("99-1", answer)
    assert text.startswith("[not yet] 99-1: not there yet.") and sentence in text


def test_a_function_that_calls_itself_for_ever_becomes_a_sentence(doubling):
    def endless(number):
        return endless(number)

    assert "RecursionError" in said("99-1", endless)


def test_numbers_of_numpy_are_numbers(doubling):
    assert said("99-1", lambda number: np.int64(2 * number)).startswith("[ok]")


def test_the_learner_can_interrupt_a_function_that_never_ends(doubling):
    def interrupted(number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        said("99-1", interrupted)


def test_wrong_numbers_and_ids_are_told():
    assert "There is no exercise '99-7'." in said("99-7", 1) and "01-1" in said("99-7", 1)
    assert said("01-1", 1) == "[not yet] 01-1: this check takes: extra, without, with_examples."


def test_a_sentence_that_was_yielded_before_a_failure_is_kept(monkeypatch):
    def check(value):
        yield "The first thing."
        raise ZeroDivisionError("division by zero")

    all_exercises()
    monkeypatch.setitem(feedback._registered, "99-1", Exercise("99-1", "", 1, 1, check))
    text = said("99-1", 1)
    assert "The first thing." in text
    assert "cannot make sense of this answer: ZeroDivisionError: division by zero" in text


ODD = [None, ..., 0, -1.5, True, "", "a text", b"", [], [...], [None], {}, {"a": ...}, set(),
       float("inf"), object(), object, len, print, failing, leaving, Strange(), [Strange()],
       np.zeros(3), np.zeros((2, 2)), recipes.load("train")[0], recipes.load("train")[:4],
       lambda *given: ..., lambda *given: None, lambda *given: [Strange()], lambda *given: given,
       lambda *given: "text", lambda *given: -1, lambda *given: [given[0]]]


@pytest.mark.parametrize("one", all_exercises(), ids=lambda one: one.id)
def test_no_check_ever_raises(one):
    count = one.check.__code__.co_argcount
    for odd in ODD:
        results = [result([0, 1]), result([3, 4], tokens=525)][: count - 1]
        for answer in ([odd] * count, [odd, *results], [], [odd] * 9):
            text = said(one.id, *answer)
            assert text.startswith(("[..] ", "[not yet] ")) and one.id in text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_check_raises_or_is_content_with_anything_at_random(value):
    for one in ("00-2", "01-2"):  # these want a function
        assert not said(one, value).startswith("[ok]")


# --- how it is shown -------------------------------------------------------------------------


def test_feedback_has_words_for_all_and_html_that_is_escaped(doubling, capsys):
    def check(value):
        yield f"{value} is not it."

    feedback._registered["99-1"] = Exercise("99-1", "", 1, 1, check)
    shown = feedback._feedback("99-1", ("<b>bold</b>",))._repr_mimebundle_()
    assert "&lt;b&gt;bold" in shown["text/html"] and "<b>" not in shown["text/html"]
    assert shown["text/plain"].endswith("- <b>bold</b> is not it.")
    assert 'role="status"' in shown["text/html"] and 'aria-hidden="true"' in shown["text/html"]
    assert feedback.check("99-1", 1) is None, "nothing is shown twice"
    assert "[not yet] 99-1" in capsys.readouterr().out


def test_the_same_answer_gets_the_same_words_each_time(doubling):
    for answer in (lambda number: 0, lambda number: 2 * number, ...):
        assert said("99-1", answer) == said("99-1", answer)


# --- registering -----------------------------------------------------------------------------


@pytest.mark.parametrize(("id", "difficulty", "minutes"), [
    ("01-1", 1, 3), ("99-1", 4, 3), ("99-1", 0, 3), ("99-1", 1, 0)])
def test_wrong_registrations_are_refused(id, difficulty, minutes):
    def check(value):
        yield ""

    all_exercises()
    with pytest.raises(ValueError):
        feedback.exercise(id, title="x", difficulty=difficulty, minutes=minutes)(check)


def test_a_check_that_forgets_to_yield_is_refused():
    # It would return None, and every answer would be right.
    with pytest.raises(ValueError, match="must yield"):
        feedback.exercise("99-1", title="x", difficulty=1, minutes=1)(lambda value: None)


def test_every_exercise_says_what_it_takes():
    for one in all_exercises():
        assert one.title and one.learned and one.check.__doc__
        assert one.effort.startswith("Difficulty: ") and f"{one.minutes} minutes" in one.effort


# --- the exercises of notebook 00 ------------------------------------------------------------

AFTER = replace(result([4, 3, 4, 4]), model="first-taste")  # micro-F1 0.9375
FIFTY = replace(result([2, 2, 2, 0]), model="fifty")


@pytest.mark.parametrize(("guess", "fifty", "sentence"), [
    (0.6, FIFTY, "[ok]"), (0, FIFTY, "[ok]"), (60, FIFTY, "between 0 and 1"),
    ("0.6", FIFTY, "it is a text"), (0.6, 0.5, "what evaluate returns"),
    (0.6, AFTER, "tuned on all the examples"), (0.6, replace(AFTER, model="fifty"), "rows[:50]"),
    (0.6, result([1, 1, 2, 0]), "the untuned model"),
    (0.6, replace(result([1, 1, 2]), model="fifty"), "other recipes")])  # fmt: skip
def test_00_1_guess_then_tune(guess, fifty, sentence):
    assert sentence in said("00-1", guess, fifty, AFTER)


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda examples, training: [e for e in examples if e.lines in {t.lines for t in training}],
     "[ok]"),
    (lambda examples, training: [e for e in examples if e in training], "id and its title are new"),
    (lambda examples, training: [e for e in examples if e.title in {t.title for t in training}],
     "not all of its lines"),
    (lambda examples, training: [], "was not found"),
    (lambda examples, training: examples, "but not all of its lines"),
    (lambda examples, training: [t for t in training if t.lines in {e.lines for e in examples}],
     "holds training recipes"),
    (lambda examples, training: [e for t in training for e in examples
                                 if e.lines == t.lines] * 2, "twice"),
    (lambda examples, training: [e.lines for e in examples], "whole recipes"),
    (lambda examples, training: 0, "should be a list; it is a number"),
])
def test_00_2_seen_before(function, sentence):
    assert sentence in said("00-2", function)


# --- the exercises of notebook 01 ------------------------------------------------------------

BARE, FOUR = result([1], tokens=100), result([1], tokens=525)


@pytest.mark.parametrize(("extra", "sentence"), [
    (425_000, "[ok]"), (425_000.0, "[ok]"), (-425_000, "make the prompt shorter"),
    (425, "one request"), (525_000, "whole prompts"), (100_000, "without examples"),
    (1, "Two numbers are needed"), (None, "it is nothing (None)")])
def test_01_1_price(extra, sentence):
    assert sentence in said("01-1", extra, BARE, FOUR)


@pytest.mark.parametrize(("function", "sentence"), [
    (lambda window, words, one, answer: max(0, (window - words - answer) // one), "[ok]"),
    (lambda window, words, one, answer: (window - words - answer) // one, "fewer than no"),
    (lambda window, words, one, answer: max(0, (window - words - answer) / one), "no part of"),
    (lambda window, words, one, answer: max(0, (window - words) // one), "do not fit"),
    (lambda window, words, one, answer: 0, "there is room for more"),
    (lambda window, words: 0, "stops with TypeError"),
])
def test_01_2_fit(function, sentence):
    assert sentence in said("01-2", function)


# --- progress --------------------------------------------------------------------------------


def test_what_was_right_stays_right(kept):
    assert progress_file.record("exercises", "01-1", "tried") == ""
    assert progress_file.record("exercises", "01-1", "right") == ""
    assert progress_file.record("exercises", "01-1", "tried") == ""
    assert progress_file.load() == ({"exercises": {"01-1": "right"}, "quizzes": {}}, "")


def test_what_was_done_in_the_old_notebook_08_counts_where_it_is_now(kept):
    """Notebook 08 became three. Its old exercises must not tick off the new ones of that number."""
    kept.parent.mkdir()
    old = {"exercises": {"01-1": "right", "08-1": "right", "08-3": "tried"},
           "quizzes": {"08/qlora": "right", "08/template": "right"}}  # fmt: skip
    kept.write_text(json.dumps(old), encoding="utf-8")
    moved = {"exercises": {"04-1": "right", "12-1": "right", "13-1": "tried"},
             "quizzes": {"12/qlora": "right", "08/template": "right"}}  # fmt: skip
    assert progress_file.load() == (moved, "")
    progress_file.record("exercises", "08-1", "tried")  # the new one
    moved["exercises"]["08-1"] = "tried"
    assert progress_file.load() == (moved, "")


def test_ticks_follow_the_notebooks_that_were_renumbered(kept):
    """The order of reading became the order of numbers; 01 to 04 changed places. Ticks of a file
    of before must not stand beside exercises that its owner has never seen."""
    kept.parent.mkdir()
    old = {"edition": 2, "exercises": {"01-1": "right", "03-2": "tried", "12-1": "right"},
           "quizzes": {"02/cost": "right", "04/recall": "tried"}}  # fmt: skip
    kept.write_text(json.dumps(old), encoding="utf-8")
    moved = {"exercises": {"04-1": "right", "01-2": "tried", "12-1": "right"},
             "quizzes": {"03/cost": "right", "02/recall": "tried"}}  # fmt: skip
    assert progress_file.load() == (moved, "")
    progress_file.record("exercises", "12-2", "tried")  # writes the file of today
    moved["exercises"]["12-2"] = "tried"
    assert progress_file.load() == (moved, ""), "moved once, not at every reading"


def test_the_tick_of_an_exercise_that_was_replaced_is_not_inherited(kept):
    """03-3 listed names that stay unknown; under its new number, 01-3, one writes a prompt."""
    kept.parent.mkdir()
    old = {"edition": 2, "exercises": {"03-3": "right", "04-1": "right"}, "quizzes": {}}
    kept.write_text(json.dumps(old), encoding="utf-8")
    assert progress_file.load() == ({"exercises": {"02-1": "right"}, "quizzes": {}}, "")
    progress_file.record("exercises", "01-3", "right")
    assert progress_file.load()[0]["exercises"] == {"02-1": "right", "01-3": "right"}


@pytest.mark.parametrize("damaged", [
    b"", b"{", b"\xff\xfe\x00", b"[]", b'{"exercises": []}', b'{"exercises": {"01-1": []}}',
    b"[" * 100_000])
def test_a_damaged_file_is_put_aside_and_told(kept, damaged):
    kept.parent.mkdir()
    kept.write_bytes(damaged)
    assert progress_file.load()[1] == "progress.json is damaged, so your progress starts over."
    text = said("01-1", 425_000, BARE, FOUR)
    assert text.startswith("[ok] 01-1") and "kept as progress.damaged.json" in text
    assert kept.with_name("progress.damaged.json").read_bytes() == damaged
    assert progress_file.load() == ({"exercises": {"01-1": "right"}, "quizzes": {}}, "")
    assert "damaged" not in said("01-1", 425_000, BARE, FOUR)


def test_a_folder_that_cannot_be_written_is_told_and_goes_on(kept):
    kept.parent.write_text("a file where the folder should be", encoding="utf-8")
    text = said("01-1", 425_000, BARE, FOUR)
    assert text.startswith("[ok] 01-1: right.") and "could not be kept" in text


def test_nothing_is_lost_when_two_notebooks_write_at_once(kept):
    names = [f"01-{number}" for number in range(20)]
    threads = [threading.Thread(target=progress_file.record, args=("exercises", name, "tried"))
               for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(progress_file.load()[0]["exercises"]) == sorted(names)
    assert [path.name for path in kept.parent.glob("*.new")] == []
