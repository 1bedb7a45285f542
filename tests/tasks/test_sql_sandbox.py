"""A model's SQL cannot hurt the learner's machine, whatever it says."""

import sqlite3
import subprocess
import sys
import time

import pytest

from lessonlib.tasks import sql_sandbox, text_to_sql
from lessonlib.tasks.sql_sandbox import Outcome, run

SCRIPT = "CREATE TABLE t (x INTEGER, y TEXT);" + "".join(
    f"INSERT INTO t VALUES ({i}, 'v{i}');" for i in range(40)
)
LONG = "a" * 90


def test_queries_of_many_kinds_run():
    for query, rows in {
        "SELECT x FROM t LIMIT 2;": ((0,), (1,)),
        "select X from T where y = 'v3' -- a remark": ((3,),),
        "SELECT COUNT(*) FROM (SELECT x FROM t WHERE x > 30)": ((9,),),
        "WITH few AS (SELECT x FROM t WHERE x < 3) SELECT COUNT(*), MAX(x) FROM few": ((3, 2),),
        "SELECT a.x FROM t a JOIN t b ON a.x = b.x + 38": ((38,), (39,)),
        "SELECT x, RANK() OVER (ORDER BY x DESC) FROM t WHERE x IN (1, 2)": ((2, 1), (1, 2)),
        "SELECT x FROM t WHERE y LIKE 'V1_' AND x % 2 = 0 EXCEPT SELECT 10": ((12,), (14,), (16,),
                                                                           (18,)),
        "SELECT UPPER(SUBSTR(y, 1, 1)), ROUND(AVG(x), 1) FROM t": (("V", 19.5),),
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3)"
        " SELECT n FROM r": ((1,), (2,), (3,)),
    }.items():
        assert run(SCRIPT, query) == Outcome(rows), query


