"""Turn an adapter up and down after training: the loss at several strengths.

LoRA adds ``alpha / rank * B A`` to a matrix. The factor can still be changed after B and A are
learned: 0 gives the base model back, 1 is what was trained, 2 counts the adapter double.
"""

from __future__ import annotations

from collections.abc import Sequence

from lessonlib.common.i18n import _
from lessonlib.lora import rows as lora_rows
from lessonlib.lora.tuning import TunedModel
from lessonlib.models.quiet import quiet


def losses(tuned: TunedModel, rows: Sequence[dict], strengths: Sequence[float]) -> list[float]:
    """Mean loss per answer token, in nats, on rows that were not trained on.

    Args:
        tuned: a model from ``lora.tune``.
        rows: chat rows.
        strengths: factors on what the adapter adds.

    Introduced in notebook 04.
    """
    from lessonlib.lora.base import load_base
    from lessonlib.lora.loss import mean_loss
    from lessonlib.models.peft import Linear, read_beside

    lora_rows.check_rows(rows, _("Validation"))
    with quiet():
        base, tokenizer = load_base(tuned.base, "cpu-fp32")
        model = read_beside(base, tuned.adapter_folder).eval()
    longest = base.config.max_position_embeddings
    data = lora_rows.tokenise(rows, tokenizer, longest, _("Validation"))
    layers = [layer for layer in model.modules() if isinstance(layer, Linear)]
    trained = [dict(layer.scaling) for layer in layers]
    found = []
    for strength in strengths:
        for layer, scaling in zip(layers, trained, strict=True):
            layer.scaling = {name: strength * value for name, value in scaling.items()}
        found.append(mean_loss(model.get_base_model(), data))
    return found
