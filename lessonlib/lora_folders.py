"""Where tuned models live, and how a whole one gets there.

``work/adapters/<name>`` holds what was learned: the adapter, a megabyte or two, and
``tuning.json``, which says how. ``work/models/<name>`` holds the *merged* model: the base with
the adapter added into its weights. It is an ordinary Hugging Face folder that anything can
serve. Folders are written under another name and renamed when complete, so that nobody who
looks at the same time, such as the practice service, ever finds half a model.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from lessonlib import lora_rows, open_models, paths
from lessonlib.errors import LessonError
from lessonlib.i18n import _

#: A name is a folder's name on every system, so no colons and no slashes.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
BUILT_IN_NAME = "pantry"


def check_name(name: str) -> None:
    """See that a model may be called so.

    Raises:
        LessonError: with the rule, and a name that would do.
    """
    cure = _("Take 1 to 64 English letters, digits, hyphens, dots or underscores: {example}.")
    if not isinstance(name, str) or not NAME.fullmatch(name) or name.endswith("."):
        better = re.sub(r"[^A-Za-z0-9._-]+", "-", str(name)).strip("-._")[:60] or "my-model"
        raise LessonError(
            _("A model cannot be called {name!r}.").format(name=name), cure.format(example=better)
        )
    if name.lower() == BUILT_IN_NAME:
        raise LessonError(
            _("{name!r} is the name of the built-in model.").format(name=name),
            cure.format(example="my-" + BUILT_IN_NAME),
        )


def find_base(base: str | Path | None) -> str:
    """What to load for ``base``: a folder here, or else a name on the Hugging Face hub.

    Args:
        base: None or ``pantry`` for the built-in model, one of ``open_models.names()``, the name
            of a model tuned here, a folder, or a hub name such as ``Qwen/Qwen3-0.6B``.

    Raises:
        LessonError: it is none of these.
    """
    if base is None or base == BUILT_IN_NAME:
        places = [paths.BUILT_IN]
    elif base in open_models.names():
        return open_models.find(base).hub_id
    else:
        places = [Path(base), paths.MODELS / base]
    for place in places:
        if (place / "config.json").is_file():
            return str(place.resolve())
    if isinstance(base, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", base) and not Path(base).exists():
        return base
    raise LessonError(
        _("No base model found at {place}.").format(place=places[0]),
        _("Leave 'base' out for the built-in model, or give a folder that holds config.json."),
    )


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of ``target`` when all went well.

    Its name begins with a dot: readers leave such folders alone. When anything goes wrong it
    is removed, and what was at ``target`` stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    stamp = f"{os.getpid()}-{time.monotonic_ns()}"
    fresh, old = (target.with_name(f".{target.name}.{what}-{stamp}") for what in ("new", "old"))
    fresh.mkdir()
    try:
        yield fresh
        if target.exists():
            _rename(target, old)
        try:
            _rename(fresh, target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _rename(source: Path, target: Path) -> None:
    """Rename; on Windows a virus scanner or a reader may hold a file for a moment: wait for it."""
    for waited in range(20):
        try:
            source.rename(target)
            return
        except PermissionError as error:
            if waited == 19:
                raise LessonError(
                    _("{folder} cannot be replaced: a program has a file open in it.").format(
                        folder=source if target.name.startswith(".") else target
                    ),
                    _("Close what uses it (perhaps another notebook), or choose another name."),
                ) from error
            time.sleep(0.25)


def save_adapter(model, folder: Path) -> None:
    """Write what was learned, and nothing of the base.

    Left to itself, PEFT adds the base's own embeddings where the adapter stands beside them, too.
    """
    model.save_pretrained(folder, save_embedding_layers=False)
    for card in folder.rglob("README.md"):  # PEFT's model card, all of it still to be filled in
        card.unlink()


def save_merged(base: str, adapter: Path, target: Path) -> None:
    """Write base plus adapter as one model, with tokenizer and chat template, to ``target``.

    The sum is taken in float32 and rounded once, to the number format that the base came in.
    Many models read and write with the same matrix of embeddings. An adapter beside it counts
    for reading alone; so the merged model gets two.

    Args:
        base: folder or hub name of the model that the adapter was trained on.
        adapter: a PEFT adapter folder.
    """
    import torch
    from peft import PeftConfig, PeftModel
    from peft.tuners.lora import Embedding, Linear
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    pinned = open_models.pinned(base)
    stored = AutoConfig.from_pretrained(base, **pinned)
    apart = getattr(stored, "tie_word_embeddings", False) and beside_embeddings(adapter)
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=stored.dtype or torch.float32, **pinned,
        **({"tie_word_embeddings": False} if apart else {}),
    )  # fmt: skip
    if apart:
        read, write = model.get_input_embeddings(), model.get_output_embeddings()
        write.weight = torch.nn.Parameter(read.weight.detach().clone())
    config = PeftConfig.from_pretrained(str(adapter))
    # Told which layer to use, PEFT does not try others, where it stops at Colab's old torchao.
    config._register_custom_module({torch.nn.Linear: Linear, torch.nn.Embedding: Embedding})
    model = PeftModel.from_pretrained(model, str(adapter), config=config).merge_and_unload()
    with new_folder(target) as folder:
        model.save_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(base, **pinned)
        if not tokenizer.chat_template:  # whoever asks the model must write as it was trained
            tokenizer.chat_template = lora_rows.PLAIN_TEMPLATE
        tokenizer.save_pretrained(folder)


def beside_embeddings(adapter: Path) -> bool:
    """Whether an adapter stands beside the base's embeddings, not only beside its layers."""
    from safetensors import safe_open

    with safe_open(adapter / "adapter_model.safetensors", framework="pt") as file:
        return any("lora_embedding_" in name for name in file.keys())
