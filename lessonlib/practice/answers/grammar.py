"""Answers that must have a given form: which tokens may come next.

A JSON schema says what a right text looks like. At each step ``llguidance`` (the library behind
the structured output of several services) finds out with which tokens of the vocabulary the text so
far can still become such a text; all others are left out before a token is chosen. So an answer
that is complete always fits the schema. It is not made *right* by that: the model still chooses,
among the tokens that are left.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Any

import llguidance
import numpy as np
import torch

from lessonlib.practice.answers.text import Vocabulary
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.response_format import ResponseFormat, invalid_schema

#: How JSON is written: as ``json.dumps`` does it, or without the spaces, and nothing else. With
#: free whitespace a small model can write line breaks until its tokens are used up.
WRITTEN = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?",
           "lenient": False}  # fmt: skip
#: How many grammars of a model are kept ready.
KEPT = 16


class Constraint:
    """How far one answer has come in its grammar."""

    def __init__(
        self, name: str, matcher: llguidance.LLMatcher, vocabulary: int, ends: frozenset[int]
    ):
        self._name, self._matcher, self._vocabulary = name, matcher, vocabulary
        self._ends = list(ends)

    @property
    def complete(self) -> bool:
        """Whether nothing can follow any more."""
        return self._matcher.is_stopped()

    def barred(self, size: int) -> torch.Tensor:
        """Which of the model's ``size`` tokens may not come next, (size,).

        Raises:
            ApiError: none may, or the schema needs more work than a step may cost.
        """
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.zeros(size, dtype=bool)
        known = min(size, self._vocabulary)
        allowed[:known] = np.unpackbits(bits, bitorder="little")[:known]
        allowed[self._ends] = self._matcher.is_accepting()
        if self._matcher.is_error() or not allowed.any():
            reason = self._matcher.get_error() or "no token of this model can come next."
            raise cannot_be_enforced(self._name, reason.partition("\n")[0])
        return torch.from_numpy(~allowed)

    def take(self, token: int) -> None:
        """Go on by the token that was chosen."""
        self._matcher.consume_token(token)


class Grammars:
    """The grammars of one model's vocabulary. Asked by several threads.

    Args:
        vocabulary: what each of the tokenizer's tokens stands for.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary):
        self._tokenizer, self._vocabulary = tokenizer, vocabulary
        self._size = len(tokenizer)
        self._lock = threading.Lock()
        self._words: llguidance.LLTokenizer | None = None
        self._kept: OrderedDict[str, llguidance.LLMatcher] = OrderedDict()

    def start(self, wanted: ResponseFormat, ends: frozenset[int]) -> Constraint:
        """Begin an answer of this form.

        Args:
            ends: the tokens that end an answer.

        Raises:
            ApiError: 400: the schema cannot be enforced; the text says why.
        """
        grammar = compiled(wanted)
        with self._lock:
            first = self._kept.get(grammar) or self._matcher(wanted.name, grammar, ends)
            self._kept[grammar] = first
            self._kept.move_to_end(grammar)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return Constraint(wanted.name, first.deep_copy(), self._size, ends)

    def _matcher(self, name: str, grammar: str, ends: frozenset[int]) -> llguidance.LLMatcher:
        if self._words is None:
            self._words = self._spelled_out(min(ends, default=0))
        matcher = llguidance.LLMatcher(self._words, grammar, log_level=0)
        if matcher.is_error():
            raise cannot_be_enforced(name, matcher.get_error())
        return matcher

    def _spelled_out(self, end: int) -> llguidance.LLTokenizer:
        """The vocabulary as llguidance wants it: the bytes of each token, and which are marks."""
        known, tokenizer = self._vocabulary, self._tokenizer

        class Words:
            eos_token_id, bos_token_id = end, None
            tokens = [known.label_bytes(id) for id in range(self._size)]
            special_token_ids = [id for id in range(self._size) if not known.text_bytes(id)]

            def __call__(self, text: str | bytes) -> list[int]:
                text = text if isinstance(text, str) else text.decode("utf-8", "replace")
                return tokenizer(text, add_special_tokens=False)["input_ids"]

        return llguidance.LLTokenizer(llguidance.TokenizerWrapper(Words()))


def compiled(wanted: ResponseFormat) -> str:
    """The schema as a grammar.

    Raises:
        ApiError: 400: it is no schema, or has parts that cannot be enforced.
    """
    try:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(wanted.schema), overrides=WRITTEN
        )
        wrong, said = llguidance.LLMatcher.validate_grammar_with_warnings(grammar)
    except (ValueError, RecursionError) as error:
        raise cannot_be_enforced(wanted.name, str(error)) from error
    if wrong or said:  # a warning is about something that would not be enforced
        raise cannot_be_enforced(wanted.name, said[0])
    return grammar


def cannot_be_enforced(name: str, reason: str) -> ApiError:
    said = " ".join(reason.split()).rstrip(".")
    return invalid_schema(name, f"this practice service cannot enforce it: {said}.")
