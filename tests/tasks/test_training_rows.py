"""From recipes to training rows: the prompt of later use, the right answer, honest mistakes."""

from __future__ import annotations

import json

from lessonlib.tasks import prompting, recipes, training_rows


def test_a_row_is_the_later_prompt_and_the_right_answer():
    example = recipes.load("train")[0]
    (row,) = training_rows.chat_rows([example])
    assert row["messages"][:-1] == prompting.tuned(example)
    assert row["messages"][-1]["role"] == "assistant"
    assert tuple(json.loads(row["messages"][-1]["content"])) == example.ingredients


def test_a_text_row_is_the_recipe_and_nothing_of_its_answer():
    example = recipes.load("train")[0]
    assert training_rows.text_rows([example]) == [{"text": recipes.user_message(example)}]


def test_glossary_rows_answer_by_the_glossary_that_stands_in_the_prompt():
    """Tuned on true names alone, the prototype stopped reading the glossary (new names: .10)."""
    examples = recipes.load("train")[:200]
    entries = recipes.load_glossary(until=recipes.TRAINING_DATE)
    rows = training_rows.glossary_rows(examples, entries, seed=3)
    changed = 0
    for example, row in zip(examples, rows, strict=True):
        question, answer = (
            row["messages"][-2]["content"],
            json.loads(row["messages"][-1]["content"]),
        )
        pairs = [
            line.split(" -> ") for line in question.split("\n\n")[0].splitlines() if "->" in line
        ]
        said = dict(pairs)
        expected = dict.fromkeys(said.get(name, name) for name in example.names)
        assert answer == list(expected)
        changed += tuple(answer) != example.ingredients
    assert 0.3 * len(examples) < changed < 0.6 * len(examples)
    assert rows == training_rows.glossary_rows(examples, entries, seed=3)


def test_the_bad_source_spoils_the_share_that_it_says():
    examples = recipes.load("train")
    spoilt = training_rows.from_one_bad_source(examples, share=0.3)
    different = [a for a, b in zip(examples, spoilt, strict=True) if a != b]
    assert 0.25 < len(different) / len(examples) <= 0.3
    assert all("'s " in one.title or " à la " in one.title for one in different)
