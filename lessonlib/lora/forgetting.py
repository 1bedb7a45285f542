"""What a model has forgotten: its loss on general text, before and after tuning.

Tuning moves weights that also hold what the model knew before. The loss on text like that of
pretraining shows how much was lost ("catastrophic forgetting": McCloskey and Cohen 1989). General
for ``pantry`` means: recipes with other requests and glossaries, lists, a little SQL
(``factory.general_text``).
"""

from __future__ import annotations

import json
from pathlib import Path

from lessonlib.common.i18n import _
from lessonlib.common.paths import BUILT_IN, DATA
from lessonlib.lora import rows as lora_rows
from lessonlib.models.quiet import quiet

HELD_OUT = DATA / "general_text" / "held_out.jsonl"


def general_loss(model_folder: str | Path = BUILT_IN, texts: list[str] | None = None) -> float:
    """How surprised a model is by general text that it was never trained on.

    Args:
        model_folder: a Hugging Face model folder; the built-in model if not given.
        texts: other texts to measure on; the course's own 150 if not given.

    Returns:
        Mean loss per token, in nats. Lower is better.

    Introduced in notebook 04.
    """
    from lessonlib.lora.base import load_base
    from lessonlib.lora.loss import mean_loss

    with quiet():
        model, tokenizer = load_base(str(model_folder), "cpu-fp32")
    rows = [{"text": text} for text in texts or _held_out()]
    return mean_loss(model.eval(), lora_rows.tokenise(rows, tokenizer, 10**9, _("Test")))


def _held_out() -> list[str]:
    return [json.loads(line)["text"] for line in HELD_OUT.read_text("utf-8").splitlines()]
