"""The forward pass of a Llama-type network, written for many short requests on a small model.

This is the same calculation as Hugging Face's (a test compares them), in fewer and larger steps:
with a model of a few million parameters most of the time goes not into arithmetic but into
starting operations, and here each layer starts 16 of them instead of about 45.

It works on a flat list of tokens, not on a rectangle of padded sequences. Only attention needs to
know which token belongs to which request, so that is left to the caller.

Source of the architecture: Touvron et al. 2023 (Llama); Qwen2 adds biases to the projections, Qwen3
normalises queries and keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

MODEL_TYPES = ("llama", "mistral", "qwen2", "qwen3")

#: attend(layer, queries, keys, values) -> the attended values.
#: queries (tokens, heads, head size), keys and values (tokens, key heads, head size),
#: the answer (tokens, heads * head size).
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]


def _joined(*linears: Any) -> tuple[Tensor, Tensor | None]:
    """Several projections of the same input as one: their weights below each other."""
    weight = torch.cat([linear.weight for linear in linears])
    has_bias = linears[0].bias is not None
    return weight, torch.cat([linear.bias for linear in linears]) if has_bias else None


def can_run(config: Any) -> bool:
    """Whether a model of this configuration is calculated as it is here."""
    return config.model_type in MODEL_TYPES and getattr(config, "hidden_act", "") == "silu"


class Layer:
    """The weights of one transformer layer."""

    def __init__(self, layer: Any):
        attention, mlp = layer.self_attn, layer.mlp
        self.before_attention = layer.input_layernorm.weight.clone()
        self.queries_keys_values = _joined(attention.q_proj, attention.k_proj, attention.v_proj)
        self.output = _joined(attention.o_proj)
        self.before_mlp = layer.post_attention_layernorm.weight.clone()
        self.gate_up = _joined(mlp.gate_proj, mlp.up_proj)
        self.down = _joined(mlp.down_proj)
        normed = hasattr(attention, "q_norm")
        self.query_norm = attention.q_norm.weight.clone() if normed else None
        self.key_norm = attention.k_norm.weight.clone() if normed else None


class Network:
    """All weights of a model, copied out of a Hugging Face model, and the pass over them.

    ``heads``, ``key_heads``, ``head_size``: of the attention. ``context``: positions for
    which there are rotation tables.

    Raises:
        ValueError: the model is of another type.
    """

    def __init__(self, model: Any, context: int):
        config = model.config
        if not can_run(config):
            raise ValueError(f"it is of type {config.model_type}; this is for {MODEL_TYPES}")
        self.layers = [Layer(layer) for layer in model.model.layers]
        self.embedding = model.model.embed_tokens.weight.clone()
        self.last_norm = model.model.norm.weight.clone()
        head = model.lm_head.weight
        tied = head.data_ptr() == model.model.embed_tokens.weight.data_ptr()
        self.head = self.embedding if tied else head.clone()
        self.epsilon = config.rms_norm_eps
        self.heads = config.num_attention_heads
        self.key_heads = config.num_key_value_heads
        self.head_size = model.model.layers[0].self_attn.head_dim
        self._cosines, self._sines = self._rotations(model, context)

    def _rotations(self, model: Any, context: int) -> tuple[Tensor, Tensor]:
        """Rotary position tables (context, head size) (Su et al. 2021).

        The sign of the usual "rotate half" stands in the sine table, so that turning a
        vector is: x * cosine + (x rolled by half) * sine.
        """
        positions = torch.arange(context, device=self.embedding.device)[None]
        cosines, sines = model.model.rotary_emb(self.embedding[None, :1], positions)
        sign = torch.ones_like(sines[0, 0])
        sign[: len(sign) // 2] = -1
        return cosines[0].clone(), sines[0] * sign

    def forward(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """The network's last hidden state of each token.

        Args:
            tokens, positions: (tokens,).
            attend: mixes values along each request.
        Returns:
            (tokens, width)
        """
        cosine = self._cosines[positions][:, None]
        sine = self._sines[positions][:, None]
        x = self.embedding[tokens]
        for index, layer in enumerate(self.layers):
            mixed = self._attention(
                index, layer, self._norm(x, layer.before_attention), cosine, sine, attend
            )
            x = x + functional.linear(mixed, *layer.output)
            gate, up = functional.linear(self._norm(x, layer.before_mlp), *layer.gate_up).chunk(
                2, dim=-1
            )
            x = x + functional.linear(functional.silu(gate) * up, *layer.down)
        return self._norm(x, self.last_norm)

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., width) -> (..., vocabulary)"""
        return functional.linear(hidden, self.head)

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, weight.shape, weight, self.epsilon)

    def _attention(
        self, index: int, layer: Layer, x: Tensor, cosine: Tensor, sine: Tensor, attend: Attend
    ) -> Tensor:
        mixed = functional.linear(x, *layer.queries_keys_values)
        mixed = mixed.view(len(x), -1, self.head_size)
        both = self.heads + self.key_heads
        turning, values = mixed[:, :both], mixed[:, both:]
        if layer.query_norm is not None:
            queries = self._norm(turning[:, : self.heads], layer.query_norm)
            turning = torch.cat([queries, self._norm(turning[:, self.heads :], layer.key_norm)], 1)
        rolled = turning.roll(self.head_size // 2, dims=-1)
        turned = torch.addcmul(turning * cosine, rolled, sine)
        return attend(index, turned[:, : self.heads], turned[:, self.heads :], values)
