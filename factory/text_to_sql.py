"""Writes the text-to-SQL task: data/text_to_sql/databases/*.sql and the questions but field.jsonl.

    python -m factory.text_to_sql            writes them, byte for byte the same each time
    python -m factory.text_to_sql --check    says whether the files are what this program writes

A question is only taken if its answer can be trusted as a label: the query runs and gives rows,
ties do not leave the order open, and *each* query with one mistake in it (another sign, another
column, a condition left out, ...; see ``sql_queries.wrong_versions``) gives other rows. No query
and no near-duplicate of a question occurs twice, in whichever files. ``field.jsonl`` is not made
here: people's hands wrote it. Its queries are kept out of all other files.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

from factory import sql_schemas
from factory.derived import write_or_check
from factory.sql_queries import Query, wrong_versions
from factory.sql_questions import Asked, Grammar
from factory.sql_schemas import Schema
from lessonlib.tasks import sql_sandbox
from lessonlib.tasks.near_duplicates import without_near_duplicates
from lessonlib.tasks.sql_sandbox import Outcome
from lessonlib.tasks.sql_scores import same_rows
from lessonlib.tasks.text_to_sql import TEXT_TO_SQL, load

SEED = "text to SQL 2026-06-01"
#: Parts of the files: (file, databases, questions). The first parts choose first.
PARTS = {
    "test": ("test", sql_schemas.SEEN, 150),
    "unseen": ("test", sql_schemas.UNSEEN, 50),
    "validation": ("validation", sql_schemas.SEEN, 100),
    "train": ("train", sql_schemas.SEEN, 1000),
}
#: Shares of the kinds of question.
KINDS = {"select": 26, "count": 18, "extreme": 16, "order": 16, "group": 10, "join": 14}
#: No label has more rows.
MOST_ROWS = 16


@cache
def _rows(script: str, sql: str) -> Outcome:
    return sql_sandbox.run(script, sql)


def verified(schema: Schema, asked: Asked) -> bool:
    """Whether the query's rows show that it is right, and that near ones are wrong."""
    query, script = asked.query, schema.script
    if len(set(query.where)) < len(query.where) or _is_silly(schema, query):
        return False
    right = _rows(script, query.sql)
    values = [value for row in right.rows for value in row]
    if right.error or not 0 < len(right.rows) <= MOST_ROWS or set(values) <= {None, 0}:
        return False
    if query.order and not _order_is_clear(script, asked, right):
        return False
    return not any(
        same_rows(_rows(script, wrong.sql), right, ordered=bool(query.order))
        for _mistake, wrong in wrong_versions(schema, query)
    )


def _is_silly(schema: Schema, query: Query) -> bool:
    """Nobody asks for what the question says already: the city of what is in Rome."""
    told = {c.column for c in query.where if c.sign in ("=", "IS NULL")}
    asked_for = {part.split("(")[-1].rstrip(")") for part in query.select}
    if query.order and query.select == (query.order,):
        return query.order not in (schema.parent.label.name, schema.child.label.name)
    return bool(told & asked_for) or f"({query.group})" in query.select[-1]


def _order_is_clear(script: str, asked: Asked, right: Outcome) -> bool:
    """No tie decides, nor a missing value: with ties broken either way, the same rows come."""
    query = asked.query
    then = f"{query.order}{' DESC' if query.down else ''}, id"
    ends = [_rows(script, replace(query, order=then, down=down).sql) for down in (False, True)]
    ordered_by = _rows(script, replace(query, select=(query.order,)).sql).rows
    return (None,) not in ordered_by and all(end.rows == right.rows for end in ends)


def questions() -> dict[str, list[Asked]]:
    """The questions of each part."""
    candidates = {name: _candidates(name) for name in PARTS}
    # Near-duplicates go, the later of each two: first tests choose, training takes the rest.
    # A database's words stand before the question, as two databases may share a question.
    everything = [asked for part in candidates.values() for asked in part]
    kept = without_near_duplicates(
        everything, text=lambda asked: f"{asked.database} {asked.question}"
    )
    seen = {(one.database, one.query) for one in load("field")}
    single = []
    for asked in kept:
        key = (asked.database, asked.query.sql)
        if key not in seen:
            seen.add(key)
            single.append(asked)
    allowed = {id(asked) for asked in single}
    return {
        name: _chosen(name, [asked for asked in part if id(asked) in allowed])
        for name, part in candidates.items()
    }


def _candidates(name: str) -> list[Asked]:
    """More verified questions than are needed, the databases in turn."""
    _file, schemas, count = PARTS[name]
    rng, found = Random(f"{SEED}/{name}"), []
    kinds = [kind for kind, share in KINDS.items() for _ in range(share)]
    while len(found) < 3 * count:
        schema, kind = schemas[len(found) % len(schemas)], rng.choice(kinds)
        asked = Grammar(rng, schema).ask(kind)
        while not verified(schema, asked):
            asked = Grammar(rng, schema).ask(kind)
        found.append(asked)
    return found


def _chosen(name: str, part: list[Asked]) -> list[Asked]:
    """As many as the part needs, with the wanted shares of the kinds."""
    _file, _schemas, count = PARTS[name]
    wanted = {kind: count * share // 100 for kind, share in KINDS.items()}
    wanted["select"] += count - sum(wanted.values())
    taken: Counter[str] = Counter()
    chosen = []
    for asked in part:
        if taken[asked.kind] < wanted[asked.kind]:
            taken[asked.kind] += 1
            chosen.append(asked)
    if len(chosen) < count:
        raise SystemExit(f"{name}: only {len(chosen)} of {count}. Cure: draw more candidates.")
    return chosen


def files() -> dict[Path, str]:
    """The text of each file."""
    found = {
        TEXT_TO_SQL / "databases" / f"{schema.name}.sql": schema.script
        for schema in sql_schemas.SEEN + sql_schemas.UNSEEN
    }
    parts = questions()
    for file in dict.fromkeys(file for file, _schemas, _count in PARTS.values()):
        rows = [asked for name, part in parts.items() if PARTS[name][0] == file for asked in part]
        found[TEXT_TO_SQL / f"{file}.jsonl"] = "".join(
            json.dumps(
                {
                    "id": f"{file}-{number:04d}",
                    "database": asked.database,
                    "kind": asked.kind,
                    "question": asked.question,
                    "query": asked.query.sql,
                }
            )
            + "\n"
            for number, asked in enumerate(rows, start=1)
        )
    return found


def main() -> None:
    """Command line."""
    write_or_check("factory.text_to_sql", __doc__, files, "lines")


if __name__ == "__main__":
    main()
