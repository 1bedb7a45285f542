"""Chats as a model reads them: how it is asked, where its answers are, and what ends them.

Every model has a *chat template*, a small program that turns messages into one text. All of them
differ: in their marks, in whether they take a system message, in whether the model thinks before
it answers. So nothing is assumed here; the template itself is asked, with a made-up answer, what it
writes before an answer and after it. Training and asking both go through ``opened``: what a model
is asked is the beginning of what it was trained on.

Models that can think are trained and asked without it. Where their template writes an empty
thinking block before the answer, it is part of the prompt, and not learned.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from lessonlib.common.i18n import _
from lessonlib.models.thinking import OPEN, without_thinking

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
#: How templates are told that the model is not to think; one that does not know them ignores them.
NO_THINKING = {"enable_thinking": False, "thinking": False}
#: Made-up messages, by which a template shows what it writes around real ones.
_SYSTEM, _USER, _ANSWER = "SYSTEM-7f3a", "USER-7f3a", "ANSWER-7f3a"
_THINKING_OPENED = re.compile(f"(?:{OPEN})\\s*$")


def template_of(tokenizer) -> str:
    """The tokenizer's chat template; of several named ones the default; else a plain one.

    The plain one begins with the token that began each text in pretraining, where the tokenizer
    puts one.
    """
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, dict):
        template = template.get("default") or next(iter(template.values()), None)
    if template:
        return template
    first = tokenizer("a")["input_ids"][:1]
    starts = tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id]
    return ("{{ bos_token }}" if starts else "") + PLAIN_TEMPLATE


def marks_answers(tokenizer) -> bool:
    """Whether its chat template says by ``{% generation %}`` which part is an answer."""
    return bool(ANSWER_MARK.search(template_of(tokenizer)))


def use_training_template(tokenizer) -> None:
    """Give the tokenizer a chat template that TRL can train with, as good a one as there is.

    A template that does not mark the answers is replaced by TRL's edition of it, where TRL knows
    it. Training by ``lora.tune`` needs no marks (see ``answer_pieces``).
    """
    tokenizer.chat_template = template_of(tokenizer)
    if marks_answers(tokenizer):
        return  # and TRL, which takes seconds to load, is not needed
    from trl.chat_template_utils import get_training_chat_template

    with contextlib.suppress(ValueError):
        tokenizer.chat_template = get_training_chat_template(tokenizer) or tokenizer.chat_template


def ask_ids(tokenizer, messages: Sequence[dict]) -> list[int]:
    """The prompt's tokens, up to where the answer begins. A model that can think does not.

    Raises:
        Exception: whatever the template raises when it refuses the messages.
    """
    return _ids(tokenizer, opened(tokenizer, messages))


def end_ids(model, tokenizer) -> list[int]:
    """All tokens that end an answer: the template's own mark, the tokenizer's, the model's.

    Args:
        model: a transformers model; None if only the tokenizer is at hand.
    """
    ends = []
    with contextlib.suppress(Exception):  # a template may refuse even this
        asked = _readable(tokenizer, [{"role": "user", "content": _USER}])
        mark = _frame(tokenizer, asked).end
        ends += [id for id in _ids(tokenizer, mark)[-1:] if id in _special(tokenizer).values()]
    ends.append(tokenizer.eos_token_id)
    settings = getattr(model, "generation_config", None)
    stated = getattr(settings, "eos_token_id", None)
    ends += stated if isinstance(stated, (list, tuple)) else [stated]
    return list(dict.fromkeys(id for id in ends if id is not None))


def opened(tokenizer, messages: Sequence[dict]) -> str:
    """The chat as the model is asked, as text: up to where the answer begins.

    That is the template's own way to ask, and what it writes before any answer, such as an empty
    thinking block. A thinking block that is always opened is closed at once.
    """
    messages = _readable(tokenizer, messages)
    asked = _written(tokenizer, messages, ask=True)
    before = _frame(tokenizer, messages).before
    if before.startswith(asked):
        return before
    return asked.rstrip() + "\n\n</think>\n\n" if _THINKING_OPENED.search(asked) else asked


class Piece(NamedTuple):
    """Tokens to train on, and which of them are answers: {number of the answer: where}.

    An answer reaches from its first token to the mark that ends it: both are the model's to write.
    """

    ids: list[int]
    answers: dict[int, slice]


def answer_pieces(messages: Sequence[dict], tokenizer) -> list[Piece]:
    """The tokens of a chat, and which of them are answers.

    Mostly that is one piece. But some templates write the last answer of a chat another way than
    those before it (Qwen3 drops their thinking blocks), and some tokenizers join the beginning of
    an answer with what stands before it. Then each answer has a piece of its own, which begins with
    what the model sees when it is asked for just that answer.

    Raises:
        ValueError: the template does not show an answer.
        Exception: whatever else the template raises when it refuses the messages.
    """
    turns = []
    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            before = opened(tokenizer, messages[:place])
            turns.append((before, before + _answer(tokenizer, messages[: place + 1])))
    text = _written(tokenizer, _readable(tokenizer, messages), ask=False)
    if all(text.startswith(whole) for _before, whole in turns):
        if piece := _together(tokenizer, turns, text):
            return [piece]
    return [_alone(tokenizer, *turn, number) for number, turn in enumerate(turns)]


class _Frame(NamedTuple):
    """What a template writes before an answer, all that it writes after it, and the end mark."""

    before: str
    after: str
    end: str


def _frame(tokenizer, messages: Sequence[dict]) -> _Frame:
    """What stands around an answer to these messages (which are readable to the template)."""
    parts = bool(messages) and isinstance(messages[0].get("content"), list)
    chat = [*messages, *_formed([{"role": "assistant", "content": _ANSWER}], False, parts)]
    before, found, after = _written(tokenizer, chat, ask=False).rpartition(_ANSWER)
    if not found:
        raise ValueError(_("it does not show the answer"))
    marks = "|".join(map(re.escape, sorted(_special(tokenizer), key=len, reverse=True)))
    mark = re.search(f"(?:{marks})+", after) if marks else None
    return _Frame(before, after, after[: mark.end()] if mark else tokenizer.eos_token or "")


def _answer(tokenizer, messages: Sequence[dict]) -> str:
    """The last message as the template writes it, with its end mark; without thinking."""
    *asked, answer = _readable(tokenizer, messages)
    frame = _frame(tokenizer, asked)
    whole = _written(tokenizer, [*asked, answer], ask=False)
    room = len(whole) - len(frame.before) - len(frame.after)
    if whole.startswith(frame.before) and whole.endswith(frame.after) and room >= 0:
        return whole[len(frame.before) : len(frame.before) + room] + frame.end
    content = messages[-1].get("content")
    if not isinstance(content, str) or answer.get("tool_calls"):
        raise ValueError(_("it does not show where an answer begins"))
    return without_thinking(content).strip() + frame.end


def _readable(tokenizer, messages: Sequence[dict]) -> list[dict]:
    """The messages in a form that the template takes, so that nothing of them gets lost.

    Some templates refuse a system message, or pass over it: its text then begins the first message
    of the user. Those of models that also see pictures may want a content in parts.
    """
    system = bool(messages) and messages[0]["role"] == "system"
    asked = [{"role": "user", "content": _USER}]
    if system:
        asked.insert(0, {"role": "system", "content": _SYSTEM})
    for parts, fold in product((False, True), (False, True) if system else (False,)):
        with contextlib.suppress(Exception):
            text = _written(tokenizer, _formed(asked, fold, parts), ask=True)
            if _USER in text and (_SYSTEM in text or not system):
                return _formed(messages, fold, parts)
    return list(messages)


def _formed(messages: Sequence[dict], fold: bool, parts: bool) -> list[dict]:
    """The messages, with the system message folded into the next one, and contents in parts."""
    formed = list(messages)
    if fold:
        system, *formed = formed
        text = system["content"]
        if formed and formed[0]["role"] == "user":
            text, formed = f"{text}\n\n{formed[0]['content']}", formed[1:]
        formed.insert(0, {"role": "user", "content": text})
    if parts:
        formed = [{**m, "content": [{"type": "text", "text": m["content"]}]}
                  if isinstance(m.get("content"), str) else m for m in formed]  # fmt: skip
    return formed


def _written(tokenizer, messages: Sequence[dict], ask: bool) -> str:
    """The template's text, with the answer asked for or not; nothing else is changed."""
    return tokenizer.apply_chat_template(
        list(messages), chat_template=template_of(tokenizer), add_generation_prompt=ask,
        tokenize=False, **NO_THINKING,
    )  # fmt: skip


