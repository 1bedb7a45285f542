"""A base model in the form that AutoTrain's older Transformers (4.48) can read.

Since version 5 the library writes a model's folder in a new form. An older version that reads such
a folder does not always complain: it finds no ``rope_theta``, uses its own default instead, and
trains a model whose sense of position is wrong. So AutoTrain is given a copy in the older form. The
weights are the same file. Most models on the Hugging Face hub are still in the older form.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.models import folders

#: What a copy needs besides the two files that are rewritten.
TAKEN = ("*.safetensors", "*.safetensors.index.json", "tokenizer.json", "generation_config.json")


def older_copy(base: str | Path | None, target: Path) -> Path:
    """Write ``base`` to ``target`` in the older form; gives back ``target``.

    Args:
        base: as in ``lora.tune``: None for the built-in model, the name of a model tuned here,
            or a folder.

    Raises:
        LessonError: there is no such model here, or it is kept as something else than safetensors
            with a ``tokenizer.json``.
    """
    source = Path(folders.find_base(base))
    if not source.is_dir():
        raise LessonError(
            _("{base} is a name on the hub, not a model on this machine.").format(base=base),
            _("Give AutoTrain that name itself; a copy is only needed for models made here."),
        )
    if not (source / "tokenizer.json").is_file() or not list(source.glob("*.safetensors")):
        raise LessonError(
            _("{folder} holds no tokenizer.json, or no weights as safetensors.").format(
                folder=source),
            _("Load the model and its tokenizer with Transformers and save both again."),
        )
    with folders.new_folder(target) as folder:
        for pattern in TAKEN:
            for file in source.glob(pattern):
                shutil.copyfile(file, folder / file.name)
        _write(folder / "config.json", older_config(_read(source / "config.json")))
        tokenizer = older_tokenizer_config(_read(source / "tokenizer_config.json"))
        template = source / "chat_template.jinja"  # a file of its own since version 4.49
        if template.is_file():
            tokenizer["chat_template"] = template.read_text(encoding="utf-8")
        _write(folder / "tokenizer_config.json", tokenizer)
    return target


def older_config(config: dict) -> dict:
    """``config.json`` as version 4.48 writes it: see "rope_parameters" and "dtype"."""
    older = {key: value for key, value in config.items()
             if key not in ("rope_parameters", "dtype", "layer_types")}
    rope = dict(config.get("rope_parameters") or {})
    if rope:
        older["rope_theta"] = rope.pop("rope_theta", 10000.0)
        older["rope_scaling"] = rope if rope.get("rope_type", "default") != "default" else None
    if "dtype" in config:
        older["torch_dtype"] = config["dtype"]
    return older


def older_tokenizer_config(config: dict) -> dict:
    """``tokenizer_config.json`` as version 4.48 reads it: a class that it knows, other names."""
    older = {key: value for key, value in config.items()
             if key not in ("backend", "is_local", "local_files_only", "extra_special_tokens")}
    if config.get("tokenizer_class") in (None, "TokenizersBackend"):
        older["tokenizer_class"] = "PreTrainedTokenizerFast"
    if special := config.get("extra_special_tokens"):
        names = list(special.values()) if isinstance(special, dict) else list(special)
        older["additional_special_tokens"] = names
    return older


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, values: dict) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False), encoding="utf-8")
