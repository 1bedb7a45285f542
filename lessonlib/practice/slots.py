"""The memory of running requests: keys and values of every token so far.

Every running request has a *slot*, one row of these tensors, in which its tokens lie from
position 0 on. So requests of different lengths share one decoding step, a new one joins at
any step without disturbing the others, and a finished one costs nothing more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lessonlib.practice.network import Network

#: Per layer the keys and the values of some tokens: (key heads, tokens, head size).
Memory = list[tuple[Tensor, Tensor]]


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
        self, layer: int, positions: Tensor, longest: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Write one token of each of the rows 0, 1, ... at its own position.

        Returns:
            Keys and values up to ``longest``, (rows, key heads, longest, head size).
        """
        rows = torch.arange(len(positions), device=positions.device)
        both = []
        for store, new in zip(self.stores[layer], (keys, values), strict=True):
            store[rows, :, positions] = new
            both.append(store[: len(positions), :, :longest])
        return both[0], both[1]
