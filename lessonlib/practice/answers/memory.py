"""The memory of running requests: keys and values of every token so far.

Every running request has a *slot*, one row of these tensors, in which its tokens lie from
position 0 on. So requests of different lengths share one decoding step, a new one joins at
any step without disturbing the others, and a finished one costs nothing more.

Beginnings that many prompts share are remembered, so that they are read only once: the requests
of one few-shot evaluation differ in their last hundred tokens only; the instructions and the
examples before them, often 800 tokens, are the same each time.
"""

from __future__ import annotations

from collections import OrderedDict, deque

import numpy as np
from torch import Tensor

from lessonlib.practice.answers.network import Network

#: Per layer the keys and the values of some tokens: (key heads, tokens, head size).
Memory = list[tuple[Tensor, Tensor]]

#: A shared beginning that saves fewer tokens than this is not worth keeping.
SHORTEST = 48
#: How many beginnings are kept, and with how many prompts a new one is compared.
KEPT, RECENT = 8, 32


class Slots:
    """Per layer two tensors (rows, key heads, positions, head size), growing as needed."""

    def __init__(self, network: Network):
        self.network = network
        self.release()

    def release(self) -> None:
        """Give all memory back; what runs must not need it any more."""
        shape = (0, self.network.key_heads, 0, self.network.head_size)
        self.stores = [
            (self.network.embedding.new_zeros(shape), self.network.embedding.new_zeros(shape))
            for _ in self.network.layers
        ]

    def reserve(self, rows: int, length: int) -> None:
        """Make room for ``rows`` requests of ``length`` tokens, keeping what is there."""
        old_rows, heads, old_length, size = self.stores[0][0].shape
        if rows <= old_rows and length <= old_length:
            return
        new_rows = old_rows if rows <= old_rows else max(rows, 2 * old_rows)
        new_length = old_length if length <= old_length else max(length + 64, 2 * old_length)
        for index, store in enumerate(self.stores):
            # Zeros, not empty: a masked position must still hold a finite number.
            grown = tuple(tensor.new_zeros(new_rows, heads, new_length, size) for tensor in store)
            for new, old in zip(grown, store, strict=True):
                new[:old_rows, :, :old_length] = old
            self.stores[index] = grown

    def move(self, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` tokens of one slot into another."""
        for store in self.stores:
            for tensor in store:
                tensor[target, :, :length] = tensor[source, :, :length]

    def copy_out(self, row: int, length: int) -> Memory:
        """The first ``length`` tokens of a slot, as tensors of their own."""
        return [
            (keys[row, :, :length].clone(), values[row, :, :length].clone())
            for keys, values in self.stores
        ]

    def copy_in(self, row: int, memory: Memory) -> None:
        """Begin a slot with tokens that were computed before."""
        for (keys, values), (old_keys, old_values) in zip(self.stores, memory, strict=True):
            length = old_keys.shape[1]
            keys[row, :, :length] = old_keys
            values[row, :, :length] = old_values

    def extend(
        self, layer: int, row: int, start: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Write one request's new tokens (tokens, key heads, head size) from ``start`` on.

        Returns:
            Keys and values of all its tokens, (1, key heads, tokens, head size).
        """
        end = start + len(keys)
        both = []
        for store, new in zip(self.stores[layer], (keys, values), strict=True):
            store[row, :, start:end] = new.transpose(0, 1)
            both.append(store[row : row + 1, :, :end])
        return both[0], both[1]

    def extend_each(
        self, layer: int, rows: Tensor, positions: Tensor, keys: Tensor, values: Tensor
    ) -> None:
        """Write one token of each of these rows at its own position."""
        for store, new in zip(self.stores[layer], (keys, values), strict=True):
            store[rows, :, positions] = new

    def first(self, layer: int, rows: slice, length: int) -> tuple[Tensor, Tensor]:
        """Keys and values of some rows up to ``length``, (rows, key heads, length, head size)."""
        keys, values = self.stores[layer]
        return keys[rows, :, :length], values[rows, :, :length]


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
