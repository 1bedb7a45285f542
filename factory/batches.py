"""Training batches, made on the fly: batch number ``step`` is always the same.

Nothing is read from disk and nothing has to be remembered between steps, so a run can stop
and go on anywhere, on any number of processes.
"""

from __future__ import annotations

from random import Random

import numpy as np
from transformers import PreTrainedTokenizerFast

from factory.corpus import Document, Phase, document
from factory.tokenizer import END_OF_TEXT

#: Tokens in one optimiser step, over all processes.
BATCH_TOKENS = 4096
#: Even tokens that cannot be foreseen are worth a little: they teach how recipes look. In
#: early phases they took 40 % of the loss, too much once that is learned.
LEAST_WEIGHT, LEAST_WEIGHT_FOCUSED = 0.15, 0.04


def encode(
    tokenizer: PreTrainedTokenizerFast, documents: list[Document], least: float = LEAST_WEIGHT
) -> list[tuple[list[int], list[float]]]:
    """Token ids and loss weights of each document, with an end-of-text token in front.

    No weight but the first token's is below ``least``.
    """
    flat = [text for segments in documents for text, _ in segments]
    encoded = iter(tokenizer.backend_tokenizer.encode_batch_fast(flat, add_special_tokens=False))
    start = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    out = []
    for segments in documents:
        ids, weights = [start], [0.0]
        for _, weight in segments:
            piece = next(encoded).ids
            ids += piece
            weights += [max(weight, least)] * len(piece)
        out.append((ids, weights))
    return out


def batch(
    tokenizer: PreTrainedTokenizerFast, seed: int, step: int, phase: Phase
) -> tuple[np.ndarray, np.ndarray]:
    """The batch of one step.

    Returns ``ids`` of shape (rows, phase.room + 1), int64, and ``weights`` of the same shape,
    float32, where rows * phase.room = ``BATCH_TOKENS``. Documents stand one after another in a
    row; one longer than a row is left out, the last of a row is cut.
    """
    rng = Random(f"{seed}/{step}")
    rows, length = BATCH_TOKENS // phase.room, phase.room + 1
    least = LEAST_WEIGHT_FOCUSED if phase.focused else LEAST_WEIGHT
    ids, weights, ready = [], [], []
    while len(ids) < rows:
        row_ids: list[int] = []
        row_weights: list[float] = []
        while len(row_ids) < length:
            if not ready:
                documents = [document(rng, phase)[1] for _ in range(32)]
                ready = encode(tokenizer, documents, least)
            more_ids, more_weights = ready.pop()
            if len(more_ids) <= length:
                row_ids += more_ids
                row_weights += more_weights
        ids.append(row_ids[:length])
        weights.append(row_weights[:length])
    return np.array(ids, dtype=np.int64), np.array(weights, dtype=np.float32)
