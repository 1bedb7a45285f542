"""A model in memory: prompts in, logits out, for many requests at once.

The work is Hugging Face's own forward pass; what is added here is the memory between two
passes. Every running request has a *slot*, one row of the key/value cache, in which its
tokens lie from position 0 on. So requests of different lengths share one pass, a new one
joins at any step without disturbing the others, and a finished one costs nothing more.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Cache, DynamicCache
from transformers.utils.logging import disable_progress_bar

from lessonlib.practice.errors import ApiError
from lessonlib.practice.folders import ModelFolder
from lessonlib.practice.prefixes import Prefix, PrefixCache
from lessonlib.practice.text import Vocabulary

disable_progress_bar()  # nobody watches the service's log

#: How much memory the slots of one model may take, and never more slots than these.
SLOT_BYTES = {"cpu": 512 * 2**20, "cuda": 4 * 2**30}
MOST_SLOTS = 64
LONGEST_CONTEXT = 8192


class Slots(Cache):
    """The key/value cache: per layer two tensors (rows, heads, positions, head size).

    Row r belongs to the r-th running request. Room grows as needed, by doubling.
    """

    def __init__(self) -> None:
        super().__init__(layers=[])
        self._stores: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._rows = torch.arange(0)
        self._positions = self._rows
        self._longest = 0

    def take(self, row: int, cache: DynamicCache, source: int) -> None:
        """Copy row ``source`` of a finished prefill into slot ``row``."""
        length = cache.get_seq_length()
        self._reserve(row + 1, length, cache)
        for (keys, values), layer in zip(self._stores, cache.layers, strict=True):
            keys[row, :, :length] = layer.keys[source]
            values[row, :, :length] = layer.values[source]

    def move(self, source: int, target: int, length: int) -> None:
        """Copy one slot's first ``length`` positions into another."""
        for store in self._stores:
            for tensor in store:
                tensor[target, :, :length] = tensor[source, :, :length]

    def begin_step(self, positions: torch.Tensor, longest: int) -> None:
        """Say where each row's next token goes, before one decoding pass."""
        self._reserve(len(positions), longest)
        self._rows = torch.arange(len(positions), device=positions.device)
        self._positions = positions
        self._longest = longest

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """Called by each attention layer: store one token per row, return all so far."""
        keys, values = self._stores[layer_idx]
        keys[self._rows, :, self._positions] = key_states[:, :, 0]
        values[self._rows, :, self._positions] = value_states[:, :, 0]
        seen = slice(None, len(self._rows)), slice(None), slice(None, self._longest)
        return keys[seen], values[seen]

    def _reserve(self, rows: int, length: int, like: DynamicCache | None = None) -> None:
        """Grow the tensors to hold ``rows`` and ``length``, keeping what they hold."""
        if not self._stores:
            self._stores = [
                tuple(tensor.new_zeros(0, tensor.shape[1], 0, tensor.shape[3]) for tensor in pair)
                for pair in ((layer.keys, layer.values) for layer in like.layers)
            ]
        old_rows, heads, old_length, size = self._stores[0][0].shape
        if rows <= old_rows and length <= old_length:
            return
        new_rows = old_rows if rows <= old_rows else max(rows, 2 * old_rows)
        new_length = old_length if length <= old_length else max(length + 64, 2 * old_length)
        for index, store in enumerate(self._stores):
            grown = []
            for tensor in store:
                _, heads, _, size = tensor.shape
                # Zeros, not empty: a masked position must still hold a finite number.
                bigger = tensor.new_zeros(new_rows, heads, new_length, size)
                bigger[:old_rows, :, :old_length] = tensor
                grown.append(bigger)
            self._stores[index] = tuple(grown)


