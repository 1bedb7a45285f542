"""From logits to the next token, so that the same request always gives the same answer.

The difficulty: floating-point sums depend on their order, and the order depends on how many
requests are computed together. The logits of one request therefore differ in the sixth digit from
batch to batch, and where two tokens are almost equally likely, that decides. So each choice comes
with its *margin*: how much the logits would have to change for it to go the other way. Where the
margin is too small to be safe (about once in 2,500 tokens), the choice is made again from
``canonical`` logits, computed for that request alone and always in the same way. The answer thus
never depends on the neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch

from lessonlib.practice.answers.text import Vocabulary


class Asking(Protocol):
    """What choosing needs to know of a request."""

    temperature: float
    top_p: float
    tokens: list[int]

    def noise(self, size: int) -> np.ndarray: ...

    def barred(self, size: int) -> torch.Tensor | None: ...


class Choices:
    """The tokens chosen from the logits of one pass.

    Args:
        logits: (tokens, vocabulary).
        margin: logit differences up to this size may be rounding errors.
        canonical: gives the logits (vocabulary,) that follow given tokens, computed alone.
    """

    def __init__(
        self, logits: torch.Tensor, margin: float, canonical: Callable[[list[int]], torch.Tensor]
    ):
        self._logits, self._margin, self._canonical = logits, margin, canonical
        best, ids = logits.topk(2, dim=-1)
        self._gaps = (best[:, 0] - best[:, 1]).tolist()
        self._likeliest = ids[:, 0].tolist()

    def choose(self, place: int, request: Asking) -> tuple[int, torch.Tensor]:
        """The token for one request from the logits at ``place``, and the logits it is from.

        Tokens that the request's form does not allow are left out of the choice, not of the
        logits: the log-probabilities stay the model's own.
        """
        logits = self._logits[place]
        barred = request.barred(logits.shape[-1])
        if request.temperature == 0:
            token, gap = self._likeliest[place], self._gaps[place]
            if barred is not None:
                best, ids = _without(logits, barred).topk(2)
                token, gap = int(ids[0]), float(best[0] - best[1])
            if gap >= self._margin:
                return token, logits
            logits = self._canonical(request.tokens)
            return int(_without(logits, barred).argmax()), logits
        noise = request.noise(logits.shape[-1])
        wish = request.temperature, request.top_p, noise, self._margin
        token, safe = sample(_without(logits, barred), *wish)
        if not safe:
            logits = self._canonical(request.tokens)
            token, _ = sample(_without(logits, barred), *wish)
        return token, logits


def _without(logits: torch.Tensor, barred: torch.Tensor | None) -> torch.Tensor:
    """The logits, with those that may not be chosen as unlikely as can be."""
    return logits if barred is None else logits.masked_fill(barred.to(logits.device), -math.inf)


def sample(
    logits: torch.Tensor, temperature: float, top_p: float, noise: np.ndarray, margin: float
) -> tuple[int, bool]:
    """Draw a token, given the random numbers; and say whether the draw was safe.

    Adding Gumbel noise to scaled logits and taking the largest is the same as drawing from
    the softmax (Gumbel 1954), and small errors in the logits seldom change which is largest.
    A token belongs to the nucleus (Holtzman et al. 2020) when the tokens more likely than
    it have together less than ``top_p``.

    Args:
        logits: (vocabulary,).
        noise: (vocabulary,), Gumbel noise.
    Returns:
        The token, and False where rounding errors of size ``margin`` could change it.
    """
    scaled = logits.double().cpu().numpy() / temperature
    near = 2 * margin / temperature
    scores = scaled + noise
    probabilities = np.exp(scaled - scaled.max())
    probabilities /= probabilities.sum()
    safe = True
    while True:
        token = int(scores.argmax())
        score, scores[token] = scores[token], -math.inf
        if top_p >= 1:
            break
        above = float(probabilities[scaled > scaled[token]].sum())
        clearly_above = float(probabilities[scaled > scaled[token] + near].sum())
        not_below = float(probabilities[scaled >= scaled[token] - near].sum())
        not_below -= float(probabilities[token])
        safe &= not clearly_above - near < top_p <= not_below + near
        if above < top_p or above == 0:
            break
    return token, safe and score - float(scores.max()) > near


def logprob_entry(
    logits: torch.Tensor, token: int, alternatives: int, vocabulary: Vocabulary
) -> dict:
    """One token's entry in OpenAI's ``logprobs.content``.

    Natural logarithms of the model's own probabilities (before temperature and top_p),
    rounded to six decimals, which is about as far as they do not depend on the batch.
    """
    logprobs = torch.log_softmax(logits.float(), dim=-1)

    def described(id: int, value: float) -> dict:
        label, raw = vocabulary.label(id)
        return {"token": label, "logprob": round(value, 6), "bytes": raw}

    values, ids = logprobs.topk(min(alternatives, logprobs.shape[-1]))
    return described(token, float(logprobs[token])) | {
        "top_logprobs": [
            described(id, value) for id, value in zip(ids.tolist(), values.tolist(), strict=True)
        ]
    }
