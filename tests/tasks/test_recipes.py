"""The recipe task: its files, its prompts, and how an answer is read."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonlib.common.errors import LessonError
from lessonlib.tasks import recipes
from lessonlib.tasks.near_duplicates import near_duplicates, without_near_duplicates
from lessonlib.tasks.recipes import Recipe, load_file, load_glossary, parse

ROW = {
    "id": "train-0001",
    "title": "Salsa",
    "lines": ["2 scallions, chopped", "salt to taste"],
    "names": ["scallions", "salt"],
    "ingredients": ["green onion", "salt"],
}


def write(path, *rows):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def changed(**fields):
    return {key: value for key, value in (ROW | fields).items() if value is not None}


def test_a_good_file_is_read(tmp_path):
    path = write(tmp_path / "good.jsonl", ROW, changed(id="train-0002", title="Žemlovka"))
    first, second = load_file(path)
    assert first == Recipe(
        "train-0001",
        "Salsa",
        ("2 scallions, chopped", "salt to taste"),
        ("scallions", "salt"),
        ("green onion", "salt"),
    )
    assert second.title == "Žemlovka"


def test_a_byte_order_mark_from_windows_does_no_harm(tmp_path):
    path = tmp_path / "bom.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(ROW).encode() + b"\r\n")
    assert load_file(path)[0].title == "Salsa"


def test_a_line_separator_inside_a_text_does_not_cut_the_line(tmp_path):
    """U+2028 is allowed inside JSON strings, and str.splitlines() cuts at it."""
    row = json.dumps(changed(title="one\u2028two"), ensure_ascii=False)
    assert load_file(write(tmp_path / "x.jsonl", row))[0].title == "one\u2028two"


@pytest.mark.parametrize(
    ("second_line", "rule", "cure"),
    [
        ("", "the line is empty", "Delete the line"),
        ('{"id": "x", ', "not JSON: ", "one JSON object on this one line"),
        ('["a", "b"]', "must be a JSON object, it is a list", "Begin it with {"),
        (changed(names=None), "the key 'names' is missing", "needs id, title, lines, names"),
        (changed(title=7), "'title' must be a text, it is 7", "double quotes"),
        (changed(lines="flour"), "'lines' must be a list of texts, it is \"flour\"", "brackets"),
        (changed(lines=["flour", 3]), "'lines' must be a list of texts", "double quotes"),
        (changed(lines=[]), "'lines' is empty", "Fill it in"),
        (changed(names=["salt", " "]), "'names' is empty, or holds an empty text", "Fill it in"),
        (changed(ingredients=["salt", "salt"]), "names 'salt' twice", "once"),
        (ROW, "the id 'train-0001' is already used in line 1", "its own id"),
    ],
)
def test_a_bad_line_is_named_with_file_line_rule_and_cure(tmp_path, second_line, rule, cure):
    path = write(tmp_path / "bad.jsonl", ROW, second_line, changed(id="train-0003"))
    with pytest.raises(LessonError) as caught:
        load_file(path)
    assert f"{path}, line 2: " in caught.value.problem
    assert rule in caught.value.problem
    assert cure in caught.value.cure


def test_text_in_another_encoding_is_named_with_its_line(tmp_path):
    path = tmp_path / "latin.jsonl"
    row = json.dumps(changed(id="b", title="Crème"), ensure_ascii=False)
    path.write_bytes(json.dumps(ROW).encode() + b"\n" + row.encode("cp1252") + b"\n")
    with pytest.raises(LessonError, match=r"line 2: byte 0xE8 is not UTF-8.*cp1252"):
        load_file(path)


def test_utf16_is_recognised(tmp_path):
    path = tmp_path / "wide.jsonl"
    path.write_bytes(json.dumps(ROW).encode("utf-16"))
    with pytest.raises(LessonError, match=r"line 1: byte 0xFF is not UTF-8.*utf-16"):
        load_file(path)


def test_a_missing_and_an_empty_file(tmp_path):
    with pytest.raises(LessonError, match="No such file"):
        load_file(tmp_path / "nowhere.jsonl")
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(LessonError, match="holds no recipe"):
        load_file(tmp_path / "empty.jsonl")


def test_an_unknown_split_names_the_known_ones():
    with pytest.raises(LessonError, match="test_new_names"):
        recipes.load("dev")


def test_the_glossary_grew_after_the_training_examples_were_written():
    everything, then = load_glossary(), load_glossary(until=recipes.TRAINING_DATE)
    assert [entry for entry in everything if entry.added.isoformat() <= "2026-06-01"] == then
    assert len(everything) - len(then) == 30
    written = [entry.written for entry in everything]
    assert len(set(written)) == len(written)
    assert not {entry.house for entry in everything} & set(written), "a chain of names"


def test_a_bad_glossary_line_is_named(tmp_path):
    path = tmp_path / "glossary.csv"
    path.write_text("written,house,added\na,b,2026-01-01\nc,d,soon\n", encoding="utf-8")
    with pytest.raises(LessonError, match="row 3"):
        load_glossary(path=path)


def test_house_names_are_named_once_and_in_order():
    names = ["scallions", "salt", "spring onions", "sugar"]
    assert recipes.house_names(names, load_glossary()) == ("green onion", "salt", "sugar")


def test_the_user_message_has_the_agreed_form():
    recipe = Recipe("x", "Salsa", ("2 scallions", "salt"), ("scallions", "salt"), ("salt",))
    plain = "Title: Salsa\nIngredients:\n- 2 scallions\n- salt"
    assert recipes.user_message(recipe) == plain
    entries = [entry for entry in load_glossary() if entry.written == "scallions"]
    expected = "House glossary:\nscallions -> green onion\n\n" + plain
    assert recipes.user_message(recipe, entries) == expected


def test_instructions_are_short_and_give_no_house_name_away():
    assert recipes.SYSTEM_INSTRUCTIONS.startswith(recipes.SYSTEM_BARE)
    assert 50 <= len(recipes.SYSTEM_INSTRUCTIONS.split()) <= 70
    for entry in load_glossary():
        for name in (entry.written, entry.house):
            assert not re.search(rf"\b{re.escape(name)}\b", recipes.SYSTEM_GLOSSARY), name


@pytest.mark.parametrize(
    ("text", "items", "valid"),
    [
        ('["flour", "salt"]', ["flour", "salt"], True),
        ('  ["Flour",\n "sea  salt"]\n', ["flour", "sea salt"], True),
        ("[]", [], True),
        ('Here you are: ["flour"]. Enjoy!', ["flour"], False),
        ('```json\n["flour"]\n```', ["flour"], False),
        ('Step [1]: ["flour"]', ["flour"], False),
        ('["flour", 2]', [], False),
        ('{"ingredients": ["flour"]}', ["flour"], False),
        ('["flour", "sal', [], False),
        ("flour, salt", [], False),
        ("", [], False),
        ("[" * 5000, [], False),
        # A model that repeats one digit: Python reads numbers of 4,300 digits at most, and what it
        # says to longer ones is no JSONDecodeError. One such answer ended a whole evaluation.
        ("[" + "1" * 5000 + "]", [], False),
        ('["flour", ' + "1" * 5000, [], False),
    ],
)
def test_reading_an_answer(text, items, valid):
    assert parse(text) == recipes.Parsed(items, valid)


def test_a_thinking_block_is_no_part_of_the_answer():
    """With it the whole answer was no JSON, however good the list."""
    assert parse('<think>\n\n</think>\n\n["salt"]') == recipes.Parsed(["salt"], True)
    assert parse('<think>is ["salt"] enough? I') == recipes.Parsed([], False)


@given(st.text())
def test_no_answer_breaks_the_reader(text):
    parsed = parse(text)
    assert parsed.items == [] or "[" in text


@given(st.lists(st.sampled_from(["flour", "crème fraîche", "confectioners' sugar", 'a "b"'])))
def test_the_right_answer_is_read_back(names):
    names = list(dict.fromkeys(names))
    recipe = Recipe("x", "t", ("l",), ("n",), tuple(names))
    assert parse(recipes.answer(recipe)) == recipes.Parsed(names, True)


def of_lines(name, *lines):
    return Recipe(name, name, lines, ("x",), ("x",))


def test_near_duplicates_are_found_whatever_their_punctuation():
    one = of_lines("one", "2 cups flour, sifted", "1 tsp. salt", "3 eggs")
    same = of_lines("same", "2 CUPS flour (sifted)", "1 tsp salt", "3 eggs")
    near = of_lines("near", "2 cups flour, sifted", "1 tsp. salt", "3 apples")
    other = of_lines("other", "2 cups flour", "a pinch of sugar", "some milk")
    pairs = near_duplicates([one, same, near, other])
    assert [(a.id, b.id) for a, b, _likeness in pairs] == [
        ("one", "same"),
        ("one", "near"),
        ("same", "near"),
    ]
    assert [round(likeness, 2) for *_pair, likeness in pairs] == [1.0, 0.75, 0.75]
    assert without_near_duplicates([one, same, near, other]) == [one, other]


def test_very_short_recipes_are_compared_as_a_whole():
    pairs = near_duplicates([of_lines("a", "salt"), of_lines("b", "Salt!"), of_lines("c", "oil")])
    assert [(a.id, b.id) for a, b, _likeness in pairs] == [("a", "b")]


def test_renaming_by_code_gives_each_house_name_once():
    entries = recipes.load_glossary()
    found = recipes.rename('["scallions", "Zucchini", "salt", "spring onions"]', entries)
    house = recipes.house_names(["scallions", "zucchini", "salt", "spring onions"], entries)
    assert parse(found) == recipes.Parsed(list(house), True) and "scallions" not in house


@pytest.mark.parametrize("text", ["scallions", 'Here: ["scallions"]', '["scallions", "sal', ""])
def test_renaming_makes_no_answer_valid_that_was_not(text):
    assert recipes.rename(text, recipes.load_glossary()) == text


@pytest.mark.parametrize("split", recipes.SPLITS)
def test_the_right_answers_are_the_plain_names_renamed_and_fit_the_schema(split):
    """So whoever extracts the plain names without a mistake gets all house names by code."""
    limits = recipes.SCHEMA["json_schema"]["schema"]
    for recipe in recipes.load(split):
        plain = json.dumps(recipe.names, ensure_ascii=False)
        if split != "field":
            assert parse(recipes.rename(plain, recipes.load_glossary())).items == list(
                recipe.ingredients
            )
        assert len(recipe.ingredients) <= limits["maxItems"]
        assert all(len(name) <= limits["items"]["maxLength"] for name in recipe.ingredients)
