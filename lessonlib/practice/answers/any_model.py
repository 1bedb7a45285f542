"""Any causal language model that transformers loads, answering many requests at once.

``LoadedModel`` (``model.py``) is made for a few million parameters of four architectures; this is
for all others, and for large ones. The arithmetic is transformers' own. Most models are computed on
a flat list of tokens (``flat.py``); whether a model can be is not looked up but tried, when it is
loaded: it must give there what it gives by itself. Any other answers one request after the other
(``one_by_one.py``).
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from lessonlib.common.memory_left import available_memory
from lessonlib.models.chat_template import end_ids
from lessonlib.models.device import choose_device, choose_threads
from lessonlib.models.loading import load_model
from lessonlib.practice.answers import flat, one_by_one, trial
from lessonlib.practice.answers.folder import (
    FORMATS,
    LONGEST_CONTEXT,
    Model,
    broken,
    bytes_needed,
    see_room,
)
from lessonlib.practice.answers.memory import Memory
from lessonlib.practice.answers.model import Reading
from lessonlib.practice.protocol.catalogue import ModelFolder

log = logging.getLogger("lessonlib.practice")

#: Requests that are answered together at most, and what they may remember on each device.
MOST_ROWS, MEMORY_BYTES = 64, {"cpu": 2**30, "mps": 2**30, "cuda": 4 * 2**30}

class TransformersModel(Model):
    """Tokenizer, weights and running requests of one model folder.

    Raises:
        ApiError: the memory does not suffice, or the folder cannot be loaded, with the reason.
    """

    read_at_once = 1024

    def __init__(self, model: ModelFolder, config: Any):
        kind, number = choose_device().value.split("-")
        self.number, self.device = FORMATS[number], kind
        self.bytes = bytes_needed(model, config, self.number)
        see_room(model.name, self.bytes)
        super().__init__(model)
        # Two lanes compute half of the rows each, and meet only when both are done: a thread that
        # has lost its core to another program does not hold up the other one at each operation.
        lanes = min(2, choose_threads().value) if kind == "cpu" else 1
        self._lanes = ThreadPoolExecutor(lanes, "lane", torch.set_num_threads, (1,))
        self.lanes = lanes
        self.rows: list[Any] = []
        self.sizes = [trial.SURE_TILE]
        self.token_bytes = 1
        self.is_flat = False
        began = time.perf_counter()
        try:
            self.network = own_copy(load_model(str(model.folder), dtype=self.number), kind)
            self.parameters = self.network.num_parameters()
            self.context = context_length(config)
            self.stop_ids = frozenset(end_ids(self.network, self.tokenizer))
            self._lanes.submit(self._try).result()  # in a thread as those that will answer
        except Exception as error:  # whatever is wrong with the files, the learner hears it
            raise broken(self.name, error) from error
        free = available_memory()
        self.room = min(MEMORY_BYTES[kind], (free or MEMORY_BYTES[kind] * 4) // 4)
        self.about = (
            f"{self.parameters / 1e6:,.0f} million weights in {str(self.number).split('.')[1]}, "
            f"{self.bytes / 1e9:.1f} GB, loaded in {time.perf_counter() - began:.0f} s; about "
            f"{self.speed[0]:.0f} tokens a second for one request, {self.speed[1]:.0f} for many"
        )

    @torch.inference_mode()
    def _try(self) -> None:
        """Find out how it can be computed, and how fast that is here."""
        prompts = trial.prompts(self.tokenizer)
        try:
            found = trial.lay_flat(self.network, prompts)
        except Exception as error:  # a model may fail in a way of its own
            log.info("%s answers one request after the other: %s", self.name, error)
            seconds = trial.seconds_alone(self.network, prompts[0][:1])
            self.speed = (1 / seconds, 1 / seconds)
            return
        self.is_flat = True
        self.token_bytes, self.sizes, self.margin = found.token_bytes, found.sizes, found.margin
        first, last = found.seconds[0], found.seconds[-1]
        self.speed = (1 / first, self.lanes * self.sizes[-1] / last)
        log.info("%s is computed on flat lists: %s", self.name, found)

    # --- what Batch needs

    def whole(self, length: int) -> int:
        """Only whole blocks: so a prompt is read in the same blocks with a beginning known or not.
        """
        return length - length % flat.BLOCK if self.is_flat else 0

    def room_for(self, lengths: list[int]) -> bool:
        """Whether requests of so many tokens each can be answered together."""
        if len(lengths) <= 1:
            return True
        taken = sum(lengths) + flat.GROWTH * len(lengths)
        return len(lengths) <= MOST_ROWS and taken * self.token_bytes <= self.room

    def release(self) -> None:
        """Give the memory of finished requests back."""
        self.rows = []

    def read(self, readings: list[Reading]) -> None:
        """Read prompts into their rows, but for their last tokens: these are left to ``write``."""
        self.rows += [None] * (max(reading.row for reading in readings) + 1 - len(self.rows))

        def one(reading: Reading) -> None:
            if self.is_flat:
                row = flat.Row(reading.known)
                flat.fill(self.network, row, reading.prompt[:-1], reading.start)
            else:
                row = one_by_one.Row()
                if reading.prompt[:-1]:
                    one_by_one.advance(self.network, row, reading.prompt[:-1])
            self.rows[reading.row] = row

        self._side_by_side(one, readings)

    def write(self, tokens: list[int], positions: list[int]) -> Tensor:
        """One step for rows 0, 1, ...: each row's newest token, at its position.

        Returns:
            Logits of the token that follows, in float32, (rows, vocabulary).
        """
        count = len(tokens)
        if not self.is_flat:
            pairs = zip(self.rows, tokens, strict=False)
            with torch.inference_mode():
                return torch.stack(
                    [one_by_one.advance(self.network, row, [token]) for row, token in pairs]
                )
        each = min(self.sizes[-1], -(-count // self.lanes))
        size = next(size for size in self.sizes if size >= each)
        parts = [slice(start, min(start + size, count)) for start in range(0, count, size)]

        def one(part: slice) -> Tensor:
            return flat.tile(
                self.network, self.rows[part], tokens[part], positions[part], size
            )

        return torch.cat(self._side_by_side(one, parts))

    @torch.inference_mode()
    def canonical(self, tokens: list[int]) -> Tensor:
        """Logits (vocabulary,) after ``tokens``, computed alone and always in one way."""
        if not self.is_flat:
            return one_by_one.advance(self.network, one_by_one.Row(), list(tokens))
        row = flat.Row()
        flat.fill(self.network, row, tokens[:-1], 0)
        return flat.tile(self.network, [row], tokens[-1:], [len(tokens) - 1], trial.SURE_TILE)[0]

    def move_row(self, source: int, target: int, length: int) -> None:
        """Give a request the place of another, which is given up."""
        self.rows[target], self.rows[source] = self.rows[source], None

    @torch.inference_mode()
    def remember(self, row: int, length: int) -> Memory:
        """Keys and values of the first ``length`` tokens of a request."""
        return self.rows[row].first(length)

    def close(self) -> None:
        """End its threads."""
        self._lanes.shutdown(wait=False)

    def _side_by_side(self, work, parts: list) -> list:
        def alone(part):
            with torch.inference_mode():
                return work(part)

        if self.lanes == 1 or len(parts) == 1:
            return [alone(part) for part in parts]
        return list(self._lanes.map(alone, parts))


def own_copy(network: Any, device: str) -> Any:
    """The model with weights of its own: transformers leaves them in the file, as a part of memory,
    and a training run may replace the file while the model answers."""
    network.eval().to(device)
    with torch.no_grad():
        unique = {id(one): one for one in [*network.parameters(), *network.buffers()]}
        for tensor in unique.values():
            tensor.data = tensor.data.clone()
    return network


def context_length(config: Any) -> int:
    """How many tokens a prompt and its answer may have together.

    Positions that change their scale with the longest request (LongRoPE) would make an answer
    depend on its neighbours: such a model is asked within the length of its first training.
    """
    longest = getattr(config, "max_position_embeddings", None) or LONGEST_CONTEXT
    rope = getattr(config, "rope_parameters", None) or {}
    for one in [rope, *(value for value in rope.values() if isinstance(value, dict))]:
        if one.get("rope_type") in ("longrope", "dynamic"):
            longest = min(longest, one.get("original_max_position_embeddings") or longest)
    return min(longest, LONGEST_CONTEXT)