def _together(tokenizer, turns: Sequence[tuple[str, str]], text: str) -> Piece | None:
    """One piece for all answers; None where the tokens of the whole text are not those of the
    prompts: a token may reach across the place where an answer begins.

    Args:
        turns: of each answer the text before it, and the same with the answer.
        text: begins with each of these.
    """
    if not getattr(tokenizer, "is_fast", False):
        return None  # it does not say where its tokens are
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, where = encoded["input_ids"], encoded["offset_mapping"]
    answers = {}
    for number, turn in enumerate(turns):
        places = [len(part) for part in turn]
        if any(start < place < end for start, end in where for place in places):
            return None
        begin, end = (sum(end <= place for _start, end in where) for place in places)
        if ids[:begin] != _ids(tokenizer, turn[0]):
            return None
        answers[number] = slice(begin, end)
    return Piece(ids, answers)


def _alone(tokenizer, before: str, whole: str, number: int) -> Piece:
    """One answer and what it is an answer to; tokenised apart if it has to be."""
    if together := _together(tokenizer, [(before, whole)], whole):
        return Piece(together.ids, {number: together.answers[0]})
    asked = _ids(tokenizer, before)
    ids = asked + _ids(tokenizer, whole[len(before) :])
    return Piece(ids, {number: slice(len(asked), len(ids))})


def _ids(tokenizer, text: str) -> list[int]:
    """Tokens of a template's text, which has all special marks that it needs."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _special(tokenizer) -> dict[str, int]:
    """The tokenizer's special tokens and their numbers."""
    found = {str(token): id for id, token in tokenizer.added_tokens_decoder.items()
             if token.special}
    named = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return found | {str(token): id for token, id in named}
