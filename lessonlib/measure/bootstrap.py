"""How sure can we be of a score that was measured on a few hundred examples?

The *bootstrap* answers without any formula: draw as many examples as we have, with replacement,
again and again; score each draw; the middle 95 % of those scores are the interval (the
percentile interval of Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13).
Two methods are compared on the *same* draws (paired), because both do well on the same easy
examples; see Berg-Kirkpatrick, Burkett and Klein, "An Empirical Investigation of Statistical
Significance in NLP", EMNLP 2012.

A percentile interval cannot look beyond what was seen: 200 right out of 200 gives (1, 1),
though up to 1.5 % errors would be no surprise there (the "rule of three": 3/n).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
SEED = 2026
CONFIDENCE = 0.95

#: From sums over examples, shape (draws, counts), to one score a draw, shape (draws,).
Score = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Interval:
    """A measured value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True)
class Difference:
    """How much better one method is than another, with the 95 % interval of the difference.

    ``significant`` is True where the interval leaves zero out.
    """

    value: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def micro_f1(sums: np.ndarray) -> np.ndarray:
    """Micro-averaged F1 from sums of (true positives, predicted, expected), shape (..., 3).

    F1 is the harmonic mean of precision (true positives / predicted) and recall (true positives
    / expected), which comes to 2 tp / (predicted + expected). *Micro* means that the counts of
    all examples are summed first, so that long recipes weigh more than short ones.
    """
    return 2 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1)


def share(sums: np.ndarray) -> np.ndarray:
    """The share of examples with a property, from sums of (has it, 1), shape (..., 2)."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1)


def _draws(examples: int) -> np.ndarray:
    """How often each example comes up in each draw: whole numbers, shape (draws, examples).

    Always the same numbers for the same size, which makes results repeatable and comparisons
    paired.
    """
    generator = np.random.default_rng(SEED)
    return generator.multinomial(examples, np.full(examples, 1 / examples), size=RESAMPLES)


def _limits(scores: np.ndarray) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(scores, [tail, 1 - tail])
    return float(low), float(high)


def interval(counts: np.ndarray, score: Score) -> Interval:
    """The score of all examples and its interval; ``counts`` has shape (examples, counts)."""
    resampled = score(_draws(len(counts)) @ counts)
    return Interval(float(score(counts.sum(axis=0))), *_limits(resampled))


def difference(counts_a: np.ndarray, counts_b: np.ndarray, score: Score) -> Difference:
    """Score of a minus score of b; row i of both arrays is the same example."""
    draws = _draws(len(counts_a))
    resampled = score(draws @ counts_a) - score(draws @ counts_b)
    value = float(score(counts_a.sum(axis=0)) - score(counts_b.sum(axis=0)))
    return Difference(value, *_limits(resampled))
