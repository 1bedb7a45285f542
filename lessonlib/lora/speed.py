"""What makes training a small model fast. Each part gives the same result as what it replaces.

In a model of a few million parameters a layer is computed in a fraction of a millisecond, so
most of a training step goes into *many small operations*, not into arithmetic. All we do here is
leave operations out. Each part can be read on its own, and switched off on its own:

* ``MergedLinear``: LoRA in one multiplication instead of three.
* ``plain_attention``: on a CPU in bfloat16 the textbook formula beats the fused kernel.
* ``FastNorm``: normalisation without detours, since LoRA does not train its weights.
* ``LengthBatches``: rows of similar length in one batch, so that little of it is padding.

Two more parts are elsewhere: ``lora.loss.answer_scores`` computes scores over the vocabulary only
where an answer token is to be predicted, and on a CPU ``lora.loop.Learner`` computes two halves of
a batch side by side. ``benchmarks/lora_speed.py`` measures all of them against TRL's defaults.
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
#: Models whose RMSNorm is x / rms(x) * weight, and whose attention has no extras.
PLAIN_MODELS = ("llama", "qwen2")


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


def plain_attention(module, query, key, value, attention_mask, scaling, dropout=0.0, **kwargs):
    """Causal attention as in the textbook: scores, mask, softmax, weighted sum.

    Padding needs no mask: it stands at the end of a row, where no real token looks.

    Args:
        query, key, value: (rows, heads, tokens, head size); key and value may have fewer heads.

    Returns:
        (rows, tokens, heads, head size), and None for the weights, which nobody asks for.
    """
    rows, heads, tokens, size = query.shape
    groups = heads // key.shape[1]
    if groups > 1:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    if tokens > LONGEST_PLAIN or dropout:
        mixed = F.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, dropout_p=dropout
        )
        return mixed.transpose(1, 2), None
    query, key, value = (x.reshape(rows * heads, tokens, size) for x in (query, key, value))
    future = torch.full((tokens, tokens), -torch.inf, dtype=query.dtype, device=query.device)
    scores = torch.baddbmm(future.triu(1), query, key.transpose(1, 2), alpha=scaling)
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
    """Let each RMSNorm of a Llama or Qwen2 model compute by ``FastNorm``."""
    for module in model.modules():
        if type(module).__name__ in ("LlamaRMSNorm", "Qwen2RMSNorm"):
            module.weight.requires_grad_(False)
            module.forward = lambda x, m=module: FastNorm.apply(x, m.weight, m.variance_epsilon)


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
