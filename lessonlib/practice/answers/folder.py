"""What every model in memory has, however it computes: a tokenizer, end marks, a window.

Also what can be said of a model's folder before anything of it is loaded: is it a language model at
all, how large will it be, and is there room for it?
"""

from __future__ import annotations

import json
from typing import Any

import torch
from transformers import AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from lessonlib.common.errors import LessonError
from lessonlib.common.memory_left import available_memory
from lessonlib.models import chat_template, configs
from lessonlib.practice.answers.grammar import Constraint, Grammars
from lessonlib.practice.answers.text import Vocabulary
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.response_format import ResponseFormat

#: No request may be longer, whatever the model can read.
LONGEST_CONTEXT = 8192
#: What a loaded model needs besides its weights: prompts, scores over the vocabulary.
WORKING_BYTES = 300 * 2**20
FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def not_loadable(name: str, reason: str, cure: str = "") -> ApiError:
    """400: the model's folder is there, but nothing can answer from it."""
    message = f"The model `{name}` cannot be loaded from its folder: {reason}"
    return ApiError(f"{message} {cure}".rstrip(), param="model", code="model_not_loadable")


def broken(name: str, error: Exception) -> ApiError:
    """The same for whatever a library says of it."""
    if isinstance(error, LessonError):  # it has its own cure
        return not_loadable(name, " ".join(str(error).split()))
    reason = (f"{type(error).__name__}: {error}".splitlines() or [""])[0]
    return not_loadable(name, reason, "Fetch or tune it again, and ask once more.")


def read_config(model: ModelFolder) -> Any:
    """The model's configuration.

    Raises:
        ApiError: it cannot be read, or is not that of a model that writes text.
    """
    try:
        values = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
        kind = values.get("model_type") if isinstance(values, dict) else None
        if isinstance(kind, str) and kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
            raise not_loadable(
                model.name,
                f"it is of type {kind}, and transformers has no model of that type that writes "
                "text token by token.",
                "Ask a causal language model: one whose config.json names an architecture that "
                "ends in ForCausalLM.",
            )
        return configs.read(str(model.folder))
    except ApiError:
        raise
    except Exception as error:  # whatever is wrong with the files, the learner hears it
        raise broken(model.name, error) from error


def bytes_needed(model: ModelFolder, config: Any, number: torch.dtype) -> int:
    """What its weights take in memory, by the size of its files."""
    stored = getattr(config, "dtype", None) or torch.float32
    files = sum(file.stat().st_size for file in model.folder.glob("*.safetensors"))
    return files * number.itemsize // getattr(stored, "itemsize", 4)


def see_room(name: str, needed: int) -> None:
    """See that the memory suffices: a kernel that finds none kills the service without a word.

    Raises:
        ApiError: 400, so that no client tries again by itself.
    """
    free = available_memory()
    if free is not None and free < needed + WORKING_BYTES:
        raise ApiError(
            f"There isn't enough memory to load the model `{name}`: it needs "
            f"{(needed + WORKING_BYTES) / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free. "
            "Shut down other notebooks, or ask a smaller model.",
            param="model",
            code="insufficient_memory",
        )


class Model:
    """A model as the web floor and ``Batch`` see it.

    Attributes:
        name, fingerprint: as in the catalogue.
        context: tokens that a prompt and its answer may have together.
        parameters: how many weights; ``bytes``: what they take in memory.
        margin: logits that differ by less may be in another order in other company.
        read_at_once: tokens of prompts that are read between two steps of running answers.
        about: what the log and the status page tell of it.

    A class below must give ``read``, ``write``, ``canonical``, ``move_row``, ``remember``,
    ``whole``, ``room_for`` and ``release``; see ``LoadedModel`` and ``TransformersModel``.

    Raises:
        ApiError: its tokenizer cannot be read.
    """

    margin = 0.0
    stop_ids: frozenset[int] = frozenset()
    read_at_once = 2048
    parameters = bytes = 0
    about = ""

    def __init__(self, model: ModelFolder):
        self.name, self.fingerprint = model.name, model.fingerprint
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(model.folder, local_files_only=True)
            self.vocabulary = Vocabulary(self.tokenizer)
            self._grammars = Grammars(self.tokenizer, self.vocabulary)
        except Exception as error:
            raise broken(self.name, error) from error

    def encode(self, messages: list[dict[str, str]], thinking: bool = False) -> list[int]:
        """The prompt's tokens by the model's own chat template, with the answer opened.

        Args:
            thinking: whether a model that can think before it answers should.

        Raises:
            ApiError: the template refuses these messages.
        """
        try:
            if thinking:
                return self._asked_to_think(messages)
            return chat_template.ask_ids(self.tokenizer, messages)
        except Exception as error:
            raise ApiError(
                f"The chat template of `{self.name}` cannot write these messages: {error}",
                param="messages",
            ) from error

    def _asked_to_think(self, messages: list[dict[str, str]]) -> list[int]:
        return list(
            self.tokenizer.apply_chat_template(
                messages, chat_template=chat_template.template_of(self.tokenizer),
                add_generation_prompt=True, return_dict=True, enable_thinking=True, thinking=True,
            )["input_ids"]
        )  # fmt: skip

    def constraint(self, form: ResponseFormat | None) -> Constraint | None:
        """The beginning of an answer that must have this form.

        Raises:
            ApiError: the form cannot be enforced.
        """
        return self._grammars.start(form, self.stop_ids) if form else None

    def whole(self, length: int) -> int:
        """How much of a beginning of that length is worth remembering."""
        return length
