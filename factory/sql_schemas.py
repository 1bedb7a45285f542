"""The databases of the text-to-SQL task: their tables, their words, and their rows.

They are written down in ``sql_schemas.txt``: a database begins with its name, and ``unseen`` if
training shows no question about it. A table is written as ``table, word for one row, words that
link it to the table above``; a column as ``name | role | noun | values | words``:

- roles: ``label`` names the row; ``text`` is a category; ``count``, ``year`` and ``measure`` are
  numbers that people compare in different words; ``?`` behind a role: values may be missing.
- values: texts set apart by ``;``, or ``first-last-step`` for numbers.
- words: of a text, how people say that a row has the value; of a year, its verb; of other numbers,
  more than; less than; most; least, where there are such words.

The rows are drawn so that a wrong query gives wrong rows: few values, so that there are ties and
doubles; values that are near each other (``York`` and ``New York``, 30 and 31); missing ones; a
row above without rows below, and rows below that belong to none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

SEED = "text to SQL, rows"
SOURCE = Path(__file__).with_suffix(".txt")


@dataclass(frozen=True)
class Column:
    """A column of a table, and how people speak of it."""

    name: str
    role: str
    noun: str
    values: tuple
    words: tuple[str, ...] = ()
    nullable: bool = False

    @property
    def number(self) -> bool:
        return self.role in ("count", "year", "measure", "id", "link")


@dataclass(frozen=True)
class Table:
    """A table; ``link`` is how its rows belong to those of the table above (``by``, ``in``)."""

    name: str
    one: str
    link: str
    columns: tuple[Column, ...]
    rows: tuple[tuple, ...] = ()

    def of(self, *roles: str) -> list[Column]:
        return [column for column in self.columns if column.role in roles]

    @property
    def label(self) -> Column:
        return self.of("label")[0]

    def values(self, column: Column) -> list:
        """What stands in a column, without what is missing."""
        place = self.columns.index(column)
        return [row[place] for row in self.rows if row[place] is not None]


@dataclass(frozen=True)
class Schema:
    """A database: a table, and a second one whose rows belong to rows of the first."""

    name: str
    parent: Table
    child: Table

    @property
    def script(self) -> str:
        """The SQL that makes it."""
        return "\n\n".join(_script(table) for table in (self.parent, self.child)) + "\n"


def _column(line: str) -> Column:
    name, role, noun, values, *words = (part.strip() for part in line.split("|"))
    if role.strip("?") in ("label", "text"):
        found = tuple(values.split(";"))
    else:
        first, last, step = (int(number) for number in values.split("-"))
        found = tuple(range(first, last + 1, step))
    told = tuple(words[0].split(";")) if words else ()
    return Column(name, role.strip("?"), noun, found, told, role.endswith("?"))


def _drawn(rng: Random, column: Column, count: int) -> list:
    """A column's values: labels in turn, categories and numbers with ties, some missing."""
    if column.role == "label":
        return list(column.values)
    pool = list(column.values)
    if column.number and len(pool) > 6:
        # Two in a row from the list, so that there are near values.
        starts = rng.sample(range(len(pool) - 1), min(len(pool) // 2, 2 + count // 5))
        pool = sorted({pool[place] for start in starts for place in (start, start + 1)})
    # Each category occurs; numbers may be left out.
    values = [] if column.number else pool[:count]
    values += rng.choices(pool, k=count - len(values))
    rng.shuffle(values)
    if column.nullable:
        for place in rng.sample(range(count), 1 + count // 8):
            values[place] = None
    return values


def _table(rng: Random, heading: str, lines: list[str], parent: Table | None) -> Table:
    name, one, *link = heading.split(", ")
    columns = [_column(line) for line in lines]
    count = len(columns[0].values)
    drawn = [_drawn(rng, column, count) for column in columns]
    first, *others = [place for place, column in enumerate(columns) if column.role == "text"] or [0]
    for other in others:
        # No flight goes from Rome to Rome.
        while any(one == two for one, two in zip(drawn[first], drawn[other], strict=True)):
            rng.shuffle(drawn[other])
    if parent:
        # The last row above gets none below; one row below belongs to none above.
        owners = [rng.randrange(1, len(parent.rows)) for _ in range(count)]
        owners[rng.randrange(count)] = None
        columns.insert(1, Column(f"{parent.one}_id", "link", "", ()))
        drawn.insert(1, owners)
    columns.insert(0, Column("id", "id", "", ()))
    drawn.insert(0, list(range(1, count + 1)))
    return Table(name, one, "".join(link), tuple(columns), tuple(zip(*drawn, strict=True)))


def _schemas(unseen: bool) -> list[Schema]:
    found = []
    for block in SOURCE.read_text(encoding="utf-8").strip().split("\n\n"):
        heading, *lines = block.split("\n")
        if heading.endswith(", unseen") != unseen:
            continue
        name = heading.removesuffix(", unseen")
        rng = Random(f"{SEED}/{name}")
        starts = [place for place, line in enumerate(lines) if "|" not in line] + [len(lines)]
        parent = _table(rng, lines[0], lines[1 : starts[1]], None)
        child = _table(rng, lines[starts[1]], lines[starts[1] + 1 :], parent)
        found.append(Schema(name, parent, child))
    return found


def _literal(value) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _script(table: Table) -> str:
    kinds = ", ".join(f"{c.name} {'INTEGER' if c.number else 'TEXT'}" for c in table.columns)
    rows = ",\n".join("(" + ", ".join(_literal(v) for v in row) + ")" for row in table.rows)
    return f"CREATE TABLE {table.name} ({kinds});\nINSERT INTO {table.name} VALUES\n{rows};"


#: Databases that training shows, and those that it does not.
SEEN = _schemas(unseen=False)
UNSEEN = _schemas(unseen=True)
