"""How large a LoRA adapter will be, counted from the base model's matrices before any training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lessonlib.models import catalogue, configs, folders

#: Bytes that training needs for each trained weight: the weight, its gradient, and the two
#: running means of the Adam optimiser (Kingma and Ba 2015), four bytes each.
TRAINING_BYTES = 16
ALL_LINEAR = "all-linear"


@dataclass(frozen=True)
class AdapterSize:
    """What an adapter of some rank amounts to.

    Attributes:
        rank: its rank.
        weights: trainable weights.
        base_weights: weights of the base model, all of them.
    """

    rank: int
    weights: int
    base_weights: int

    @property
    def share(self) -> float:
        """Trainable weights, as a share of the base model's."""
        return self.weights / self.base_weights

    @property
    def training_megabytes(self) -> float:
        """Memory for what is trained: weights, gradients, optimiser; not the activations."""
        return self.weights * TRAINING_BYTES / 1e6

    @property
    def full_megabytes(self) -> float:
        """The same if all weights of the base model were trained."""
        return self.base_weights * TRAINING_BYTES / 1e6


def matrices(base: str | Path | None = None) -> dict[str, tuple[int, int]]:
    """The shape (rows, columns) of each matrix that gets an adapter, by its full name.

    As with PEFT's ``all-linear``, these are the linear layers without the last one, which turns
    into scores over the vocabulary.

    Args:
        base: as in ``lora.tune``; the built-in model if not given.

    Introduced in notebook 04.
    """
    return dict(catalogue.counted(folders.find_base(base)).layers)


def adapter_size(
    rank: int, targets: str | tuple[str, ...] = ALL_LINEAR, base: str | Path | None = None
) -> AdapterSize:
    """Count an adapter's weights: rank * (rows + columns) for each matrix that it stands beside.

    Args:
        targets: as in ``LoraSettings``: ``all-linear``, or names of layers such as ``q_proj``.

    Introduced in notebook 04.
    """
    counted = catalogue.counted(folders.find_base(base))
    if targets == ALL_LINEAR:
        return AdapterSize(rank, counted.adapter_weights(rank), counted.total)
    chosen = [shape for name, shape in {**counted.layers, **counted.embeddings}.items()
              if name.rpartition(".")[2] in targets]
    return AdapterSize(rank, sum(rank * sum(shape) for shape in chosen), counted.total)


def vocabulary_size(base: str | Path | None = None) -> int:
    """How many tokens the model chooses among. Introduced in notebook 04."""
    return configs.read(folders.find_base(base)).vocab_size


def weights_in(adapter_folder: Path) -> int:
    """Weights in an adapter as it was saved: the proof of the sum above.

    Introduced in notebook 04.
    """
    from safetensors import safe_open

    with safe_open(adapter_folder / "adapter_model.safetensors", framework="pt") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]
    return sum(rows * columns for rows, columns in shapes)

