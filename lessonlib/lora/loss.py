"""The loss: how surprised a model is, in nats, by each token that it should have written.

A *row* is ``{"input_ids": [...], "labels": [...]}``, both equally long, from
``lora.rows.tokenise``; a label of -100 stands where nothing is to be learned. A model predicts
each token from those before it, so a label is compared with the scores one place earlier.

A model scores each token of its vocabulary. Of the 3,072 of ``pantry`` that is a small part of the
work. Gemma 3 has 262,144, and its last matrix is larger than all its layers together. So we take
scores only where an answer token is to be predicted, and those of a large vocabulary in pieces
(``LossInPieces``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F

from lessonlib.lora.settings import ROWS_AT_ONCE
from lessonlib.models.chat_template import NO_LABEL

#: Tokens of a large vocabulary that are scored at a time. Of some hundred positions that is about
#: a megabyte in float32, which fits into the cache of one core.
PIECE = 4096


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


class LossInPieces(torch.autograd.Function):
    """Cross-entropy over a large vocabulary, a piece of it at a time, its gradient on the way.

    All scores of a batch are hundreds of megabytes, and the textbook goes over them seven times:
    copy to float32, log-softmax, pick, largest, and the same way back. Of a piece everything
    happens while it is near the processor, and then it is forgotten. What is left behind for each
    position: the largest score, the sum of ``exp(score - largest)``, and the sum of the rows of
    the matrix weighted by it. At the end the last two give the gradient: it is the mean row of the
    matrix by the model's own probabilities, less the right row. The head does not learn, so
    nothing else is needed.

    After Wijmans et al. 2024, "Cut Your Losses in Large-Vocabulary Language Models",
    https://arxiv.org/abs/2411.09009, and Liger Kernel, https://arxiv.org/abs/2410.10989; the
    running sums are those of FlashAttention, https://arxiv.org/abs/2205.14135.
    """

    @staticmethod
    def forward(ctx, hidden, head, targets):
        """Of each position the loss in nats, and the token that the model would choose.

        Args:
            hidden: (positions, width).
            head: (vocabulary, width), the output matrix.
            targets: (positions,), the right tokens.
        """
        learning = ctx.needs_input_grad[0]
        largest = torch.full((len(hidden), 1), -torch.inf, device=hidden.device)
        total, chosen = torch.zeros_like(largest), torch.zeros_like(targets)
        mixed = torch.zeros(hidden.shape, device=hidden.device)
        for start in range(0, len(head), PIECE):
            piece = head[start : start + PIECE]
            scores = hidden @ piece.t()
            top = torch.maximum(largest, scores.amax(1, keepdim=True))
            higher = (top > largest)[:, 0].nonzero()[:, 0]
            if len(higher):
                chosen[higher] = start + scores[higher].argmax(1)
            weights = (scores.float() - top).exp_()
            before = (largest - top).exp_()
            total = total * before + weights.sum(1, keepdim=True)
            if learning:
                mixed = mixed * before + (weights.to(piece.dtype) @ piece).float()
            largest = top
        right = head[targets].float()
        nats = (largest + total.log())[:, 0] - (hidden.float() * right).sum(1)
        if learning:
            ctx.save_for_backward((mixed / total - right).to(hidden.dtype))
        ctx.mark_non_differentiable(chosen)
        return nats, chosen

    @staticmethod
    def backward(ctx, gradient, _of_chosen):
        (of_hidden,) = ctx.saved_tensors
        return of_hidden * gradient[:, None].to(of_hidden.dtype), None, None


def asked(model, input_ids: torch.Tensor, labels: torch.Tensor) -> tuple:
    """What the model's last matrix turns into scores, only where the next token is labelled.

    Args:
        model: a causal language model of transformers, with its adapter inside.
        input_ids: (rows, tokens), padded at the end.
        labels: (rows, tokens), -100 where a token is not to be learned.

    Returns:
        (answer tokens, width), and the right tokens (answer tokens,).
    """
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    targets = labels[:, 1:]
    places = targets != NO_LABEL
    hidden = hidden[:, :-1][places]
    scale = score_scale(model.config)
    return hidden if scale == 1 else hidden * scale, targets[places]


def answer_nats(
    model, input_ids: torch.Tensor, labels: torch.Tensor, reduction: str = "none"
) -> tuple[torch.Tensor, torch.Tensor]:
    """How surprised the model is by each answer token, and whether it would have chosen it.

    Arguments as for ``asked``.

    Args:
        reduction: ``none``, or ``sum`` for the sum of all.

    Returns:
        Cross-entropy in nats, (answer tokens,) or a number; and, always (answer tokens,), right
        or not.
    """
    hidden, targets = asked(model, input_ids, labels)
    head = model.get_output_embeddings()
    limit = getattr(model.config, "final_logit_softcapping", None)  # Gemma 2
    if in_pieces(head) and not limit:
        nats, chosen = LossInPieces.apply(hidden, head.weight, targets)
        return nats.sum() if reduction == "sum" else nats, chosen == targets
    scores = head(hidden).float()
    if limit:
        scores = limit * torch.tanh(scores / limit)
    nats = F.cross_entropy(scores, targets, reduction=reduction)
    return nats, scores.detach().argmax(-1) == targets


def score_scale(config) -> float:
    """What a model multiplies its scores by: 1 but for Cohere's, Falcon-H1's and Granite's."""
    for name in ("logit_scale", "lm_head_multiplier"):
        if (scale := getattr(config, name, None)) is not None:
            return scale
    return 1 / (getattr(config, "logits_scaling", None) or 1)


def in_pieces(head: torch.nn.Module) -> bool:
    """Whether ``LossInPieces`` is for this last matrix: a large one that does not learn, on a CPU.

    On a GPU its many small operations would cost more than they save.
    """
    plain = type(head) is torch.nn.Linear and head.bias is None
    large = plain and len(head.weight) > PIECE and head.weight.device.type == "cpu"
    return large and not (head.weight.requires_grad and torch.is_grad_enabled())


def answer_loss(model, input_ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies (in nats) of all answer tokens in a batch.

    Arguments as for ``asked``.
    """
    return answer_nats(model, input_ids, labels, "sum")[0]


@torch.no_grad()
def row_losses(model, rows: Sequence[dict]) -> torch.Tensor:
    """The loss of each row by itself: (rows, 2), the sum of its nats and its answer tokens."""
    found = torch.zeros(len(rows), 2, dtype=torch.float64)
    for places in _alike(rows):
        ids, labels = padded([rows[place] for place in places], model.device)
        nats, _right = answer_nats(model, ids, labels)
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
