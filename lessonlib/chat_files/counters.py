"""Count the tokens of a chat: those that are given, and those that are to be learned.

A *token* is a piece of text, a word or less, that a model reads as one. Every model cuts text in
its own way, so a count is exact only for the model whose tokenizer counted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lessonlib.common import paths
from lessonlib.common.errors import LessonError, first_line
from lessonlib.common.facts import limits
from lessonlib.common.i18n import _
from lessonlib.models.chat_template import answer_pieces


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
        pieces = answer_pieces(messages, self.tokenizer)
        weights = [m.get("weight", 1) for m in messages if m["role"] == "assistant"]
        answer = sum((span.stop - span.start) * weights[number]
                     for piece in pieces for number, span in piece.answers.items())  # fmt: skip
        return Tokens(sum(len(piece.ids) for piece in pieces) - answer, answer)


def counter_for(tokenizer=None) -> ModelCounter:
    """What counts tokens.

    Args:
        tokenizer: nothing for the built-in model; the folder of another model; a Hugging Face
            tokenizer; or something that counts by itself, with ``count``, ``context`` and ``name``
            as a ``ModelCounter`` has them.

    Raises:
        LessonError: it is none of these, or there is no tokenizer in the folder.
    """
    if tokenizer is None:
        return _from_folder(paths.BUILT_IN, "pantry")
    if isinstance(tokenizer, str | Path):
        return _from_folder(Path(tokenizer), Path(tokenizer).name)
    if hasattr(tokenizer, "count") and hasattr(tokenizer, "context"):
        return tokenizer
    if hasattr(tokenizer, "apply_chat_template"):
        longest = getattr(tokenizer, "model_max_length", None) or 10**30
        # transformers writes 10**30 where the tokenizer does not say.
        name = Path(getattr(tokenizer, "name_or_path", "") or "tokenizer").name
        return ModelCounter(tokenizer, longest if longest < 10**9 else None, name)
    raise LessonError(
        _("{kind} is not a tokenizer.").format(kind=type(tokenizer).__name__),
        _("Give a model's folder, or a Hugging Face tokenizer."),
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


def quantile(ordered: Sequence[int], share: float) -> int:
    """The value that ``share`` of the sorted values do not exceed (nearest rank)."""
    return ordered[round(share * (len(ordered) - 1))]


def epochs(examples: int) -> int:
    """How often training goes through the file when the number of epochs is left to OpenAI.

    The rule is published in OpenAI's cookbook ("Data preparation and analysis for chat model
    fine-tuning"): three epochs, but more for a small file, so that the model sees at least 100
    examples, and fewer for a large one, so that it sees 25,000 at most.

    Args:
        examples: the number of training examples, at least 1.

    Returns:
        From 1 to 25.

    Raises:
        LessonError: there are no examples.

    Introduced in notebook 05.
    """
    if examples < 1:
        raise LessonError(
            _("Epochs cannot be chosen for {examples} examples.").format(examples=examples),
            _("Count the examples of a file that holds some."),
        )
    rule = limits()["epochs"]
    passes = examples * rule["target"]
    if passes < rule["fewest_passes"]:
        return min(rule["most"], rule["fewest_passes"] // examples)
    if passes > rule["most_passes"]:
        return max(rule["fewest"], rule["most_passes"] // examples)
    return rule["target"]
