"""Ask a model that is loaded in this process, adapters and all, and score its answers.

Everywhere else the course asks models through a service. Here we look at what happens underneath:
the chat template turns the messages into one text, the tokenizer turns that into numbers, and the
model adds the most likely token, again and again, until an end mark. A model that can think is
asked without thinking.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Method, Result, Until, scored
from lessonlib.measure.rows import Example
from lessonlib.models.chat_template import ask_ids
from lessonlib.models.configs import context_of
from lessonlib.models.greedy import greedy
from lessonlib.models.thinking import without_thinking
from lessonlib.show.live import bar


def evaluate_here(
    model, tokenizer, method: Method, examples: Sequence[Example], batch_size: int = 50,
    progress: bool = True,
) -> Result:  # fmt: skip
    """Like ``lessonlib.evaluate``, without a service: ask about each example and score.

    Args:
        model: a causal language model of transformers, or one with PEFT adapters: the active
            adapter answers.
        method: its ``model`` is only a name for the scoreboard.
        batch_size: prompts that are answered together.

    Raises:
        LessonError: there are no examples, a prompt leaves no room for an answer, or the method
            has a ``response_format``, which nothing enforces here.

    Introduced in notebook 12.
    """
    examples = list(examples)
    if not examples:
        raise LessonError(_("There are no examples to evaluate on."), _("Give at least one."))
    if method.response_format:
        raise LessonError(
            _("The method {name!r} has a response_format, which a service enforces.").format(
                name=method.name),
            _("Ask through a service (lessonlib.evaluate), or leave it out."),
        )  # fmt: skip
    prompts = [ask_ids(tokenizer, method.messages(example)) for example in examples]
    window = context_of(model.config)
    longest = max(map(len, prompts))
    if longest + method.max_tokens > window:
        raise LessonError(
            _("A prompt has {tokens} tokens; with {room} for the answer that is more than the"
              " {window} that the model reads.").format(
                tokens=longest, room=method.max_tokens, window=window),
            _("Shorten the prompt, or lower max_tokens."),
        )  # fmt: skip
    answers: list[dict] = [{}] * len(examples)
    order = sorted(range(len(examples)), key=lambda number: len(prompts[number]))
    with bar(len(examples), method.name, _("requests"), show=progress) as shown:
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            found = _answers(model, tokenizer, [prompts[one] for one in batch], method)
            for number, answer in zip(batch, found, strict=True):
                answers[number] = answer
            shown.update(len(batch))
    return scored(method, examples, answers, _("this process"))


@torch.no_grad()
def _answers(model, tokenizer, prompts: list[list[int]], method: Method) -> list[dict]:
    """Greedy answers to some prompts, padded on the left so that all end at the same place."""
    settings = greedy(model, tokenizer, method.max_tokens)
    ends, pad = settings["eos_token_id"] or [], settings["pad_token_id"]
    longest = max(map(len, prompts))
    gaps = [longest - len(ids) for ids in prompts]
    ids = [[pad] * gap + one for gap, one in zip(gaps, prompts, strict=True)]
    mask = [[0] * gap + [1] * len(one) for gap, one in zip(gaps, prompts, strict=True)]
    device = model.get_input_embeddings().weight.device
    training, began = model.training, time.perf_counter()
    model.eval()
    made = model.generate(
        input_ids=torch.tensor(ids, device=device),
        attention_mask=torch.tensor(mask, device=device),
        **settings,
        stopping_criteria=_stopping(tokenizer, longest, method.ending),
    )  # fmt: skip
    model.train(training)
    seconds = time.perf_counter() - began
    return [
        _answer(tokenizer, row[longest:].tolist(), len(prompt), seconds, ends, pad, method.ending)
        for row, prompt in zip(made, prompts, strict=True)
    ]


def _stopping(tokenizer, prompt: int, ending: Until | None) -> StoppingCriteriaList | None:
    """Ends each row whose answer is complete; ``prompt``: tokens before the answers."""
    if ending is None:
        return None

    class Complete(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores, **kwargs) -> torch.Tensor:
            texts = tokenizer.batch_decode(input_ids[:, prompt:], skip_special_tokens=True)
            reached = [ending.reached(without_thinking(text)) for text in texts]
            return torch.tensor(reached, device=input_ids.device)

    return StoppingCriteriaList([Complete()])


def _answer(
    tokenizer, new: list[int], prompt_tokens: int, seconds: float, ends: Sequence[int],
    pad: int, ending: Until | None,
) -> dict:  # fmt: skip
    """One answer in the form that services give: up to the first end mark, or cut off.

    A row that ended before its neighbours, by whatever rule, is filled up with ``pad``.
    """
    place = next((place for place, token in enumerate(new) if token in (*ends, pad)), None)
    marked = place is not None and new[place] in ends
    new = new[:place]
    text = tokenizer.decode(new, skip_special_tokens=True)
    complete = place is not None or (ending is not None and ending.reached(without_thinking(text)))
    return {
        "text": text,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": len(new) + marked,
        "seconds": seconds,
        "finish_reason": "stop" if complete else "length",
    }


def fingerprint(model) -> str:
    """A short number that changes when any weight of the base model changes.

    An adapter's own weights are left out: a model and the same model under an adapter agree.

    Introduced in notebook 13.
    """
    total = hashlib.sha256()
    weights = {
        name.removeprefix("base_model.model.").replace(".base_layer", ""): weight
        for name, weight in model.state_dict().items()
        if "lora_" not in name
    }
    for _name, weight in sorted(weights.items()):
        total.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()[:16]
