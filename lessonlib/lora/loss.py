"""The loss: how surprised a model is, in nats, by each token that it should have written.

A *row* is ``{"input_ids": [...], "labels": [...]}``, both equally long, from
``lora.rows.tokenise``; a label of -100 stands where nothing is to be learned. A model predicts
each token from those before it, so a label is compared with the scores one place earlier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F

from lessonlib.lora.settings import ROWS_AT_ONCE
from lessonlib.models.chat_template import NO_LABEL


def padded(rows: Sequence[dict], device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and labels, each of shape (rows, longest row), filled up at the end.

    The filling needs no mask: it stands where no real token looks, and carries no label.
    """
    longest = max(len(row["input_ids"]) for row in rows)
    ids, labels = (
        torch.tensor([row[kind] + [fill] * (longest - len(row[kind])) for row in rows])
        for kind, fill in (("input_ids", 0), ("labels", NO_LABEL))
    )
    return ids.to(device), labels.to(device)


def answer_tokens(rows: Sequence[dict]) -> int:
    """How many tokens of these rows are to be predicted."""
    return sum(label != NO_LABEL for row in rows for label in row["labels"][1:])


def answer_scores(
    model, input_ids: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores over the vocabulary, only at positions whose next token is labelled.

    Args:
        model: a causal language model of transformers, with its adapter inside.
        input_ids: (rows, tokens), padded at the end.
        labels: (rows, tokens), -100 where a token is not to be learned.

    Returns:
        Scores (answer tokens, vocabulary) in float32, and the right tokens (answer tokens,).
    """
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    targets = labels[:, 1:]
    asked = targets != NO_LABEL
    scores = model.get_output_embeddings()(hidden[:, :-1][asked])
    return scores.float(), targets[asked]


def answer_loss(model, input_ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies (in nats) of all answer tokens in a batch.

    Arguments as for ``answer_scores``.
    """
    return F.cross_entropy(*answer_scores(model, input_ids, labels), reduction="sum")


@torch.no_grad()
def row_losses(model, rows: Sequence[dict]) -> torch.Tensor:
    """The loss of each row by itself: (rows, 2), the sum of its nats and its answer tokens."""
    found = torch.zeros(len(rows), 2, dtype=torch.float64)
    for places in _alike(rows):
        ids, labels = padded([rows[place] for place in places], model.device)
        scores, targets = answer_scores(model, ids, labels)
        nats = F.cross_entropy(scores, targets, reduction="none")
        owner = (labels[:, 1:] != NO_LABEL).nonzero()[:, 0].cpu()
        each = torch.stack([nats.double().cpu(), torch.ones(len(nats), dtype=torch.float64)], 1)
        found[places] = torch.zeros(len(places), 2, dtype=torch.float64).index_add(0, owner, each)
    return found


def mean_loss(model, rows: Sequence[dict]) -> float:
    """Mean loss per answer token, in nats, over all rows together. Lower is better."""
    nats, tokens = row_losses(model, rows).sum(0).tolist()
    return nats / tokens


def _alike(rows: Sequence[dict]) -> Iterator[list[int]]:
    """Places of some rows at a time, like beside like, so that little is padding."""
    order = sorted(range(len(rows)), key=lambda place: len(rows[place]["input_ids"]))
    for start in range(0, len(order), ROWS_AT_ONCE):
        yield order[start : start + ROWS_AT_ONCE]
