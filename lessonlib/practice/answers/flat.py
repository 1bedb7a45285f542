"""transformers' own forward pass over the tokens of many requests, laid end to end.

A model of transformers leaves attention to a function that can be exchanged
(``AttentionInterface``); all else treats each token by itself. So we give it the tokens of many
requests as if they were one row, each with its own position, and an attention function that knows
which token is whose, and keeps the keys and values of each request. No padding, no rectangle of
rows, and a request that comes or goes disturbs no other.

*The answer must not depend on the neighbours.* Floating-point sums depend on their order, and the
order on the shape of a multiplication. So the shapes never depend on the company: a prompt is read
by itself, in blocks of ``BLOCK`` tokens that begin at multiples of ``BLOCK``; newest tokens are
computed in tiles of fixed sizes, filled up where there are fewer; and attention is computed for
each request by itself. What comes out is then the same to the last bit, whoever else asks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from lessonlib.practice.answers.memory import Memory

#: The name of our attention among those of transformers.
NAME = "practice"
#: Tokens of a prompt that are read in one pass.
BLOCK = 128
#: A request's memory grows by so many tokens at a time.
GROWTH = 256

#: attend(layer, queries, keys, values, scale, window, softcap), each (heads, tokens, head size).
Attend = Callable[[int, Tensor, Tensor, Tensor, float, int | None, float | None], Tensor]
_attend: ContextVar[Attend] = ContextVar("attend")


class NotFlat(Exception):
    """This model cannot be computed on a flat list of tokens."""


def _attention(
    module, query, key, value, attention_mask, scaling=None, dropout=0.0, sliding_window=None,
    softcap=None, s_aux=None, **more,
):  # fmt: skip
    """What transformers calls in each layer: (1, heads, tokens, head size) each.

    Returns:
        (1, tokens, heads, head size), and None for the weights, which nobody asks for.
    """
    if s_aux is not None:
        raise NotFlat("it has attention sinks")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    mixed = _attend.get()(
        module.layer_idx, query[0], key[0], value[0], scale, sliding_window, softcap
    )
    return mixed.transpose(0, 1)[None], None


AttentionInterface.register(NAME, _attention)


class Row:
    """Keys and values of one request, layer by layer: (key heads, room, head size)."""

    def __init__(self, known: Memory | None = None):
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        for layer, (keys, values) in enumerate(known or []):
            self.put(layer, 0, keys, values)

    def put(self, layer: int, start: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write new tokens (key heads, tokens, head size) from ``start`` on.

        Returns:
            Keys and values of all tokens up to these.
        """
        end = start + keys.shape[1]
        store = self.layers.get(layer)
        if store is None or store[0].shape[1] < end:
            room = -(-end // GROWTH) * GROWTH
            grown = tuple(new.new_empty(new.shape[0], room, new.shape[2]) for new in (keys, values))
            for new, old in zip(grown, store or (), strict=False):
                new[:, :start] = old[:, :start]
            store = self.layers[layer] = grown
        for tensor, new in zip(store, (keys, values), strict=True):
            tensor[:, start:end] = new
        return store[0][:, :end], store[1][:, :end]

    def first(self, length: int) -> Memory:
        """The first ``length`` tokens, as tensors of their own."""
        return [
            (keys[:, :length].clone(), values[:, :length].clone())
            for _layer, (keys, values) in sorted(self.layers.items())
        ]

    def token_bytes(self) -> int:
        """What one token takes in all layers."""
        return sum(
            tensor.shape[0] * tensor.shape[2] * tensor.element_size()
            for store in self.layers.values() for tensor in store
        )  # fmt: skip


def fill(model, row: Row, tokens: list[int], start: int) -> None:
    """Read ``tokens[start:]`` into a row, block by block. ``start`` is a multiple of BLOCK."""
    for begin in range(start, len(tokens), BLOCK):
        block = tokens[begin : begin + BLOCK]
        end = begin + len(block)
        masks: dict[int | None, Tensor] = {}

        def attend(layer, queries, keys, values, scale, window, softcap, begin=begin, end=end,
                   masks=masks):  # fmt: skip
            seen = row.put(layer, begin, keys, values)
            if window not in masks:
                masks[window] = _mask(begin, end, window, queries.device)
            return _mixed(queries, *seen, masks[window], scale, softcap)

        _pass(model.base_model, block, range(begin, end), attend)


def tile(model, rows: list[Row], tokens: list[int], positions: list[int], size: int) -> Tensor:
    """One step: the newest token of each row, filled up to ``size`` rows.

    Returns:
        Logits in float32, (rows, vocabulary).
    """
    empty = size - len(rows)

    def attend(layer, queries, keys, values, scale, window, softcap):
        mixed = queries.new_zeros(*queries.shape[:2], values.shape[-1])
        for place, (row, position) in enumerate(zip(rows, positions, strict=True)):
            one = slice(place, place + 1)
            seen = row.put(layer, position, keys[:, one], values[:, one])
            if window and position >= window:
                seen = tuple(tensor[:, position + 1 - window :] for tensor in seen)
            mixed[:, one] = _mixed(queries[:, one], *seen, None, scale, softcap)
        return mixed

    found = _pass(model, tokens + tokens[:1] * empty, positions + [0] * empty, attend)
    return found.logits[0, : len(rows)].float()


def _pass(network, tokens, positions, attend: Attend):
    """transformers' forward pass over a flat list of tokens."""
    device = network.device
    held = _attend.set(attend)
    try:
        return network(
            input_ids=torch.tensor([tokens], device=device),
            position_ids=torch.tensor([list(positions)], device=device),
            use_cache=False,
        )
    finally:
        _attend.reset(held)


def _mask(begin: int, end: int, window: int | None, device) -> Tensor:
    """Which tokens each one of a block looks at: itself, those before, within the window."""
    back = torch.arange(begin, end, device=device)[:, None] - torch.arange(end, device=device)
    return (back >= 0) if window is None else (back >= 0) & (back < window)


def _mixed(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scale: float,
    softcap: float | None,
) -> Tensor:  # fmt: skip
    """Attention within one request; all (heads, tokens, head size), keys and values fewer heads."""
    if softcap is None:
        grouped = queries.shape[0] != keys.shape[0]
        return scaled_dot_product_attention(
            queries[None], keys[None], values[None], attn_mask=mask, scale=scale,
            enable_gqa=grouped,
        )[0]  # fmt: skip
    groups = queries.shape[0] // keys.shape[0]
    keys, values = (x.repeat_interleave(groups, dim=0) for x in (keys, values))
    scores = softcap * torch.tanh(queries @ keys.transpose(-1, -2) * scale / softcap)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.float().softmax(-1).to(values.dtype) @ values
