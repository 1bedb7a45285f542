"""Looking up glossary lines and solved examples."""

from datetime import date

import pytest

from lessonlib.common.errors import LessonError
from lessonlib.tasks.recipes import GlossaryEntry, Recipe, load, load_glossary
from lessonlib.tasks.retrieval import Bm25Examples, Bm25Glossary, GlossaryLookup, recall_at_k


def entries(*pairs):
    return [GlossaryEntry(written, house, date(2026, 1, 1)) for written, house in pairs]


def recipe(*lines, names=("x",), name="r"):
    return Recipe(name, "Dish", lines, names, names)


GLOSSARY = entries(
    ("pepper", "capsicum"),
    ("black pepper", "pepper"),
    ("ground black pepper", "pepper"),
    ("scallions", "green onion"),
    ("all-purpose flour", "flour"),
    ("confectioners' sugar", "powdered sugar"),
)


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("1 tsp ground black pepper", ["ground black pepper"]),
        ("1 tsp freshly ground BLACK Pepper", ["ground black pepper"]),
        ("black pepper and ground black pepper", ["black pepper", "ground black pepper"]),
        ("1 pepper, black pepper", ["pepper", "black pepper"]),
        ("peppercorns, 1 scallion", []),
        ("3 scallions, then 2 scallions", ["scallions"]),
        ("2 c. all purpose flour", ["all-purpose flour"]),
        ("2 c. all -  purpose flour", ["all-purpose flour"]),
        ("1 c. confectioners\u2019 sugar", ["confectioners' sugar"]),
        ("(scallions)", ["scallions"]),
    ],
)
def test_exact_lookup(line, keys):
    found = GlossaryLookup(GLOSSARY).find(recipe(line))
    assert [entry.written for entry in found] == keys


def test_what_is_found_comes_in_the_order_of_the_recipe_and_once():
    found = GlossaryLookup(GLOSSARY).find(
        recipe("scallions", "1 pepper", "ground black pepper", "more scallions")
    )
    assert [entry.written for entry in found] == ["scallions", "pepper", "ground black pepper"]


def test_bm25_over_the_glossary_ranks_shared_words_and_leaves_the_rest_out():
    bm25 = Bm25Glossary(GLOSSARY)
    found = bm25.find(recipe("2 cups all purpose FLOUR", "black pepper"), k=10)
    assert found[0].written == "all-purpose flour"
    assert {entry.written for entry in found[1:]} == {
        "black pepper",
        "pepper",
        "ground black pepper",
    }
    assert bm25.find(recipe("2 cups all purpose flour", "black pepper"), k=1) == found[:1]
    assert bm25.find(recipe("water", "ice"), k=3) == []


def test_bm25_ties_keep_the_order_of_the_glossary():
    same = entries(("sea salt", "a"), ("table salt", "b"), ("rock salt", "c"))
    found = Bm25Glossary(same).find(recipe("salt"), k=3)
    assert [entry.house for entry in found] == ["a", "b", "c"]


def test_bm25_over_examples_never_returns_the_recipe_itself():
    apple = recipe("2 apples", "1 cup flour", name="apple")
    copy = recipe("2 apples", "1 cup flour", name="copy")
    pie = recipe("3 apples", "butter", name="pie")
    soup = recipe("leeks", "cream", name="soup")
    found = Bm25Examples([soup, apple, copy, pie]).find(apple, k=4)
    assert [one.id for one in found] == ["pie"]


def test_an_empty_collection_is_refused():
    with pytest.raises(LessonError, match="nothing to search"):
        Bm25Glossary([])


def test_recall_counts_needed_lines_only():
    two = [
        recipe("scallions", "black pepper", names=("scallions", "black pepper")),
        recipe("sugar", "ground black pepper", names=("sugar", "ground black pepper")),
    ]
    assert recall_at_k(GlossaryLookup(GLOSSARY).find, two, GLOSSARY) == 1.0
    assert recall_at_k(GlossaryLookup(GLOSSARY[3:]).find, two, GLOSSARY) == pytest.approx(1 / 3)
    with pytest.raises(LessonError, match="no recall to measure"):
        recall_at_k(GlossaryLookup(GLOSSARY).find, [recipe("water", names=("water",))], GLOSSARY)


def test_on_the_hand_written_recipes_exact_lookup_finds_nearly_all_and_more_k_finds_more():
    """The comparison that the lesson draws, on text that no generator wrote."""
    glossary, field = load_glossary(), load("field")
    exact = recall_at_k(GlossaryLookup(glossary).find, field, glossary)
    bm25 = Bm25Glossary(glossary)
    by_k = [recall_at_k(lambda one, k=k: bm25.find(one, k), field, glossary) for k in (2, 8, 32)]
    assert exact > 0.85
    assert by_k == sorted(by_k) and by_k[0] < exact


def test_bm25_asks_line_by_line_unless_it_is_told_otherwise():
    """Words and meanings were compared although one was asked with the whole recipe and the other
    with each line. Now both ask in the same way; a key counts by its best line."""
    glossary = entries(("minced beef", "a"), ("beef stock", "b"), ("salt", "c"))
    one = recipe("minced pork", "stock of beef bones", "beef dripping")
    by_line, whole = Bm25Glossary(glossary), Bm25Glossary(glossary, whole=True)
    assert [entry.house for entry in by_line.find(one, k=2)] == ["b", "a"]
    assert {entry.house for entry in whole.find(one, k=3)} == {"a", "b"}
    order = recipe("sea salt", "rock salt", "fine salt", "beef stock")
    assert by_line.find(order, k=1)[0].house == "b", "three lines of salt are no better than one"
    assert whole.find(order, k=1)[0].house == "c", "asked as one text, it counts three times"
