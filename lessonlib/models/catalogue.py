"""Open models of several sizes, by short names: what they are and how they are built.

    from lessonlib.models import catalogue
    catalogue.names()                     # SmolLM2-135M ... CodeLlama-7b
    catalogue.find("Qwen3-0.6B")          # hub id, revision, licence, shape

All numbers come from ``data/facts/open_models.toml``, where each has its source and date.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

FACTS = paths.DATA / "facts" / "open_models.toml"
BUILT_IN_NAME = "pantry"


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

    def layer_matrices(self) -> list[tuple[int, int]]:
        """Rows and columns of the matrices of one layer: q, k, v, o, gate, up, down."""
        queries, keys = self.heads * self.head_size, self.key_value_heads * self.head_size
        return [(queries, self.width), (keys, self.width), (keys, self.width),
                (self.width, queries), (self.inner, self.width), (self.inner, self.width),
                (self.width, self.inner)]  # fmt: skip

    @property
    def matrices(self) -> int:
        """Weights in the matrices of all layers: those that can be kept in 4 bits."""
        return self.layers * sum(rows * columns for rows, columns in self.layer_matrices())

    def adapter_weights(self, rank: int) -> int:
        """Trainable weights of an adapter at all matrices: rank * (rows + columns) for each."""
        return self.layers * sum(rank * (rows + cols) for rows, cols in self.layer_matrices())

    def config(self, **changes):
        """Its shape as a transformers configuration, for a model with random weights."""
        from transformers import AutoConfig

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


@cache
def _facts() -> dict:
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


def names() -> list[str]:
    """The short names, from small to large. Introduced in notebook 08."""
    models = _facts()["models"]
    return sorted(models, key=lambda name: models[name]["parameters"])


def find(name: str) -> OpenModel:
    """An open model by its short name, or the built-in ``pantry``.

    Raises:
        LessonError: there is none of that name.

    Introduced in notebook 08.
    """
    if name == BUILT_IN_NAME:
        return from_folder(paths.BUILT_IN, name)
    if name not in _facts()["models"]:
        raise LessonError(
            _("There is no open model {name!r} in this course.").format(name=name),
            _("Choose one of: {names}.").format(names=", ".join([BUILT_IN_NAME, *names()])),
        )
    return OpenModel(name=name, **_facts()["models"][name])


def from_folder(folder: Path, name: str) -> OpenModel:
    """What a model folder says of itself. Parameters are counted, not stated."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    return OpenModel(
        name, str(folder), None, "MIT" if folder == paths.BUILT_IN else "",
        counted(str(folder))[2], config.model_type, config.num_hidden_layers,
        config.hidden_size, config.intermediate_size, config.num_attention_heads,
        config.num_key_value_heads,
        getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads,
        config.vocab_size, config.max_position_embeddings, config.tie_word_embeddings,
        str(folder), date.today(),
    )  # fmt: skip


@lru_cache(maxsize=4)
def counted(base: str) -> tuple[dict, dict, int]:
    """Shapes of a model's matrices in layers, and of its embeddings; the number of all weights.

    The model is not loaded for it.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):  # shapes without numbers
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base))
    last = model.get_output_embeddings()
    layers, embeddings = (
        {name: tuple(module.weight.shape) for name, module in model.named_modules()
         if isinstance(module, kind) and module is not last}
        for kind in (torch.nn.Linear, torch.nn.Embedding)
    )  # fmt: skip
    return layers, embeddings, sum(weight.numel() for weight in model.parameters())


def pinned(base: str) -> dict[str, str]:
    """The keyword ``revision`` for loading ``base``, where this course knows a revision of it.

    Introduced in notebook 08.
    """
    for entry in _facts()["models"].values():
        if base == entry["hub_id"] and entry.get("revision"):
            return {"revision": entry["revision"]}
    return {}


def card(name: str) -> Card:
    """A card of ``data/facts/open_models.toml``: "T4" or "24 GB". Introduced in notebook 08."""
    entry = _facts()["cards"][name]
    memory = entry["mebibytes"] * 2**20
    return Card(entry["name"], memory, entry["bfloat16"], entry["flash_attention"])


def this_card() -> Card:
    """The GPU of this machine; without one, its processor and the memory that is free now.

    Introduced in notebook 08.
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
