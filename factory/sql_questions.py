"""Questions in words, each with the query that answers it: the grammar of the text-to-SQL task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from factory.sql_queries import Condition, Query, joined
from factory.sql_schemas import Column, Schema, Table

# A few ways to say each thing: a model of a few million parameters knows no English, and has to
# learn from a thousand questions what each of these words does to a query.
_TEXT = {
    "=": "with the {n} {v};whose {n} is {v}",
    "!=": "whose {n} is not {v}",
}
_COUNT = {
    ">": "with more than {v} {s};with over {v} {s}",
    "<": "with fewer than {v} {s};with less than {v} {s}",
    ">=": "with at least {v} {s}",
    "<=": "with at most {v} {s}",
    "=": "with exactly {v} {s};with {v} {s}",
}
_MEASURE = {
    ">": "with {an} over {v};whose {n} is more than {v}",
    "<": "with {an} under {v};whose {n} is less than {v}",
    ">=": "with {an} of at least {v};whose {n} is at least {v}",
    "<=": "with {an} of at most {v};whose {n} is at most {v}",
    "=": "with {an} of {v};whose {n} is exactly {v}",
}
_YEAR = {
    ">": "{w} after {v}",
    "<": "{w} before {v}",
    ">=": "{w} in {v} or later",
    "<=": "{w} in {v} or earlier",
    "=": "{w} in {v}",
}
_SAID = {"text": _TEXT, "label": _TEXT, "count": _COUNT, "measure": _MEASURE, "year": _YEAR}
_MISSING = {
    "IS NULL": "with no {n};whose {n} is missing",
    "IS NOT NULL": "with a known {n};whose {n} is known",
}

_SELECT = (
    "Show the {c} of the {T}.;List the {c} of all {T}.;What {c} do the {T} have?;Give me the {c}"
    " of the {T}."
).split(";")
_WHICH = "Which are the {T}?;Which {T} are there?;Name the {T}.".split(";")
_COUNTED = (
    "How many {T} are there?;Count the {T}.;What is the number of {T}?;How many {T} do we have?"
).split(";")
_DIFFERENT = (
    "How many different {s} do the {T} have?;Count the different {s} of the {T}."
).split(";")
_WORTH = (
    "What is the {f} {n} of the {T}?;Find the {f} {n} of the {T}.;Tell me the {f} {n} of all {T}."
).split(";")
_FUNCTIONS = {
    "MAX": "highest;maximum",
    "MIN": "lowest;minimum",
    "AVG": "average;mean",
    "SUM": "total",
}
_YEAR_FUNCTIONS = {"MAX": "latest", "MIN": "earliest"}
_DOWN = "highest first;from high to low".split(";")
_UP = "lowest first;from low to high".split(";")
_SORTED = (
    "List the {c} of the {T}, sorted by {n}, {d}.;Sort the {T} by {n}, {d}, and show the {c}."
).split(";")
_A_TO_Z = "List the {T} in alphabetical order.;Name the {T}, sorted by {n}.".split(";")
_TOP = (
    "Show the {c} of the {k} {T} with the {f} {n}.;List the {c} of the {k} {T} with the {f} {n}."
).split(";")
_TOP_ONE = (
    "Show the {c} of the {t} with the {f} {n}.;What {c} does the {t} with the {f} {n} have?"
).split(";")
_SUPERLATIVE = "Show the {c} of the {k}{w} {T}.;List the {c} of the {k}{w} {T}.".split(";")
_EACH = (
    "How many {T} are there for each {n}?;Count the {T} per {n}.;For each {n}, show the number of"
    " {T}."
).split(";")
_WORTH_EACH = (
    "What is the {f} {m} of the {T} for each {n}?;Show the {f} {m} of the {T} per {n}.;For each"
    " {n}, show the {f} {m} of the {T}."
).split(";")
_PAIRS = (
    "For the {T}, show the {c} and the {m} of the {p}.;List each {t} by {c} with the {m} of its"
    " {p}."
).split(";")


@dataclass(frozen=True)
class Asked:
    """A question and its answer."""

    database: str
    kind: str
    question: str
    query: Query


def plural(noun: str) -> str:
    """``city`` -> ``cities``."""
    if noun.endswith("y") and noun[-2] not in "aeou":
        return noun[:-1] + "ies"
    return noun if noun.endswith("s") and not noun.endswith("ss") else noun + "s"


def _an(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _amount(column: Column) -> str:
    """``number of goals``, but ``price``."""
    return f"number of {column.noun}" if column.role == "count" else column.noun


class Grammar:
    """Asks at random about one database."""

    def __init__(self, rng: Random, schema: Schema):
        self.rng, self.schema = rng, schema

    def ask(self, kind: str) -> Asked:
        """A question of this kind. Whether it makes sense on the rows is not looked at here."""
        question, query = getattr(self, kind)()
        return Asked(self.schema.name, kind, " ".join(question.split()), query)

    # ------------------------------------------------------------ parts
    def _pick(self, phrases) -> str:
        return self.rng.choice(phrases.split(";") if isinstance(phrases, str) else phrases)

    def _table(self) -> Table:
        return self.schema.child if self.rng.random() < 0.72 else self.schema.parent

    def _said(self, column: Column, sign: str, value) -> str:
        """A condition in words, to stand behind the name of the table."""
        own = {">": 0, "<": 1}.get(sign)
        if column.nullable and value is None:
            text = self._pick(_MISSING[sign])
        elif column.role == "text" and sign == "=" and self.rng.random() < 0.6:
            text = column.words[0]
        elif column.role in ("measure", "count") and column.words and own is not None and (
            self.rng.random() < 0.4
        ):  # fmt: skip
            text = column.words[own]
        else:
            text = self._pick(_SAID[column.role][sign])
        noun = column.noun if "{v}" in text else _amount(column)
        # 1 piece, but 1 or more pieces.
        some = plural(column.noun)
        some = some.removesuffix("s") if value == 1 and "{v} {s}" in text else some
        return text.format(n=noun, s=some, an=_an(noun), v=value,
                           w=column.words[0] if column.words else "")  # fmt: skip

    def _condition(self, table: Table) -> tuple[str, Condition]:
        column = self.rng.choice(table.of("text", "count", "measure", "year"))
        if column.nullable and self.rng.random() < 0.25:
            sign, value = self._pick("IS NULL;IS NULL;IS NOT NULL"), None
        elif column.role == "text":
            sign = self._pick("=;=;=;=;!=" if not column.nullable else "=")
            value = self.rng.choice(table.values(column))
        else:
            sign = self._pick(">;>;>;<;<;<;>=;<=;=")
            value = self.rng.choice(table.values(column))
        return self._said(column, sign, value), Condition(column.name, sign, value)

    def _where(self, table: Table, none: float, two: float) -> tuple[str, dict]:
        """Words and conditions: none, one or two."""
        if self.rng.random() < none:
            return "", {}
        words, first = self._condition(table)
        if self.rng.random() >= two:
            return " " + words, {"where": (first,)}
        more, second = self._condition(table)
        if first.column == second.column:
            either = first.sign == second.sign == "="
            if not either:
                return f" {words}", {"where": (first,)}
            return f" {words} or {more}", {"where": (first, second), "either": True}
        if self.rng.random() < 0.2:
            return f" {words} or {more}", {"where": (first, second), "either": True}
        return f" {words} and {more}", {"where": (first, second)}

    def _shown(self, table: Table, two: float = 0.35) -> tuple[str, list[str]]:
        """One or two columns, in words and by name."""
        columns = table.of("label", "text", "count", "measure", "year")
        chosen = [self.rng.choice([columns[0], *columns])]
        if self.rng.random() < two:
            chosen.append(self.rng.choice([c for c in columns if c != chosen[0]]))
        return " and ".join(c.noun for c in chosen), [c.name for c in chosen]

    def _worth(self, table: Table) -> tuple[str, str, Column]:
        """A function of a number: its word, its name, the column."""
        column = self.rng.choice(table.of("count", "measure", "year"))
        names = ["MAX", "MIN"] if column.role == "year" else ["MAX", "MIN", "AVG"]
        name = self.rng.choice(names + (["SUM"] if column.role == "count" else []))
        words = _YEAR_FUNCTIONS if column.role == "year" else _FUNCTIONS
        return self._pick(words[name]), name, column

    # ------------------------------------------------------------ kinds of question
    def select(self) -> tuple[str, Query]:
        """Columns of the rows that meet conditions."""
        table = self._table()
        if self.rng.random() < 0.08:
            column = self.rng.choice(table.of("text", "year") or table.of("measure"))
            words = self._pick("Which different {s} do the {T} have?;List the different {s} of"
                               " the {T}.")  # fmt: skip
            text = words.format(s=plural(column.noun), T=table.name)
            return text, Query(table.name, (column.name,), distinct=True)
        words, where = self._where(table, 0.06, 0.2)
        if self.rng.random() < 0.3:
            text = self._pick(_WHICH).format(T=table.name + words)
            return text, Query(table.name, (table.label.name,), **where)
        shown, columns = self._shown(table)
        text = self._pick(_SELECT).format(c=shown, T=table.name + words)
        return text, Query(table.name, tuple(columns), **where)

    def count(self) -> tuple[str, Query]:
        """How many rows, or how many different values."""
        table = self._table()
        if self.rng.random() < 0.15:
            column = self.rng.choice(table.of("text", "year", "label"))
            words, where = self._where(table, 0.7, 0)
            text = self._pick(_DIFFERENT).format(s=plural(column.noun), T=table.name + words)
            return text, Query(table.name, (f"COUNT(DISTINCT {column.name})",), **where)
        words, where = self._where(table, 0.05, 0.2)
        text = self._pick(_COUNTED).format(T=table.name + words)
        return text, Query(table.name, ("COUNT(*)",), **where)

    def extreme(self) -> tuple[str, Query]:
        """Highest, lowest, average or total."""
        table = self._table()
        word, name, column = self._worth(table)
        words, where = self._where(table, 0.3, 0.1)
        text = self._pick(_WORTH).format(f=word, n=_amount(column), T=table.name + words)
        return text, Query(table.name, (f"{name}({column.name})",), **where)

    def order(self) -> tuple[str, Query]:
        """In order, perhaps the first few only."""
        table = self._table()
        if self.rng.random() < 0.12:
            words, where = self._where(table, 0.1, 0)
            text = self._pick(_A_TO_Z).format(T=table.name + words, n=table.label.noun)
            return text, Query(table.name, (table.label.name,), order=table.label.name, **where)
        column = self.rng.choice(table.of("count", "measure", "year"))
        down = self.rng.random() < 0.55
        shown, columns = self._shown(table, 0.25)
        query = Query(table.name, tuple(columns), order=column.name, down=down)
        if self.rng.random() < 0.35:
            words, where = self._where(table, 0.5, 0)
            text = self._pick(_SORTED).format(c=shown, T=table.name + words, n=_amount(column),
                                              d=self._pick(_DOWN if down else _UP))  # fmt: skip
            return text, replace(query, **where)
        many = self._pick("1;2;3;3;4;5")
        query = replace(query, limit=int(many))
        extreme = self._pick((_YEAR_FUNCTIONS if column.role == "year" else _FUNCTIONS)
                             ["MAX" if down else "MIN"])  # fmt: skip
        if len(column.words) == 4 and self.rng.random() < 0.4:
            text = self._pick(_SUPERLATIVE).format(
                c=shown, k="" if many == "1" else f"{many} ", w=column.words[2 if down else 3],
                T=table.one if many == "1" else table.name)  # fmt: skip
            return text, query
        words, where = self._where(table, 0.75, 0)
        text = self._pick(_TOP_ONE if many == "1" else _TOP).format(
            c=shown, k=many, f=extreme, n=_amount(column), t=table.one + words,
            T=table.name + words)  # fmt: skip
        return text, replace(query, **where)

    def group(self) -> tuple[str, Query]:
        """Something for each value of a column."""
        table = self._table()
        columns = table.of("text", "text", "count", "year") or table.of("measure")
        column = self.rng.choice([c for c in columns if not c.nullable] or columns)
        words, where = self._where(table, 0.6, 0)
        query = Query(table.name, (column.name, "COUNT(*)"), group=column.name, **where)
        if self.rng.random() < 0.45:
            text = self._pick(_EACH).format(T=table.name + words, n=_amount(column))
            return text, query
        word, name, other = self._worth(table)
        text = self._pick(_WORTH_EACH).format(
            f=word, m=_amount(other), T=table.name + words, n=_amount(column))  # fmt: skip
        return text, replace(query, select=(column.name, f"{name}({other.name})"))

    def join(self) -> tuple[str, Query]:
        """Rows of the second table, by what stands in the first or together with it."""
        parent, child = self.schema.parent, self.schema.child
        query = Query(child.name, (), join=joined(self.schema))
        shown, columns = self._shown(child, 0.25)
        full = tuple(f"{child.name}.{name}" for name in columns)
        manner = self.rng.random()
        if manner < 0.22:
            other = self.rng.choice(parent.of("label", "text", "year", "count", "measure"))
            text = self._pick(_PAIRS).format(c=child.label.noun, T=child.name, t=child.one,
                                             p=parent.one, m=other.noun)  # fmt: skip
            label = f"{child.name}.{child.label.name}"
            return text, replace(query, select=(label, f"{parent.name}.{other.name}"))
        if manner < 0.55:
            name = self.rng.choice(parent.values(parent.label))
            condition = Condition(f"{parent.name}.{parent.label.name}", "=", name)
            rows = f"{child.name} {child.link} {self._pick(('', 'the ' + parent.one + ' '))}{name}"
        else:
            words, condition = self._condition(parent)
            condition = replace(condition, column=f"{parent.name}.{condition.column}")
            rows = f"{child.name} {child.link} {parent.name} {words}"
        query = replace(query, where=(condition,))
        what = self.rng.random()
        if what < 0.25:
            text = self._pick(_COUNTED).format(T=rows)
            return text, replace(query, select=("COUNT(*)",))
        if what < 0.45:
            word, name, column = self._worth(child)
            text = self._pick(_WORTH).format(f=word, n=_amount(column), T=rows)
            return text, replace(query, select=(f"{name}({child.name}.{column.name})",))
        return self._pick(_SELECT).format(c=shown, T=rows), replace(query, select=full)
