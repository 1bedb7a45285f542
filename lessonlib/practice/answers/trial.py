"""Can a model be computed on a flat list of tokens, in which tiles, and how fast? By trial.

Nothing is looked up by the model's name: it must give on a flat list what transformers gives for
the same prompts one by one. So a model of next year is answered fast where it can be, and rightly
where it cannot.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessonlib.practice.answers import flat, one_by_one

#: Newest tokens that are computed together. The sure one is always used, the others only where a
#: row's logits are the same in them to the last bit, which depends on the processor.
TILES, SURE_TILE = (4, 8, 16, 32), 16
#: How far the two ways to compute a model may differ: of logits, relative to their spread. Rounding
#: gives 1e-6 in float32 and about 0.02 in bfloat16; a wrong mask, position or state far more.
SAME = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
#: In float32 a choice that is closer than this is made again from logits computed alone.
MARGIN = 1e-3
TEXT = "List the foods: 2 eggs, 1 cup of flour, a pinch of salt and 30 g of butter.\n"


@dataclass(frozen=True)
class Found:
    """What a trial has shown.

    Attributes:
        away: how far the logits are from transformers' own, relative to their spread.
        sizes: the tiles that give the same to the last bit; ``seconds``: of one step in each.
        margin: logits that are closer may be in another order in other company.
        token_bytes: what a request remembers of each of its tokens.
    """

    away: float
    sizes: list[int]
    seconds: list[float]
    margin: float
    token_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.away:.1g} away from transformers' own way, tiles of {self.sizes}, margin "
            f"{self.margin:.2g}"
        )


def prompts(tokenizer) -> list[list[int]]:
    """Prompts of several lengths, one of them longer than a block."""
    ids = tokenizer(TEXT * 12)["input_ids"][: flat.BLOCK + 8]
    return [ids, ids[3:20], ids[1:9], ids[5:40]]


def lay_flat(network: Any, prompts: list[list[int]]) -> Found:
    """Switch a model to attention on flat lists, if it is the same model then.

    Raises:
        flat.NotFlat: it is not; its attention is as it was. (Or whatever the model raises.)
    """
    number, before = network.dtype, network.config._attn_implementation
    if not getattr(network, "_supports_attention_backend", False):
        raise flat.NotFlat("its attention cannot be exchanged")
    alone = torch.stack([
        one_by_one.advance(network, one_by_one.Row(), prompt) for prompt in prompts[:2]
    ])  # fmt: skip
    try:
        network.set_attn_implementation(flat.NAME)
        rows = [flat.Row() for _ in prompts]
        for row, prompt in zip(rows, prompts, strict=True):
            flat.fill(network, row, prompt[:-1], 0)
        tiles = {size: _step(network, rows, prompts, size) for size in TILES}
        sure = tiles[SURE_TILE][0]
        away = float((sure[:2] - alone).pow(2).mean().sqrt() / alone.std())
        if not away < SAME[number]:
            raise flat.NotFlat(f"its logits differ by {away:.2g} of their spread")
        # The same rows in another order: what differs is rounding.
        turned = _step(network, rows[::-1], prompts[::-1], SURE_TILE)[0].flip(0)
    except Exception:
        network.set_attn_implementation(before)
        raise
    apart = 4 * float((turned - sure).abs().max())
    sizes = [size for size, (logits, _) in tiles.items() if torch.equal(logits, sure)]
    return Found(
        away, sizes, [tiles[size][1] for size in sizes],
        max(apart, MARGIN if number == torch.float32 else 0.0), max(1, rows[0].token_bytes()),
    )  # fmt: skip


def seconds_alone(network: Any, tokens: list[int]) -> float:
    """How long a model takes for one token, the way that is always right."""
    began = time.perf_counter()
    one_by_one.advance(network, one_by_one.Row(), tokens)
    return time.perf_counter() - began


def _step(network: Any, rows: list, prompts: list, size: int) -> tuple[Tensor, float]:
    """The newest token of each row in one tile: logits, and seconds."""
    began = time.perf_counter()
    newest, places = [one[-1] for one in prompts], [len(one) - 1 for one in prompts]
    return flat.tile(network, rows, newest, places, size), time.perf_counter() - began
