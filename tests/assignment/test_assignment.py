"""Notebook 11: scores of learners' own tasks, baselines, starter sets, rubric, exercises."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory import assignment_files
from lessonlib.assignment import (
    answer_loss,
    forms,
    nearness,
    own_rows,
    reading,
    rubric,
    scores,
    simple,
    starters,
    tuning,
)
from lessonlib.assignment.answer_loss import AnswerLoss
from lessonlib.assignment.scores import OwnExample, as_fields
from lessonlib.common.errors import LessonError
from lessonlib.common.paths import DATA
from lessonlib.decision import record
from lessonlib.decision.record import Record
from lessonlib.exercises import feedback, progress_file
from lessonlib.measure.bootstrap import Difference
from lessonlib.measure.evaluation import Result, compare
from lessonlib.tasks.near_duplicates import near_duplicates


def answer(text):
    return {"text": text, "prompt_tokens": 9, "completion_tokens": 2, "seconds": 0.1,
            "finish_reason": "stop", "error": None, "error_message": None}


# --- scores ---


@pytest.mark.parametrize(("text", "right", "known"), [
    ("billing", True, True), (" Billing.\n", True, True), ('"billing"', True, True),
    ("delivery", False, True), ("billing team", False, False), ("", False, False),
])
def test_a_label_is_right_whatever_its_capitals_and_quotes(text, right, known):
    example = OwnExample("row-2", "?", "billing", "label", labels=("billing", "delivery"))
    row = example.score(answer(text))
    assert (row.right, row.known) == (right, known)


@pytest.mark.parametrize(("text", "counts", "exact"), [
    ('{"team": "billing", "urgent": true}', (2, 2, 2), True),
    ('{"urgent": true, "team": "BILLING"}', (2, 2, 2), True),
    ('{"team": "billing", "urgent": false}', (1, 2, 2), False),
    ('{"team": "billing"}', (1, 1, 2), False),
    ("team: billing", (0, 0, 2), False),
    ('{"team": ["billing", "billing"]}', (1, 2, 2), False),
])
def test_the_fields_of_a_json_answer_are_counted(text, counts, exact):
    example = OwnExample("row-2", "?", '{"team": "billing", "urgent": true}', "fields")
    row = example.score(answer(text))
    assert (row.true_positives, row.predicted, row.expected) == counts and row.exact is exact
    assert row.valid_json is text.startswith("{")


@given(st.text(max_size=60))
@settings(deadline=None)
def test_any_text_can_be_scored(text):
    for kind in scores.KINDS:
        example = OwnExample("row-2", "?", "[1]", kind, ("a/b",), "limerick", ("[1]",))
        row = example.score(answer(text))
        for metric in row.METRICS.values():
            values = metric.count(row)
            assert all(value >= 0 for value in values) and values[0] <= values[-1] + 60
    assert as_fields("[" * 5000) is None


def test_forms_find_what_is_plainly_wrong():
    def failed(text, form="", must=()):
        return [check.what for check in forms.look(text, form, must) if not check.passed]

    good = starters.load("element_limericks").test[0]
    assert failed(good.answer, "limerick", good.must) == []
    assert "has five lines" in failed("One line is not enough here.", "limerick")
    assert failed("It has 366 days in it.", must=("366",)) == []
    assert failed("It has 3660 days in it.", must=("366",)) == ["says 366"]
    assert failed("A spider has eight legs.", must=("eight/8",)) == []
    assert "does not go in circles" in failed("the salt of the salt of the salt of the salt of.")
    assert len(failed("")) == 2
    assert failed("What. A. Day. It. Was today.", "two or three sentences")


# --- free text ---


def of_same_text(task, text):
    return simple.always(task, text)


@pytest.fixture(scope="module")
def jokes():
    return starters.load("sarcastic_facts")


@pytest.mark.parametrize("which", [None, 0, 3, "", "It is so. You may write it down."])
def test_the_same_text_for_every_question_scores_nothing(jokes, which):
    """By form checks alone it beat tuned and untuned models: no check knows the question."""
    text = which if isinstance(which, str) else jokes.test[which or 0].answer
    if which is None:
        text = " ".join(one.answer for one in jokes.test)
    score = of_same_text(jokes, text).metrics()["nearness"]
    assert score.value == pytest.approx(0, abs=1e-9)


def test_the_main_score_of_free_text_looks_at_each_row(jokes):
    constant = of_same_text(jokes, "It is so. You may write it down, if you can write.")
    perfect = simple._result(jokes, "perfect", lambda one: one.answer)
    echo = simple._result(jokes, "the question again", lambda one: one.question)
    scores = [result.metrics() for result in (constant, echo, perfect)]
    near = [score["nearness"].value for score in scores]
    assert near[0] < near[1] < near[2] and near[2] > 0.5
    forms_passed = [score["form_checks"].value for score in scores]
    assert forms_passed[0] > forms_passed[1], "why form checks alone cannot decide"
    assert constant.main_metric == "nearness" and compare(perfect, constant).verdict == "better"
    assert compare(constant, perfect).verdict == "worse"


def test_nearness_of_a_text():
    beside = ("salt and pepper", "a cup of milk")
    assert nearness.likeness("Salt  and pepper", beside[0]) == 1
    assert nearness.likeness("", beside[0]) == nearness.likeness("", "") == 0
    assert nearness.nearness(beside[0], beside[0], beside) > 0.7
    assert nearness.nearness(beside[1], beside[0], beside) < -0.7
    assert nearness.nearness("salt", "salt", ()) == 1, "with no other row there is likeness alone"


# --- starter sets ---


def test_the_starter_sets_have_the_size_that_their_cards_state():
    sizes = {name: len(own_rows.read(one.path, kind=one.kind).examples)
             for name, one in starters.STARTERS.items()}
    assert sizes == {"support_triage": 320, "sarcastic_facts": 68, "element_limericks": 52}
    card = (DATA / "README.md").read_text(encoding="utf-8")
    for name, size in sizes.items():
        assert f"| `{starters.find(name).file}` | {size} |" in card


def test_nothing_in_a_starter_set_is_set_aside_or_said_twice():
    for one in starters.STARTERS.values():
        rows = own_rows.read(one.path, kind=one.kind)
        assert rows.set_aside == [] and not any("repeat" in note for note in rows.notes), rows
        answers = [example.answer for example in rows.examples]
        if one.kind == "text":
            assert len(set(answers)) == len(answers)


def test_every_right_answer_passes_the_checks_of_its_form():
    for name in ("sarcastic_facts", "element_limericks"):
        for one in own_rows.read(starters.find(name).path, kind="text").examples:
            failed = [c.what for c in forms.look(one.answer, one.form, one.must) if not c.passed]
            assert not failed and one.must and one.form, (one.id, failed)


def test_triage_has_a_test_set_in_another_hand_and_no_leak():
    task = starters.load("support_triage")
    assert len(task.test) == 40 and set(task.labels) == {
        "billing", "delivery", "returns", "account", "advice"}
    assert all(sum(one.answer == label for one in task.test) == 8 for label in task.labels)
    every = [*task.train, *task.validation, *task.test]
    assert near_duplicates(every, text=lambda one: one.question) == []
    assert len(every) == 360 and all(label in task.instructions for label in task.labels)


def test_every_starter_set_makes_a_task():
    for name in starters.STARTERS:
        task = starters.load(name)
        assert min(len(task.train), len(task.validation), len(task.test)) >= 3
        assert task.rows(task.train)[0]["messages"][-1]["content"] == task.train[0].answer
    with pytest.raises(LessonError, match="no starter set 'jokes'"):
        starters.load("jokes")


def test_the_templates_are_what_the_factory_writes():
    for name, made in (("template.csv", assignment_files.template_csv()),
                       ("template.xlsx", assignment_files.template_xlsx()),
                       ("messy.csv", assignment_files.messy_csv())):
        kept = DATA / "assignment" / name
        assert kept.read_bytes() == made or name.endswith("xlsx")
        assert own_rows.read(kept).examples
    both = [own_rows.read(DATA / "assignment" / f"template.{end}").examples
            for end in ("csv", "xlsx")]
    assert both[0] == both[1], "a workbook's bytes differ with the library, its rows do not"


# --- baselines ---


def test_baselines_without_a_model():
    task = starters.load("support_triage")
    always, nearest = simple.commonest(task), simple.nearest(task)
    assert always.metrics()["accuracy"].value == pytest.approx(0.2)
    assert nearest.metrics()["accuracy"].value > 0.5
    assert compare(nearest, always).low > 0
    assert always.model == "no model" and always.prompt_tokens == 0


def test_a_training_row_is_never_shown_to_itself():
    """A model that finds the answer in its prompt learns to copy, and fails on new rows."""
    task = starters.load("support_triage")
    for one in task.train[:40]:
        assert one.id not in {other.id for other in task.most_similar(one)}
        assert len(task.most_similar(one)) <= task.shown
    prompt = task.looked_up(task.train[0])[-1]["content"]
    assert prompt.startswith("Solved before:\n- ") and prompt.endswith(task.train[0].question)
    task.shown = 0
    assert task.looked_up(task.train[0]) == task.bare(task.train[0])


def test_the_likest_row_falls_back_where_no_word_agrees():
    task = starters.load("support_triage")
    task.test = [replace(task.test[0], question="qqq zzz")]
    assert simple.nearest(task).rows[0].known


# --- loss ---


def test_the_change_of_a_loss_is_paired():
    before = AnswerLoss("a", np.array([[8.0, 2], [9.0, 3], [20.0, 4]]))
    after = AnswerLoss("b", np.array([[4.0, 2], [3.0, 3], [8.0, 4]]))
    assert before.per_token.value == pytest.approx(37 / 9)
    change = answer_loss.fell(before, after)
    assert change.value == pytest.approx(15 / 9 - 37 / 9) and change.verdict == "better"
    assert "perplexity" in str(before)


def test_answer_loss_counts_the_answers_alone():
    """A long question must not change how many tokens count."""
    def row(question):
        return {"messages": [{"role": "user", "content": question},
                             {"role": "assistant", "content": '["salt"]'}]}

    short, long = (answer_loss.measure("x", [row(words)]) for words in ("salt", "salt " * 50))
    assert short.counts[0, 1] == long.counts[0, 1] > 1


# --- rubric ---


@pytest.fixture
def done(tmp_path, monkeypatch):
    """A piece of work in which nothing is missing."""
    monkeypatch.setattr(record, "FOLDER", tmp_path)
    task = starters.load("support_triage")
    path = record.write(Record(
        "sorting mails", date.today(), "retrieve",
        "the plain search is as good as the tuned model, and it costs nothing at all",
        answers={"quality": ("cannot_tell",)}, evidence={"quality": ("0.5 against 0.7",)}))
    tuned = simple.nearest(task)
    return rubric.Work(
        use_case="sort the messages of our customers by team", needed=0.8,
        rows=own_rows.read(starters.find("support_triage").path), task=task,
        baselines={"commonest": simple.commonest(task),
                   "instructions": replace(simple.nearest(task), model="pantry")},
        tuned=replace(tuned, model="mine"), model=object(), difference=Difference(0.1, 0.0, 0.2),
        cost={"per_1000": 1.0}, limits={"forgetting": 0.2},
        mistakes={one.id: "it took the first word" for one in task.test[:5]}, record=path)


def missing(work):
    return {name: sentences for name, sentences in rubric.check(work).lines if sentences}


def test_work_in_which_nothing_is_missing_meets_all_criteria(done):
    assert missing(done) == {}
    verdict = rubric.check(done)
    assert verdict.met == len(rubric.CRITERIA) == 10 and "All 10" in str(verdict)
    assert "color" not in verdict._repr_html_()


def test_running_all_cells_earns_no_point(done):
    """With the starter set and nothing filled in, "7 of 10 criteria" were met."""
    untouched = replace(done, use_case="", mistakes={}, own_rows=False)
    untouched.record.write_text(
        untouched.record.read_text(encoding="utf-8").replace("the plain search is as good as the"
        " tuned model, and it costs nothing at all", ""), encoding="utf-8")
    verdict = rubric.check(untouched)
    assert (verdict.met, verdict.points) == (0, 3)
    assert "0 of 3 points" in str(verdict) and "all 10 earn" in str(verdict)
    assert len(verdict.lines) == 10, "what the cells have done is still looked at"
    assert rubric.check(replace(untouched, own_rows=True)).met == 7
    assert rubric.check(replace(done, own_rows=False, mistakes={})).met < 3


@pytest.mark.parametrize(("change", "words"), [
    ({"use_case": ""}, "USE_CASE"),
    ({"needed": None}, "NEEDED"),
    ({"rows": None}, "read your rows"),
    ({"task": None}, "divide the rows"),
    ({"baselines": {}}, "two baselines"),
    ({"tuned": None}, "measure the tuned model"),
    ({"model": None}, "tune a model"),
    ({"difference": None}, "compare tuned"),
    ({"cost": {}}, "1,000 requests"),
    ({"mistakes": {}}, "there are 0 notes"),
    ({"mistakes": {"row-9999": "what"}}, "no test example 'row-9999'"),
    ({"limits": {}}, "one limit"),
    ({"record": None}, "decision record"),
])
def test_the_rubric_names_what_is_missing(done, change, words):
    assert words in str(missing(replace(done, **change)))


def test_for_free_text_a_loss_is_wanted_from_wherever_it_comes(done):
    done.task.kind = "text"
    assert "loss of the right answers" in str(missing(done))
    done.model = tuning.Tuned("mine", "job", 3.0, 100, losses=(2.0, 1.0))
    assert missing(done) == {}


def test_blank_notes_do_not_count(done):
    done.mistakes = {id: "..." for id in done.mistakes}
    assert "0 notes" in str(missing(done))


def test_a_leak_is_found_however_the_splits_were_made(done):
    done.task.train = [*done.task.train, replace(done.task.test[3], id="row-777")]
    assert "nearly repeat a test row" in str(missing(done))


def test_a_tuned_model_that_was_asked_about_its_training_rows_is_found(done):
    done.tuned = Result("tuned", "mine", tuple(
        replace(done.tuned.rows[0], id=one.id) for one in done.task.train[:40]))
    assert "trained on" in str(missing(done))


def test_an_old_or_empty_decision_is_found(done):
    text = done.record.read_text(encoding="utf-8")
    day = date.today() - timedelta(days=3)
    done.record.write_text(text.replace(date.today().isoformat(), day.isoformat()),
                           encoding="utf-8")
    assert "look at it again" in str(missing(done))
    done.record.write_text("nothing", encoding="utf-8")
    assert "could not be judged" in str(missing(done))


class Evil:
    """Anything that a learner may have put into a field."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize("work", [None, 3, "work", Evil(), rubric.Work(),
                                  rubric.Work(*[Evil() for _ in range(13)]),
                                  rubric.Work(rows=1, task=2, baselines=3, mistakes=4, record=5)],
                         ids=["none", "number", "text", "evil", "empty", "all evil", "numbers"])
