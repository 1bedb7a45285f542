"""A causal language model and its tokenizer, loaded whole or not at all."""

from __future__ import annotations

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory
from lessonlib.models import configs
from lessonlib.models.hub_errors import hub_errors

#: Smaller models are loaded without a look at what is left.
SMALL = 200_000_000


def load_tokenizer(base: str):
    """The tokenizer of a folder or hub name.

    Raises:
        LessonError: it cannot be had or read.
    """
    from transformers import AutoTokenizer

    with hub_errors(base):
        return AutoTokenizer.from_pretrained(base, trust_remote_code=False, **configs.pinned(base))


def load_model(base: str, **arguments):
    """A model from a folder or hub name: of one for pictures and text the text part.

    Args:
        arguments: for ``AutoModelForCausalLM.from_pretrained``.

    Raises:
        LessonError: it cannot be had, has not all its weights, or is too large for this machine.
    """
    from transformers import AutoModelForCausalLM

    config, text_alone = configs.read(base), configs.has_more_than_text(base)
    if text_alone:
        arguments |= {"config": config, "key_mapping": configs.TEXT_ALONE}
    with hub_errors(base):
        model, report = AutoModelForCausalLM.from_pretrained(
            base, trust_remote_code=False, output_loading_info=True, **configs.pinned(base),
            **arguments,
        )  # fmt: skip
    missing = set(report["missing_keys"])
    if arguments.get("tie_word_embeddings") is False:  # the caller copies the last matrix itself
        last = model.get_output_embeddings()
        missing -= {f"{name}.weight" for name, one in model.named_modules() if one is last}
    if missing:
        raise LessonError(
            _("{name} has not all the weights of a language model: {some} is missing.").format(
                name=base, some=min(missing)),
            _("Load it again if a download was cut off. Otherwise it was saved without the part"
              " that writes: choose a model for text generation."),
        )  # fmt: skip
    if text_alone:  # else it would be saved under the names that the whole model has
        model._weight_conversions = None
    return model


def check_memory(name: str, parameters: int, each: int) -> None:
    """See, before a model is loaded, that the memory of this machine suffices for it.

    Args:
        parameters: its weights.
        each: bytes of one.

    Raises:
        LessonError: it does not.
    """
    needed, left = parameters * each, available_memory()
    if needed < SMALL or left is None or needed <= left:
        return
    raise LessonError(
        _("{name} takes {needed:.1f} GB of memory, and {left:.1f} GB are free.").format(
            name=name, needed=needed / 1e9, left=left / 1e9),
        _("Shut down other notebooks, choose a smaller model, or a machine with more memory."),
    )  # fmt: skip
