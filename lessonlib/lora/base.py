"""A base model and its adapter, ready to be trained."""

from __future__ import annotations

import torch
from transformers import BitsAndBytesConfig

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora import heads
from lessonlib.lora.settings import LoraSettings
from lessonlib.lora.speed import PLAIN_MODELS, LeanLinear, MergedLinear, use_fast_norm
from lessonlib.models import catalogue
from lessonlib.models.chat_template import template_of
from lessonlib.models.loading import check_memory, load_model, load_tokenizer
from lessonlib.models.peft import Linear, LoraConfig, plain_layers, put_beside

FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
#: Up to this width adding up the matrices first is cheaper than three multiplications.
WIDEST_MERGED = 512


def load(base: str, settings: LoraSettings, device: str, seed: int):
    """The base with a fresh adapter beside it, and its tokenizer.

    The adapter's first weights are drawn by ``seed``. They are in float32, whatever the format of
    the base: the small steps of training would be lost in rounding.

    Raises:
        LessonError: as ``load_base``.
    """
    model, tokenizer = load_base(base, device, settings.four_bit)
    small = model.config.hidden_size <= WIDEST_MERGED
    plain = settings.dropout == 0 and not settings.four_bit and not device.endswith("fp16")
    merged = small and plain and not settings.recompute
    torch.manual_seed(seed)
    config = adapter_config(settings, merged, lean=plain and not merged)
    return put_beside(model, config), tokenizer


def load_base(base: str, device: str, four_bit: bool = False):
    """Model and tokenizer, in the device's number format, ready for an adapter.

    Args:
        base: a folder, or a hub name; one that ``models.catalogue`` knows is loaded in the revision
            that stands there. Of a model that reads pictures, too, only the text part is loaded.
        four_bit: its large matrices in 4 bits a weight, in the format NF4 of QLoRA.

    Raises:
        LessonError: it cannot be had or read, or is too large for the memory that is free; says
            why, and the cure.
    """
    weights = catalogue.counted(base).total  # and sees that it can be tuned at all
    dtype = FORMATS[device.split("-")[1]]
    extra = {}
    if four_bit:
        check_four_bit()
        extra = {"quantization_config": four_bit_config(dtype), "device_map": device.split("-")[0]}
    tokenizer = load_tokenizer(base)
    if not device.startswith("cuda"):  # a card's memory is planned with, in ``lora.plan``
        check_memory(base, weights, dtype.itemsize)
    model = load_model(base, dtype=dtype, **extra)
    heads.check(model)
    tokenizer.chat_template = template_of(tokenizer)
    model.config.use_cache = False
    if model.config.model_type in PLAIN_MODELS:
        use_fast_norm(model)
        if device == "cpu-bf16":
            model.set_attn_implementation("plain")
    return model, tokenizer


def check_four_bit() -> None:
    """See that 4-bit weights are possible here.

    Raises:
        LessonError: the package bitsandbytes is missing, or does not fit this machine.
    """
    try:
        import bitsandbytes
    except Exception as error:  # an import of compiled code can fail in many ways
        raise LessonError(
            _("4-bit weights need the package bitsandbytes: {error}.").format(error=error),
            _("Install it (pip install bitsandbytes), or leave four_bit out."),
        ) from error
    del bitsandbytes


def four_bit_config(compute: torch.dtype) -> BitsAndBytesConfig:
    """NF4 with its scales quantised once more: 0.52 bytes a weight (Dettmers et al. 2023)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def adapter_config(settings: LoraSettings, merged: bool, lean: bool = False) -> LoraConfig:
    """PEFT's description of the adapter, computed by ``MergedLinear``, ``LeanLinear`` or PEFT."""
    targets = settings.targets
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha or 2 * settings.rank,
        lora_dropout=settings.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )
    if settings.four_bit:  # PEFT has a layer of its own for these
        return config
    return plain_layers(config, MergedLinear if merged else LeanLinear if lean else Linear)
