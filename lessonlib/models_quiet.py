"""Silence from the libraries, and PEFT's own layers where PEFT would look for others."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' bars and remarks out of the notebook; errors still come through.

    Introduced in notebook 08.
    """
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    datasets = sys.modules.get("datasets")  # who does not use it need not load it
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if datasets:
        datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
        if datasets:
            datasets.enable_progress_bars()


def plain_layers(config, linear: type | None = None):
    """Tell PEFT which of its layers an adapter is made of, and hand the description back.

    Told so, PEFT does not try those for other number formats, where it stops at Colab's old
    torchao. PEFT offers no public way to say it.

    Args:
        config: a ``LoraConfig``; not for a base in 4 bits, for which PEFT has a layer of its own.
        linear: the class that stands beside linear layers, if not PEFT's own.
    """
    import torch
    from peft.tuners.lora import Embedding, Linear

    config._register_custom_module({torch.nn.Linear: linear or Linear,
                                    torch.nn.Embedding: Embedding})  # fmt: skip
    return config
