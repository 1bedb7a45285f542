"""Before a LoRA training run is started: how much memory will it take?

    from lessonlib.lora import memory
    estimate = memory.estimate(catalogue.find("CodeLlama-7b"), settings, "cuda-bf16")
    print(estimate)

Five things take memory: the base model's weights; what is trained, with its gradients and the
optimiser's two running means; the *activations*, which each layer keeps for the way back; the
scores over the vocabulary; and a reserve for the libraries and for gaps between pieces. The first
two are counted exactly. The activations are counted by what the layers of a Llama-like model
keep for each token (a test compares that with what PyTorch really keeps, for eight architectures).
The reserve is a rule of thumb.
"""

from __future__ import annotations

from dataclasses import dataclass

from lessonlib.common.i18n import _
from lessonlib.lora.settings import ROWS_AT_ONCE, LoraSettings
from lessonlib.models.catalogue import OpenModel
from lessonlib.models.sizes import TRAINING_BYTES

BYTES = {"bf16": 2, "fp16": 2, "fp32": 4}
#: NF4: 4 bits, and for each 64 weights a scale of 8 bits, for each 256 of these one of 32 bits
#: (Dettmers et al. 2023, section 3: 4.127 bits a weight).
FOUR_BIT_BYTES = 4.127 / 8
#: What CUDA and its libraries take before the first number is stored, and the share of all else
#: that is lost in gaps between pieces.
CUDA_BYTES, GAPS = 600 * 2**20, 0.10


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes, by what they are for. ``total`` is their sum."""

    weights: int
    adapter: int
    activations: int
    scores: int
    reserve: int

    @property
    def total(self) -> int:
        return self.weights + self.adapter + self.activations + self.scores + self.reserve

    def __str__(self) -> str:
        parts = {
            _("base model"): self.weights, _("adapter, gradients, optimiser"): self.adapter,
            _("activations"): self.activations, _("scores over the vocabulary"): self.scores,
            _("reserve"): self.reserve, _("together"): self.total,
        }  # fmt: skip
        return "\n".join(f"{name:30}{gigabytes(size):>10}" for name, size in parts.items())


def gigabytes(size: float) -> str:
    """Bytes in words: GB of 10^9 bytes, MB below one. Introduced in notebook 04."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def estimate(
    model: OpenModel,
    settings: LoraSettings,
    device: str,
    tokens: int = 256,
    answer_tokens: int = 48,
) -> MemoryEstimate:
    """The peak of a training step through ``lora.tune``.

    Args:
        device: one of ``models.device.DEVICES``, such as ``cuda-bf16``.
        tokens: of the longest row.
        answer_tokens: of its answer: only there scores are computed.

    Introduced in notebook 04.
    """
    kind, number = device.split("-")
    size = BYTES[number]
    rest = model.parameters - model.matrices
    weights = rest * size + model.matrices * (FOUR_BIT_BYTES if settings.four_bit else size)
    adapter = model.adapter_weights(settings.rank) * TRAINING_BYTES
    each = kept_by_layer(model, settings.rank, size)
    rows = min(settings.batch_size, ROWS_AT_ONCE)
    if settings.recompute:  # each layer's input, and all of the layer that is computed again
        activations = rows * tokens * (model.layers * model.width * size + each)
    else:
        activations = rows * tokens * model.layers * each
    if settings.four_bit and model.matrices:  # the largest matrix, unpacked for a moment
        activations += size * max(rows * columns for rows, columns in model.layer_matrices())
    # Scores in the model's format, in float32, and their gradients in both.
    scores = rows * answer_tokens * model.vocabulary * (2 * size + 8)
    used = weights + adapter + activations + scores
    reserve = GAPS * used + (CUDA_BYTES if kind == "cuda" else 0)
    return MemoryEstimate(*map(round, (weights, adapter, activations, scores, reserve)))


def kept_by_layer(model: OpenModel, rank: int, size: int) -> float:
    """Bytes that one layer keeps of each token for the way back, on average over the layers.

    A norm keeps its input in float32, and in 16 bits what goes in and comes out; how many norms
    there are, and how wide, is counted: two in Llama, four in Gemma, more where queries and keys
    are normed as well. Each matrix with an adapter has ``rank`` numbers between A and B. Their
    inputs are kept once each: what goes into attention, what comes out of it, what goes into the
    feed-forward part, what is in its middle. Attention keeps queries, keys, values and its output;
    the gate keeps itself, its activation, and what it is multiplied with.

    In a mixture of experts each token goes through a few of them: their middles count.
    """
    queries, keys = model.heads * model.head_size, model.key_value_heads * model.head_size
    again = 0 if size == 4 else 2 * size
    norms = 0
    for name, weights in model.counted.norms.items():
        if weights == model.head_size and weights != model.width:  # of each head's own part
            norms += (keys if ".k" in name else queries) * (4 + again // 2)
        elif "layers." in name or ".h." in name:
            norms += weights * (4 + again)
    inner = model.inner * max(1, experts_at_once(model))
    beside = len(model.counted.layers) * rank / model.layers
    adapters = (2 * model.width + queries + inner + beside) * size
    attention = (2 * queries + 2 * keys) * size
    gate = 3 * inner * size
    return norms / model.layers + adapters + attention + gate


def experts_at_once(model: OpenModel) -> int:
    """How many experts a token goes through; 0 for a model that is no mixture of experts."""
    return getattr(model.stated, "num_experts_per_tok", None) or 0
