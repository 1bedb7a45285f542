"""The shipped questions keep the promises that the lesson's numbers rest on."""

from collections import Counter
from random import Random

import pytest

from factory import sql_schemas
from factory import text_to_sql as factory
from factory.sql_queries import Condition, Query, wrong_versions
from lessonlib.tasks import text_to_sql
from lessonlib.tasks.near_duplicates import near_duplicates
from lessonlib.tasks.sql_scores import has_order, same_rows
from lessonlib.tasks.text_to_sql import SPLITS, UNSEEN, database, database_names, load

SIZES = {"train": 1000, "validation": 100, "test": 200, "field": 60}


@pytest.fixture(scope="module")
def splits():
    return {split: load(split) for split in SPLITS}


def test_files_are_what_the_factory_writes_byte_for_byte():
    for path, text in factory.files().items():
        assert path.read_bytes() == text.encode("utf-8"), path.name


def test_the_splits_have_their_sizes_and_no_id_occurs_twice(splits):
    assert {split: len(questions) for split, questions in splits.items()} == SIZES
    ids = [one.id for questions in splits.values() for one in questions]
    assert len(set(ids)) == len(ids)


def test_training_never_shows_the_unseen_databases(splits):
    assert {one.name for one in sql_schemas.UNSEEN} == set(UNSEEN) < set(database_names())
    for split, unseen in {"train": 0, "validation": 0, "test": 50, "field": 15}.items():
        questions = splits[split]
        assert sum(not one.seen for one in questions) == unseen, split
        assert all(one.seen for one in questions[: len(questions) - unseen]), split
    everything = {one.database for questions in splits.values() for one in questions}
    assert everything == set(database_names())


def test_no_table_of_an_unseen_database_has_a_name_that_training_shows():
    tables = {
        seen: {table.name for one in group for table in (one.parent, one.child)}
        for seen, group in ((True, sql_schemas.SEEN), (False, sql_schemas.UNSEEN))
    }
    assert not tables[True] & tables[False]


def test_no_question_nearly_repeats_another_of_any_split(splits):
    """A question that training has shown would be remembered, not understood: a leak."""
    everything = [one for questions in splits.values() for one in questions]
    pairs = near_duplicates(everything, text=lambda one: f"{one.database} {one.question}")
    assert [(one.id, other.id) for one, other, _likeness in pairs] == []


def test_no_query_is_asked_for_twice_not_even_in_other_words(splits):
    counts = Counter((one.database, one.query) for part in splits.values() for one in part)
    assert [key for key, count in counts.items() if count > 1] == []


def test_every_label_runs_and_gives_rows(splits):
    for questions in splits.values():
        for one in questions:
            outcome = database(one.database).run(one.query)
            assert outcome.error is None and 0 < len(outcome.rows) <= factory.MOST_ROWS, one
            assert {value for row in outcome.rows for value in row} - {None, 0}, one


def test_an_order_is_asked_for_where_the_label_has_one(splits):
    for questions in splits.values():
        for one in questions:
            assert has_order(one.query) == (one.kind == "order"), one


def test_all_kinds_are_there_in_every_split(splits):
    for split, questions in splits.items():
        counts = Counter(one.kind for one in questions)
        assert set(counts) == set(text_to_sql.KINDS), split
        assert min(counts.values()) >= 5 and max(counts.values()) <= len(questions) / 3, split


def test_answers_to_other_questions_are_wrong_answers(splits):
    """If queries often gave the same rows by chance, execution accuracy would mean little."""
    by_database: dict[str, list] = {}
    for one in splits["test"]:
        by_database.setdefault(one.database, []).append(one)
    rng, hits, pairs = Random(0), 0, 0
    for name, questions in by_database.items():
        rows = {one.id: database(name).run(one.query) for one in questions}
        for one in questions:
            for other in rng.sample(questions, min(8, len(questions))):
                if one.query != other.query:
                    pairs += 1
                    hits += same_rows(rows[other.id], rows[one.id], has_order(one.query))
    assert pairs > 500 and hits / pairs < 0.03, f"{hits} of {pairs}"


def test_the_rows_have_what_makes_wrong_queries_wrong():
    for schema in sql_schemas.SEEN + sql_schemas.UNSEEN:
        parent, child = schema.parent, schema.child
        missing = [row for table in (parent, child) for row in table.rows if None in row]
        assert missing, schema.name
        owners = [row[2] for row in child.rows]
        assert None in owners and len(parent.rows) not in owners, schema.name
        for column in child.of("text", "count", "measure", "year"):
            values = child.values(column)
            assert 1 < len(set(values)) < len(values), f"{schema.name}: no tie in {column.name}"


def test_wrong_versions_are_wrong_in_the_ways_they_are_named():
    schema = sql_schemas.SEEN[0]
    query = Query("books", ("title",), where=(Condition("pages", "<", 210),), order="title")
    made = {name: wrong.sql for name, wrong in wrong_versions(schema, query)}
    assert made["condition left out"] == "SELECT title FROM books ORDER BY title;"
    assert made["upside down"] == "SELECT title FROM books WHERE pages < 210 ORDER BY title DESC;"
    signs = [wrong.where[0].sign for name, wrong in wrong_versions(schema, query) if name == "sign"]
    assert signs == ["<=", ">"]


def test_prompts_are_short_enough_for_the_built_in_model(splits):
    from transformers import AutoTokenizer

    from lessonlib.common.paths import BUILT_IN

    tokenizer = AutoTokenizer.from_pretrained(BUILT_IN)
    shots = splits["train"][:2]
    for one in splits["test"] + splits["field"]:
        chat = text_to_sql.messages(one, shots)
        length = len(tokenizer.apply_chat_template(chat, add_generation_prompt=True,
                                                   tokenize=True)["input_ids"])  # fmt: skip
        assert length < 1024 - 128, one.id
        assert len(tokenizer(text_to_sql.answer(one))["input_ids"]) <= 96, one.id
