"""What a model says of itself: its configuration, read before any of its weights.

``config.json`` is a few kilobytes. It says how a model is built, and whether this course can tune
it: a causal language model, in plain weights, whose code is part of transformers.
"""

from __future__ import annotations

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.models.hub_errors import hub_errors
from lessonlib.models.names import facts

#: Where a configuration names no longest text, or none that can be meant.
UNLIMITED = 2**20
#: How the text part of a model for pictures and text names its weights, and how it names them
#: alone.
TEXT_ALONE = {r"^(model\.)?language_model\.(model\.)?": "model."}


def pinned(base: str) -> dict[str, str]:
    """The keyword ``revision`` for loading ``base``, where this course knows a revision of it."""
    for entry in facts()["models"].values():
        if base == entry["hub_id"] and entry.get("revision"):
            return {"revision": entry["revision"]}
    return {}


def read(base: str):
    """The configuration of a model's text part (for most models: of all of it).

    Args:
        base: a folder or a hub name, from ``models.names.resolve``.

    Raises:
        LessonError: it cannot be had, or it is no model that can be tuned here; says why.
    """
    from transformers import AutoConfig

    with hub_errors(base):
        # Not to be asked at the keyboard whether code from the hub may be run.
        config = AutoConfig.from_pretrained(base, trust_remote_code=False, **pinned(base))
    _check(config, base)
    return config.get_text_config(decoder=True)


def has_more_than_text(base: str) -> bool:
    """Whether a model also reads pictures or sound: then only its text part is loaded."""
    from transformers import AutoConfig

    with hub_errors(base):
        whole = AutoConfig.from_pretrained(base, trust_remote_code=False, **pinned(base))
    return whole.get_text_config(decoder=True) is not whole


def _check(config, base: str) -> None:
    """See that a model can be tuned here."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    quantised = getattr(config, "quantization_config", None)
    if quantised:
        method = (quantised.get("quant_method") if isinstance(quantised, dict)
                  else getattr(quantised, "quant_method", None))  # fmt: skip
        raise LessonError(
            _("{name} is stored in quantised weights ({method}), which are made for answering.")
            .format(name=base, method=str(getattr(method, "value", method) or "?").upper()),
            _("Take the same model in plain weights: its name on the hub without AWQ, GPTQ, FP8 or"
              " 4bit. QLoRA packs it into 4 bits by itself (four_bit=True)."),
        )  # fmt: skip
    text = config.get_text_config(decoder=True)
    both = getattr(config, "is_encoder_decoder", False)
    if both or text.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        what = _("an encoder and a decoder") if both else _("no decoder that writes")
        raise LessonError(
            _("{name} isn't a causal language model: type {type} has {what}.").format(
                name=base, type=config.model_type, what=what),
            _("Choose a model for text generation; the hub lists them under"
              " https://huggingface.co/models?pipeline_tag=text-generation."),
        )  # fmt: skip


def context_of(config) -> int:
    """The longest text in tokens that a model reads; a large number where it does not say."""
    config = config.get_text_config(decoder=True)
    longest = getattr(config, "max_position_embeddings", None)
    return longest if isinstance(longest, int) and 0 < longest < UNLIMITED else UNLIMITED
