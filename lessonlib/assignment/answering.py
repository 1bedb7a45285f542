"""Who answers: the practice service where it has the model, and else this process.

The service is the better place: it keeps the model loaded, and what it has answered is kept, so
that a run that was stopped goes on. It has the built-in model and what lies in ``work/models``: all
that was fetched there or tuned here. A base model in any other folder, or one of the hub, is loaded
in this process; its answers are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lessonlib.assignment.chosen import Base
from lessonlib.measure.evaluation import Method, Result, evaluate
from lessonlib.measure.rows import Example
from lessonlib.models import catalogue
from lessonlib.models.device import choose_device
from lessonlib.models.hub_errors import hub_errors
from lessonlib.models.quiet import quiet

#: Prompts that this process answers together.
TOGETHER = 15


class Answering:
    """Asks a base model where it is, and all others at the service.

    Args:
        client: from ``lessonlib.connect``.
        base: the base model.

    Introduced in notebook 11.
    """

    def __init__(self, client, base: Base):
        self.client, self.base = client, base

    def __call__(
        self, method: Method, examples: Sequence[Example], progress: bool = True
    ) -> Result:
        """What the method does on the examples, as ``lessonlib.evaluate`` returns it."""
        if self.base.served or method.model != self.base.name:
            return evaluate(self.client, method, examples, progress=progress)
        from lessonlib.measure.local_model import evaluate_here

        return evaluate_here(*_loaded(self.base.folder), method, examples, TOGETHER, progress)

    def release(self) -> None:
        """Give back the memory of a model that was loaded here."""
        _loaded.cache_clear()


@lru_cache(maxsize=1)
def _loaded(base: str):
    """Model and tokenizer, in the number format that is fast here; loaded once."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from lessonlib.lora.base import FORMATS

    kind, number = choose_device().value.split("-")
    with quiet(), hub_errors(base):
        pinned = catalogue.pinned(base)
        tokenizer = AutoTokenizer.from_pretrained(base, **pinned)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=FORMATS[number], **pinned)
    return model.to(kind).eval(), tokenizer
