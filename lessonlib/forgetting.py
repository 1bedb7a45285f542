"""What a model has forgotten: its loss on general text, before tuning and after.

Tuning moves weights that also hold what the model knew before. The loss on text like that of
pretraining shows it ("catastrophic forgetting": McCloskey and Cohen 1989). General for ``pantry``
means: recipes with other requests and glossaries, lists, a little SQL (``factory.general_text``).
"""

from __future__ import annotations

import json
from pathlib import Path

from lessonlib.models_quiet import quiet
from lessonlib.paths import BUILT_IN, DATA

HELD_OUT = DATA / "general_text" / "held_out.jsonl"
_BATCH = 16


def general_loss(model_folder: str | Path = BUILT_IN, texts: list[str] | None = None) -> float:
    """Mean loss per token, in nats, on held-out general text. Lower is better.

    Args:
        model_folder: a Hugging Face model folder; the built-in model if not given.
        texts: other texts to measure on; the course's own 150 if not given.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(model_folder)
        model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval()
    # a model that learned with a token at the beginning of each text wants it there
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    encoded = [
        start + tokenizer.encode(text, add_special_tokens=False) for text in texts or _held_out()
    ]
    encoded.sort(key=len)  # texts of like length share a batch, so little is padding
    total, count = 0.0, 0
    for start in range(0, len(encoded), _BATCH):
        ids, labels = _padded(encoded[start : start + _BATCH], tokenizer.pad_token_id)
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[:, :-1]
        targets = labels[:, 1:]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum"
        )
        total += loss.item()
        count += int((targets != -100).sum())
    return total / count


def _held_out() -> list[str]:
    return [json.loads(line)["text"] for line in HELD_OUT.read_text("utf-8").splitlines()]


def _padded(batch: list[list[int]], pad: int):
    """Ids of shape (texts, longest) filled up on the right; labels are -100 on the filling."""
    import torch

    longest = max(map(len, batch))
    ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids in batch])
    labels = torch.tensor([ids + [-100] * (longest - len(ids)) for ids in batch])
    return ids, labels
