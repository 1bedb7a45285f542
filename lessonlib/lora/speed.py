"""What makes training a small model fast. Each part gives the same result as what it replaces.

In a model of a few million parameters a layer is computed in a fraction of a millisecond, so
most of a training step goes into *many small operations*, not into arithmetic. Even in one of a
few hundred million half of the time went that way. All we do here is leave operations out. Each
part can be read on its own, and switched off on its own:

* ``MergedLinear``: LoRA in one multiplication instead of three, for small matrices.
* ``LeanLinear``: LoRA in three multiplications and nothing else, for larger ones.
* ``plain_attention``: on a CPU in bfloat16 the textbook formula beats the fused kernel.
* ``FastNorm``: normalisation without detours, since LoRA does not train its weights.
* ``LengthBatches``: rows of similar length in one batch, so that little of it is padding.

Three more parts are elsewhere: ``lora.loss`` computes scores over the vocabulary only where an
answer token is to be predicted, and for a large vocabulary in pieces (``lora.loss.LossInPieces``);
and on a CPU ``lora.loop.Learner`` computes two halves of a batch side by side.
``benchmarks/lora_speed.py`` measures all of them against TRL's defaults.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from transformers import AttentionInterface

from lessonlib.models.peft import Linear as LoraLinear

#: Above this length the square score matrix of ``plain_attention`` costs more than it saves.
LONGEST_PLAIN = 512
#: Models whose RMSNorm is one of ``NORMS``, and whose attention has no extras.
PLAIN_MODELS = ("llama", "qwen2", "qwen3", "gemma3_text")
#: RMSNorms by class, and what each adds to its weight: Gemma's is stored as its distance from 1.
NORMS = {"LlamaRMSNorm": 0, "Qwen2RMSNorm": 0, "Qwen3RMSNorm": 0, "Gemma3RMSNorm": 1}


class MergedLinear(LoraLinear):
    """LoRA as ``y = x (W + s B A)^T``: add the small matrices first, then multiply once.

    The textbook form ``x W^T + s (x A^T) B^T`` (Hu et al. 2021, "LoRA",
    https://arxiv.org/abs/2106.09685, section 4) gives the same ``y`` with three multiplications
    and an addition over all tokens. It saves arithmetic where W is large. Where W is as small
    as here, adding B A to it costs next to nothing. Training then also sees exactly the rounded
    weights that are saved in the end.
    """

    def forward(self, x: torch.Tensor, *args, **kwargs) -> torch.Tensor:
        if self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        weight = torch.addmm(
            self.base_layer.weight.float(),
            self.lora_B[name].weight,
            self.lora_A[name].weight,
            alpha=self.scaling[name],
        )
        return F.linear(x, weight.to(x.dtype), self.base_layer.bias)


class LowRank(torch.autograd.Function):
    """``y = x W^T + bias + s (x A^T) B^T`` where only A and B learn; used by ``LeanLinear``.

    All is computed in x's number format. A and B are in float32, since the small steps of
    training would be lost in rounding; they are rounded for the multiplications alone.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, a, b, scale):
        a, b = a.to(x.dtype), (b * scale).to(x.dtype)
        flat = x.flatten(0, -2)
        inner = flat @ a.t()
        y = F.linear(flat, weight, bias).addmm_(inner, b.t())
        ctx.save_for_backward(x, inner, weight, a, b)
        ctx.scale = scale
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, gradient):
        x, inner, weight, a, b = ctx.saved_tensors
        gradient = gradient.flatten(0, -2)
        of_inner = gradient @ b
        of_x = None
        if ctx.needs_input_grad[0]:  # not in the first layer: embeddings do not learn
            of_x = (gradient @ weight).addmm_(of_inner, a).view(x.shape)
        of_a = of_inner.t() @ x.flatten(0, -2)
        of_b = gradient.t() @ inner
        return of_x, None, None, of_a.float(), of_b.float() * ctx.scale, None


class LeanLinear(LoraLinear):
    """LoRA as its paper has it (see ``MergedLinear``), without the operations around it.

    PEFT's own layer casts its input to float32 for the adapter, PyTorch's autocast casts it back,
    and the adapter's part is scaled and added in two steps more: each a pass over all tokens, and
    each result is kept for the way back. Here the base model's number format is used throughout,
    and the adapter's part is added by the multiplication itself.
    """

    def forward(self, x: torch.Tensor, *args, **kwargs) -> torch.Tensor:
        if self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        a, b = self.lora_A[name].weight, self.lora_B[name].weight
        base = self.base_layer
        return LowRank.apply(x, base.weight, base.bias, a, b, self.scaling[name])


