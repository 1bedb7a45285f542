"""Score SQL by what it does, and, to show the difference, by how it looks.

- *execution_accuracy*: the share of queries that give the right rows. The query is run on the
  question's database and its rows are compared with those of the label. **Row order counts only
  where the label has an ORDER BY**; without one SQL promises no order. A row that occurs twice
  must occur twice. Columns must come in the order asked for; their names do not matter. Numbers
  are compared to nine digits, so that 2 is 2.0 and 0.1 + 0.2 is 0.3.
- *string_match*: the share of queries that read like the label. Letter case outside quotes, white
  space, comments and the closing semicolon do not matter; everything else does.
- *valid_sql*: the share of answers that are a query and run, rightly or not.

A wrong query may happen to give the right rows on one database. The rows of our databases are made
so that this is rare: there are missing values, ties, doubles and near values (see
``data/README.md``). Sources: execution accuracy is that of Yu et al. (Spider, 2018); why the data
matter, and a way to choose them, is in Zhong, Yu and Klein (2020),
https://arxiv.org/abs/2010.02840.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from lessonlib.common.i18n import _
from lessonlib.measure import bootstrap
from lessonlib.measure.rows import Answered, Metric
from lessonlib.tasks.sql_sandbox import Outcome

#: One token of SQL: quoted text, comment, word or number, sign of two characters, any other sign.
TOKEN = re.compile(
    r"(?P<quoted>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\])"
    r"|(?P<comment>--[^\n]*|/\*.*?\*/)|[\w.]+|<=|>=|<>|!=|==|\|\||\S",
    re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class SqlRow(Answered):
    """One question's answer and its score.

    ``query`` is what was run and ``problem`` why it gave no rows, if it gave none.
    """

    METRICS: ClassVar[dict[str, Metric]] = {
        "execution_accuracy": Metric(
            _("execution accuracy"), lambda row: (row.right, 1), bootstrap.share),
        "string_match": Metric(
            _("string match"), lambda row: (row.same_text, 1), bootstrap.share),
        "valid_sql": Metric(_("valid SQL"), lambda row: (row.valid_sql, 1), bootstrap.share),
    }

    query: str
    right: bool
    same_text: bool
    valid_sql: bool
    problem: str | None


def same_rows(given: Outcome, wanted: Outcome, ordered: bool) -> bool:
    """Whether a query gave the wanted rows, in the wanted order if that matters."""
    if given.error is not None or wanted.error is not None:
        return False
    one, other = ([_comparable(row) for row in outcome.rows] for outcome in (given, wanted))
    return one == other if ordered else Counter(one) == Counter(other)


def _comparable(row: tuple) -> tuple:
    return tuple(float(f"{value:.9g}") if isinstance(value, float) else value for value in row)


def has_order(query: str) -> bool:
    """Whether the query says in which order its rows come (not one of its subqueries)."""
    depth, words = 0, []
    for token in normalised(query):
        depth += {"(": 1, ")": -1}.get(token, 0)
        words += [token] if depth == 0 else []
    return any(pair == ("order", "by") for pair in zip(words, words[1:], strict=False))


def normalised(query: str) -> tuple[str, ...]:
    """The query's tokens, in lower case but for quoted ones, without comments and last ``;``."""
    tokens = [
        match[0] if match["quoted"] else match[0].lower()
        for match in TOKEN.finditer(query)
        if not match["comment"]
    ]
    while tokens and tokens[-1] == ";":
        tokens.pop()
    return tuple(tokens)
