"""Count the tokens of a chat, apart for what is given and for what is to be learned.

A *token* is a piece of text, a word or less, that a model reads as one. Every model cuts text in
its own way, so a count is exact only for the model whose tokenizer counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lessonlib import paths
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.models_chat_template import answer_spans


class Tokens(NamedTuple):
    """The tokens of one example: what is given, and what is to be learned."""

    prompt: int
    answer: int

    @property
    def total(self) -> int:
        return self.prompt + self.answer


class ModelCounter:
    """Counts as training does: by a Hugging Face tokenizer and its chat template.

    Args:
        tokenizer: with a chat template.
        context: tokens that the model reads at once; None if not known.
        name: what the counts are named after.
    """

    def __init__(self, tokenizer, context: int | None, name: str):
        self.tokenizer, self.context, self.name = tokenizer, context, name

    def count(self, messages: Sequence[dict]) -> Tokens:
        """Tokens of one example. Answers of weight 0 count as given, not as learned.

        Raises whatever the template raises when it refuses the messages.
        """
        ids, answers = answer_spans(messages, self.tokenizer)
        weights = (m.get("weight", 1) for m in messages if m["role"] == "assistant")
        answer = sum((span.stop - span.start) * weight
                     for span, weight in zip(answers, weights, strict=True))  # fmt: skip
        return Tokens(len(ids) - answer, answer)


class TextCounter:
    """Counts by a function from text to tokens, as OpenAI's cookbook does for its chat models.

    Each message adds 3 tokens, each name 1, and the start of the answer 3 ("How to count tokens
    with tiktoken"). ``TextCounter(tiktoken.get_encoding("o200k_base").encode)`` counts for
    gpt-4o and gpt-4.1.
    """

    def __init__(self, encode: Callable[[str], Sequence], name: str = ""):
        self.encode, self.context = encode, None
        self.name = name or getattr(encode, "__name__", type(encode).__name__)

    def count(self, messages: Sequence[dict]) -> Tokens:
        total, answer = 3, 0
        for message in messages:
            content = len(self.encode(message["content"]))
            total += 3 + len(self.encode(message["role"])) + content
            if "name" in message:
                total += 1 + len(self.encode(message["name"]))
            if message["role"] == "assistant":
                answer += content * message.get("weight", 1)
        return Tokens(total - answer, answer)


def counter_for(tokenizer=None) -> ModelCounter | TextCounter:
    """What counts tokens.

    Args:
        tokenizer: nothing for the built-in model; the folder of another model; a Hugging Face
            tokenizer; or a function from text to a list of tokens.
    """
    if tokenizer is None:
        return _from_folder(paths.BUILT_IN, "pantry")
    if isinstance(tokenizer, str | Path):
        return _from_folder(Path(tokenizer), Path(tokenizer).name)
    if isinstance(tokenizer, ModelCounter | TextCounter):
        return tokenizer
    if hasattr(tokenizer, "apply_chat_template"):
        longest = getattr(tokenizer, "model_max_length", None) or 10**30
        # transformers writes 10**30 where the tokenizer does not say.
        name = Path(getattr(tokenizer, "name_or_path", "") or "tokenizer").name
        return ModelCounter(tokenizer, longest if longest < 10**9 else None, name)
    if callable(tokenizer):
        return TextCounter(tokenizer)
    raise LessonError(
        _("{kind} is not a tokenizer.").format(kind=type(tokenizer).__name__),
        _("Give a model's folder, a Hugging Face tokenizer, or a function from text to tokens."),
    )


def _from_folder(folder: Path, name: str) -> ModelCounter:
    """The tokenizer of a model folder. Takes a second the first time, but loads no PyTorch."""
    # Not AutoTokenizer: that one loads PyTorch, which takes seconds and is of no use here, and
    # for some kinds of models it puts rules of its own in place of those in tokenizer.json.
    from transformers import PreTrainedTokenizerFast

    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LessonError(
            _("No tokenizer can be loaded from {folder}: {reason}").format(
                folder=folder, reason=first_line(error)
            ),
            _("Give a folder that holds config.json and tokenizer.json."),
        ) from None
    return ModelCounter(tokenizer, config.get("max_position_embeddings"), name)


def first_line(error: Exception) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
