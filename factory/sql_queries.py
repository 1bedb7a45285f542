"""Queries as parts, so that wrong versions of each can be made, and the text of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from factory.sql_schemas import Schema, Table

#: What a hasty reader takes for each other.
_NEAR = {
    ">": (">=", "<"),
    "<": ("<=", ">"),
    ">=": (">", "<="),
    "<=": ("<", ">="),
    "=": ("!=",),
    "!=": ("=",),
    "IS NULL": ("IS NOT NULL",),
    "IS NOT NULL": ("IS NULL",),
}
_NEAR_FUNCTION = {"MAX": "MIN", "MIN": "MAX", "AVG": "SUM", "SUM": "AVG"}


@dataclass(frozen=True)
class Condition:
    """``column sign value``; a column of the table above begins with its name and a dot."""

    column: str
    sign: str
    value: str | int | None = None

    @property
    def sql(self) -> str:
        if self.value is None:
            return f"{self.column} {self.sign}"
        shown = self.value if isinstance(self.value, int) else f"'{self.value}'"
        return f"{self.column} {self.sign} {shown}"


@dataclass(frozen=True)
class Query:
    """One SELECT. ``select`` holds columns and functions of columns, such as ``MAX(price)``."""

    table: str
    select: tuple[str, ...]
    distinct: bool = False
    join: str = ""
    where: tuple[Condition, ...] = ()
    either: bool = False
    group: str = ""
    order: str = ""
    down: bool = False
    limit: int = 0

    @property
    def sql(self) -> str:
        """The query's text, always in the same manner."""
        text = f"SELECT {'DISTINCT ' if self.distinct else ''}{', '.join(self.select)}"
        text += f" FROM {self.table}{self.join}"
        if self.where:
            text += " WHERE " + (" OR " if self.either else " AND ").join(c.sql for c in self.where)
        text += f" GROUP BY {self.group}" if self.group else ""
        if self.order:
            text += f" ORDER BY {self.order}{' DESC' if self.down else ''}"
        text += f" LIMIT {self.limit}" if self.limit else ""
        return text + ";"

    @property
    def function(self) -> str:
        """``MAX`` and so on, of the last thing selected, or nothing."""
        return self.select[-1].split("(")[0] if "(" in self.select[-1] else ""


def joined(schema: Schema) -> str:
    """How the second table is tied to the first, for ``Query.join``."""
    parent, child = schema.parent, schema.child
    return f" JOIN {parent.name} ON {child.name}.{parent.one}_id = {parent.name}.id"


def _other_columns(schema: Schema, query: Query, name: str) -> list[str]:
    """Columns that one might take instead of ``name``: of the same table, and of the same kind."""
    table: Table = schema.child
    for one in (schema.parent, schema.child):
        if query.table == one.name and not query.join or name.startswith(f"{one.name}."):
            table = one
    dot, bare = (f"{table.name}." if query.join else ""), name.split(".")[-1]
    numbers = {c.name: c.number for c in table.columns}
    real = [c for c in table.columns if c.role not in ("id", "link")]
    return [dot + c.name for c in real if c.name != bare and c.number == numbers[bare]]


def wrong_versions(schema: Schema, query: Query) -> Iterator[tuple[str, Query]]:
    """Queries with one mistake each, as (name of the mistake, query)."""
    for place, condition in enumerate(query.where):
        others = list(query.where)
        for sign in _NEAR[condition.sign]:
            others[place] = replace(condition, sign=sign)
            yield "sign", replace(query, where=tuple(others))
        left_out = query.where[:place] + query.where[place + 1 :]
        yield "condition left out", replace(query, where=left_out)
    if len(query.where) > 1:
        yield "and for or", replace(query, either=not query.either)
    for place, column in enumerate(query.select):
        if "(" not in column:
            for other in _other_columns(schema, query, column):
                changed = query.select[:place] + (other,) + query.select[place + 1 :]
                yield "other column", replace(query, select=changed)
    if query.function in _NEAR_FUNCTION:
        changed = query.select[-1].replace(query.function, _NEAR_FUNCTION[query.function])
        yield "other function", replace(query, select=(*query.select[:-1], changed))
        inside = query.select[-1].split("(")[1].rstrip(")")
        for other in _other_columns(schema, query, inside):
            changed = query.select[-1].replace(inside, other)
            yield "other column", replace(query, select=(*query.select[:-1], changed))
    if "DISTINCT " in query.select[-1]:
        yield "doubles kept", replace(query, select=(query.select[-1].replace("DISTINCT ", ""),))
    if query.distinct:
        yield "doubles kept", replace(query, distinct=False)
    if query.order:
        yield "upside down", replace(query, down=not query.down)
        yield "unordered", replace(query, order="", down=False)
    if query.limit:
        yield "one row more", replace(query, limit=query.limit + 1)
    if query.group:
        for other in _other_columns(schema, query, query.group):
            yield "other group", replace(query, group=other)
    if query.join:
        parent = schema.parent.name
        yield (
            "wrong key",
            replace(query, join=f" JOIN {parent} ON {schema.child.name}.id = {parent}.id"),
        )
        yield "no key", replace(query, join=f" JOIN {parent}")
