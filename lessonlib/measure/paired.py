"""Is one route better than another? Paired tests between any two rows of the scoreboard.

    results = board.results_of("test")              # whichever notebooks measured them
    paired.permutation_test(results["tuned"], results["RAG, exact lookup"])
    paired.table(results)

Two numbers for each pair. The *difference* with its 95 % interval comes from the paired
bootstrap (``lessonlib.measure.bootstrap``). The *p-value* comes from approximate randomisation:
if the two routes were equally good, it would not matter which answer carries which route's name.
So for each example the names are swapped or not, at random, ten thousand times; p is the share of
the shuffles whose difference is at least as large as the one that was measured. (Noreen 1989; for
F1 scores: Yeh, "More accurate tests for the statistical significance of result differences",
COLING 2000.)

Compare many pairs, and you find differences by luck: of twenty pairs of equals, one passes at 5 %.
``table`` therefore adjusts the p-values by Holm's method (Holm 1979), which keeps the chance of
even one false alarm in the whole table at 5 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.bootstrap import Difference, Score
from lessonlib.measure.evaluation import Result, compare, counts
from lessonlib.measure.verdicts import CANNOT_TELL, decimals
from lessonlib.show.tables import ShownAsTable, Table

SHUFFLES = 10_000
SEED = 2026
#: From here on we cannot tell.
LEVEL = 0.05


@dataclass(frozen=True)
class Paired:
    """Route ``a`` against route ``b``, on the ``examples`` that both have answered.

    ``p`` is the p-value, adjusted for the number of pairs where it stands in a table.
    """

    a: str
    b: str
    difference: Difference
    p: float
    examples: int

    @property
    def verdict(self) -> str:
        """In words: which one is better, or that we cannot tell."""
        if self.p >= LEVEL:
            return _(CANNOT_TELL)
        better = self.a if self.difference.value > 0 else self.b
        return _("{route} is better").format(route=better)

    def __str__(self) -> str:
        return _("{a} against {b}: {difference}, p {p} on {n} examples: {verdict}").format(
            a=self.a, b=self.b, difference=self.difference.numbers, p=_p(self.p), n=self.examples,
            verdict=self.verdict)


def on_shared(a: Result, b: Result) -> tuple[Result, Result]:
    """Both results on the examples that they share, in the order of ``a``.

    Notebooks measure on as many examples as they need: 50 here, 100 there. What they have in
    common can be compared.

    Raises:
        LessonError: they share none, or are of different tasks.
    """
    if _task(a) != _task(b):
        raise LessonError(
            _("{a!r} and {b!r} are results of different tasks.").format(a=a.name, b=b.name),
            _("Compare routes of one task."),
        )
    other = {row.id: row for row in b.rows}
    shared = tuple(row for row in a.rows if row.id in other)
    if not shared:
        raise LessonError(
            _("{a!r} and {b!r} have no example in common.").format(a=a.name, b=b.name),
            _("Measure both on examples of the same split."),
        )
    return replace(a, rows=shared), replace(b, rows=tuple(other[row.id] for row in shared))


def _task(result: Result) -> tuple[str, str]:
    """By name: a cell of a notebook that is run again makes a new class of the same task."""
    kind = type(result.rows[0])
    return kind.__module__, kind.__qualname__


def permutation_test(a: Result, b: Result, metric: str | None = None) -> Paired:
    """One pair, on the examples that both have answered.

    Args:
        metric: the score to compare; the task's main one if not given.

    Raises:
        LessonError: they have no example in common.

    Introduced in notebook 10.
    """
    one, other = on_shared(a, b)
    metric = metric or one.main_metric
    (counts_a, score), (counts_b, _same) = counts(one, metric), counts(other, metric)
    return Paired(a.name, b.name, compare(one, other, metric),
                  randomisation(counts_a, counts_b, score), len(one.rows))


def randomisation(counts_a: np.ndarray, counts_b: np.ndarray, score: Score) -> float:
    """The p-value of approximate randomisation; arrays of shape (examples, counts).

    The measured order counts as one of the shuffles, so that p is never 0.
    """
    generator = np.random.default_rng(SEED)
    swapped = generator.integers(0, 2, size=(SHUFFLES, len(counts_a))).astype(float)
    moved = swapped @ (counts_b - counts_a)
    apart = np.abs(score(counts_a.sum(axis=0) + moved) - score(counts_b.sum(axis=0) - moved))
    measured = abs(float(score(counts_a.sum(axis=0)) - score(counts_b.sum(axis=0))))
    # Sums of the same numbers in another order differ in the last digit.
    return float((1 + np.count_nonzero(apart >= measured - 1e-12)) / (1 + SHUFFLES))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number, in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def table(results: Mapping[str, Result], metric: str | None = None) -> PairedTable:
    """All pairs of routes, best first, with p-values adjusted for their number.

    Args:
        results: what each route is to be called -> its result.

    Raises:
        LessonError: the task has no such metric, or two results have no example in common.

    Introduced in notebook 10.
    """
    named = {name: replace(result, name=name) for name, result in results.items()}

    def value(result: Result) -> float:
        of_each, score = counts(result, metric or result.main_metric)
        return float(score(of_each.sum(axis=0)))

    best_first = sorted(named.values(), key=value, reverse=True)
    pairs = [permutation_test(a, b, metric) for a, b in combinations(best_first, 2)]
    adjusted = holm([pair.p for pair in pairs])
    return PairedTable(
        tuple(result.name for result in best_first),
        tuple(replace(pair, p=p) for pair, p in zip(pairs, adjusted, strict=True)))


@dataclass(frozen=True, repr=False)
class PairedTable(ShownAsTable):
    """Every route (row) against every other (column), best first."""

    routes: tuple[str, ...]
    pairs: tuple[Paired, ...]

    def pair(self, a: str, b: str) -> Paired:
        """One pair, whichever comes first. Raises LessonError where there is none."""
        for one in self.pairs:
            if {one.a, one.b} == {a, b}:
                return one
        raise LessonError(_("There is no pair {a!r} and {b!r}.").format(a=a, b=b),
                          _("There are: {names}.").format(names=", ".join(self.routes)))

    def table(self) -> Table:
        """Differences, with a ? where we cannot tell; beneath, what the signs mean."""
        found, rows = {(one.a, one.b): one for one in self.pairs}, []
        for place, route in enumerate(self.routes[:-1]):
            cells = [_cell(found[route, other]) if other in self.routes[place + 1:] else ""
                     for other in self.routes[1:]]
            rows.append([route, *cells])
        sizes = sorted({one.examples for one in self.pairs})
        n = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]}-{sizes[-1]}" if sizes else "0"
        words = _("Row minus column, paired over the examples that both have answered ({n}). A ?"
                  " says that we cannot tell: p is 0.05 or more, adjusted for {pairs} pairs.")
        note = words.format(n=n, pairs=len(self.pairs))
        return Table(["", *self.routes[1:]], rows, [note], words=(0,))


def _cell(pair: Paired) -> str:
    value = decimals(pair.difference.value, sign=True)
    return f"{value}{'' if pair.p < LEVEL else ' ?'}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