@pytest.mark.parametrize("query", [
    "DELETE FROM t", "INSERT INTO t VALUES (1, 'a')", "UPDATE t SET x = 1", "DROP TABLE t",
    "REPLACE INTO t VALUES (1, 'a')", "CREATE TABLE z (x)", "ALTER TABLE t ADD COLUMN z",
    "CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE VIEW v AS SELECT 1",
    "CREATE TEMP TABLE z (x)", "CREATE VIRTUAL TABLE z USING fts5(x)",
    "ATTACH 'stolen.db' AS a", "ATTACH ':memory:' AS a", "DETACH main", "VACUUM",
    "VACUUM INTO 'stolen.db'", "REINDEX", "ANALYZE", "BEGIN", "COMMIT", "SAVEPOINT a",
    "PRAGMA query_only = OFF", "PRAGMA writable_schema = ON", "PRAGMA temp_store_directory = '.'",
    "PRAGMA hard_heap_limit = 1", "SELECT * FROM pragma_table_info('t')",
    "SELECT * FROM sqlite_master", "SELECT sql FROM sqlite_schema", "SELECT * FROM dbstat",
    "SELECT * FROM json_each('[1]')", "SELECT load_extension('evil')",
    "SELECT writefile('stolen.txt', 'x')", "SELECT readfile('/etc/passwd')",
    "SELECT zeroblob(1000000000)", "SELECT randomblob(1000000000)",
    "SELECT printf('%1000000000d', 1)", "SELECT format('%1000000000d', 1)",
    "SELECT replace(y, 'v', zeroblob(100000)) FROM t", "SELECT hex(y) FROM t",
    "SELECT fts3_tokenizer('simple')", "SELECT sqlite_version()",
    "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE t", "", "   ", ";", "-- nothing", "hello",
    "SELECT", "SELECT z FROM t", "SELECT '\x00'", "SELECT '\ud800'",
    "SELECT CAST(x'ff' AS TEXT)", "SELECT sum(9223372036854775807) FROM t",
])  # fmt: skip
def test_everything_but_reading_is_refused(query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = run(SCRIPT, query)
    assert outcome.error and outcome.rows == ()
    assert list(tmp_path.iterdir()) == []
    assert run(SCRIPT, "SELECT COUNT(*) FROM t").rows == ((40,),)


#: Each would run for hours, or fill the memory, if nobody stopped it.
ENDLESS = {
    "recursion without end": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
    " SELECT COUNT(*) FROM r",
    "endless rows": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
    " SELECT n FROM r",
    "a text that doubles": "WITH RECURSIVE r(s) AS (SELECT 'a' UNION ALL SELECT s || s FROM r)"
    " SELECT LENGTH(s) FROM r",
    "long texts, kept to be compared": f"WITH RECURSIVE r(n, s) AS (SELECT 1, '{LONG}' UNION"
    " SELECT n + 1, substr(n || s || s, 1, 400) FROM r) SELECT COUNT(*) FROM r",
    "long texts, kept to be sorted": f"WITH RECURSIVE r(n, s) AS (SELECT 1, '{LONG}' UNION ALL"
    " SELECT n + 1, substr(n || s || s, 1, 400) FROM r) SELECT s FROM r ORDER BY s",
    "cartesian join": "SELECT COUNT(*) FROM t a, t b, t c, t d, t e, t f",
    "cartesian join with rows": "SELECT a.x FROM t a, t b, t c",
    "sixty tables": "SELECT 1 FROM " + ", ".join(["t"] * 60),
    "all in one text": "SELECT group_concat(a.y) FROM t a, t b",
    "subqueries for each row": "SELECT (SELECT COUNT(*) FROM t b, t c, t d WHERE b.x < a.x)"
    " FROM t a",
    "costly patterns": f"SELECT COUNT(*) FROM t a, t b, t c, t d WHERE '{LONG * 9}' || a.y || d.y"
    f" LIKE '{'%a' * 45}b'",
    "brackets": "SELECT " + "(" * 1500 + "1" + ")" * 1500,
    "too long to be read": "SELECT " + "1 + " * 2_000 + "1",
    "too many columns": "SELECT " + ", ".join(["*"] * 200) + " FROM t",
    "many unions": " UNION ALL ".join(["SELECT x FROM t"] * 50),
}


@pytest.mark.parametrize("query", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_never_ends_is_ended(query):
    began = time.process_time()
    outcome = run(SCRIPT, query)
    assert outcome.error and outcome.rows == ()
    assert time.process_time() - began < 3


def test_named_subqueries_cannot_multiply():
    """Ten levels that each use the level below five times kept SQLite's compiler busy for hours:
    it calls no progress handler before the first step."""
    levels = "".join(
        f", a{i} AS (SELECT p.x FROM {', '.join(f'a{i - 1} {c}' for c in 'pqrst')})"
        for i in range(1, 11)
    )
    query = f"WITH a0 AS (SELECT 1 x){levels} SELECT COUNT(*) FROM a10"
    assert run(SCRIPT, query).error == "more than one named subquery"
    hidden = query.replace(" AS (", " AS/* */--\n(").replace("WITH", "with")
    assert run(SCRIPT, hidden).error == "more than one named subquery"
    nested = "SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (SELECT 1) SELECT 1))"
    assert run(SCRIPT, nested).error == "more than one named subquery"


def test_a_few_slow_steps_are_stopped_by_the_clock(monkeypatch):
    monkeypatch.setattr(sql_sandbox, "STEPS", 10**12)
    monkeypatch.setattr(sql_sandbox, "SECONDS", 0.2)
    began = time.process_time()
    outcome = run(SCRIPT, ENDLESS["cartesian join"])
    assert "seconds" in outcome.error and time.process_time() - began < 2


def test_steps_are_counted_so_that_a_busy_machine_scores_the_same(monkeypatch):
    monkeypatch.setattr(sql_sandbox, "SECONDS", 3600.0)
    assert run(SCRIPT, ENDLESS["recursion without end"]).error == "stopped after 200,000 steps"


def test_no_right_query_comes_near_the_limits(monkeypatch):
    monkeypatch.setattr(sql_sandbox, "STEPS", sql_sandbox.STEPS // 20)
    for split in ("test", "field"):
        for question in text_to_sql.load(split):
            assert text_to_sql.database(question.database).run(question.query).error is None


def test_the_memory_stays_small():
    """Measured from outside, as memory that was once taken is rarely given back."""
    resource = pytest.importorskip("resource")  # not on Windows
    assert resource.RUSAGE_SELF == 0
    code = (
        "import resource, sys; from lessonlib.tasks.sql_sandbox import run\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        f"for query in {list(ENDLESS.values())!r}: assert run({SCRIPT!r}, query).error\n"
        "print((peak() - before) // (2**20 if sys.platform == 'darwin' else 2**10))"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    assert int(asked.stdout) < 64, "megabytes"


def test_nothing_is_left_from_one_query_to_the_next():
    query = "WITH a AS (SELECT x FROM t) SELECT COUNT(*) FROM a"
    assert run(SCRIPT, query) == run(SCRIPT, query) == Outcome(((40,),))
    with pytest.raises(sqlite3.Error):
        run("CREATE TABLE broken (", "SELECT 1")  # our own script is trusted, so it may fail