def plain_attention(
    module, query, key, value, attention_mask, scaling, dropout=0.0, sliding_window=None, **kwargs
):
    """Causal attention as in the textbook: scores, mask, softmax, weighted sum.

    Padding needs no mask: it stands at the end of a row, where no real token looks.

    Args:
        query, key, value: (rows, heads, tokens, head size); key and value may have fewer heads,
            each of which then serves a group of neighbouring heads of the query.
        sliding_window: how many tokens a token sees, itself included. None: all before it.

    Returns:
        (rows, tokens, heads, head size), and None for the weights, which nobody asks for.
    """
    rows, heads, tokens, size = query.shape
    groups = heads // key.shape[1]
    far = bool(sliding_window) and tokens > sliding_window
    if tokens > LONGEST_PLAIN or dropout:
        if groups > 1:
            key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
        seen = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril()
        mixed = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=seen.triu(1 - sliding_window) if far else None,
            is_causal=not far,
            scale=scaling,
            dropout_p=dropout,
        )
        return mixed.transpose(1, 2), None
    # The queries of a group stand one below the other, so that a key is read once for all.
    query = query.reshape(-1, groups * tokens, size)
    key, value = (x.reshape(-1, tokens, size) for x in (key, value))
    hidden = torch.full((tokens, tokens), -torch.inf, dtype=query.dtype, device=query.device)
    hidden = hidden.triu(1) + hidden.tril(-sliding_window) if far else hidden.triu(1)
    scores = torch.baddbmm(hidden.repeat(groups, 1), query, key.transpose(1, 2), alpha=scaling)
    mixed = scores.softmax(-1) @ value
    return mixed.view(rows, heads, tokens, size).transpose(1, 2), None


AttentionInterface.register("plain", plain_attention)


class FastNorm(torch.autograd.Function):
    """RMSNorm (Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467) with a frozen weight.

    ``y = x / rms(x) * weight`` over the last dimension. Written out by hand because neither the
    copies in float32 nor a gradient for ``weight`` are needed when only adapters are trained.
    """

    @staticmethod
    def forward(ctx, x, weight, epsilon):
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = torch.rsqrt(length.square() / x.shape[-1] + epsilon).to(x.dtype)
        unit = x * scale
        ctx.save_for_backward(unit, scale, weight)
        return unit * weight

    @staticmethod
    def backward(ctx, gradient):
        unit, scale, weight = ctx.saved_tensors
        gradient = gradient * weight
        along = (gradient * unit).mean(-1, keepdim=True)
        return torch.addcmul(gradient, unit, along, value=-1) * scale, None, None


def use_fast_norm(model: torch.nn.Module) -> None:
    """Let each RMSNorm of a model of ``PLAIN_MODELS`` compute by ``FastNorm``."""

    def fast(module, more):
        def forward(x):
            weight = (module.weight.float() + more).to(x.dtype) if more else module.weight
            return FastNorm.apply(x, weight, epsilon)

        epsilon = module.eps if hasattr(module, "eps") else module.variance_epsilon
        return forward

    for module in model.modules():
        more = NORMS.get(type(module).__name__)
        if more is not None:
            module.weight.requires_grad_(False)
            module.forward = fast(module, more)


class LengthBatches:
    """The order of the rows in each epoch: random, but like beside like.

    Shuffle, cut into groups of ``batches_per_group`` batches, sort each group by length, cut it
    into batches, and shuffle these. Short and long batches so come in random order, and padding
    falls from about a fifth of a batch to a few per cent. ``len()`` is the number of batches.

    Args:
        lengths: number of tokens of each row.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, batches_per_group=16):
        self.lengths, self.batch_size, self.seed = lengths, batch_size, seed
        self.group = batches_per_group * batch_size

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of one epoch, each a list of rows' numbers; they follow from the seed."""
        chance = random.Random(1000 * self.seed + number)
        order = chance.sample(range(len(self.lengths)), len(self.lengths))
        # The rows that do not fill a batch come last.
        whole = len(order) - len(order) % self.batch_size
        order, left = order[:whole], order[whole:]
        batches = []
        for start in range(0, whole, self.group):
            group = sorted(order[start : start + self.group], key=self.lengths.__getitem__)
            batches += [
                group[at : at + self.batch_size] for at in range(0, len(group), self.batch_size)
            ]
        chance.shuffle(batches)
        return batches + [left] * bool(left)
