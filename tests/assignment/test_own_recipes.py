"""Anyone's ingredient lines: reading, splitting without leaks, and the way to the verdict."""

import json
import random
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from fake_service import FakeService, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonlib import chat_files
from lessonlib.assignment import command, estimate, reading
from lessonlib.assignment.own_recipes import (
    OwnLine,
    deal,
    likeness_key,
    make_task,
    read_lines,
)
from lessonlib.common.errors import LessonError
from lessonlib.tasks.near_duplicates import near_duplicates

FOODS = [a + b for a in "bcdfghklmnprstvz" for b in ("anana", "eef", "urro", "iso", "olma", "ynt")]


def lines(count, repeats=1):
    """Different lines: two made-up words each, so that no two are alike but for numbers."""
    pairs = [(a, b) for a in FOODS for b in FOODS if a < b]
    random.Random(1).shuffle(pairs)
    return [
        OwnLine(f"{number} cups {a} {b}, chopped", f"{a} {b}")
        for a, b in pairs[:count]
        for number in range(1, repeats + 1)
    ]


def in_recipes(own, size):
    return [OwnLine(one.line, one.name, f"Dish {i // size}") for i, one in enumerate(own)]


def csv_file(path, rows, header="line,name", encoding="utf-8"):
    path.write_bytes("\r\n".join([header, *rows]).encode(encoding))
    return path


@pytest.fixture(autouse=True)
def aside(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "SET_ASIDE", tmp_path / "work" / "set_aside.csv")


# Reading


def test_rows_are_read_and_names_put_into_lower_case(tmp_path):
    rows = ['"2 carrots, peeled",Carrots', "", "1 c.  crème   fraîche,Crème fraîche", ""]
    assert read_lines(csv_file(tmp_path / "a.csv", rows)).examples == [
        OwnLine("2 carrots, peeled", "carrots"),
        OwnLine("1 c. crème fraîche", "crème fraîche"),
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Recipe;Line;Name", "Pie;2 carrots, peeled;Carrots"),
        ("name\tnotes\tline\trecipe", "Carrots\t\t2 carrots, peeled\tPie"),
        ("\ufeffrecipe,line,name", 'Pie,"2 carrots, peeled",Carrots'),
        ("sep=|\r\nrecipe|line|name", "Pie|2 carrots, peeled|Carrots"),
    ],
)
def test_spreadsheets_of_other_countries_and_orders_of_columns(tmp_path, header, row):
    path = csv_file(tmp_path / "a.csv", [row], header)
    assert read_lines(path).examples == [OwnLine("2 carrots, peeled", "carrots", "Pie")]


