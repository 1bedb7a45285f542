"""Turn an adapter up and down after training: the loss at several strengths.

LoRA adds ``alpha / rank * B A`` to a matrix. The factor can still be changed when B and A are
learned: 0 gives the base model back, 1 is what was trained, 2 counts the adapter double.
"""

from __future__ import annotations

from collections.abc import Sequence

from lessonlib import lora_rows
from lessonlib.i18n import _
from lessonlib.lora import TunedModel
from lessonlib.models_chat_template import NO_LABEL
from lessonlib.models_quiet import quiet

_BATCH = 32


def losses(tuned: TunedModel, rows: Sequence[dict], strengths: Sequence[float]) -> list[float]:
    """Mean loss per answer token, in nats, on rows that were not trained on.

    Args:
        tuned: a model from ``lora.tune``.
        rows: chat rows.
        strengths: factors on what the adapter adds.
    """
    from lessonlib.lora_training import load_base
    from lessonlib.models_peft import Linear, read_beside

    lora_rows.check_rows(rows, _("Validation"))
    with quiet():
        base, tokenizer = load_base(tuned.base, "cpu-fp32")
        model = read_beside(base, tuned.adapter_folder).eval()
    longest = base.config.max_position_embeddings
    batches = _batches(lora_rows.tokenise(rows, tokenizer, longest, _("Validation")))
    layers = [layer for layer in model.modules() if isinstance(layer, Linear)]
    trained = [dict(layer.scaling) for layer in layers]
    found = []
    for strength in strengths:
        for layer, scaling in zip(layers, trained, strict=True):
            layer.scaling = {name: strength * value for name, value in scaling.items()}
        found.append(_mean_loss(model.get_base_model(), batches))
    return found


def _batches(rows: list[dict]) -> list:
    """Ids and labels of shape (rows, longest), padded at the end; like beside like."""
    import torch

    ordered, batches = sorted(rows, key=lambda row: len(row["input_ids"])), []
    for start in range(0, len(ordered), _BATCH):
        part = ordered[start : start + _BATCH]
        longest = max(len(row["input_ids"]) for row in part)
        kinds = (("input_ids", 0), ("labels", NO_LABEL))
        batches.append(tuple(
            torch.tensor([row[kind] + [fill] * (longest - len(row[kind])) for row in part])
            for kind, fill in kinds
        ))
    return batches


def _mean_loss(model, batches: list) -> float:
    import torch

    from lessonlib.lora_speed import answer_loss

    with torch.inference_mode():
        total = sum(float(answer_loss(model, ids, labels)) for ids, labels in batches)
    count = sum(int((labels[:, 1:] != NO_LABEL).sum()) for _ids, labels in batches)
    return total / count
