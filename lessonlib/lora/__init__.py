"""Fine-tuning on this machine: a LoRA adapter, trained by one loop.

Read this first, with notebooks 04 and 08: ``loop.py`` is the training loop from top to bottom,
``loss.py`` is what it minimises, ``tuning.py`` is what ``lora.tune`` does around it, and
``speed.py`` is what makes it fast.

LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685) leaves the base model as it is and trains
two small matrices beside each of its large ones: the *adapter*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.lora.record import TunedModel
    from lessonlib.lora.settings import LoraSettings
    from lessonlib.lora.tuning import load, tune

__all__ = ["LoraSettings", "TunedModel", "load", "tune"]

__getattr__, __dir__ = face(__name__, {
    "LoraSettings": "settings",
    "TunedModel": "record",
    "load": "tuning",
    "tune": "tuning",
})
