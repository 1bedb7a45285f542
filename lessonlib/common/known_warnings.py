"""Warnings of libraries that we know, and that a learner can do nothing about: left out by name.

Everything else that a library says still comes through. A learner who sees a red box in the first
ten minutes thinks that something broke.
"""

from __future__ import annotations

import logging
import os
import warnings

#: Which logger says it, and how it begins.
REMARKS = (
    # bitsandbytes, when it is loaded on a processor with AVX-512 BF16 where the package "kernels"
    # is missing. It is about 4-bit weights on a CPU, which nobody here computes with.
    ("bitsandbytes.backends.cpu.ops", "Failed to load CPU gemm_4bit_forward"),
)
#: What a warning begins with (a regular expression), and its kind.
WARNINGS = (
    # transformers 5, of a name by which PEFT asks it for recomputed activations.
    (r"`is_gradient_checkpointing` is deprecated", FutureWarning),
    # transformers 5.23 and later, of the setting's old name. TRL still reads it under that name,
    # and Colab's transformers knows no other.
    (r"`gradient_checkpointing` is deprecated", FutureWarning),
)


def silence() -> None:
    """Leave these remarks out for the rest of the process. Costs nothing; loads no library.

    And one habit: bm25s loads JAX wherever it is installed, as on Colab, and JAX would take three
    quarters of a GPU's memory at that moment. It is asked to take what it needs.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    for logger, beginning in REMARKS:
        logging.getLogger(logger).addFilter(
            lambda record, beginning=beginning: not record.getMessage().startswith(beginning)
        )
    for beginning, kind in WARNINGS:
        warnings.filterwarnings("ignore", message=beginning, category=kind)
