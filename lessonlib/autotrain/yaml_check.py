"""Check an AutoTrain YAML file before AutoTrain reads it.

AutoTrain itself stops with a traceback where a key is missing, silently takes a default where a
parameter is misspelt, and ignores some that are right. Here each of these becomes a sentence with
its line. What AutoTrain knows is written down from release 0.8.36, its last so far; a test compares
the list with the release itself.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import yaml

from lessonlib.autotrain.job import check_project
from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _

#: Keys that the parser reads without a default, though some may be null.
REQUIRED = ("task", "base_model", "project_name", "log", "backend", "data", "data.path",
            "data.train_split", "data.valid_split", "data.chat_template", "data.column_mapping",
            "data.column_mapping.text_column")
OPTIONAL = ("params", "hub", "hub.username", "hub.token", "hub.push_to_hub",
            "data.column_mapping.prompt_text_column", "data.column_mapping.rejected_text_column")
TASKS = ("llm-sft", "llm-generic", "llm-orpo", "llm-dpo", "llm-reward")
#: The parameters of a language model's training, with what they must be.
PARAMS = {
    **dict.fromkeys(("model_max_length", "logging_steps", "save_total_limit", "epochs",
                     "batch_size", "gradient_accumulation", "seed", "lora_r", "lora_alpha",
                     "max_prompt_length", "max_completion_length", "block_size"), int),
    **dict.fromkeys(("lr", "warmup_ratio", "weight_decay", "max_grad_norm", "lora_dropout",
                     "dpo_beta"), float),
    **dict.fromkeys(("add_eos_token", "use_flash_attention_2", "disable_gradient_checkpointing",
                     "auto_find_batch_size", "merge_adapter", "peft", "push_to_hub", "unsloth"),
                    bool),
    **dict.fromkeys(("padding", "trainer", "log", "eval_strategy", "mixed_precision", "optimizer",
                     "scheduler", "chat_template", "quantization", "target_modules", "model_ref",
                     "prompt_text_column", "text_column", "rejected_text_column", "username",
                     "token", "distributed_backend", "model", "project_name", "data_path",
                     "train_split", "valid_split"), str),
}
KINDS = {int: _("a whole number"), float: _("a number"), bool: _("true or false"),
         str: _("a word, or null")}


def check(path: str | Path) -> list[str]:
    """Check a YAML file for language models.

    Returns:
        Remarks on what AutoTrain will do with it that one might not expect.

    Raises:
        LessonError: it would fail, or do something else than it says. One line for each mistake,
            with the file's name, the line and the rule.

    Introduced in notebook 09.
    """
    path = Path(path)
    text = read_text(path)
    try:
        values, node = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise LessonError(
            _("{file}, line {line}: this is not YAML: {reason}.").format(
                file=path.name, line=mark.line + 1 if mark else 1,
                reason=getattr(error, "problem", None) or error),
            _("Indent with spaces, two for each level, and write a space after each colon."),
        ) from None
    if not isinstance(values, dict):
        raise LessonError(_("{file} is empty, or no table of keys.").format(file=path.name),
                          _("Begin with: task: llm-sft"))
    found = _lines(node)
    problems = [*_keys(found), *_values(values), *_files(values, path.parent)]
    if problems:
        told = [_("{file}, line {line}: {rule}").format(
                    file=path.name, line=found.get(key, found.get(key.rpartition(".")[0], 1)),
                    rule=rule)
                for key, rule in problems]
        raise LessonError("\n  ".join(told), _("Mend the lines named above and check again."))
    return _remarks(values, path.parent)


def _lines(node: yaml.Node, prefix: str = "") -> dict[str, int]:
    """The line, from 1, of each key, such as ``data.path``."""
    found = {}
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        found[name] = key.start_mark.line + 1
        if isinstance(value, yaml.MappingNode):
            found |= _lines(value, f"{name}.")
    return found


def _keys(found: dict[str, int]):
    """Keys that are missing, and keys that AutoTrain would not even notice."""
    for key in REQUIRED:
        if key not in found and (not key.rpartition(".")[0] or key.rpartition(".")[0] in found):
            yield key, _("{key} is missing; AutoTrain wants it even where it is null.").format(
                key=key)
    known = [*REQUIRED, *OPTIONAL, *(f"params.{name}" for name in PARAMS)]
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            yield key, _("{key} is unknown; AutoTrain would leave it out in silence.{hint}").format(
                key=key, hint=_(" Do you mean {near}?").format(near=near[0]) if near else "")


def _values(values: dict):
    """Values of the wrong kind."""
    task = values.get("task")
    if task is not None and task not in TASKS:
        yield "task", _("the task {task!r} is none of: {tasks}.").format(
            task=task, tasks=", ".join(TASKS))
    if values.get("project_name") is not None:
        try:
            check_project(values["project_name"])
        except LessonError as error:
            yield "project_name", f"{error.problem} {error.cure}"
    params = values.get("params") or {}
    for name, value in params.items() if isinstance(params, dict) else ():
        kind = PARAMS.get(name)
        fits = value is None or (isinstance(value, kind) if kind else True)
        if kind in (int, float) and isinstance(value, bool):
            fits = False
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            fits = True
        if not fits:
            hint = ""
            if kind is float and isinstance(value, str):  # YAML reads 3e-3 as a text
                hint = _(" YAML wants the dot: write 0.003 or 3.0e-3, not 3e-3.")
            yield f"params.{name}", _("{name} is {value!r}, and should be {kind}.{hint}").format(
                name=name, value=value, kind=KINDS[kind], hint=hint)
    if params.get("peft") and "quantization" not in params:
        yield "params", _("quantization is not said. AutoTrain then takes int4, which needs the"
                          " package bitsandbytes, and that is not in its environment. Write"
                          " quantization: null.")


def _files(values: dict, folder: Path):
    """The folders and files that a local job names."""
    base = values.get("base_model")
    if isinstance(base, str) and (folder / base / "config.json").is_file():
        config = json.loads((folder / base / "config.json").read_text(encoding="utf-8"))
        if "rope_parameters" in config:
            yield "base_model", _("{base} was saved by a newer Transformers than AutoTrain's, which"
                                  " would misread it. Copy it in the older form:"
                                  " lessonlib.autotrain.older_base.older_copy.").format(base=base)
    elif isinstance(base, str) and "/" not in base:
        yield "base_model", _("there is no model folder {base} beside this file.").format(base=base)
    data = values.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("path"), str):
        return
    if not (folder / data["path"]).is_dir():
        if "/" not in data["path"]:
            yield "data.path", _("there is no folder {path} beside this file.").format(
                path=data["path"])
        return
    file = folder / data["path"] / f"{data.get('train_split')}.jsonl"
    if not file.is_file():
        yield "data.train_split", _("there is no {file} in the folder {path}.").format(
            file=file.name, path=data["path"])
        return
    column = (data.get("column_mapping") or {}).get("text_column")
    first = json.loads(file.read_text(encoding="utf-8").split("\n", 1)[0] or "{}")
    if column is not None and column not in first:
        yield "data.column_mapping.text_column", _("the rows have no {column}; they have:"
                                                   " {keys}.").format(
            column=column, keys=", ".join(first) or _("nothing"))


def _remarks(values: dict, folder: Path) -> list[str]:
    """What is allowed and still not what one would think."""
    remarks, data, params = [], values["data"], values.get("params") or {}
    if data["valid_split"] is not None and (folder / data["path"]).is_dir():
        remarks.append(_("valid_split: with a local folder AutoTrain ignores it in silence."))
    if "seed" in params:
        remarks.append(_("seed: AutoTrain does not hand it on; no run can be repeated exactly."))
    if values["task"] == "llm-sft":
        remarks.append(_("llm-sft always packs: chats are joined and cut into pieces of"
                         " block_size tokens."))
    if params.get("merge_adapter"):
        remarks.append(_("merge_adapter: leaves a whole model in float16 and deletes the adapter."))
    return remarks
