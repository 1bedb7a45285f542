"""Chats as a model reads them: the template to train with, and where the answers are in a chat."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from itertools import groupby

from lessonlib.common.i18n import _

#: The value that PyTorch's cross-entropy leaves out.
NO_LABEL = -100
#: How a chat template says that an answer begins.
ANSWER_MARK = re.compile(r"{%-?\s*generation\s*-?%}")
#: For a base model without a chat template: roles in words, and the tokenizer's own end mark,
#: so that no token is new to the model. (The wording is ours.)
PLAIN_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}"
    "{{ '### assistant\\n' + m['content'] + eos_token + '\\n' }}"
    "{% else %}{{ '### ' + m['role'] + '\\n' + m['content'] + '\\n\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant\\n' }}{% endif %}"
)


def marks_answers(tokenizer) -> bool:
    """Whether its chat template says by ``{% generation %}`` which part is an answer."""
    return bool(ANSWER_MARK.search(str(tokenizer.chat_template or "")))


def use_training_template(tokenizer) -> None:
    """Give the tokenizer a chat template to train with, as good a one as there is.

    A template that does not mark the answers is replaced by TRL's edition of it, where TRL knows
    it. Where TRL does not, it stays, and answers are found by comparison (``answer_spans``).
    """
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
    if marks_answers(tokenizer):
        return  # and TRL, which takes seconds to load, is not needed
    from trl.chat_template_utils import get_training_chat_template

    with contextlib.suppress(ValueError):
        tokenizer.chat_template = get_training_chat_template(tokenizer) or tokenizer.chat_template


def answer_spans(messages: Sequence[dict], tokenizer) -> tuple[list[int], list[slice]]:
    """The tokens of a chat, and which of them are answers.

    An answer reaches from its first token to the mark that ends it: both are the model's to write.

    Returns:
        Token ids, and one slice of them for each message of the assistant, in order.

    Raises:
        ValueError: the template hides where an answer begins, or joins answers.
        Exception: whatever else the template raises when it refuses the messages.
    """
    if not marks_answers(tokenizer):
        return _compared(messages, tokenizer)
    encoded = tokenizer.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )
    spans, place = [], 0
    for answer, run in groupby(encoded["assistant_masks"]):
        end = place + len(list(run))
        if answer:
            spans.append(slice(place, end))
        place = end
    if len(spans) != sum(message["role"] == "assistant" for message in messages):
        raise ValueError(_("it does not mark each answer by itself"))
    return encoded["input_ids"], spans


def _compared(messages: Sequence[dict], tokenizer) -> tuple[list[int], list[slice]]:
    """The same for a template that marks nothing: an answer is what it adds to its chat.

    The chat up to the answer, as the model is asked, must be the beginning of the chat with it.
    Both parts are tokenised apart, as they are when the model is asked and answers.
    """

    def text_of(part: Sequence[dict], ask: bool) -> str:
        return tokenizer.apply_chat_template(part, add_generation_prompt=ask, tokenize=False)

    whole, done, ids, spans = text_of(messages, ask=False), 0, [], []

    def take(end: int) -> None:
        nonlocal done
        ids.extend(tokenizer(whole[done:end], add_special_tokens=False)["input_ids"])
        done = end

    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            before = text_of(messages[:place], ask=True)
            after = text_of(messages[: place + 1], ask=False)
            if not after.startswith(before) or not whole.startswith(after):
                raise ValueError(_("it does not show where an answer begins"))
            # What a template writes after the end mark is not the model's to write.
            mark = after.find(tokenizer.eos_token or "\0", len(before))
            take(len(before))
            start = len(ids)
            take(len(after) if mark < 0 else mark + len(tokenizer.eos_token))
            spans.append(slice(start, len(ids)))
    take(len(whole))
    return ids, spans