class LoadedModel:
    """Tokenizer, weights and slots of one model folder.

    ``margin``: logits computed in another batch differ by less than this. Measured for
    float32: at most 2e-5 on logits up to 20, so 1e-3 leaves a factor of fifty.

    Raises:
        ApiError: the folder cannot be loaded, with the reason.
    """

    margin = 1e-3

    def __init__(self, model: ModelFolder):
        self.name = model.name
        self.fingerprint = model.fingerprint
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True)
            network = AutoModelForCausalLM.from_pretrained(
                model.folder, dtype=torch.float32, local_files_only=True
            )
        except Exception as error:  # whatever is wrong with the files, the learner hears it
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ApiError(
                f"The model `{self.name}` cannot be loaded from its folder: {reason}",
                param="model",
                code="model_not_loadable",
            ) from error
        self._network = network.eval().requires_grad_(False).to(self.device)
        for parameter in self._network.parameters():
            # Weights may be a view of the file, which the next training run overwrites.
            parameter.data = parameter.data.clone()
        self.vocabulary = Vocabulary(self.tokenizer)
        self.context = self._context_length()
        self.stop_ids = self._stop_ids()
        self.most_rows = self._most_rows()
        self._slots = Slots()
        self._prefixes = PrefixCache()

    def _context_length(self) -> int:
        config = self._network.config
        kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
        if not kinds <= {"full_attention", "sliding_attention"}:
            raise ApiError(
                f"The model `{self.name}` is built with {', '.join(sorted(kinds))}; "
                "the practice service runs models with plain attention only.",
                param="model",
                code="model_not_loadable",
            )
        # Within its sliding window, such a layer sees everything, like a plain one.
        window = getattr(config, "sliding_window", None) or LONGEST_CONTEXT
        return min(config.max_position_embeddings, window, LONGEST_CONTEXT)

    def _stop_ids(self) -> frozenset[int]:
        ends = self._network.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        return frozenset(id for id in [*ends, self.tokenizer.eos_token_id] if id is not None)

    def _most_rows(self) -> int:
        config = self._network.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        row_bytes = 2 * 4 * config.num_hidden_layers * heads * size * self.context
        return max(4, min(MOST_SLOTS, SLOT_BYTES[self.device] // row_bytes))

    def encode(self, messages: list[dict[str, str]]) -> list[int]:
        """The prompt's tokens by the model's own chat template.

        Raises:
            ApiError: the template refuses these messages.
        """
        try:
            encoded = self.tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_dict=True
            )
        except Exception as error:
            raise ApiError(
                f"The chat template of `{self.name}` cannot write these messages: {error}",
                param="messages",
            ) from error
        return list(encoded["input_ids"])

    def prefix_of(self, prompt: list[int]) -> Prefix | None:
        """The longest known beginning of this prompt; learns a new one where it pays."""
        return self._prefixes.find(prompt, self._extend)

    @torch.inference_mode()
    def _extend(self, prefix: Prefix | None, tokens: list[int]) -> DynamicCache:
        """Keys and values of ``tokens``, of which ``prefix`` is already computed."""
        cache = prefix.copies(1) if prefix else DynamicCache()
        rest = tokens[prefix.length if prefix else 0 :]
        self._network(
            input_ids=self._tensor([rest]), past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        return cache

    @torch.inference_mode()
    def prefill(
        self, prompts: list[list[int]], first_row: int, prefix: Prefix | None
    ) -> torch.Tensor:
        """Read prompts that share ``prefix`` into the slots from ``first_row`` on.

        Returns:
            Logits of the token after each prompt, (prompts, vocabulary).
        """
        cache = prefix.copies(len(prompts)) if prefix else DynamicCache()
        known = prefix.length if prefix else 0
        rests = [prompt[known:] for prompt in prompts]
        longest = max(map(len, rests))
        # Padding stands at the end, where causal attention never looks.
        padded = [rest + [0] * (longest - len(rest)) for rest in rests]
        ends = sorted({len(rest) - 1 for rest in rests})
        logits = self._network(
            input_ids=self._tensor(padded),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=self._tensor(ends),
        ).logits
        for index in range(len(prompts)):
            self._slots.take(first_row + index, cache, index)
        columns = [ends.index(len(rest) - 1) for rest in rests]
        return logits[range(len(prompts)), columns]

    @torch.inference_mode()
    def decode(self, tokens: list[int], positions: list[int]) -> torch.Tensor:
        """One step for rows 0, 1, ...: each row's newest token, at its position.

        Returns:
            Logits of the token that follows, (rows, vocabulary).
        """
        where = self._tensor(positions)
        longest = max(positions) + 1
        unseen = torch.arange(longest, device=self.device) > where[:, None]
        mask = torch.zeros(unseen.shape, device=self.device).masked_fill_(unseen, -torch.inf)
        self._slots.begin_step(where, longest)
        return self._network(
            input_ids=self._tensor(tokens)[:, None],
            position_ids=where[:, None],
            attention_mask=mask[:, None, None, :],
            past_key_values=self._slots,
            use_cache=True,
        ).logits[:, -1]

    @torch.inference_mode()
    def move_row(self, source: int, target: int, length: int) -> None:
        """Copy a request of ``length`` tokens into the slot of another, which is given up."""
        self._slots.move(source, target, length)

    @torch.inference_mode()
    def canonical(self, tokens: list[int]) -> torch.Tensor:
        """Logits (vocabulary,) after ``tokens``, computed alone and always in one way."""
        return self._network(
            input_ids=self._tensor([tokens]), use_cache=False, logits_to_keep=1
        ).logits[0, -1]

    def _tensor(self, numbers: Any) -> torch.Tensor:
        return torch.tensor(numbers, device=self.device)
