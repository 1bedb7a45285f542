"""Is the loss of training the model's own?

For speed the training takes from a model only what its layers give, and makes the scores over the
vocabulary itself (``lora.loss``). In most models that is one matrix. Some do a little more, which
``lora.loss`` knows: Gemma 2 bends its scores, Cohere and Granite scale them. A kind of model that
has not been tried is tried when it is loaded: else it might be trained on another loss.
"""

from __future__ import annotations

import torch

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora.loss import answer_nats

#: Tried (tests/lora/test_architectures.py).
TRIED = ("llama", "mistral", "qwen2", "qwen3", "gemma3_text", "phi3", "smollm3", "olmo2", "gemma2",
         "glm4", "granite", "cohere", "gpt2", "qwen3_moe")  # fmt: skip


@torch.no_grad()
def check(model) -> None:
    """See that the loss of ``lora.loss`` is the model's own, where that has not been tried.

    Raises:
        LessonError: it is not, so that the model would learn something else.
    """
    if model.config.model_type in TRIED:
        return
    training = model.training
    model.eval()
    ids = torch.arange(8, device=model.device)[None] % model.config.vocab_size
    own = torch.nn.functional.cross_entropy(
        model(input_ids=ids, use_cache=False).logits[0, :-1].float(), ids[0, 1:], reduction="none")
    ours, _right = answer_nats(model, ids, ids)
    model.train(training)
    close = 1e-4 if model.dtype == torch.float32 else 0.05
    if not torch.allclose(own, ours, rtol=close, atol=close):
        raise LessonError(
            _("The scores of a model of type {type} are made in a way that this course does not"
              " know: it would learn something else.").format(type=model.config.model_type),
            _("Tune it with TRL's SFTTrainer, as in notebook 08, which asks the model for its own"
              " loss; or choose a model of another family."),
        )  # fmt: skip
