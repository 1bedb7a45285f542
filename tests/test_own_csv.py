"""Anyone's ingredient lines: reading, splitting without leaks, and the way to the verdict."""

import json
import random
import subprocess
import sys
from types import SimpleNamespace

import pytest
from fake_service import FakeService, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonlib.errors import LessonError
from lessonlib.tasks import own_run
from lessonlib.tasks.near_duplicates import near_duplicates
from lessonlib.tasks.own_csv import OwnLine, read_lines
from lessonlib.tasks.own_recipes import likeness_key, make_task
from lessonlib.tasks.recipes import load_file

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


# Reading


def test_rows_are_read_and_names_put_into_lower_case(tmp_path):
    rows = ['"2 carrots, peeled",Carrots', "", "1 c.  crème   fraîche,Crème fraîche", ""]
    assert read_lines(csv_file(tmp_path / "a.csv", rows)) == [
        OwnLine("2 carrots, peeled", "carrots"),
        OwnLine("1 c. crème fraîche", "crème fraîche"),
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Recipe;Line;Name", "Pie;2 carrots, peeled;Carrots"),
        ("name\tnotes\tline\trecipe", "Carrots\t\t2 carrots, peeled\tPie"),
        ("\ufeffrecipe,line,name", 'Pie,"2 carrots, peeled",Carrots'),
    ],
)
def test_spreadsheets_of_other_countries_and_orders_of_columns(tmp_path, header, row):
    path = csv_file(tmp_path / "a.csv", [row], header)
    assert read_lines(path) == [OwnLine("2 carrots, peeled", "carrots", "Pie")]


@pytest.mark.parametrize(
    ("header", "rows", "problem", "cure"),
    [
        (
            "text,label",
            ["a,b"],
            "no column 'line' and no column 'name'; its first row is: text, l",
            "",
        ),
        ("line", ["a"], "no column 'name'", "line,name or recipe,line,name"),
        ("", [], "its first row is: empty", "Name the columns"),
        ("line,name", ["a,b", "c,", "d,e", "f,"], "cell 'name' is empty in row 3, 5", "delete"),
        ("line,name", [",b"], "cell 'line' is empty in row 2", "Fill the cell"),
        ("recipe,line,name", ["Pie,a,b", ",c,d"], "cell 'recipe' is empty in row 3", "Fill"),
        ("line,name", ["a,b", "", "2 eggs, beaten,eggs"], "row 4: 3 cells", "double quotes"),
        ("line,name", ["a,b", "only a line"], "row 3: 1 cells, but the first row names 2", ""),
        ("line,name", ['"never closed,b'], "is not a CSV file", "spreadsheet"),
    ],
)
def test_mistakes_are_named_with_their_row_and_the_cure(tmp_path, header, rows, problem, cure):
    path = csv_file(tmp_path / "mine.csv", rows, header)
    with pytest.raises(LessonError) as caught:
        read_lines(path)
    assert str(path) in caught.value.problem and problem in caught.value.problem
    assert cure in caught.value.cure


def test_many_empty_cells_are_counted_not_listed(tmp_path):
    path = csv_file(tmp_path / "a.csv", ["a,"] * 8)
    with pytest.raises(LessonError, match="row 2, 3, 4, 5, 6 and 3 more"):
        read_lines(path)


@pytest.mark.parametrize(("encoding", "said"), [("cp1252", "cp1252"), ("utf-16", "utf-16")])
def test_other_encodings_are_named_with_the_way_to_mend_them(tmp_path, encoding, said):
    path = csv_file(tmp_path / "a.csv", ["½ cup purée,purée"], encoding=encoding)
    with pytest.raises(LessonError, match=f"is not UTF-8; the file looks like {said}") as caught:
        read_lines(path)
    assert "CSV UTF-8" in caught.value.cure


def test_the_cure_for_an_encoding_works(tmp_path, monkeypatch):
    csv_file(tmp_path / "a.csv", ["½ cup purée,purée"], encoding="cp1252")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LessonError) as caught:
        read_lines("a.csv")
    command = caught.value.cure.split("In Python: ")[1]
    exec("from pathlib import Path\n" + command)
    assert read_lines("new.csv") == [OwnLine("½ cup purée", "purée")]


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
    task = make_task(own, seed=1)
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
    assert make_task(own, seed=1) == make_task(own, seed=1)
    assert make_task(own, seed=1).test != make_task(own, seed=2).test


def test_rows_and_test_sizes_can_be_chosen():
    own = lines(900)
    task = make_task(own, rows=300, test=12)
    assert len(task.test) == 12
    assert sum(len(keys) for keys in held(task).values()) <= 300


