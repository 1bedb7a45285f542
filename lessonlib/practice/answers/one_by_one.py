"""Models that keep more than keys and values of the past, or attend in a way of their own.

Mamba, hybrids of attention and recurrence, ALiBi: such a model cannot be computed on a flat list of
tokens (``flat.py``). It answers one request after the other, each with the cache that transformers
makes for it: slower, and right for whatever transformers can load.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Row:
    """One request: its tokens so far, and transformers' cache of them (None: it makes none)."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.cache: Any = None


def advance(model, row: Row, tokens: list[int]) -> Tensor:
    """Read further tokens of a request.

    Returns:
        Logits in float32 after the last of them, (vocabulary,).
    """
    row.tokens += tokens
    if row.cache is None:  # at the start, and for a model that keeps none
        tokens = row.tokens
    found = model(
        input_ids=torch.tensor([tokens], device=model.device),
        attention_mask=torch.ones(1, len(row.tokens), dtype=torch.long, device=model.device),
        past_key_values=row.cache,
        use_cache=True,
    )
    row.cache = getattr(found, "past_key_values", None)
    return found.logits[0, -1].float()
