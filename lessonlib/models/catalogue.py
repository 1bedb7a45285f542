"""Open models of several sizes: what they are and how they are built.

    from lessonlib.models import catalogue
    catalogue.names()                     # the short names: SmolLM2-135M ... CodeLlama-7b
    catalogue.find("Qwen3-0.6B")          # hub id, revision, licence, shape
    catalogue.find("google/gemma-2-2b")   # any other model, from its own configuration

The numbers of those with a short name come from ``data/facts/open_models.toml``, where each has its
source and date: they need no network. What a model's layers look like is never assumed: the model
is built without numbers in it ("meta"), and counted.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lessonlib.common import paths
from lessonlib.common.i18n import _
from lessonlib.models import configs
from lessonlib.models import names as model_names
from lessonlib.models.names import BUILT_IN_NAME


class Counted(NamedTuple):
    """A model counted without loading it.

    Attributes:
        layers: {name: (rows, columns)} of the matrices in its layers, which get an adapter.
        embeddings: {name: (rows, columns)}.
        total: all weights.
        norms: {name: weights} of its norms.
        experts: {name: (experts, rows, columns)} of blocks of matrices, one for each expert.
    """

    layers: dict[str, tuple[int, int]]
    embeddings: dict[str, tuple[int, int]]
    total: int
    norms: dict[str, int]
    experts: dict[str, tuple[int, int, int]]

    def adapter_weights(self, rank: int) -> int:
        """Trainable weights of an adapter at all matrices: rank * (rows + columns) for each.

        Of a mixture of experts each has its own; PEFT gives twice the rank to a block that holds
        two matrices a row, gate and up.
        """
        blocks = sum(each * (rows + columns) * (2 if "gate_up" in name else 1)
                     for name, (each, rows, columns) in self.experts.items())
        return rank * (blocks + sum(map(sum, self.layers.values())))


@dataclass(frozen=True)
class OpenModel:
    """An open model.

    Attributes:
        name: short name in this course.
        hub_id: where it lives on the Hugging Face hub; a folder for one that lives here.
        revision: the commit of its repository that is loaded; None for whatever is there.
        parameters: all weights, of which ``matrices`` are in layers that get an adapter.
        type: its architecture, as transformers calls it.
        layers, width, inner, heads, key_value_heads, head_size, vocabulary: its shape.
        context: tokens that it reads at once.
        tied: whether the matrix that reads tokens also scores them.
        source, read: where these facts are from, and the day on which they were read there.
        gated: whether its owner wants its terms accepted before it can be fetched from the hub.
        stated: its own configuration, where that was read; None for facts from the list.
    """

    name: str
    hub_id: str
    revision: str | None
    licence: str
    parameters: int
    type: str
    layers: int
    width: int
    inner: int
    heads: int
    key_value_heads: int
    head_size: int
    vocabulary: int
    context: int
    tied: bool
    source: str
    read: date
    gated: bool = False
    stated: Any = field(default=None, repr=False, compare=False)

    @cached_property
    def counted(self) -> Counted:
        """Its matrices, by name, as they really are."""
        return _count(self.config())

    def layer_matrices(self) -> list[tuple[int, int]]:
        """Rows and columns of the matrices of all layers that get an adapter."""
        return list(self.counted.layers.values())

    @property
    def matrices(self) -> int:
        """Weights in the matrices of all layers: those that can be kept in 4 bits.

        The experts of a mixture are not among them: they lie in blocks, which stay as they are.
        """
        return sum(rows * columns for rows, columns in self.layer_matrices())

    def adapter_weights(self, rank: int) -> int:
        """Trainable weights of an adapter at all matrices: rank * (rows + columns) for each."""
        return self.counted.adapter_weights(rank)

    def config(self, **changes):
        """Its shape as a transformers configuration, for a model with random weights."""
        from transformers import AutoConfig

        if self.stated is not None:
            changed = copy.deepcopy(self.stated)
            for key, value in changes.items():
                setattr(changed, key, value)
            return changed
        shape = dict(
            hidden_size=self.width, intermediate_size=self.inner, num_hidden_layers=self.layers,
            num_attention_heads=self.heads, num_key_value_heads=self.key_value_heads,
            head_dim=self.head_size, vocab_size=self.vocabulary,
            max_position_embeddings=self.context, tie_word_embeddings=self.tied,
        )  # fmt: skip
        return AutoConfig.for_model(self.type, **shape | changes)


@dataclass(frozen=True)
class Card:
    """Where a model may be trained. ``memory`` in bytes; ``kind``: cuda, mps or cpu."""

    name: str
    memory: int
    bfloat16: bool
    flash_attention: bool
    kind: str = "cuda"


def names() -> list[str]:
    """The short names, from small to large. Introduced in notebook 12."""
    models = model_names.facts()["models"]
    return sorted(models, key=lambda name: models[name]["parameters"])


def find(name: str | Path | None) -> OpenModel:
    """A model: the built-in ``pantry``, a short name, a hub name, a folder, one tuned here.

    One that has no short name says itself how it is built. From the hub that is a small file, for
    which the network is needed the first time.

    Raises:
        LessonError: there is none of that name, it cannot be had, or it cannot be tuned here.

    Introduced in notebook 04.
    """
    if (short := model_names.listed(name)) is not None:
        return OpenModel(name=short, **model_names.facts()["models"][short])
    base = model_names.resolve(name)
    if Path(base).is_dir():
        built_in = Path(base) == paths.BUILT_IN.resolve()
        return from_folder(Path(base), BUILT_IN_NAME if built_in else Path(base).name)
    return _from_config(base, base, configs.read(base), _("see its page on the hub"))


def from_folder(folder: Path, name: str) -> OpenModel:
    """What a model folder says of itself. Parameters are counted, not stated.

    Raises:
        LessonError: there is no model in it that can be tuned here.
    """
    licence = "MIT" if Path(folder).resolve() == paths.BUILT_IN.resolve() else ""
    return _from_config(name, str(folder), configs.read(str(folder)), licence)


def _from_config(name: str, place: str, config, licence: str) -> OpenModel:
    """A model from its configuration. What that does not say, such as a width of its feed-forward
    part, is 0."""
    heads = getattr(config, "num_attention_heads", None) or 1
    width = getattr(config, "hidden_size", 0)
    inner = getattr(config, "intermediate_size", 0) or 0
    return OpenModel(
        name, place, None, licence, _count(config).total, config.model_type,
        config.num_hidden_layers, width, max(inner) if isinstance(inner, (list, tuple)) else inner,
        heads, getattr(config, "num_key_value_heads", None) or heads,
        getattr(config, "head_dim", None) or width // heads, config.vocab_size,
        configs.context_of(config), bool(getattr(config, "tie_word_embeddings", False)), place,
        date.today(), stated=config,
    )  # fmt: skip


def counted(base: str) -> Counted:
    """Shapes of a model's matrices in layers, and of its embeddings; the number of all weights.

    The model is not loaded for it.

    Args:
        base: a folder or a hub name.
    """
    return _count(configs.read(base))


def _count(config) -> Counted:
    return _count_as(type(config), config.to_json_string(use_diff=False), _Kept(config))


class _Kept:
    """A configuration that is passed by, not compared: the text beside it says all."""

    def __init__(self, config):
        self.config = config

    def __eq__(self, other) -> bool:
        return isinstance(other, _Kept)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=16)
def _count_as(kind: type, text: str, kept: _Kept) -> Counted:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):  # shapes without numbers
        model = AutoModelForCausalLM.from_config(copy.deepcopy(kept.config))
    last = model.get_output_embeddings()
    layers, embeddings, norms, experts = {}, {}, {}, {}
    for name, weight in model.named_parameters():
        if weight.dim() == 3 and "expert" in name:
            experts[name] = tuple(weight.shape)
    for name, module in model.named_modules():
        if module is last or getattr(module, "weight", None) is None:
            continue
        shape = tuple(module.weight.shape)
        if isinstance(module, Conv1D):  # GPT-2's matrices, the other way round
            layers[name] = shape[::-1]
        elif isinstance(module, torch.nn.Linear):
            layers[name] = shape
        elif isinstance(module, torch.nn.Embedding):
            embeddings[name] = shape
        elif len(shape) == 1:
            norms[name] = shape[0]
        elif len(shape) == 2:  # the one that chooses among experts
            layers[name] = shape
    total = sum(weight.numel() for weight in model.parameters())
    return Counted(layers, embeddings, total, norms, experts)


def pinned(base: str) -> dict[str, str]:
    """The keyword ``revision`` for loading ``base``, where this course knows a revision of it.

    Introduced in notebook 12.
    """
    return configs.pinned(base)


def card(name: str) -> Card:
    """A card of ``data/facts/open_models.toml``: "T4" or "24 GB". Introduced in notebook 12."""
    entry = model_names.facts()["cards"][name]
    memory = entry["mebibytes"] * 2**20
    return Card(entry["name"], memory, entry["bfloat16"], entry["flash_attention"])


def this_card() -> Card:
    """The GPU of this machine; without one, its processor and the memory that is free now.

    Introduced in notebook 12.
    """
    import torch

    from lessonlib.common.memory_left import available_memory

    if torch.cuda.is_available():
        major, _minor = torch.cuda.get_device_capability()
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        memory = torch.cuda.mem_get_info()[1]
        return Card(torch.cuda.get_device_name(), memory, bf16, major >= 8)
    from lessonlib.models.device import choose_device

    kind, number = choose_device().value.split("-")
    free = available_memory() or 4 * 2**30
    return Card(_("this machine, without a GPU"), free, number == "bf16", False, kind)
