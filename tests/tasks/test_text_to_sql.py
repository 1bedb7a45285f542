"""The text-to-SQL task: its files, its prompts, how an answer is read, run and scored."""

import json

import pytest
from fake_service import FakeService, serving

from lessonlib.common.errors import LessonError
from lessonlib.measure import answer_cache
from lessonlib.measure.evaluation import Method, compare, evaluate
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.measure.scoreboard_picture import build
from lessonlib.tasks import text_to_sql, training_rows
from lessonlib.tasks.sql_sandbox import Outcome
from lessonlib.tasks.sql_scores import has_order, normalised, same_rows
from lessonlib.tasks.text_to_sql import Question, load_file, parse

ROW = {
    "id": "train-0001",
    "database": "library",
    "kind": "select",
    "question": "Which books have fewer than 210 pages?",
    "query": "SELECT title FROM books WHERE pages < 210;",
}
QUESTION = Question(**ROW)


def answered(text):
    return {"text": text, "prompt_tokens": 9, "completion_tokens": 3, "seconds": 0.1,
            "finish_reason": "stop", "error": None, "error_message": None}  # fmt: skip


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


# --- files ---------------------------------------------------------------------------------


def test_a_good_file_is_read(tmp_path):
    path = write(tmp_path / "good.jsonl", ROW, ROW | {"id": "b", "style": "chatty"})
    assert load_file(path)[0] == QUESTION and len(load_file(path)) == 2


@pytest.mark.parametrize(
    ("change", "rule", "cure"),
    [
        ({"database": "libary"}, "'database' is 'libary'", "library"),
        ({"kind": "hard"}, "'kind' is 'hard'", "select, count"),
        ({"query": " "}, "'query' is empty", "Fill it in"),
        ({"question": 7}, "'question' must be a text, it is 7", "double quotes"),
        ({"id": "train-0001"}, "is already used in line 1", "its own id"),
    ],
)
def test_a_bad_line_is_named_with_its_rule_and_cure(tmp_path, change, rule, cure):
    path = write(tmp_path / "bad.jsonl", ROW, ROW | {"id": "train-0002"} | change)
    with pytest.raises(LessonError) as raised:
        load_file(path)
    assert "line 2" in str(raised.value) and rule in str(raised.value)
    assert cure in str(raised.value)


def test_a_missing_key_a_wrong_split_and_a_wrong_database_are_told(tmp_path):
    row = {key: value for key, value in ROW.items() if key != "query"}
    with pytest.raises(LessonError, match="'query' is missing"):
        load_file(write(tmp_path / "x.jsonl", row))
    with pytest.raises(LessonError, match="no split 'tset'"):
        text_to_sql.load("tset")
    with pytest.raises(LessonError, match="no database 'libary'"):
        text_to_sql.database("libary")
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(LessonError, match="no question"):
        load_file(tmp_path / "empty.jsonl")


# --- prompts -------------------------------------------------------------------------------


def test_the_prompt_shows_the_schema_and_no_rows():
    system, user = text_to_sql.messages(QUESTION)
    assert system == {"role": "system", "content": text_to_sql.SYSTEM}
    assert user["content"] == (
        "Schema:\n"
        "CREATE TABLE authors (id INTEGER, name TEXT, country TEXT, born INTEGER);\n"
        "CREATE TABLE books (id INTEGER, title TEXT, author_id INTEGER, year INTEGER, pages"
        " INTEGER, price INTEGER);\n"
        "Question: Which books have fewer than 210 pages?"
    )


def test_shots_are_earlier_turns_each_with_its_own_schema():
    shot = Question("b", "zoo", "count", "How many zoos?", "SELECT COUNT(*) FROM zoos;")
    roles = [m["role"] for m in text_to_sql.messages(QUESTION, [shot])]
    assert roles == ["system", "user", "assistant", "user"]
    assert "CREATE TABLE zoos" in text_to_sql.messages(QUESTION, [shot])[1]["content"]


def test_training_rows_end_in_the_label():
    (row,) = training_rows.chat_rows([QUESTION], text_to_sql.messages, text_to_sql.answer)
    assert row["messages"][:-1] == text_to_sql.messages(QUESTION)
    assert row["messages"][-1] == {"role": "assistant", "content": ROW["query"]}


# --- reading an answer -----------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "SELECT 1", "  SELECT 1\n", "```sql\nSELECT 1\n```", "```\nSELECT 1\n```\n",
    "```SQLite\nSELECT 1```",
])  # fmt: skip
def test_a_fence_around_the_whole_answer_is_taken_off(text):
    assert parse(text) == "SELECT 1"


def test_a_thinking_block_is_no_part_of_the_query():
    """Qwen3 writes an empty one before each answer; execution accuracy was 0.00 for that alone."""
    assert parse("<think>\n\n</think>\n\n```sql\nSELECT 1\n```") == "SELECT 1"


def test_words_around_the_query_stay_and_make_it_fail():
    row = QUESTION.score(answered(f"Sure! {ROW['query']}"))
    assert (row.right, row.valid_sql, row.same_text) == (False, False, False)
    assert "syntax error" in row.problem


