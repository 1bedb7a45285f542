"""Remember the beginnings that many prompts share, so that they are read only once.

The requests of one few-shot evaluation differ in their last hundred tokens only; the
instructions and the examples before them, often 800 tokens, are the same each time.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

import numpy as np
from transformers import DynamicCache

#: A shared beginning shorter than this many tokens is not worth keeping.
SHORTEST = 48
KEPT = 8
RECENT = 32


class Prefix:
    """A beginning of prompts and its keys and values, computed once."""

    def __init__(self, tokens: list[int], cache: DynamicCache):
        self.tokens = np.array(tokens)
        self.length = len(tokens)
        self._cache = cache

    def copies(self, rows: int) -> DynamicCache:
        """A fresh cache that begins with this prefix in each of ``rows`` rows."""
        copy = DynamicCache()
        for index, layer in enumerate(self._cache.layers):
            shape = (rows, -1, -1, -1)
            copy.update(layer.keys.expand(shape), layer.values.expand(shape), index)
        return copy


def shared_length(a: np.ndarray, b: np.ndarray) -> int:
    """How many tokens two prompts have in common from the start."""
    shorter = min(len(a), len(b))
    differs = a[:shorter] != b[:shorter]
    return int(differs.argmax()) if differs.any() else shorter


class PrefixCache:
    """The last few shared beginnings of one model's prompts.

    A beginning is learnt when a second prompt shows it. Reading it by itself costs that
    prompt no more than reading it as a whole, so a wrong guess loses nothing.
    """

    def __init__(self) -> None:
        self._prefixes: OrderedDict[bytes, Prefix] = OrderedDict()
        self._recent: deque[np.ndarray] = deque(maxlen=RECENT)

    def find(
        self, prompt: list[int], extend: Callable[[Prefix | None, list[int]], DynamicCache]
    ) -> Prefix | None:
        """The longest known beginning, always shorter than the prompt itself.

        Args:
            prompt: token ids.
            extend: computes the cache of given tokens from a shorter known prefix.
        """
        tokens = np.array(prompt)
        most = len(prompt) - 1  # the last token must be read to get its logits
        known = [p for p in self._prefixes.values() if p.length <= most]
        known = [p for p in known if shared_length(p.tokens, tokens) == p.length]
        best = max(known, key=lambda prefix: prefix.length, default=None)
        seen = max((shared_length(other, tokens) for other in self._recent), default=0)
        seen = min(seen, most)
        self._recent.append(tokens)
        self._keep(best)
        if seen >= (best.length if best else 0) + SHORTEST:
            best = Prefix(prompt[:seen], extend(best, prompt[:seen]))
            self._keep(best)
        return best

    def _keep(self, prefix: Prefix | None) -> None:
        """Put it in front; forget the one that was of no use for the longest time."""
        if prefix is None:
            return
        key = prefix.tokens.tobytes()
        self._prefixes[key] = prefix
        self._prefixes.move_to_end(key)
        if len(self._prefixes) > KEPT:
            self._prefixes.popitem(last=False)