def test_the_rubric_never_raises(work):
    verdict = rubric.check(work)
    assert verdict.met < 10 and str(verdict) and verdict._repr_html_()


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()),
                          st.dictionaries(st.text(), st.text())), min_size=13, max_size=13))
@settings(deadline=None, max_examples=60)
def test_the_rubric_takes_anything(values):
    assert len(rubric.check(rubric.Work(*values)).lines) == 10


# --- exercises ---


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "work" / "progress.json")
    monkeypatch.setattr(reading, "SET_ASIDE", tmp_path / "work" / "set_aside.csv")


def said(id, *given):
    return str(feedback._feedback(id, given))


def plain(text):
    return " ".join(text.lower().split())


@pytest.mark.parametrize(("id", "function", "hint"), [
    ("11-2", lambda a, b: [x for x in b if plain(x) in set(map(plain, a))], ""),
    ("11-2", lambda a, b: [x for x in b if x in a], "Capitals"),
    ("11-2", lambda a, b: [x for x in b if x.lower() in [y.lower() for y in a]], "Spaces"),
    ("11-2", lambda a, b: [plain(x) for x in b if plain(x) in set(map(plain, a))], "letter"),
    ("11-2", lambda a, b: [x for x in b if any(plain(x) in plain(y) or plain(y) in plain(x)
                                               for y in a)], "contains the words"),
    ("11-3", lambda p: max(set(w), key=w.count) if (w := [x for x in p if x[0] != x[1]]) else
     "none", ""),
    ("11-3", lambda p: max(set(p), key=p.count), "not a mistake"),
    ("11-3", lambda p: max(set(w), key=w.count)[::-1] if (w := [x for x in p if x[0] != x[1]])
     else "none", "which one is right"),
    ("11-3", lambda p: ("b", "c"), "another mistake"),
])
def test_what_the_checks_say(id, function, hint):
    text = said(id, function)
    assert text.startswith("[ok]") if not hint else hint in text, text


