"""Run SQL that a model wrote, in such a way that it cannot hurt this machine.

A model may answer anything: a query that never ends, one that fills the memory, one that writes.
What we ask for is one ``SELECT`` over a few small tables, so everything else is refused:

- **nothing to destroy**: each query gets a database of its own in memory, built afresh;
- **one statement**, that only reads the tables we made: SQLite asks our *authorizer* about each
  table, column and function while it compiles (https://www.sqlite.org/c3ref/set_authorizer.html);
  ``ATTACH``, ``PRAGMA``, writes, extensions and unknown functions are refused there;
- **few steps**: SQLite calls our *progress handler* as it works, and we stop it after ``STEPS``
  instructions. Steps are the same on a fast and on a slow machine, so scores are, too;
  ``SECONDS`` is there for a single step that takes long;
- **small values and few rows**: no value above ``LIMITS[SQLITE_LIMIT_LENGTH]`` bytes, at most
  ``ROWS`` rows. Steps times bytes bounds the memory, to some 20 MB in the worst case.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from lessonlib.common.i18n import _

#: Instructions of SQLite's virtual machine. The right queries of the task need a few thousand.
STEPS = 200_000
#: How many instructions pass between two looks at the clock.
STRIDE = 100
SECONDS = 2.0
ROWS = 1_000
#: Named subqueries that use each other multiply at each level while SQLite still compiles, where
#: nobody counts steps. So there may be one. Words are counted wherever they stand, for safety.
NAMED_SUBQUERY = re.compile(
    r"\bas\b(?:\s|--[^\n]*\n|/\*.*?\*/|\bnot\b|\bmaterialized\b)*\(", re.IGNORECASE | re.DOTALL
)
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 4_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 10,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
#: Functions that read values and make no large ones. ``randomblob`` and the like are not here.
FUNCTIONS = frozenset(
    "abs avg cast coalesce count cume_dist date datetime dense_rank first_value glob group_concat"
    " ifnull iif instr julianday lag last_value lead length like likelihood likely lower ltrim max"
    " min nth_value ntile nullif percent_rank rank round row_number rtrim sign strftime"
    " string_agg substr substring sum time total trim typeof unicode unlikely upper".split()
)


@dataclass(frozen=True)
class Outcome:
    """What a query gave: its rows, or the reason why there are none in ``error``."""

    rows: tuple[tuple, ...] = ()
    error: str | None = None


def run(script: str, sql: str) -> Outcome:
    """Run one query in a fresh database in memory.

    Args:
        script: our own statements that create and fill the tables. They are trusted.
        sql: the query. It is not trusted, and this never raises because of it.
    """
    if len(sql) > LIMITS[sqlite3.SQLITE_LIMIT_SQL_LENGTH]:
        return Outcome(error=_("the query is too long"))
    withs = len(re.findall(r"\bwith\b", sql, re.IGNORECASE))
    if withs > 1 or (withs and len(NAMED_SUBQUERY.findall(sql)) > 1):
        return Outcome(error=_("more than one named subquery"))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(script)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        # Sorting and grouping would otherwise write to the folder for temporary files.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA query_only = ON")
        for limit, value in LIMITS.items():
            connection.setlimit(limit, value)
        connection.set_authorizer(_only_reading(tables))
        clock = _Clock()
        connection.set_progress_handler(clock.tick, STRIDE)
        try:
            cursor = connection.execute(sql)
            if cursor.description is None:
                return Outcome(error=_("not a query"))
            rows = cursor.fetchmany(ROWS + 1)
        # ValueError: a zero byte or half a character pair in the text. Warning: two statements.
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
            return Outcome(error=clock.reason or str(error) or type(error).__name__)
    if len(rows) > ROWS:
        return Outcome(error=_("more than {most} rows").format(most=ROWS))
    return Outcome(tuple(rows))


class _Clock:
    """Counts steps and seconds; ``tick`` is SQLite's progress handler.

    The seconds are those that the processor worked for this thread: waiting is nobody's fault.
    """

    def __init__(self):
        self.steps, self.end, self.reason = 0, time.thread_time() + SECONDS, None

    def tick(self) -> int:
        """Not zero: stop."""
        self.steps += STRIDE
        if self.steps > STEPS:
            self.reason = _("stopped after {steps:,} steps").format(steps=STEPS)
        elif time.thread_time() > self.end:
            self.reason = _("stopped after {seconds:.0f} seconds").format(seconds=SECONDS)
        return int(self.reason is not None)


def _only_reading(tables: set[str]) -> Callable[..., int]:
    """An authorizer that lets a query read ``tables`` and call ``FUNCTIONS``, nothing more."""

    def decide(action: int, first: str | None, second: str | None, *_where) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        # No column: rows are only counted, perhaps those of a named subquery.
        if action == sqlite3.SQLITE_READ and (first in tables or second == ""):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and str(second).lower() in FUNCTIONS:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return decide
