"""A model in memory: prompts in, logits out, for many requests at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from lessonlib.models.chat_template import end_ids
from lessonlib.practice.answers.folder import LONGEST_CONTEXT, Model, broken
from lessonlib.practice.answers.memory import Memory, Slots
from lessonlib.practice.answers.network import Network
from lessonlib.practice.protocol.catalogue import ModelFolder

disable_progress_bar()  # nobody watches the service's log

#: How much memory the slots of one model may take, and never more slots than these.
SLOT_BYTES = {"cpu": 512 * 2**20, "cuda": 4 * 2**30}
MOST_SLOTS = 64
#: Rows of a decoding step whose attention is computed together on a CPU. Measured with 30
#: requests of 130 to 220 tokens: 8 at once 0.87 ms a layer, 3 at once 0.94, all 30 0.98.
ROWS_TOGETHER = 8


@dataclass
class Reading:
    """A prompt to be read into slot ``row``; its first tokens may be known already."""

    prompt: list[int]
    row: int
    known: Memory | None = None

    @property
    def start(self) -> int:
        return self.known[0][0].shape[1] if self.known else 0


class LoadedModel(Model):
    """Tokenizer, weights and slots of one model folder: a small one of a type that we know.

    ``margin``: logits computed in another batch differ by less than this. Measured for
    float32: at most 4e-5 on logits up to 20, so 1e-3 leaves a factor of twenty-five.

    Raises:
        ApiError: the folder cannot be loaded, with the reason.
    """

    margin = 1e-3

    def __init__(self, model: ModelFolder):
        super().__init__(model)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            loaded = AutoModelForCausalLM.from_pretrained(
                model.folder, dtype=torch.float32, local_files_only=True
            )
            self.context = context_length(loaded.config)
            self.parameters = loaded.num_parameters()
            self.bytes = 4 * self.parameters
            with torch.inference_mode():
                self.network = Network(loaded.to(self.device), self.context)
            self.stop_ids = frozenset(end_ids(loaded, self.tokenizer))
        except Exception as error:  # whatever is wrong with the files, the learner hears it
            raise broken(self.name, error) from error
        self.about = f"{self.parameters / 1e6:,.1f} million weights in float32"
        with torch.inference_mode():
            self.slots = Slots(self.network)
        net = self.network
        row_bytes = 2 * 4 * len(net.layers) * net.key_heads * net.head_size * self.context
        self.most_rows = max(4, min(MOST_SLOTS, SLOT_BYTES[self.device] // row_bytes))

    def room_for(self, lengths: list[int]) -> bool:
        """Whether requests of so many tokens each can be answered together."""
        return len(lengths) <= self.most_rows

    @torch.inference_mode()
    def release(self) -> None:
        """Give the memory of finished requests back."""
        self.slots.release()

    @torch.inference_mode()
    def read(self, readings: list[Reading]) -> Tensor:
        """Read prompts into their slots, all in one pass.

        Returns:
            Logits of the token after each prompt, (prompts, vocabulary).
        """
        rows = max(reading.row for reading in readings) + 1
        self.slots.reserve(rows, max(len(reading.prompt) for reading in readings))
        tokens, positions, spans = [], [], []
        for reading in readings:
            if reading.known:
                self.slots.copy_in(reading.row, reading.known)
            begin = len(tokens)
            tokens += reading.prompt[reading.start :]
            positions += range(reading.start, len(reading.prompt))
            span = slice(begin, len(tokens))
            spans.append((span, reading.row, reading.start, self._mask(reading)))

        def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            mixed = torch.empty_like(queries)
            for span, row, start, mask in spans:
                seen = self.slots.extend(layer, row, start, keys[span], values[span])
                mixed[span] = self._attention(queries[span], *seen, mask)
            return mixed.flatten(1)

        hidden = self.network.forward(self._tensor(tokens), self._tensor(positions), attend)
        return self.network.logits(hidden[[span.stop - 1 for span, *_ in spans]])

    @torch.inference_mode()
    def write(self, tokens: list[int], positions: list[int]) -> Tensor:
        """One step for rows 0, 1, ...: each row's newest token, at its position.

        Returns:
            Logits of the token that follows, (rows, vocabulary).
        """
        where, rows = self._tensor(positions), torch.arange(len(tokens), device=self.device)
        self.slots.reserve(len(tokens), max(positions) + 1)
        parts = self._parts(positions, where)
        scale = self.network.head_size**-0.5

        def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            self.slots.extend_each(layer, rows, where, keys, values)
            # Queries that share a key head stand below each other, as if they were tokens.
            grouped = queries.reshape(len(where), self.network.key_heads, -1, queries.shape[-1])
            grouped, mixed = grouped * scale, torch.empty_like(grouped)
            for part, longest, mask in parts:
                # scaled_dot_product_attention is made for many queries; for one a request,
                # these three steps take three quarters of its time.
                seen_keys, seen_values = self.slots.first(layer, part, longest)
                scores = (seen_keys @ grouped[part].transpose(-1, -2)).transpose(-1, -2)
                torch.matmul((scores + mask).softmax(-1), seen_values, out=mixed[part])
            return mixed.flatten(1)

        return self.network.logits(self.network.forward(self._tensor(tokens), where, attend))

    def _parts(self, positions: list[int], where: Tensor) -> list[tuple[slice, int, Tensor]]:
        """Rows that attend together: which, over how many positions, and the mask of each.

        A short request pays for the longest one of its part only.
        """
        size = ROWS_TOGETHER if self.device == "cpu" else len(positions)
        parts = []
        for start in range(0, len(positions), size):
            part = slice(start, min(start + size, len(positions)))
            longest = max(positions[part]) + 1
            unseen = torch.arange(longest, device=self.device) > where[part, None]
            mask = torch.zeros(unseen.shape, device=self.device).masked_fill_(unseen, -torch.inf)
            parts.append((part, longest, mask[:, None, None]))
        return parts

    @torch.inference_mode()
    def canonical(self, tokens: list[int]) -> Tensor:
        """Logits (vocabulary,) after ``tokens``, computed alone and always in one way."""

        def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            seen = keys.transpose(0, 1)[None], values.transpose(0, 1)[None]
            return self._attention(queries, *seen, "causal").flatten(1)

        positions = torch.arange(len(tokens), device=self.device)
        hidden = self.network.forward(self._tensor(tokens), positions, attend)
        return self.network.logits(hidden[-1])

    @torch.inference_mode()
    def move_row(self, source: int, target: int, length: int) -> None:
        """Copy a request of ``length`` tokens into the slot of another, which is given up."""
        self.slots.move(source, target, length)

    @torch.inference_mode()
    def remember(self, row: int, length: int) -> Memory:
        """Keys and values of the first ``length`` tokens in a slot."""
        return self.slots.copy_out(row, length)

    def _mask(self, reading: Reading) -> Tensor | str | None:
        """Which tokens each new token of a prompt may look at: itself and those before."""
        if reading.start == 0:
            return "causal"
        end = len(reading.prompt)
        if end - reading.start == 1:
            return None
        ones = torch.ones(end - reading.start, end, dtype=torch.bool, device=self.device)
        return ones.tril(diagonal=reading.start)

    def _attention(
        self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | str | None
    ) -> Tensor:
        """Attention within one request: queries (tokens, heads, head size), so the answer."""
        mixed = scaled_dot_product_attention(
            queries.transpose(0, 1)[None],
            keys,
            values,
            attn_mask=mask if isinstance(mask, Tensor) else None,
            is_causal=isinstance(mask, str),
            enable_gqa=self.network.heads != self.network.key_heads,
        )
        return mixed[0].transpose(0, 1)

    def _tensor(self, numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, device=self.device)


def context_length(config: Any) -> int:
    """How many tokens a prompt and its answer may have together.

    A sliding window counts as the limit: within it, such a layer sees everything.
    """
    window = getattr(config, "sliding_window", None) or LONGEST_CONTEXT
    return min(config.max_position_embeddings, window, LONGEST_CONTEXT)
