"""How transformers' ``generate`` is told to answer greedily: always the likeliest token, until an
end mark.

A model comes with settings of its own for that (``generation_config.json``): a temperature, a
penalty for repeating oneself. They make two runs differ, or a list of ingredients shorter. Greedy
means greedy here: none of them counts.
"""

from __future__ import annotations

from typing import Any

from lessonlib.models.chat_template import end_ids


def greedy(model, tokenizer, max_tokens: int) -> dict[str, Any]:
    """Keyword arguments for ``model.generate``, the prompt apart.

    Args:
        model: a transformers model, with PEFT adapters or without.
        max_tokens: of the answer.
    """
    stated = getattr(model, "generation_config", None)
    own = stated.to_diff_dict() if stated is not None else {}
    unset = {key: None for key in own if not key.startswith("_") and key != "transformers_version"}
    ends = end_ids(model, tokenizer)
    pad = tokenizer.pad_token_id
    return unset | {
        "max_new_tokens": max_tokens,
        "do_sample": False,
        "num_beams": 1,
        "eos_token_id": ends or None,
        "pad_token_id": pad if pad is not None else next(iter(ends), 0),
        "use_cache": True,
    }
