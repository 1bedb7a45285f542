"""Remember the beginnings that many prompts share, so that they are read only once.

The requests of one few-shot evaluation differ in their last hundred tokens only; the
instructions and the examples before them, often 800 tokens, are the same each time.
"""

from __future__ import annotations

from collections import OrderedDict, deque

import numpy as np

from lessonlib.practice.slots import Memory

#: A shared beginning that saves fewer tokens than this is not worth keeping.
SHORTEST = 48
KEPT = 8
RECENT = 32


def shared_length(a: np.ndarray, b: np.ndarray) -> int:
    """How many tokens two prompts have in common from the start."""
    shorter = min(len(a), len(b))
    differs = a[:shorter] != b[:shorter]
    return int(differs.argmax()) if differs.any() else shorter


class Prefixes:
    """The last few shared beginnings of one model's prompts, each with its memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[np.ndarray, Memory]] = OrderedDict()
        self._recent: deque[np.ndarray] = deque(maxlen=RECENT)

    def find(self, prompt: np.ndarray) -> tuple[int, Memory | None]:
        """The longest remembered beginning: (its length, its memory), or (0, None).

        Always shorter than the prompt: the last token must be read to get its logits.
        """
        best, best_key = 0, b""
        for key, (tokens, _) in self._kept.items():
            length = len(tokens)
            if best < length < len(prompt) and shared_length(tokens, prompt) == length:
                best, best_key = length, key
        if not best:
            return 0, None
        self._kept.move_to_end(best_key)
        return best, self._kept[best_key][1]

    def seen_before(self, prompt: np.ndarray) -> int:
        """How much of its beginning this prompt shares with an earlier one.

        The very same prompt again does not count: it says nothing about the next one.
        """
        lengths = (shared_length(other, prompt) for other in self._recent)
        return max((length for length in lengths if length < len(prompt)), default=0)

    def note(self, prompt: np.ndarray) -> None:
        """This prompt has been read."""
        self._recent.append(prompt)

    def keep(self, beginning: np.ndarray, memory: Memory) -> None:
        """Remember a beginning; forget the one of no use for the longest time."""
        self._kept[beginning.tobytes()] = (beginning, memory)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