# --- scores ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "right", "same"), [
    (ROW["query"], True, True),
    ("select title\nfrom books where pages<210 ; -- short ones", True, True),
    ("SELECT books.title FROM books WHERE books.pages <= 209", True, False),
    ("SELECT title FROM books WHERE pages < 210 ORDER BY title DESC", True, False),
    ("SELECT title AS name FROM books WHERE NOT pages >= 210", True, False),
    ("SELECT title FROM books WHERE pages < 211 OR pages IS NULL", False, False),
    ("SELECT title, pages FROM books WHERE pages < 210", False, False),
    ("SELECT b.title FROM books b JOIN books c WHERE b.pages < 210", False, False),
    ("SELECT title FROM book WHERE pages < 210", False, False),
    ("", False, False),
])  # fmt: skip
def test_a_query_is_scored_by_its_rows_and_by_its_text(query, right, same):
    row = QUESTION.score(answered(query))
    assert (row.right, row.same_text) == (right, same), row


def test_row_order_counts_only_where_the_label_orders():
    up, down = Outcome(((1,), (2,))), Outcome(((2,), (1,)))
    assert same_rows(up, down, ordered=False) and not same_rows(up, down, ordered=True)
    assert has_order("SELECT a FROM t order\nby a;")
    assert not has_order("SELECT a FROM t WHERE b = 'ORDER BY a'")
    assert not has_order("SELECT a FROM t WHERE a = (SELECT b FROM u ORDER BY b LIMIT 1)")


def test_doubles_columns_and_kinds_of_value_count():
    assert not same_rows(Outcome(((1,), (1,))), Outcome(((1,),)), ordered=False)
    assert not same_rows(Outcome(((1, 2),)), Outcome(((2, 1),)), ordered=False)
    assert not same_rows(Outcome((("1",),)), Outcome(((1,),)), ordered=False)
    assert not same_rows(Outcome(((None,),)), Outcome(((0,),)), ordered=False)
    assert same_rows(Outcome(((2.0,),)), Outcome(((2,),)), ordered=False)
    assert same_rows(Outcome(((0.1 + 0.2,),)), Outcome(((0.3,),)), ordered=True)
    assert not same_rows(Outcome(error="no"), Outcome(error="no"), ordered=False)


def test_the_text_is_compared_without_case_space_remarks_and_last_semicolon():
    assert normalised("SELECT  A.b,c FROM t;") == normalised("select a.b , c\nfrom T /* x */")
    assert normalised("SELECT 'It''s ;--' ;") == ("select", "'It''s ;--'")
    assert normalised("x = 'Rome'") != normalised("x = 'rome'")
    assert normalised("a <> 1") != normalised("a < > 1")
    assert normalised("") == normalised(" ; ") == ()


# --- through the course's evaluation ------------------------------------------------------


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Three questions, asked of a service that knows two of the labels, and of one that hacks."""
    monkeypatch.setattr(answer_cache, "WORK", tmp_path)
    questions = text_to_sql.load("test")[:3]
    known = {one.question: one.query for one in questions[:2]}

    def good(messages):
        asked = messages[-1]["content"].split("Question: ")[1]
        return known.get(asked, "DROP TABLE books").replace("SELECT", "select")

    found = []
    for name, answer in (("good", good), ("hacks", lambda _: "ATTACH 'x' AS y")):
        with serving(FakeService(answer)) as client:
            method = Method(name, name, text_to_sql.messages, max_tokens=128)
            found.append(evaluate(client, method, questions, progress=False))
    return found


def test_a_result_knows_the_scores_of_its_task(results):
    good, hacks = results
    metrics = good.metrics()
    assert list(metrics) == ["execution_accuracy", "string_match", "valid_sql"]
    assert metrics["execution_accuracy"].value == pytest.approx(2 / 3)
    assert metrics["string_match"].value == pytest.approx(2 / 3)
    assert metrics["execution_accuracy"].low < 2 / 3 < metrics["execution_accuracy"].high
    assert str(good).startswith("good on 3 examples: execution_accuracy 0.67")
    assert {m.value for m in hacks.metrics().values()} == {0}
    assert compare(good, hacks).value == pytest.approx(2 / 3)
    assert compare(good, hacks, "valid_sql").value == pytest.approx(2 / 3)
    with pytest.raises(LessonError, match="no metric 'micro_f1'"):
        compare(good, hacks, "micro_f1")


def test_the_scoreboard_shows_both_tasks(results, tmp_path):
    board = Scoreboard(tmp_path / "board.json")
    for result in results:
        board.add(result, split="sql test")
    shown = board.table()
    heading, first = shown.head, shown.rows[0]
    assert "execution accuracy" in heading and "micro-F1" not in heading
    assert first[heading.index("execution accuracy")].startswith("0.67 (")
    figure, words = build(board.rows())
    assert words.startswith("Execution accuracy with 95 % interval")
    assert "execution accuracy" in figure.axes[0].get_title(loc="left")

    rows = board.rows()
    recipe = {key: value for key, value in rows[0].items() if not isinstance(value, list)}
    recipe |= {"route": "tuned", "split": "test", "micro_f1": [0.9, 0.8, 1.0], "kind": "Row"}
    _figure, words = build([recipe, *rows])
    assert words.startswith("Micro-F1") and "good" not in words
