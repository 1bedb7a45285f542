"""The requests that one model is answering together (continuous batching).

At every step each running request gets one more token. Between two steps finished
requests leave and waiting ones join, so nobody waits for a stranger's long answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from lessonlib.practice.answers.choosing import Choices, logprob_entry
from lessonlib.practice.answers.folder import Model
from lessonlib.practice.answers.grammar import Constraint
from lessonlib.practice.answers.memory import SHORTEST, Prefixes, shared_length
from lessonlib.practice.answers.model import Reading
from lessonlib.practice.answers.text import TextStream
from lessonlib.practice.protocol.errors import ApiError


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
    ``constraint`` is the form that the text must have, if one was asked for.
    """

    index: int
    prompt: list[int]
    settings: Settings
    emit: Callable[[Piece | Exception], None]
    streaming: bool = False
    cancelled: bool = False
    constraint: Constraint | None = None
    generated: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.text = TextStream(self.settings.stop)
        self.entries: list[dict] = []
        self.temperature = self.settings.temperature
        self.top_p = self.settings.top_p
        self.prompt_array = np.array(self.prompt)
        self.worth_keeping = 0  # tokens of its beginning that others share
        self._random = np.random.default_rng([self.settings.seed, self.index])

    @property
    def tokens(self) -> list[int]:
        return self.prompt + self.generated

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.generated)

    def noise(self, size: int) -> np.ndarray:
        """The random numbers for one token: Gumbel noise, the same for the same seed."""
        return self._random.gumbel(size=size)

    def barred(self, size: int) -> torch.Tensor | None:
        """Which of the model's tokens may not come next; None where all may."""
        return self.constraint.barred(size) if self.constraint else None

    def add(self, token: int, logits: torch.Tensor, model: Model) -> bool:
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
        if self.constraint and not ended:
            self.constraint.take(token)
            ended = self.constraint.complete  # no end mark is needed where nothing can follow
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
    """One model's running and waiting answers. Used by the decoding thread only.

    ``spent``: seconds of that thread; ``asked``: when it was last asked (the engine keeps both).
    """

    def __init__(self, model: Model):
        self.model = model
        self.spent, self.asked = 0.0, time.monotonic()
        self.waiting: list[Answer] = []
        self.running: list[Answer] = []
        self._prefixes = Prefixes()

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.running)

    def release(self) -> None:
        """Give back the memory of finished requests, and of the beginnings they shared."""
        self.model.release()
        self._prefixes = Prefixes()

    def step(self) -> None:
        """Let waiting answers join, then give every running one its next token."""
        self._drop_cancelled()
        self._make_room()
        if self.waiting and self._has_room_for(self.waiting[0]):
            self._join()
        if self.running:
            newest = [(a.generated or a.prompt)[-1] for a in self.running]
            # The newest token has been chosen but not read: it goes behind all others.
            places = [answer.length - 1 for answer in self.running]
            self._advance(self.model.write(newest, places), list(self.running))

    def fail(self, error: Exception) -> None:
        """End all answers with this error, as after a fault of ours."""
        failed = [*self.running, *self.waiting]
        self.running.clear()
        self.waiting.clear()
        for answer in failed:
            answer.emit(error)

    def _has_room_for(self, *more: Answer) -> bool:
        return self.model.room_for([answer.length for answer in (*self.running, *more)])

    def _make_room(self) -> None:
        """Where running answers have outgrown the memory, the latest waits and is read again."""
        while len(self.running) > 1 and not self._has_room_for():
            self.waiting.insert(0, self.running.pop())

    def _join(self) -> None:
        """Read the prompts of the next waiting answers."""
        # Neighbours of like length: they attend together (``LoadedModel.write``).
        group = sorted(self._next_group(), key=lambda answer: len(answer.prompt))
        first_row = len(self.running)
        readings = []
        for row, answer in enumerate(group, start=first_row):
            self.waiting.remove(answer)
            self.running.append(answer)
            known, memory = self._prefixes.find(answer.prompt_array)
            readings.append(Reading(answer.tokens, row, memory))
            shared = self.model.whole(self._prefixes.seen_before(answer.prompt_array))
            if shared >= known + SHORTEST:
                answer.worth_keeping = max(answer.worth_keeping, shared)
        logits = self.model.read(readings)
        for row, answer in enumerate(group, start=first_row):
            self._prefixes.note(answer.prompt_array)
            if answer.worth_keeping:
                memory = self.model.remember(row, answer.worth_keeping)
                self._prefixes.keep(answer.prompt_array[: answer.worth_keeping], memory)
        if logits is not None:  # else the next step gives them their first token
            self._advance(logits, group)

    def _next_group(self) -> list[Answer]:
        """Waiting answers to be read in one pass.

        One that shares its beginning with another in the group waits for the next pass:
        by then the beginning is known and need not be read again.
        """
        group: list[Answer] = []
        total = 0
        for answer in self.waiting:
            if not self._has_room_for(*group, answer):
                break
            known, _ = self._prefixes.find(answer.prompt_array)
            most = len(answer.prompt) - 1
            twin, shared = None, 0
            for other in group:
                length = min(most, shared_length(other.prompt_array, answer.prompt_array))
                if length > shared:
                    twin, shared = other, length
            shared = self.model.whole(shared)
            if twin is not None and shared >= known + SHORTEST:
                twin.worth_keeping = max(twin.worth_keeping, shared)
                continue
            total += answer.length - known
            if group and total > self.model.read_at_once:
                break
            group.append(answer)
        return group

    def _advance(self, logits: torch.Tensor, answers: list[Answer]) -> None:
        """Choose a token for each of these answers; remove the finished ones."""
        choices = Choices(logits, self.model.margin, self.model.canonical)
        for place, answer in enumerate(answers):
            try:
                token, own = choices.choose(place, answer)
                done = answer.add(token, own, self.model)
            except ApiError as error:  # about its form; the other answers go on
                answer.emit(error)
                done = True
            if done:
                self._remove(self.running.index(answer))

    def _remove(self, row: int) -> None:
        """Free a row: the last one moves into its place."""
        place = len(self.running) - 1
        last = self.running[place]
        if row < place:
            self.model.move_row(place, row, last.length)
            self.running[row] = last
        self.running.pop()

    def _drop_cancelled(self) -> None:
        self.waiting = [answer for answer in self.waiting if not answer.cancelled]
        for row in reversed(range(len(self.running))):
            if self.running[row].cancelled:
                self._remove(row)
