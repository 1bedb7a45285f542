"""Rows made ready for training: checked, tokenised, and labelled.

A *label* is the token that the model is to learn at a place. In a chat row only the assistant's
answers carry labels, up to and including the token that ends an answer: the model is to learn to
answer and to stop, not to write recipes. All other places hold -100, which the loss leaves out.

A row ``{"text": ...}`` is raw text, without question or answer. In it every token is to be learned
from those before it, as in pretraining.
"""

from __future__ import annotations

from collections.abc import Sequence

from lessonlib.chat_files import rules
from lessonlib.chat_files.problems import ERROR
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.models.chat_template import NO_LABEL, answer_pieces

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
    for problem in rules.row_problems(_what_is_read(row)):
        if problem.level == ERROR:
            where = "" if problem.message is None else _("message {n}: ").format(n=problem.message)
            return where + problem.rule, problem.cure
    return None


def _what_is_read(row: object) -> dict:
    """A row without what training passes over: notes of one's own, keys that hold nothing."""
    messages = row.get("messages", []) if isinstance(row, dict) else []
    if not isinstance(messages, list):
        return {"messages": messages}
    keys = rules.MESSAGE_KEYS + rules.TOOL_MESSAGE_KEYS
    return {"messages": [
        {key: value for key, value in message.items()
         if key in keys and (value or key in ("role", "content", "weight"))}
        if isinstance(message, dict) else message for message in messages]}


def _broken_text_rule(text: str) -> tuple[str, str] | None:
    """What is wrong with a row of raw text, and the cure; None for a good one."""
    if not isinstance(text, str) or not text.strip():
        return _("its text is empty"), _("Put the text under 'text', or delete the row.")
    return None


def tokenise(rows: Sequence[dict], tokenizer, longest: int, kind: str) -> list[dict]:
    """Token ids and labels of each row; of a chat by the model's own chat template.

    An assistant message with ``"weight": 0`` is read but not learned, as in OpenAI's format.

    Args:
        tokenizer: any; without a chat template it gets a plain one.
        longest: tokens that the model can read at once.

    Returns:
        For each row ``{"input_ids": [...], "labels": [...]}``, both equally long; for a chat of
        several answers perhaps one for each (see ``models.chat_template.answer_pieces``). What
        follows the last answer is cut off: nothing is learned there.

    Raises:
        LessonError: a row is too long or too short, or the template refuses it.
    """
    examples = []
    for number, row in enumerate(rows, start=1):
        if "messages" in row:
            where = _("{kind} row {number}").format(kind=kind, number=number)
            made = _tokenise_chat(row["messages"], tokenizer, where)
        else:
            made = [_tokenise_text(row["text"], tokenizer)]
            if len(made[0]["input_ids"]) < 2:
                raise LessonError(
                    _("{kind} row {number}: its text is a single token, with none before it to"
                      " predict it from.").format(kind=kind, number=number),
                    _("Give it more text, or leave it out."),
                )  # fmt: skip
        tokens = max(len(example["input_ids"]) for example in made)
        if tokens > longest:
            text = _("{kind} row {number}: it has {tokens} tokens, the limit is {longest}.")
            raise LessonError(
                text.format(kind=kind, number=number, tokens=tokens, longest=longest),
                _("Shorten the row, or leave it out: half an example would teach half an answer."),
            )
        examples += made
    return examples


def _tokenise_chat(messages: list[dict], tokenizer, where: str) -> list[dict[str, list[int]]]:
    """Ids and labels of one chat: one example, or one for each answer that is learned (see
    ``models.chat_template.answer_pieces``). ``where``: how the row is called in an error."""
    try:
        pieces = answer_pieces(messages, tokenizer)
    except Exception as error:  # a template can raise whatever its author chose
        raise LessonError(
            _("{where}: the model's chat template refuses it: {error}.").format(
                where=where, error=error
            ),
            _("Let user and assistant take turns, with at most one system message first."),
        ) from error
    weights = [m.get("weight", 1) for m in messages if m["role"] == "assistant"]
    examples = []
    for ids, answers in pieces:
        learned = [span for number, span in answers.items() if weights[number]]
        labels = [NO_LABEL] * len(ids)
        for span in learned:
            labels[span] = ids[span]
        if learned:
            end = learned[-1].stop
            examples.append({"input_ids": ids[:end], "labels": labels[:end]})
    return examples


def _tokenise_text(text: str, tokenizer) -> dict[str, list[int]]:
    """Ids and labels of one raw text: all of it is to be learned.

    It begins with the token that began each text in pretraining, where the model has one.
    """
    start = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids = tokenizer.encode(text, add_special_tokens=False)
    return {"input_ids": start + ids, "labels": [NO_LABEL] * len(start) + ids}