def asked_about(task, examples, right):
    """A result in which so many of the labels are right."""
    rows = [one.score(answer(one.answer if place < right else "-"))
            for place, one in enumerate(examples)]
    return Result("RAG", "pantry", tuple(rows))


@pytest.fixture(scope="module")
def triage():
    return starters.load("support_triage")


def tried(task, **changed):
    found = {k: asked_about(task, task.validation, right) for k, right in ((1, 9), (3, 12), (5, 7))}
    return found | {int(name[1:]): result for name, result in changed.items()}


@pytest.mark.parametrize(("change", "best", "hint"), [
    (lambda task: tried(task), 3, ""),
    (lambda task: tried(task), 1, "Another number does better"),
    (lambda task: tried(task), "3", "one of the numbers"),
    (lambda task: tried(task, k3=asked_about(task, task.test, 30)), 3, "no longer judge"),
    (lambda task: tried(task, k5=asked_about(task, task.validation[:9], 9)), 3, "not all of"),
    (lambda task: {3: tried(task)[3]}, 3, "Nothing was measured with 1, 5"),
    (lambda task: {1: 0.2, 3: 0.3, 5: 0.1}, 3, "should be a dictionary"),
    (lambda task: ..., 3, "not answered yet"),
])
def test_choosing_on_validation_rows(triage, change, best, hint):
    text = said("11-1", change(triage), best, triage)
    assert text.startswith("[ok]") if not hint else hint in text, text


REASON = ("We take the search: it gets 0.75 right and costs nothing, the tuned model gets 0.78, and"
          " 40 messages cannot tell them apart; we look again in March.")


@pytest.mark.parametrize(("text", "hint"), [
    (REASON, ""),
    ("Tuned is better than the prompt by 0.2 and 0.3, again in May.", "words"),
    (REASON.replace("tuned model", "other one"), "Name both"),
    (REASON.replace("0.75", "much").replace("0.78", "more").replace("40", "forty"), "two numbers"),
    (REASON.replace("in March", "soon"), "look again"),
    (7, "should be a text"),
    (..., "not answered yet"),
])
def test_a_reason_that_holds(text, hint):
    answered = said("11-4", text)
    assert answered.startswith("[ok]") if not hint else hint in answered, answered
