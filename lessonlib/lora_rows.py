"""Rows made ready for training: checked, tokenised, and labelled.

A *label* is the token that the model is to learn at a place. In a chat row only the assistant's
answers carry labels, up to and with the token that ends an answer: the model is to learn to
answer and to stop, not to write recipes. All other places hold -100, which the loss leaves out.

A row ``{"text": ...}`` is raw text, without question or answer: there every token is to be
learned from those before it, as in pretraining.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from itertools import groupby

from lessonlib.errors import LessonError
from lessonlib.i18n import _

ROLES = ("system", "user", "assistant")
#: The value that PyTorch's cross-entropy leaves out.
NO_LABEL = -100
#: How a chat template says that an answer begins.
ANSWER_MARK = re.compile(r"{%-?\s*generation\s*-?%}")
EXAMPLE = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", ...}]}'


def check_rows(rows: Sequence[dict], kind: str) -> None:
    """See that each row is a chat with an answer, or a text.

    Args:
        kind: what the rows are, for the messages: ``_("Training")`` or ``_("Validation")``.

    Raises:
        LessonError: names the row (counted from 1), the rule it breaks, and the cure.
    """
    if isinstance(rows, (str, bytes, dict)) or not isinstance(rows, Sequence):
        raise LessonError(
            _("{kind} rows must be a list; this is a {found}.").format(
                kind=kind, found=type(rows).__name__
            ),
            _("Give a list of rows such as {example}.").format(example=EXAMPLE),
        )
    if not rows:
        raise LessonError(
            _("{kind} rows: there are none.").format(kind=kind),
            _("Give at least one row; fifty to a few hundred are a good start."),
        )
    for number, row in enumerate(rows, start=1):
        if broken := _broken_rule(row):
            rule, cure = broken
            text = _("{kind} row {number}: {rule}.")
            raise LessonError(text.format(kind=kind, number=number, rule=rule), cure)


def _broken_rule(row: dict) -> tuple[str, str] | None:
    """The first rule that a row breaks, and its cure; None for a good row."""
    if isinstance(row, dict) and "text" in row and "messages" not in row:
        return _broken_text_rule(row["text"])
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not messages:
        return _("it has no messages"), _("Write it as {example}.").format(example=EXAMPLE)
    for place, message in enumerate(messages, start=1):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            role = message.get("role") if isinstance(message, dict) else message
            return (
                _("message {place} has the role {role!r}").format(place=place, role=role),
                _("Use one of these roles: {roles}.").format(roles=", ".join(ROLES)),
            )
        content = message.get("content")
        if not isinstance(content, str) or not content.strip():
            return (
                _("message {place} ({role}) has no text").format(place=place, role=message["role"]),
                _("Put the text under 'content', or delete the row."),
            )
    answers = [message for message in messages if message["role"] == "assistant"]
    if not any(message.get("weight", 1) for message in answers):
        return (
            _("it has no assistant message to learn from"),
            _("End the row with the answer that the model should learn."),
        )
    return None


def _broken_text_rule(text: str) -> tuple[str, str] | None:
    """What is wrong with a row of raw text, and the cure; None for a good one."""
    if not isinstance(text, str) or not text.strip():
        return _("its text is empty"), _("Put the text under 'text', or delete the row.")
    return None


def tokenise(rows: Sequence[dict], tokenizer, longest: int, kind: str) -> list[dict]:
    """Token ids and labels of each row; of a chat by the model's own chat template.

    An assistant message with ``"weight": 0`` is read but not learned, as in OpenAI's format.

    Args:
        tokenizer: with a chat template that marks answers by ``{% generation %}``.
        longest: tokens that the model can read at once.

    Returns:
        For each row ``{"input_ids": [...], "labels": [...]}``, both equally long. What follows
        the last answer is cut off: nothing is learned there.

    Raises:
        LessonError: a row is too long, or the template refuses it.
    """
    examples = []
    for number, row in enumerate(rows, start=1):
        if "messages" in row:
            where = _("{kind} row {number}").format(kind=kind, number=number)
            example = _tokenise_chat(row["messages"], tokenizer, where)
        else:
            example = _tokenise_text(row["text"], tokenizer)
        if len(example["input_ids"]) > longest:
            text = _("{kind} row {number}: it has {tokens} tokens, the limit is {longest}.")
            raise LessonError(
                text.format(
                    kind=kind, number=number, tokens=len(example["input_ids"]), longest=longest
                ),
                _("Shorten the row, or leave it out: half an example would teach half an answer."),
            )
        examples.append(example)
    return examples


def _tokenise_chat(messages: list[dict], tokenizer, where: str) -> dict[str, list[int]]:
    """Ids and labels of one chat. ``where``: how the row is called in an error."""
    try:
        if ANSWER_MARK.search(tokenizer.chat_template):
            encoded = tokenizer.apply_chat_template(
                messages, return_dict=True, return_assistant_tokens_mask=True
            )
        else:
            encoded = _find_answers(messages, tokenizer)
    except Exception as error:  # a template can raise whatever its author chose
        raise LessonError(
            _("{where}: the model's chat template refuses it: {error}.").format(
                where=where, error=error
            ),
            _("Let user and assistant take turns, with at most one system message first."),
        ) from error
    return _label(encoded["input_ids"], encoded["assistant_masks"], messages)


def _find_answers(messages: list[dict], tokenizer) -> dict[str, list[int]]:
    """Ids and mask of a chat whose template marks nothing: an answer is what it adds.

    The chat up to the answer, as the model is asked, must be the beginning of the chat with it.
    Both parts are tokenised apart, as they are when the model is asked and answers.

    Raises:
        ValueError: it is not, so that nobody can tell where the answer begins.
    """

    def text_of(part: list[dict], ask: bool) -> str:
        return tokenizer.apply_chat_template(part, add_generation_prompt=ask, tokenize=False)

    whole, done, ids, mask = text_of(messages, ask=False), 0, [], []

    def take(end: int, answer: int) -> None:
        nonlocal done
        new = tokenizer(whole[done:end], add_special_tokens=False)["input_ids"]
        ids.extend(new)
        mask.extend([answer] * len(new))
        done = end

    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            before = text_of(messages[:place], ask=True)
            after = text_of(messages[: place + 1], ask=False)
            if not after.startswith(before) or not whole.startswith(after):
                raise ValueError(_("it does not show where an answer begins"))
            # What a template writes after the end mark is not the model's to write.
            mark = after.find(tokenizer.eos_token or "\0", len(before))
            take(len(before), answer=0)
            take(len(after) if mark < 0 else mark + len(tokenizer.eos_token), answer=1)
    take(len(whole), answer=0)
    return {"input_ids": ids, "assistant_masks": mask}


def _tokenise_text(text: str, tokenizer) -> dict[str, list[int]]:
    """Ids and labels of one raw text: all of it is to be learned.

    It begins with the token that began each text in pretraining, where the model has one.
    """
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids = tokenizer.encode(text, add_special_tokens=False)
    return {"input_ids": start + ids, "labels": [NO_LABEL] * len(start) + ids}


def _label(ids: list[int], in_answer: list[int], messages: list[dict]) -> dict[str, list[int]]:
    """Ids and labels of one row, where ``in_answer`` is 1 for each token of an answer."""
    learned = [m.get("weight", 1) for m in messages if m["role"] == "assistant"]
    labels: list[int] = []
    for answer, places in groupby(zip(ids, in_answer, strict=True), key=lambda place: place[1]):
        part = [token for token, _in_answer in places]
        keep = answer and learned.pop(0)
        labels += part if keep else [NO_LABEL] * len(part)
    end = max(place for place, label in enumerate(labels) if label != NO_LABEL) + 1
    return {"input_ids": ids[:end], "labels": labels[:end]}


#: For a base model without a chat template: roles in words, and the tokenizer's own end mark,
#: so that no token is new to the model. (The wording is ours.)
PLAIN_TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}"
    "{{ '### assistant\\n' + m['content'] + eos_token + '\\n' }}"
    "{% else %}{{ '### ' + m['role'] + '\\n' + m['content'] + '\\n\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant\\n' }}{% endif %}"
)


def use_training_template(tokenizer) -> None:
    """Give the tokenizer a chat template to train with, as good a one as there is.

    A template that does not mark the answers is replaced by TRL's edition of it, where TRL knows
    it. Where TRL does not, it stays, and answers are found by comparison (``_find_answers``).
    """
    from trl.chat_template_utils import get_training_chat_template

    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
    with contextlib.suppress(ValueError):
        # None where the template will do as it is.
        edition = get_training_chat_template(tokenizer)
        tokenizer.chat_template = edition or tokenizer.chat_template
