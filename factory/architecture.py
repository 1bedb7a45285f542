"""The built-in model's shape: about three million parameters, trained as Qwen2, kept as Llama.

Qwen2's attention has biases on queries and keys, which allows the start below. The finished
model is written as a Llama model (``as_llama``), which computes the same and which every tool
of the course reads. Written as Qwen2 it would be read wrongly: transformers 5 gives every Qwen2
folder Qwen's own way to cut text into words, whatever its tokenizer.json says.
"""

from __future__ import annotations

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from factory.tokenizer import CONTEXT, END_OF_TEXT

WIDTH, LAYERS, HEADS, FEED_FORWARD = 192, 6, 3, 512
ROPE_BASE = 10_000.0
_SHARED_SETTINGS = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "rope_parameters",
    "tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id",
)  # fmt: skip


def new_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    """An untrained model. Set ``torch.manual_seed`` first to make it repeatable."""
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE},
        tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids(END_OF_TEXT),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
    _initialise(model)
    _look_back(model)
    return model


def as_llama(model: Qwen2ForCausalLM) -> LlamaForCausalLM:
    """The same model under Llama's name: equal weights, and zeros for one bias that Qwen2 lacks."""
    old = model.config
    config = LlamaConfig(
        attention_bias=True,
        **{name: getattr(old, name) for name in _SHARED_SETTINGS},
    )
    weights = dict(model.state_dict())
    for number in range(old.num_hidden_layers):
        weights[f"model.layers.{number}.self_attn.o_proj.bias"] = torch.zeros(old.hidden_size)
    llama = LlamaForCausalLM(config)
    llama.load_state_dict(weights)
    return llama


@torch.no_grad()
def _initialise(model: Qwen2ForCausalLM) -> None:
    """Starting weights: each matrix scaled to its width, small where it adds to the stream."""
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=0.03)
    for layer in model.model.layers:
        attention, feed = layer.self_attn, layer.mlp
        reads = (attention.q_proj, attention.k_proj, attention.v_proj, feed.gate_proj, feed.up_proj)
        for linear in reads:
            torch.nn.init.normal_(linear.weight, std=0.7 * WIDTH**-0.5)
        for linear in (attention.o_proj, feed.down_proj):
            fan_in = linear.weight.shape[1]
            torch.nn.init.normal_(linear.weight, std=0.5 * fan_in**-0.5 * (2 * LAYERS) ** -0.5)
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj):
            torch.nn.init.zeros_(linear.bias)


@torch.no_grad()
def _look_back(model: Qwen2ForCausalLM, strength: float = 6.0) -> None:
    """Lets two heads of the first layer start out looking one and two tokens back.

    To copy, a model first needs heads that look at the token before (Olsson et al. 2022,
    "In-context learning and induction heads", https://arxiv.org/abs/2209.11895). Found by
    chance this takes millions of tokens. With rotary positions a constant query and a constant
    key, turned by the wanted distance, give it at once; training is free to change it.
    """
    size = WIDTH // HEADS
    frequencies = ROPE_BASE ** (-torch.arange(0, size, 2).float() / size)
    fast = (frequencies > 0.02).float()  # slow frequencies cannot tell neighbours apart
    attention = model.model.layers[0].self_attn
    for head, distance in enumerate((1, 2)):
        part = slice(head * size, (head + 1) * size)
        angles = frequencies * distance
        turned = torch.cat((torch.cos(angles) * fast, torch.sin(angles) * fast))
        attention.k_proj.bias[part] = strength * turned
        attention.q_proj.bias[part] = strength * torch.cat((fast, torch.zeros_like(fast)))
        attention.k_proj.weight[part] *= 0.1
        attention.q_proj.weight[part] *= 0.1
