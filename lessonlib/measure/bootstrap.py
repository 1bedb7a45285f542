"""How sure can we be of a score that was measured on a few hundred examples?

The *bootstrap* answers without any formula: draw as many examples as we have, with replacement,
again and again; score each draw; the middle 95 % of those scores are the interval (the
percentile interval of Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, ch. 13).
Two methods are compared on the *same* draws (paired), because both do well on the same easy
examples; see Berg-Kirkpatrick, Burkett and Klein, "An Empirical Investigation of Statistical
Significance in NLP", EMNLP 2012.

A percentile interval cannot look beyond what was seen: 200 right out of 200 gives (1, 1), though
up to 1.5 % errors would be no surprise there (the "rule of three": 3/n). So two intervals come
from formulas: a share of yes and no has Wilson's ("Probable Inference, the Law of Succession, and
Statistical Inference", Journal of the American Statistical Association, 1927), and the difference
of two such shares has Newcombe's, which is made of theirs (method 10 of "Improved confidence
intervals for the difference between binomial proportions based on paired data", Statistics in
Medicine, 1998). Where all draws of another score agree, its interval is as wide as that of "no
such example among n".
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lessonlib.measure.verdicts import EXACT, Difference, Interval

RESAMPLES = 2000
SEED = 2026
CONFIDENCE = 0.95
#: So many standard deviations to each side hold 95 % of a normal distribution.
DEVIATIONS = 1.959964

#: From sums over examples, shape (draws, counts), to one score a draw, shape (draws,).
Score = Callable[[np.ndarray], np.ndarray]


def micro_f1(sums: np.ndarray) -> np.ndarray:
    """Micro-averaged F1 from sums of (true positives, predicted, expected), shape (..., 3).

    F1 is the harmonic mean of precision (true positives / predicted) and recall (true positives
    / expected), which comes to 2 tp / (predicted + expected). *Micro* means that the counts of
    all examples are summed first, so that long recipes weigh more than short ones.
    """
    return 2 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1)


def precision(sums: np.ndarray) -> np.ndarray:
    """Of all that was predicted, how much is right; 0 where nothing was. ``sums`` as micro_f1's."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1)


def recall(sums: np.ndarray) -> np.ndarray:
    """Of all that was expected, how much was predicted. ``sums`` as those of ``micro_f1``."""
    return sums[..., 0] / np.maximum(sums[..., 2], 1)


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


def wilson(right: float, of: int) -> tuple[float, float]:
    """The 95 % interval of a share: ``right`` out of ``of``. Never a point, even at 0 and at 1."""
    z2 = DEVIATIONS**2
    middle = (right + z2 / 2) / (of + z2)
    half = DEVIATIONS / (of + z2) * math.sqrt(max(right * (of - right) / of, 0) + z2 / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def interval(counts: np.ndarray, score: Score) -> Interval:
    """The score of all examples and its interval; ``counts`` has shape (examples, counts)."""
    counts = np.asarray(counts, dtype=float)
    value = float(score(counts.sum(axis=0)))
    if _yes_or_no(counts, score):
        return Interval(value, *wilson(float(counts[:, 0].sum()), len(counts)))
    low, high = _limits(score(_draws(len(counts)) @ counts))
    if low == high and _between_0_and_1(counts, score):
        unseen = wilson(0, len(counts))[1]
        low, high = max(0.0, low - unseen), min(1.0, high + unseen)
    return Interval(value, low, high)


def difference(
    counts_a: np.ndarray, counts_b: np.ndarray, score: Score, lower_is_better: bool = False
) -> Difference:
    """Score of a minus score of b; row i of both arrays is the same example."""
    counts_a, counts_b = np.asarray(counts_a, dtype=float), np.asarray(counts_b, dtype=float)
    value = float(score(counts_a.sum(axis=0)) - score(counts_b.sum(axis=0)))
    if _yes_or_no(counts_a, score) and _yes_or_no(counts_b, score):
        limits = newcombe(counts_a[:, 0], counts_b[:, 0])
        return Difference(value, *limits, len(counts_a), lower_is_better)
    draws = _draws(len(counts_a))
    low, high = _limits(score(draws @ counts_a) - score(draws @ counts_b))
    bounded = _between_0_and_1(counts_a, score) and _between_0_and_1(counts_b, score)
    if high - low < EXACT and bounded:  # each example says the same; the next one may not
        unseen = wilson(0, len(counts_a))[1]
        low, high = max(-1.0, low - unseen), min(1.0, high + unseen)
    return Difference(value, low, high, len(counts_a), lower_is_better)


def newcombe(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the difference of two shares over the same examples (0 or 1 each)."""
    n, p, q = len(a), float(np.mean(a)), float(np.mean(b))
    (low_a, high_a), (low_b, high_b) = wilson(p * n, n), wilson(q * n, n)
    both, neither = float(np.sum(a * b)), float(np.sum((1 - a) * (1 - b)))
    product = both * neither - float(np.sum(a * (1 - b))) * float(np.sum((1 - a) * b))
    product = max(product - n / 2, 0.0) if product > 0 else product  # his correction
    margins = math.sqrt(n * p * n * (1 - p) * n * q * n * (1 - q))
    phi = product / margins if margins > EXACT else 0.0

    def reach(of_a: float, of_b: float) -> float:
        return math.sqrt(max(of_a**2 - 2 * phi * of_a * of_b + of_b**2, 0.0))

    return (p - q - reach(p - low_a, high_b - q), p - q + reach(high_a - p, q - low_b))


def _between_0_and_1(counts: np.ndarray, score: Score) -> bool:
    """Whether these are counts of a score that cannot leave 0 to 1: not a mean loss, for example,
    whose formula is that of a share, too."""
    if score in (micro_f1, precision, recall):
        return True
    counts = np.asarray(counts, dtype=float)
    whole = np.array_equal(counts, np.round(counts))
    return score is share and whole and bool(np.all((0 <= counts[:, 0])
                                                    & (counts[:, 0] <= counts[:, 1])))


def _yes_or_no(counts: np.ndarray, score: Score) -> bool:
    """Whether each example has the property or not, and all weigh the same."""
    return _between_0_and_1(counts, score) and score is share and bool(np.all(counts[:, 1] == 1))
