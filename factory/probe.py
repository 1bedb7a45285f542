"""How far the skills have come: next-token accuracy on fixed documents never trained on."""

from __future__ import annotations

from functools import lru_cache
from random import Random

import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from factory import batches, corpus
from factory.number_format import autocast

_DOCUMENTS = 32
_ROOM = {"ask": 256, "examples": 512, "glossary": 512, "lines": 256, "copying": 256, "plain": 256}


@lru_cache(maxsize=1)
def _documents(tokenizer: PreTrainedTokenizerFast) -> dict[str, list]:
    rng = Random("probe")
    return {
        kind: batches.encode(
            tokenizer,
            [corpus.KINDS[kind](rng, corpus.Phase(room)) for _ in range(_DOCUMENTS)],
        )
        for kind, room in _ROOM.items()
    }


@torch.no_grad()
def measure(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    """Accuracies by kind of document, and the mean loss.

    ``<kind>`` is the share of answer tokens foreseen; ``<kind>_recalled`` the share of renamed
    names, shown earlier in the same text, whose first token is foreseen (the later tokens of a
    name tell little: they follow from its first); ``loss`` is in nats per token over all.
    """
    device, out, total, count = model.device, {}, 0.0, 0
    for kind, documents in _documents(tokenizer).items():
        right = {corpus.ANSWER: [0, 0], corpus.RECALLED: [0, 0]}
        for ids, weights in documents:
            x = torch.tensor([ids], device=device)
            with autocast(device.type):
                logits = model(input_ids=x).logits[0, :-1].float()
            hit = (logits.argmax(-1) == x[0, 1:]).tolist()
            total += F.cross_entropy(logits, x[0, 1:], reduction="sum").item()
            count += len(hit)
            for ok, before, weight in zip(hit, weights[:-1], weights[1:], strict=True):
                inside_a_name = before == weight == corpus.RECALLED
                if weight in right and not inside_a_name:
                    right[weight][0] += ok
                    right[weight][1] += 1
        for weight, name in ((corpus.ANSWER, kind), (corpus.RECALLED, f"{kind}_recalled")):
            if right[weight][1] >= 20:
                out[name] = round(right[weight][0] / right[weight][1], 3)
    out["loss"] = round(total / count, 4)
    return out