def test_whole_recipes_stay_in_one_split_and_long_ones_are_cut_into_parts():
    task = make_task(in_recipes(lines(60 * 11), 11), seed=3)
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
    task = make_task(own + shared, seed=3)
    assert_no_leak(task)
    salted = [r for r in task.test if "salt" in r.ingredients]
    assert len(salted) == len(task.test) == 12
    assert not [r for r in task.train + task.validation if "salt" in r.ingredients]
    assert task.left_out[-1].startswith("48 lines of training or validation")


def test_a_recipe_copied_with_small_changes_is_used_once():
    own = in_recipes(lines(60 * 6), 6)
    copies = [OwnLine(one.line, one.name, one.recipe + " copy") for one in own[:60]]
    task = make_task(own + copies, seed=0)
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
        make_task(own, **options)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(250, 500), st.sampled_from([None, 3, 7, 13]))
def test_no_seed_and_no_size_leaks(seed, count, size):
    own = lines(count) + lines(count // 5, repeats=2)
    task_lines = own if size is None else in_recipes(own, size)
    try:
        task = make_task(task_lines, seed=seed)
    except LessonError as error:
        assert "Too few rows" in str(error)
        return
    assert_no_leak(task)


def test_what_is_written_is_what_is_read_back(tmp_path):
    task = make_task(lines(300))
    task.write(tmp_path / "own")
    for split, recipes in task.splits().items():
        assert load_file(tmp_path / "own" / f"{split}.jsonl") == recipes


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
    monkeypatch.setattr(own_run, "WORK", tmp_path)
    monkeypatch.setattr("lessonlib.answer_cache.WORK", tmp_path)
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
    assert own_run.main([str(bench.csv), "--seed", "4"]) == 0
    said = capsys.readouterr().out
    folder = bench.work / "own" / "mine"
    task = {split: load_file(folder / f"{split}.jsonl") for split in ("train", "test")}
    assert "300 rows read, 300 used.\nRecipes: " in said
    assert "Best prompt: few-shot, k = 2." in said
    table = said[said.index("On the test recipes") :]
    assert "best prompt: few-shot, k = 2" in table and "1.00 (1.00-1.00)" in table
    assert "The tuned model is better by +0." in table and "(paired, 95 %)" in table
    assert str(folder) in table
    board = json.loads((folder / "scoreboard.json").read_text(encoding="utf-8"))["rows"]
    assert [row["examples"] for row in board] == [len(task["test"])] * 2
    assert board[1]["training_seconds"] == 12.0
    assert len(bench.rows) == len(task["train"])
    assert bench.rows[0]["messages"][-1]["content"] == json.dumps(task["train"][0].ingredients)


def test_the_prompt_is_chosen_without_a_look_at_the_test_recipes(bench):
    """Choosing among five prompts by their test score would make the winner look too good."""
    own_run.main([str(bench.csv)])
    test = load_file(bench.work / "own" / "mine" / "test.jsonl")
    first_lines = {recipe.lines[0] for recipe in test}
    prompts = [
        (body["model"], sum(m["role"] == "assistant" for m in body["messages"]))
        for body in bench.service.asked
        if body["messages"][-1]["content"].split("\n- ")[1] in first_lines
    ]
    assert set(prompts) == {("pantry", 2), ("own-mine", 0)}
    assert len(prompts) == 2 * len(test)


def test_epochs_and_name_are_passed_on(bench):
    bench.service.by_model["own-my-task"] = bench.service.by_model["own-mine"]
    assert own_run.main([str(bench.csv), "--epochs", "7", "--name", "my-task"]) == 0
    assert bench.settings.epochs == 7
    assert (bench.work / "own" / "my-task" / "validation.json").exists()
    assert len(bench.validation) == len(load_file(bench.work / "own/my-task/validation.jsonl"))


def test_no_trustworthy_difference_is_called_that(bench, capsys):
    bench.service.by_model.clear()
    bench.service.answer = lambda messages: json.dumps(wanted(messages)[:2])
    own_run.main([str(bench.csv)])
    said = capsys.readouterr().out
    assert "Best prompt: bare prompt." in said, "of equals the shortest"
    assert "No difference that we could trust: +0.00" in said


def test_a_mistake_in_the_file_is_told_without_a_traceback(tmp_path):
    path = csv_file(tmp_path / "mine.csv", ["a,b", "c,"])
    command = [sys.executable, "-m", "lessonlib.tasks.recipes", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 1
    assert "the cell 'name' is empty in row 3" in done.stderr and "Cure:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong", [["--rows", "0"], ["--epochs", "x"], ["--name", "../up"], ["--name", "žluťoučký"]]
)
def test_wrong_options_are_refused(wrong, tmp_path, capsys):
    with pytest.raises(SystemExit):
        own_run.arguments([str(tmp_path / "mine.csv"), *wrong])
    assert wrong[0] in capsys.readouterr().err


def test_the_name_of_the_file_becomes_a_name_that_models_may_have():
    assert own_run.arguments(["my lines (2).csv"]).name == "my-lines-2"
    with pytest.raises(SystemExit):
        own_run.arguments(["ž.csv"])
