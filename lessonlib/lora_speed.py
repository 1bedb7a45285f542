"""What makes training a small model fast. Each part gives the same result as what it replaces.

In a model of a few million parameters a layer is computed in a fraction of a millisecond, so
most of a training step goes into *many small operations*, not into arithmetic. All that is done
here is to leave operations out. Each part can be read, and switched off, on its own:

* ``MergedLinear``: LoRA in one multiplication instead of three.
* ``plain_attention``: on a CPU in bfloat16 the textbook formula beats the fused kernel.
* ``FastNorm``: normalisation without detours, since LoRA does not train its weight.
* ``LengthBatches``: rows of similar length in one batch, so that little of it is padding.
* ``AnswerTrainer``: vocabulary scores only where an answer token is to be predicted, no
  statistics beside the loss, and on a CPU two halves of a batch side by side.

``benchmarks/lora_speed.py`` measures them against TRL's defaults.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
from torch.utils.data import Sampler
from transformers import AttentionInterface
from trl import SFTTrainer

from lessonlib.models_peft import Linear as LoraLinear

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


class LengthBatches(Sampler[int]):
    """The order of the rows for one epoch after the other: random, but like beside like.

    Shuffle, cut into groups of ``batches_per_group`` batches, sort each group by length, cut it
    into batches, and shuffle these. Short and long batches so come in random order, and padding
    falls from about a fifth of a batch to a few per cent.

    Args:
        lengths: number of tokens of each row.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, batches_per_group=16):
        self.lengths, self.batch_size = lengths, batch_size
        self.group = batches_per_group * batch_size
        self.random = random.Random(seed)

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        order = self.random.sample(range(len(self)), len(self))
        # The rows that do not fill a batch come last, as the loader expects.
        whole = len(self) - len(self) % self.batch_size
        order, left = order[:whole], order[whole:]
        batches = []
        for start in range(0, whole, self.group):
            group = sorted(order[start : start + self.group], key=self.lengths.__getitem__)
            batches += [
                group[at : at + self.batch_size] for at in range(0, len(group), self.batch_size)
            ]
        self.random.shuffle(batches)
        return iter([row for batch in batches for row in batch] + left)


def answer_scores(
    model, input_ids: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores over the vocabulary, only at positions whose next token is labelled.

    Args:
        model: a causal language model of transformers, with its adapter inside.
        input_ids: (rows, tokens), padded at the end.
        labels: (rows, tokens), -100 where a token is not to be learned.

    Returns:
        Scores (answer tokens, vocabulary) in float32, and the right tokens (answer tokens,).
    """
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
    targets = labels[:, 1:]
    asked = targets != -100
    scores = model.get_output_embeddings()(hidden[:, :-1][asked])
    return scores.float(), targets[asked]


def answer_loss(model, input_ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies (in nats) of all answer tokens in a batch.

    Arguments as for ``answer_scores``.
    """
    return F.cross_entropy(*answer_scores(model, input_ids, labels), reduction="sum")


class AnswerTrainer(SFTTrainer):
    """TRL's trainer with ``answer_loss``, ``LengthBatches`` and lanes."""

    #: On a CPU: threads that each take their part of a batch. None: the batch stays whole.
    lanes: ThreadPoolExecutor | None = None

    def use_lanes(self, lanes: int, threads: int) -> None:
        """Work in ``lanes`` (1 or 2), each with ``threads`` threads for an operation.

        Two lanes stay repeatable: whichever is done first, the sum of two gradients is the same.
        """
        torch.set_num_threads(threads)
        if lanes > 1:
            self.lanes = ThreadPoolExecutor(lanes, "lane", torch.set_num_threads, (threads,))

    def training_step(self, model, inputs, num_items_in_batch=None):
        rows = len(inputs["input_ids"])
        if self.lanes is None or rows < 2:
            return super().training_step(model, inputs, num_items_in_batch)
        model.train()
        if num_items_in_batch is None:
            num_items_in_batch = (inputs["labels"][:, 1:] != -100).sum()

        def learn(part: slice) -> torch.Tensor:
            batch = {key: inputs[key][part] for key in ("input_ids", "labels")}
            loss = self.compute_loss(model, batch, num_items_in_batch=num_items_in_batch)
            loss.backward()  # adds to the gradients that the other lane adds to
            return loss.detach()

        # Every other row, so that both parts are equally long.
        return sum(self.lanes.map(learn, [slice(0, rows, 2), slice(1, rows, 2)]))

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        causal_model = self.accelerator.unwrap_model(model).get_base_model()
        with self.accelerator.autocast():
            total = answer_loss(causal_model, inputs["input_ids"], inputs["labels"])
        if num_items_in_batch is None:
            num_items_in_batch = (inputs["labels"][:, 1:] != -100).sum()
        return total / num_items_in_batch

    def _get_train_sampler(self, train_dataset=None):
        rows = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in rows["input_ids"]]
        # Batches that are accumulated make one step: that is the size that counts.
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthBatches(lengths, step, self.args.seed)

    @torch.no_grad()
    def validation_loss(self) -> float:
        """Mean loss per answer token, in nats, over the evaluation rows."""
        rows = sorted(self.eval_dataset, key=lambda row: len(row["input_ids"]))
        size = self.args.eval_batch_size
        total, tokens = 0.0, 0
        self.model.eval()
        for start in range(0, len(rows), size):
            batch = self._prepare_inputs(self.data_collator(rows[start : start + size]))
            tokens += int((batch["labels"][:, 1:] != -100).sum())
            total += float(self.compute_loss(self.model, batch, num_items_in_batch=1))
        self.model.train()
        return total / tokens
