"""Quizzes: their files, what they say to each answer, and what is left without widgets."""

from __future__ import annotations

import json
import re
import sys
from types import ModuleType

import IPython.display
import pytest

from lessonlib.common.errors import LessonError
from lessonlib.exercises import progress_file, quiz_widget, quizzes
from lessonlib.exercises.quizzes import Choice, Quiz, QuizQuestion
from lessonlib.show import widget_parts

ONE = QuizQuestion("77/one", "What is `one`?", False, (
    Choice("A number", "It counts.", True), Choice("A <b> letter", "Letters do not."),
    Choice("A colour", "Colours do not.")))
SEVERAL = QuizQuestion("77/several", "Which are *numbers*?", True, (
    Choice("One", "It is.", True), Choice("Two", "It is.", True), Choice("A", "A letter.")))


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    path = tmp_path / "work" / "progress.json"
    monkeypatch.setattr(progress_file, "PATH", path)
    return path


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: bundles of texts by their kind."""
    bundles = []
    monkeypatch.setattr(IPython.display, "display",
                        lambda bundle, raw: bundles.append(bundle) if raw else pytest.fail("raw"))
    return bundles


def answer(question, *chosen, done=False):
    """Choose these options and press the button. Returns the view and what it says."""
    view = quiz_widget._view(1, 2, question, done)
    for place in chosen:
        view.choices.boxes[place].value = True
    view.box.children[-2].click()
    return view, view.said.value


# --- answering ---


def test_a_right_answer_explains_every_option(kept):
    _view, said = answer(ONE, 0)
    assert "Right! Here is why, option by option." in said
    for option in ONE.options:
        assert option.why in said
    assert said.count("<strong>Right.</strong>") == 1 and said.count("Not so.") == 2
    assert json.loads(kept.read_text(encoding="utf-8"))["quizzes"] == {"77/one": "right"}


def test_a_wrong_answer_explains_the_choice_and_does_not_give_the_right_one_away(kept):
    _view, said = answer(ONE, 1)
    assert "Not quite. Read why, and try again." in said and "Letters do not." in said
    assert "It counts." not in said and "Right." not in said
    assert "A &lt;b&gt; letter" in said, "the words of an option are no HTML"
    assert json.loads(kept.read_text(encoding="utf-8"))["quizzes"] == {"77/one": "tried"}


def test_without_a_choice_nothing_is_judged(kept):
    assert "Nothing is chosen yet." in answer(ONE)[1]
    assert "Nothing is chosen yet." in answer(SEVERAL)[1]
    assert not kept.exists()


@pytest.mark.parametrize(("chosen", "begin"), [
    ((0, 1), "Right!"), ((0,), "So far right, but not all of it"), ((0, 2), "Not quite."),
    ((2,), "Not quite."), ((0, 1, 2), "Not quite.")])
def test_where_several_are_right_all_of_them_and_no_other_must_be_chosen(chosen, begin):
    assert f"<strong>{begin}" in answer(SEVERAL, *chosen)[1]


def test_where_one_may_be_chosen_the_latest_choice_counts():
    view, said = answer(ONE, 0, 1, 2)
    assert view.choices.chosen() == {2} and "Colours do not." in said and "Letters" not in said
    view.choices.boxes[2].value = False
    assert view.choices.chosen() == set()


def test_one_can_try_again_after_an_answer(kept):
    view, _said = answer(ONE, 1)
    view.choices.boxes[0].value = True
    view.answer(None)
    assert "Right!" in view.said.value
    view.choices.boxes[1].value = True
    view.answer(None)
    assert json.loads(kept.read_text(encoding="utf-8"))["quizzes"] == {"77/one": "right"}


def test_a_progress_that_cannot_be_kept_is_told(kept):
    kept.parent.write_text("no folder", encoding="utf-8")
    assert "could not be kept" in answer(ONE, 0)[1]


# --- for keyboard and screen reader ---


def test_every_control_has_its_words_and_new_text_is_read_out():
    view, said = answer(SEVERAL, 0)
    assert [box.description for box in view.choices.boxes] == ["One", "Two", "A"]
    assert view.box.children[-2].description == "Check answer 1"
    assert 'role="alert"' in said
    text = view.box.children[0].value
    assert "Question 1 of 2." in text and "(choose all that are right)" in text
    assert "Which are <em>numbers</em>?" in text
    assert "What is <code>one</code>?" in answer(ONE, 0)[0].box.children[0].value


def test_an_answered_question_says_so_when_it_is_shown_again():
    assert "answered this one before" in quiz_widget._view(1, 1, ONE, True).said.value
    assert quiz_widget._view(1, 1, ONE, False).said.value == ""


# --- what is displayed ---


def test_widget_and_words_stand_in_one_bundle(shown, kept):
    progress_file.record("quizzes", "01/window", "right")
    quiz_widget.quiz("01")
    assert set(shown[0]) == {"text/plain", "text/markdown", widget_parts.WIDGET_VIEW}
    assert set(shown[0][widget_parts.WIDGET_VIEW]) == {"version_major", "version_minor", "model_id"}
    open_part = re.sub(r"(?s)<details>.*?</details>", "", shown[0]["text/markdown"])
    for question in quizzes.load("01").questions:
        assert question.text in open_part
        for option in question.options:
            assert option.text in shown[0]["text/plain"] and option.text in open_part
            assert option.why not in open_part + shown[0]["text/plain"], "it is not given away"


def test_a_saved_page_has_the_reasons_folded_under_each_question(shown):
    """On GitHub and on the site there is no widget, and the reasons, the best of a quiz, were not
    to be found there."""
    quiz_widget.quiz("01")
    folds = re.findall(r"(?s)<summary>Answer and reasons</summary>\n\n(.*?)\n\n</details>",
                       shown[0]["text/markdown"])
    asked = quizzes.load("01").questions
    assert len(folds) == len(asked)
    for question, fold in zip(asked, folds, strict=True):
        lines = fold.split("\n")
        assert len(lines) == len(question.options)
        for option, line in zip(question.options, lines, strict=True):
            assert option.why in line and ("**Right.**" in line) == option.right


def test_the_words_are_the_same_whatever_was_answered(shown):
    quiz_widget.quiz("00")
    progress_file.record("quizzes", "00/where", "right")
    quiz_widget.quiz("00")
    first, second = ({k: v for k, v in bundle.items() if k.startswith("text/")} for bundle in shown)
    assert first == second


def test_without_ipywidgets_the_words_are_shown(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    quiz_widget.quiz("00")
    assert set(shown[0]) == {"text/plain", "text/markdown"}


def test_in_colab_nothing_can_come_before_the_widget(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    quiz_widget.quiz("00")
    assert set(shown[0]) == {"text/plain", widget_parts.WIDGET_VIEW}


def test_a_printed_quiz_with_answers(capsys, shown):
    quiz_widget.quiz("00", explain=True)
    said = capsys.readouterr().out
    assert shown == []
    for question in quizzes.load("00").questions:
        for option in question.options:
            assert f"{'Right.' if option.right else 'Not so.'} {option.why}" in said


def test_an_exported_page_shows_questions_and_options(tmp_path):
    import nbformat
    from nbconvert import HTMLExporter

    from tools.notebook_run import execute

    cell = nbformat.v4.new_code_cell('from lessonlib.exercises.quiz_widget import quiz\nquiz("01")')
    notebook = nbformat.v4.new_notebook(cells=[cell])
    execute(notebook, tmp_path / "run", tmp_path)
    page, _resources = HTMLExporter().from_notebook_node(notebook)
    assert "<em>context window</em>" in page and "<li>All requests of one day</li>" in page
    assert "Run this cell to answer it here." in page and "<details>" in page
    assert "<summary>Answer and reasons</summary>" in page


# --- the files of the quizzes ---


@pytest.mark.parametrize("number", quizzes.numbers())
def test_the_quizzes_of_the_course(number):
    quiz = quizzes.load(number)
    assert 4 <= len(quiz.questions) <= 5
    for question in quiz.questions:
        texts = [option.text for option in question.options]
        assert len(set(texts)) == len(texts) >= 3
        assert question.text.endswith("?")
        assert all(option.why.endswith((".", "?")) for option in question.options)
        right = sum(option.right for option in question.options)
        assert right < len(texts)
        assert not question.several or right >= 2
    places = [place for question in quiz.questions if not question.several
              for place, option in enumerate(question.options) if option.right]
    assert len(set(places)) > 1, "the right one is not always at the same place"


GOOD = '''title = "Quiz"
[[question]]
id = "a"
text = "Which?"
choose = "one"
[[question.option]]
text = "This"
right = true
why = "So."
[[question.option]]
text = "That"
why = "No."
'''


def test_a_good_file(tmp_path):
    path = tmp_path / "77.toml"
    path.write_text(GOOD, encoding="utf-8")
    options = (Choice("This", "So.", True), Choice("That", "No."))
    assert quizzes.load_file(path) == Quiz("77", "Quiz", (
        QuizQuestion("77/a", "Which?", False, options),))


@pytest.mark.parametrize(("old", "new", "said"), [
    ('title = "Quiz"', "", "the file: title is missing"),
    ('title = "Quiz"', 'title = "Quiz', "is not TOML"),
    (GOOD[GOOD.index("[["):], "", "[[question]] is missing"),
    ('id = "a"', "", "question 1: id is missing"),
    ('text = "Which?"', 'text = " "', "question 1: text is missing"),
    ('"one"', '"two"', 'choose must be "one" or "several"'),
    ('why = "No."', "", "no why"),
    ('why = "No."', 'why = "No."\nrigth = true', "unknown key 'rigth'"),
    ('why = "No."', 'why = "No."\nright = true', "2 options are right, and one can be chosen"),
    ("right = true\n", "", "no option is right"),
    ('"That"', '"`That`"', "backtick"),
    ('[[question.option]]\ntext = "That"\nwhy = "No."\n', "", "two options or more"),
    (GOOD[GOOD.index("[["):], 2 * GOOD[GOOD.index("[["):], "the same id"),
])
def test_a_file_that_breaks_a_rule_is_refused(tmp_path, old, new, said):
    assert old in GOOD
    path = tmp_path / "77.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LessonError) as error:
        quizzes.load_file(path)
    assert said in str(error.value) and "77.toml" in str(error.value) and error.value.cure


def test_an_unknown_quiz_is_told(shown):
    with pytest.raises(LessonError, match="no quiz '77'") as error:
        quiz_widget.quiz("77")
    assert "00" in error.value.cure and "01" in error.value.cure
