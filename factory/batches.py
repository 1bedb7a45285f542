"""Training batches, made on the fly: batch number ``step`` is always the same.

Nothing is read from disk and nothing has to be remembered between steps, so a run can stop
and go on anywhere, on any number of processes.
"""

from __future__ import annotations

from random import Random

import numpy as np
from transformers import PreTrainedTokenizerFast

from factory.corpus import Document, document
from factory.tokenizer import END_OF_TEXT

#: Tokens in one optimiser step, over all processes.
BATCH_TOKENS = 8192
#: Even tokens that cannot be foreseen are worth a little: they teach how recipes look.
LEAST_WEIGHT = 0.15


def encode(
    tokenizer: PreTrainedTokenizerFast, documents: list[Document]
) -> list[tuple[list[int], list[float]]]:
    """Token ids and loss weights of each document, with an end-of-text token in front."""
    flat = [text for segments in documents for text, _ in segments]
    encoded = iter(tokenizer.backend_tokenizer.encode_batch_fast(flat, add_special_tokens=False))
    start = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    out = []
    for segments in documents:
        ids, weights = [start], [0.0]
        for _, weight in segments:
            piece = next(encoded).ids
            ids += piece
            weights += [max(weight, LEAST_WEIGHT)] * len(piece)
        out.append((ids, weights))
    return out


def batch(
    tokenizer: PreTrainedTokenizerFast, seed: int, step: int, context: int
) -> tuple[np.ndarray, np.ndarray]:
    """The batch of one step.

    Returns ``ids`` of shape (rows, context + 1), int64, and ``weights`` of the same shape,
    float32, where rows * context = ``BATCH_TOKENS``. Documents stand one after another in a
    row; one longer than a row is left out, the last of a row is cut.
    """
    rng = Random(f"{seed}/{step}")
    rows, length = BATCH_TOKENS // context, context + 1
    ids, weights, ready = [], [], []
    while len(ids) < rows:
        row_ids: list[int] = []
        row_weights: list[float] = []
        while len(row_ids) < length:
            if not ready:
                ready = encode(tokenizer, [document(rng, context)[1] for _ in range(32)])
            more_ids, more_weights = ready.pop()
            if len(more_ids) <= length:
                row_ids += more_ids
                row_weights += more_weights
        ids.append(row_ids[:length])
        weights.append(row_weights[:length])
    return np.array(ids, dtype=np.int64), np.array(weights, dtype=np.float32)
