"""Packing: put all texts one after another and cut the whole into pieces of equal length.

So no place in a batch is left empty, which saves time where texts are long and many. The borders
fall where they fall: a text is cut in two, and the halves are learned as if they had nothing to do
with each other. (Raffel et al. 2020, https://arxiv.org/abs/1910.10683, section 3.1.1; trainers have
finer ways today. Here it is done as in TRL 0.13, ``ConstantLengthDataset``, which AutoTrain uses.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Packed:
    """What packing made of texts.

    Attributes:
        pieces: pieces of full length.
        cut: texts with a border inside, so that no piece holds them whole.
        dropped: tokens at the end that fill no piece; nothing is learned from them.
    """

    pieces: int
    cut: int
    dropped: int


def pack(lengths: Sequence[int], block_size: int) -> Packed:
    """Pack texts in the order given.

    Args:
        lengths: of the texts, in tokens. One more token is put after each, as TRL 0.13 does.
        block_size: the pieces' length in tokens.
    """
    place, cut = 0, 0
    for length in lengths:
        begins, place = place, place + length + 1
        cut += begins // block_size != (place - 1) // block_size
    return Packed(place // block_size, cut, place % block_size)
