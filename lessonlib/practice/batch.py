"""The requests that one model is answering together (continuous batching).

At every step each running request gets one more token. Between two steps finished
requests leave and waiting ones join, so nobody waits for a stranger's long answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from lessonlib.practice.choosing import choose, logprob_entry
from lessonlib.practice.model import LoadedModel
from lessonlib.practice.prefixes import Prefix
from lessonlib.practice.text import TextStream

#: Tokens of prompts read in one pass. More does not raise the speed on a CPU, and makes
#: the running answers wait longer.
READ_AT_ONCE = 2048
#: Of a pass over prompts of different lengths, at most this share may be padding.
MOST_PADDING = 0.25


@dataclass
class Piece:
    """Some new text of one answer; ``finish`` is set on the last one."""

    index: int
    text: str
    entries: list[dict]
    finish: str | None = None
    tokens: int = 0


@dataclass
class Settings:
    """How one request wants its tokens chosen; see the API reference of OpenAI."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None


@dataclass(eq=False)
class Answer:
    """One answer in the making (a request with n = 3 has three).

    ``emit`` is called from the decoding thread with each ``Piece``, or with the exception
    that ended the answer. ``streaming`` says whether pieces before the last are wanted.
    """

    index: int
    prompt: list[int]
    settings: Settings
    emit: Callable[[Piece | Exception], None]
    streaming: bool = False
    cancelled: bool = False
    generated: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.text = TextStream(self.settings.stop)
        self.entries: list[dict] = []
        self.temperature = self.settings.temperature
        self.top_p = self.settings.top_p
        self.prefix: Prefix | None = None
        self._random = np.random.default_rng([self.settings.seed, self.index])

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.generated

    def noise(self, size: int) -> np.ndarray:
        """The random numbers for one token: Gumbel noise, the same for the same seed."""
        return self._random.gumbel(size=size)

    def add(self, token: int, logits: torch.Tensor, model: LoadedModel) -> bool:
        """Take the chosen token; emit what became of it; True when the answer is complete."""
        ended = token in model.stop_ids
        self.generated.append(token)
        full = len(self.generated) >= self.settings.max_tokens
        raw, entry = b"", None
        if not ended:
            raw = model.vocabulary.text_bytes(token)
            if self.settings.top_logprobs is not None:
                wanted = self.settings.top_logprobs
                entry = logprob_entry(logits, token, wanted, model.vocabulary)
        new, entries = self.text.feed(raw, entry, last=ended or full)
        self.entries += entries
        done = ended or full or self.text.stopped
        if done:
            reason = "stop" if ended or self.text.stopped else "length"
            piece = Piece(self.index, new, entries, reason, len(self.generated))
            if not self.streaming:
                piece.text, piece.entries = self.text.text, self.entries
            self.emit(piece)
        elif self.streaming and (new or entries):
            self.emit(Piece(self.index, new, entries))
        return done


class Batch:
    """One model's running and waiting answers. Used by the decoding thread only,
    except ``waiting``, to which any thread may append."""

    def __init__(self, model: LoadedModel):
        self.model = model
        self.waiting: deque[Answer] = deque()
        self.running: list[Answer] = []

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    def step(self) -> None:
        """Let waiting answers join, then give every running one its next token."""
        self._drop_cancelled()
        if self.waiting and len(self.running) < self.model.most_rows:
            self._join()
        if self.running:
            newest = [answer.generated[-1] for answer in self.running]
            # The newest token has been chosen but not read: it goes behind all others.
            places = [len(a.prompt) + len(a.generated) - 1 for a in self.running]
            self._advance(self.model.decode(newest, places), first_row=0)

    def fail(self, error: Exception) -> None:
        """End all answers with this error, as after a fault of ours."""
        failed = [*self.running, *self.waiting]
        self.running.clear()
        self.waiting.clear()
        for answer in failed:
            answer.emit(error)

    def _join(self) -> None:
        group, prefix = self._next_group()
        first_row = len(self.running)
        self.running += group
        logits = self.model.prefill([answer.prompt for answer in group], first_row, prefix)
        self._advance(logits, first_row)

    def _next_group(self) -> tuple[list[Answer], Prefix | None]:
        """Waiting answers that are read in one pass: the first, and others like it."""
        free = self.model.most_rows - len(self.running)
        candidates = list(self.waiting)[:free]
        for answer in candidates:
            if answer.prefix is None:
                answer.prefix = self.model.prefix_of(answer.prompt)
        prefix = candidates[0].prefix
        known = prefix.length if prefix else 0
        first = len(candidates[0].prompt) - known
        like = [answer for answer in candidates if answer.prefix is prefix]
        like.sort(key=lambda answer: abs(len(answer.prompt) - known - first))
        group: list[Answer] = []
        longest = total = 0
        for answer in like:
            length = len(answer.prompt) - known
            area = max(longest, length) * (len(group) + 1)
            padding = 1 - (total + length) / area
            if group and (area > READ_AT_ONCE or padding > MOST_PADDING):
                break
            group.append(answer)
            longest, total = max(longest, length), total + length
        for answer in group:
            self.waiting.remove(answer)
        return group, prefix

    def _advance(self, logits: torch.Tensor, first_row: int) -> None:
        """Choose a token for the rows from ``first_row`` on; remove the finished ones."""
        answers = self.running[first_row:]
        tokens, used = choose(
            logits,
            answers,
            self.model.margin,
            lambda row: self.model.canonical(answers[row].tokens),
        )
        done = [
            answer.add(token, own, self.model)
            for answer, token, own in zip(answers, tokens, used, strict=True)
        ]
        for row in reversed(range(len(answers))):
            if done[row]:
                self._remove(first_row + row)

    def _remove(self, row: int) -> None:
        """Free a row: the last one moves into its place."""
        place = len(self.running) - 1
        last = self.running[place]
        if row < place:
            self.model.move_row(place, row, len(last.prompt) + len(last.generated))
            self.running[row] = last
        self.running.pop()

    def _drop_cancelled(self) -> None:
        for answer in [answer for answer in self.waiting if answer.cancelled]:
            self.waiting.remove(answer)
        for row in reversed(range(len(self.running))):
            if self.running[row].cancelled:
                self._remove(row)