@pytest.mark.parametrize(
    ("header", "rows", "problem", "cure"),
    [
        ("text,label", ["a,b"], "no column 'line' and no column 'name'; it has: text, l", ""),
        ("line", ["a"], "no column 'name'", "line,name or recipe,line,name"),
        ("line,name,name", ["a,b,c"], "two columns are called 'name'", "delete one"),
        ("", [], "there is nothing in it", "names of the columns"),
        ('"line,name', ["a,b"], "row 1: a quotation mark", "should name the columns"),
        ("line,name", ["a,", "b,"], "no row can be used. The first: row 2: the cell 'name'", ""),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_what_to_do(tmp_path, header, rows, problem, cure):
    path = csv_file(tmp_path / "mine.csv", rows, header)
    with pytest.raises(LessonError) as caught:
        read_lines(path)
    assert path.name in caught.value.problem and problem in caught.value.problem
    assert cure in caught.value.cure


@pytest.mark.parametrize(
    ("header", "rows", "number", "rule", "cure"),
    [
        ("line,name", ["a,b", "c,", "d,e"], 3, "the cell 'name' is empty", "delete"),
        ("line,name", [",b", "c,d"], 2, "the cell 'line' is empty", "fill it"),
        ("recipe,line,name", ["Pie,a,b", ",c,d"], 3, "the cell 'recipe' is empty", "fill"),
        ("line,name", ["a,b", "", "2 eggs, beaten,eggs"], 4, "3 cells, but the first", "quotes"),
        ("line,name", ["a,b", "only a line"], 3, "the cell 'name' is empty", ""),
        ("line,name", ["a,b", '"never closed,b', "c,d"], 3, "a quotation mark", "delete it"),
    ],
)
def test_mistakes_in_a_row_are_named_with_its_number(tmp_path, header, rows, number, rule, cure):
    found = read_lines(csv_file(tmp_path / "mine.csv", rows, header))
    (one,) = found.set_aside
    assert one.number == number and rule in one.rule and cure in one.cure
    assert len(found.examples) == len([row for row in rows if row]) - 1


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_other_encodings_are_read_and_told(tmp_path, encoding):
    path = csv_file(tmp_path / "a.csv", ["½ cup purée,purée"], encoding=encoding)
    rows = read_lines(path)
    assert rows.examples == [OwnLine("½ cup purée", "purée")] and "a.csv" in rows.notes[0]


def test_letters_of_a_czech_spreadsheet_are_not_spoilt(tmp_path):
    """The cure that was printed for cp1250 wrote 'èoèka' for 'čočka', and the command took it."""
    path = csv_file(tmp_path / "a.csv", ["2 lžíce vařené čočky,čočka"], encoding="cp1250")
    rows = read_lines(path)
    assert rows.examples == [OwnLine("2 lžíce vařené čočky", "čočka")]
    assert "cp1250" in rows.notes[0] and "guess" in rows.notes[0]


# Splitting


def held(task):
    return {
        split: {likeness_key(line) for recipe in recipes for line in recipe.lines}
        for split, recipes in task.splits().items()
    }


def assert_no_leak(task):
    keys = held(task)
    assert not keys["train"] & keys["validation"]
    assert not keys["train"] & keys["test"]
    assert not keys["validation"] & keys["test"]
    split_of = {one.id: split for split, rows in task.splits().items() for one in rows}
    assert len(split_of) == sum(len(rows) for rows in task.splits().values()), "ids are unique"
    everything = [one for rows in task.splits().values() for one in rows]
    assert [p for p in near_duplicates(everything) if split_of[p[0].id] != split_of[p[1].id]] == []


def test_single_lines_are_composed_into_recipes_and_never_shared():
    own = lines(600, repeats=2)
    random.Random(5).shuffle(own)
    task = deal(own, seed=1)
    assert_no_leak(task)
    assert task.left_out == ["600 lines that repeat another but for numbers or order"]
    for recipes in task.splits().values():
        for recipe in recipes:
            assert 4 <= len(recipe.lines) <= 8
            assert recipe.ingredients == tuple(dict.fromkeys(recipe.names))
    assert sum(len(keys) for keys in held(task).values()) > 596, "hardly a line is lost"
    assert len(task.test) == pytest.approx(20, abs=3) and len(task.train) > 60


def test_a_seed_repeats_and_another_does_not():
    own = lines(400)
    assert deal(own, seed=1) == deal(own, seed=1)
    assert deal(own, seed=1).test != deal(own, seed=2).test


def test_rows_and_test_sizes_can_be_chosen():
    own = lines(900)
    task = deal(own, rows=300, test=12)
    assert len(task.test) == 12
    assert sum(len(keys) for keys in held(task).values()) <= 300


def test_whole_recipes_stay_in_one_split_and_long_ones_are_cut_into_parts():
    task = deal(in_recipes(lines(60 * 11), 11), seed=3)
    assert_no_leak(task)
    dishes = {
        split: {recipe.title.split(" (")[0] for recipe in recipes}
        for split, recipes in task.splits().items()
    }
    assert not dishes["train"] & dishes["test"] and not dishes["validation"] & dishes["test"]
    assert len(dishes["test"]) == 12
    assert {len(recipe.lines) for recipe in task.train} == {5, 6}
    assert task.test[0].title.endswith("(1 of 2)") and task.test[1].title.endswith("(2 of 2)")


def test_lines_that_recipes_share_stay_with_the_held_out_one():
    """Every kitchen salts: the very line must not be in training and in the test."""
    own = in_recipes(lines(60 * 6), 6)
    shared = [OwnLine(f"{i} tsp. salt", "salt", f"Dish {i}") for i in range(60)]
    task = deal(own + shared, seed=3)
    assert_no_leak(task)
    salted = [r for r in task.test if "salt" in r.ingredients]
    assert len(salted) == len(task.test) == 12
    assert not [r for r in task.train + task.validation if "salt" in r.ingredients]
    assert task.left_out[-1].startswith("48 lines of training or validation")


def test_a_recipe_copied_with_small_changes_is_used_once():
    own = in_recipes(lines(60 * 6), 6)
    copies = [OwnLine(one.line, one.name, one.recipe + " copy") for one in own[:60]]
    task = deal(own + copies, seed=0)
    assert_no_leak(task)
    assert task.left_out[0] == "10 recipes that nearly repeat another"


@pytest.mark.parametrize(
    ("own", "options", "problem"),
    [
        (lines(100), {}, "Too few rows: without repeats there are 100 lines, enough for"),
        (lines(10, repeats=60), {}, "there are 10 lines, enough for"),
        (in_recipes(lines(120), 6), {}, "there are 20 recipes"),
        (lines(400), {"test": 60}, "Too few rows"),
        (lines(400), {"test": 3}, "A test on 3 recipes says nothing"),
        (lines(400), {"rows": 50}, "Too few rows"),
        (
            [OwnLine(f"{i} tsp salt", "salt", f"Dish {i}") for i in range(90)],
            {},
            "without leaks only 0 recipes remain for train",
        ),
    ],
)
def test_too_few_rows(own, options, problem):
    with pytest.raises(LessonError, match=problem):
        deal(own, **options)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(250, 500), st.sampled_from([None, 3, 7, 13]))
def test_no_seed_and_no_size_leaks(seed, count, size):
    own = lines(count) + lines(count // 5, repeats=2)
    task_lines = own if size is None else in_recipes(own, size)
    try:
        task = deal(task_lines, seed=seed)
    except LessonError as error:
        assert "Too few rows" in str(error)
        return
    assert_no_leak(task)


def test_dealt_recipes_become_a_task_like_any_other():
    dealt, task = deal(lines(300), seed=3), make_task(lines(300), "mine", seed=3)
    assert {split: [one.id for one in getattr(task, split)] for split in dealt.splits()} == {
        split: [one.id for one in part] for split, part in dealt.splits().items()}
    example, recipe = task.test[0], dealt.test[0]
    assert json.loads(example.answer) == list(recipe.ingredients) and task.kind == "fields"
    assert recipe.lines[0] in task.bare(example)[1]["content"]
    assert 10 < task.answer_tokens < 200


# The command


def wanted(messages):
    """The right names for the recipe in a prompt: our lines tell them."""
    asked = messages[-1]["content"].split("\n- ")[1:]
    return [line.split(" cups ")[1].split(",")[0] for line in asked]


def untuned(messages):
    """A model that gets better up to two shots, and worse again with four."""
    shots = sum(message["role"] == "assistant" for message in messages)
    if shots == 0 and "JSON" not in messages[0]["content"]:
        return "flour, salt"
    return json.dumps(wanted(messages)[: {0: 1, 1: 2, 2: 3, 4: 2}[shots]])


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A place to work in, a service, and a tuner that only notes what it is given."""
    monkeypatch.setattr(command, "WORK", tmp_path)
    # Two real training steps would take seconds in each test; tests/assignment/test_own_model.py
    # has them.
    monkeypatch.setattr(estimate, "training", lambda base, rows, checks, settings:
                        estimate.Training(len(rows), 1000, settings.epochs, 5.0))
    monkeypatch.setattr("lessonlib.measure.answer_cache.WORK", tmp_path)
    perfect = lambda messages: json.dumps(wanted(messages))  # noqa: E731
    service = FakeService(untuned, by_model={"own-mine": perfect})
    noted = SimpleNamespace(service=service, work=tmp_path)

    def tune(rows, name, base=None, settings=None, validation=None, seed=0):
        noted.rows, noted.settings, noted.validation = rows, settings, validation
        return SimpleNamespace(name=name, seconds=12.0)

    with serving(service) as client:
        monkeypatch.setattr("lessonlib.connect", lambda provider: client)
        monkeypatch.setattr("lessonlib.lora.tune", tune)
        noted.csv = csv_file(
            tmp_path / "mine.csv", [f'"{one.line}",{one.name}' for one in lines(300)]
        )
        yield noted


def test_the_command_goes_from_csv_to_verdict(bench, capsys):
    assert command.main([str(bench.csv), "--seed", "4"]) == 0
    said = capsys.readouterr().out
    folder = bench.work / "own" / "mine"
    task = {split: chat_files.read(folder / f"{split}.jsonl") for split in ("train", "test")}
    assert "mine.csv: 300 rows can be used.\nmine: " in said
    assert "Best prompt: few-shot, k = 2." in said
    table = said[said.index("On the test examples") :]
    assert "best prompt: few-shot, k = 2" in table and re.search(r"1\.00 \(0\.\d\d-1\.00\)", table)
    assert "The tuned model is better by +0." in table and "(paired, 95 %)" in table
    assert str(folder) in table
    board = json.loads((folder / "scoreboard.json").read_text(encoding="utf-8"))["rows"]
    assert [row["examples"] for row in board] == [len(task["test"])] * 2
    assert board[1]["training_seconds"] == 12.0
    assert bench.rows == task["train"]


def test_the_prompt_is_chosen_without_a_look_at_the_test_examples(bench):
    """Choosing among five prompts by their test score would make the winner look too good."""
    command.main([str(bench.csv)])
    test = chat_files.read(bench.work / "own" / "mine" / "test.jsonl")
    first_lines = {row["messages"][1]["content"].split("\n- ")[1] for row in test}
    prompts = [
        (body["model"], sum(m["role"] == "assistant" for m in body["messages"]))
        for body in bench.service.asked
        if body["messages"][-1]["content"].split("\n- ")[1] in first_lines
    ]
    assert set(prompts) == {("pantry", 2), ("own-mine", 0)}
    assert len(prompts) == 2 * len(test)


def test_epochs_and_name_are_passed_on(bench):
    bench.service.by_model["own-my-task"] = bench.service.by_model["own-mine"]
    assert command.main([str(bench.csv), "--epochs", "7", "--name", "my-task"]) == 0
    assert bench.settings.epochs == 7
    assert (bench.work / "own" / "my-task" / "validation-pantry.json").exists()
    assert bench.validation == chat_files.read(bench.work / "own/my-task/validation.jsonl")


def test_no_trustworthy_difference_is_called_that(bench, capsys):
    bench.service.by_model.clear()
    bench.service.answer = lambda messages: json.dumps(wanted(messages)[:2])
    command.main([str(bench.csv)])
    said = capsys.readouterr().out
    assert "Best prompt: bare prompt." in said, "of equals the shortest"
    assert "We cannot tell which is better: +0.00" in said


def test_rows_of_any_other_task_go_the_same_way(bench, tmp_path, capsys):
    """The command took ingredient lines alone; labels are counted as well as names are."""
    lines = [f"alpha{n} beta{n} gamma{n},{'billing' if n % 3 else 'delivery'}" for n in range(90)]
    right = {line.split(",")[0]: line.split(",")[1] for line in lines}
    path = csv_file(tmp_path / "mine.csv", lines, "question,answer")
    bench.service.answer = lambda messages: "billing"
    bench.service.by_model["own-mine"] = lambda messages: right[messages[-1]["content"]]
    assert command.main([str(path), "--rows", "80", "--test", "20"]) == 0
    said = capsys.readouterr().out
    assert "Best prompt: bare prompt." in said and "accuracy (paired, 95 %)" in said
    assert len(bench.rows) + len(bench.validation) + 20 == 80


def test_free_text_is_not_counted(tmp_path, capsys):
    path = csv_file(tmp_path / "mine.csv", [f"a{n},{n} lines of free text" for n in range(40)],
                    "question,answer")
    assert command.main([str(path)]) == 1
    assert "free text" in capsys.readouterr().err


def test_a_mistake_in_the_file_is_told_without_a_traceback(tmp_path):
    path = csv_file(tmp_path / "mine.csv", ["c,"])
    words = [sys.executable, "-m", "lessonlib.assignment.command", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 1
    assert "row 2: the cell 'name' is empty" in done.stderr and "Cure:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong", [["--rows", "0"], ["--epochs", "x"], ["--name", "../up"], ["--name", "žluťoučký"]]
)
def test_wrong_options_are_refused(wrong, tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.arguments([str(tmp_path / "mine.csv"), *wrong])
    assert wrong[0] in capsys.readouterr().err


def test_the_name_of_the_file_becomes_a_name_that_models_may_have():
    assert command.arguments(["my lines (2).csv"]).name == "my-lines-2"
    with pytest.raises(SystemExit):
        command.arguments(["ž.csv"])
