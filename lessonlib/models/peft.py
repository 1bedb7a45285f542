"""The one door to PEFT: without bitsandbytes, and with PEFT's own layers.

PEFT loads bitsandbytes, a library for weights of 4 and 8 bits, as soon as it is loaded itself, and
again before it puts an adapter beside a matrix, whatever the matrix's number format. Here that
cost a second and 40 MB, and on processors with AVX-512 BF16 it says in red what it lacks. So we
tell PEFT that there is no bitsandbytes, unless a base in 4 bits has loaded it before.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers.utils import import_utils

NAME = "bitsandbytes"


@contextlib.contextmanager
def _without_bitsandbytes() -> Iterator[None]:
    if NAME in sys.modules:  # a base in 4 bits needs it
        yield
        return
    sys.modules[NAME] = None  # so says Python that there is no such module
    try:
        yield
    finally:
        del sys.modules[NAME]
        checks = [import_utils.is_bitsandbytes_available]
        if found := sys.modules.get("peft.import_utils"):
            checks += [found.is_bnb_available, found.is_bnb_4bit_available]
        for check in checks:  # they remember their answer, which holds for this moment only
            check.cache_clear()


with _without_bitsandbytes():
    import peft
    from peft import (
        LoraConfig,
        PeftConfig,
        PeftModel,
        get_peft_model_state_dict,
        set_peft_model_state_dict,
    )
    from peft.tuners.lora import Embedding, Linear

__all__ = [
    "Linear",
    "LoraConfig",
    "get_peft_model_state_dict",
    "plain_layers",
    "put_beside",
    "read_beside",
    "set_peft_model_state_dict",
]


def plain_layers(config: PeftConfig, linear: type = Linear) -> PeftConfig:
    """Tell PEFT which of its layers an adapter is made of, and hand the description back.

    Told so, PEFT does not try those for other number formats, where it stops at Colab's old
    torchao. PEFT offers no public way to say it.

    Args:
        config: not for a base in 4 bits, for which PEFT has a layer of its own.
        linear: the class that stands beside linear layers.
    """
    config._register_custom_module({torch.nn.Linear: linear, torch.nn.Embedding: Embedding})
    return config


def put_beside(model, config: LoraConfig) -> PeftModel:
    """A new adapter beside the matrices of ``model``: ``peft.get_peft_model``."""
    with _without_bitsandbytes():
        return peft.get_peft_model(model, config)


def read_beside(model, folder: Path) -> PeftModel:
    """The adapter of ``folder`` beside the matrices of ``model``: ``PeftModel.from_pretrained``."""
    config = plain_layers(PeftConfig.from_pretrained(str(folder)))
    with _without_bitsandbytes():
        return PeftModel.from_pretrained(model, str(folder), config=config)
