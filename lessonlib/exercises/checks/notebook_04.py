"""Exercises of notebook 04, what fine-tuning is."""

from __future__ import annotations

import math

import numpy as np

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: rows, columns, rank of the matrices that we ask about.
MATRICES = ((200, 100, 8), (100, 200, 8), (64, 64, 1))


@exercise(
    "04-1",
    title=_("How many weights does LoRA train?"),
    difficulty=1,
    minutes=4,
    learned=_("The sides are added, not multiplied: that is why an adapter is so small."),
)
def adapter_weights(function):
    """function(rows, columns, rank): the weights of A and B beside one matrix."""
    for rows, columns, rank in MATRICES:
        given = answers.number(
            answers.call(function, rows, columns, rank), _("What your function returns")
        )
        case = _("For a matrix of {rows} x {columns} and rank {rank}").format(
            rows=rows, columns=columns, rank=rank
        )
        if given == rank * (rows + columns):
            continue
        if given in (rows * columns, rows * columns * rank):
            yield _("{case}: so many would be trained without LoRA, or more.").format(case=case)
        elif given in (rank * rows, rank * columns):
            yield _("{case}: that is one of the two narrow matrices.").format(case=case)
        elif given == rows + columns:
            yield _("{case}: where is the rank?").format(case=case)
        else:
            yield _("{case}: that is not it. Count the weights of B, then those of A.").format(
                case=case
            )
        return


@exercise(
    "04-2",
    title=_("The probability of a whole name"),
    difficulty=2,
    minutes=4,
    learned=_("Logarithms of probabilities are added where probabilities are multiplied."),
)
def name_probability(function):
    """function(logprobs): the probability of all tokens in a row."""
    for probabilities in ((0.5, 0.9), (0.25,), (0.8, 0.5, 0.5)):
        logprobs = [math.log(one) for one in probabilities]
        given = answers.number(
            answers.call(function, list(logprobs)), _("What your function returns")
        )
        right = math.prod(probabilities)
        case = _("Where the tokens have the probabilities {values}").format(
            values=_(" and ").join(map(str, probabilities))
        )
        if math.isclose(given, right, rel_tol=1e-6):
            continue
        if math.isclose(given, sum(logprobs), rel_tol=1e-6):
            yield _("{case}: this is still a logarithm.").format(case=case)
        elif math.isclose(given, sum(probabilities), rel_tol=1e-6) and len(probabilities) > 1:
            yield _("{case}: both must come, one after the other. A sum says: one of them.").format(
                case=case
            )
        elif math.isclose(given, right ** (1 / len(probabilities)), rel_tol=1e-6):
            yield _("{case}: that is the mean for one token, not the whole name.").format(case=case)
        elif not 0 <= given <= 1:
            yield _("{case}: {value:.3g} is no probability.").format(case=case, value=given)
        else:
            yield _("{case}: {value:.3g} is not it.").format(case=case, value=given)
        return


@exercise(
    "04-3",
    title=_("Merge an adapter"),
    difficulty=2,
    minutes=5,
    learned=_("After merging, a tuned model is as large and as fast as the one before."),
)
def merged(function):
    """function(W, B, A, alpha, rank): W with the adapter added in, of the shape of W."""
    random = np.random.default_rng(1)
    for rows, columns, rank, alpha in ((4, 3, 2, 4), (3, 3, 1, 3)):
        w, b, a = (random.normal(size=size) for size in ((rows, columns), (rows, rank),
                                                         (rank, columns)))
        given = answers.call(function, w.copy(), b.copy(), a.copy(), alpha, rank)
        try:
            given = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            yield _("Your function should return a matrix; it is {kind}.").format(
                kind=answers.python_kind(given)
            )
            return
        if given.shape != w.shape:
            yield _("W has the shape {wanted}, and what comes back has {shape}. The sum of W and"
                    " the adapter has the shape of W.").format(wanted=w.shape, shape=given.shape)
            return
        if np.allclose(given, w + alpha / rank * (b @ a)):
            continue
        if np.allclose(given, w + b @ a):
            yield _("Nearly: the factor before B A is missing.")
        elif np.allclose(given, w + alpha * (b @ a)):
            yield _("Nearly: alpha is not the whole factor.")
        elif np.allclose(given, alpha / rank * (b @ a)):
            yield _("That is what the adapter adds. What does it add to?")
        elif np.allclose(given, w):
            yield _("That is W as it was.")
        else:
            yield _("That is not the sum from the picture.")
        return
