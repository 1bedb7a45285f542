"""One AutoTrain job, written in three ways: as a YAML file, as a command line, as a web form."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from lessonlib.autotrain.older_base import older_copy
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora import rows as lora_rows
from lessonlib.models import folders

#: AutoTrain makes the project's name the name of its output folder.
PROJECT_NAME = re.compile(r"[A-Za-z0-9-]*[A-Za-z0-9][A-Za-z0-9-]*")
LONGEST_NAME = 50
#: The copy of the built-in model that AutoTrain's older libraries can read.
BASE = "pantry-older"
#: The built-in model as it is, for ``trl sft``.
TODAY = "pantry"


def folder() -> Path:
    """Where AutoTrain runs: its data, projects and logs. All paths of a job are relative to it."""
    return paths.WORK / "autotrain"


@dataclass(frozen=True)
class Job:
    """What AutoTrain is to do. The defaults suit the built-in model.

    Attributes:
        project: the project's name, and its output folder's.
        data: folder that holds ``train.jsonl``, in ``folder()``; see ``write_data``.
        base: the base model: a folder in ``folder()``, or a name on the hub.
        validation: name of the split to validate on, or None.
        block_size: AutoTrain puts all chats one after another and cuts the text into pieces of so
            many tokens: "packing".
        batch_size: pieces to a step.
        quantization: ``none``, ``int8`` or ``int4``; None leaves it out, and AutoTrain takes int4.

    Introduced in notebook 09.
    """

    project: str
    data: str
    base: str = BASE
    validation: str | None = None
    block_size: int = 512
    epochs: int = 3
    batch_size: int = 2
    learning_rate: float = 3e-3
    scheduler: str = "cosine"
    lora_r: int = 64
    lora_alpha: int = 128
    seed: int = 42
    quantization: str | None = "none"

    def __post_init__(self):
        check_project(self.project)

    def params(self) -> dict:
        """The training parameters by AutoTrain's names; None where YAML says null."""
        params = {
            "block_size": self.block_size,
            "model_max_length": 1024,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "gradient_accumulation": 1,
            "lr": self.learning_rate,
            "scheduler": self.scheduler,
            "optimizer": "adamw_torch",
            "disable_gradient_checkpointing": True,
            "peft": True,
            "target_modules": "all-linear",
            "lora_r": self.lora_r,
            "lora_alpha": self.lora_alpha,
            "lora_dropout": 0.0,
            "mixed_precision": None,
            "padding": "right",
            "seed": self.seed,
        }
        if self.quantization is not None:
            params["quantization"] = None if self.quantization == "none" else self.quantization
        return params

    def yaml(self) -> str:
        """The job as a YAML file's text."""
        values = self.params().items()
        params = "".join(f"  {name}: {yaml_value(value)}\n" for name, value in values)
        return (
            "task: llm-sft\n"
            f"base_model: {self.base}\n"
            f"project_name: {self.project}\n"
            "log: none\n"
            "backend: local\n"
            "data:\n"
            f"  path: {self.data}\n"
            "  train_split: train\n"
            f"  valid_split: {yaml_value(self.validation)}\n"
            "  chat_template: tokenizer\n"
            "  column_mapping:\n"
            "    text_column: messages\n"
            f"params:\n{params}"
        )

    def command(self) -> list[str]:
        """The job as a command line, beginning with ``autotrain``."""
        words = ["autotrain", "llm", "--train", "--trainer", "sft", "--backend", "local",
                 "--model", self.base, "--project-name", self.project, "--data-path", self.data,
                 "--train-split", "train", "--text-column", "messages",
                 "--chat-template", "tokenizer", "--log", "none"]
        if self.validation:
            words += ["--valid-split", self.validation]
        for name, value in self.params().items():
            flag = "--" + name.replace("_", "-")
            if value is True:
                words.append(flag)
            elif value is not False:
                words += [flag, "none" if value is None else str(value)]
        return words

    def form(self, user: str) -> dict[str, str]:
        """The job as the fields of the web page's form, but for the file with the data."""
        params = {name: "none" if value is None else value
                  for name, value in self.params().items()}
        params |= {"chat_template": "tokenizer", "log": "none", "push_to_hub": False}
        return {
            "project_name": self.project,
            "task": "llm:sft",
            "base_model": self.base,
            "hardware": "local-ui",
            "params": json.dumps(params),
            "autotrain_user": user,
            "column_mapping": json.dumps({"text": "messages"}),
        }

    def write_yaml(self) -> Path:
        """Write the YAML file into ``folder()``; gives back its path."""
        path = folder() / f"{self.project}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.yaml(), encoding="utf-8")
        return path


def check_project(name: object) -> None:
    """See that a project may be called so.

    Raises:
        LessonError: with the rule, and a name that would do.
    """
    if isinstance(name, str) and PROJECT_NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return
    better = re.sub(r"[^A-Za-z0-9]+", "-", str(name)).strip("-")[:LONGEST_NAME] or "my-project"
    raise LessonError(
        _("An AutoTrain project cannot be called {name!r}.").format(name=name),
        _("Take English letters, digits and hyphens, at most {most}: {better}.").format(
            most=LONGEST_NAME, better=better),
    )


def write_data(
    name: str, rows: Sequence[dict], validation: Sequence[dict] | None = None
) -> Path:
    """Write chat rows as ``<name>/train.jsonl``, and ``validation.jsonl`` where there are some.

    The built-in model is put beside them: as it is, and in the older form that AutoTrain can
    read. So a YAML file names folders that stand beside it, and no place of this machine.

    Raises:
        LessonError: a row is no chat.

    Introduced in notebook 09.
    """
    target = folder() / name
    target.mkdir(parents=True, exist_ok=True)
    for split, part in (("train", rows), ("validation", validation)):
        if part is None:
            (target / f"{split}.jsonl").unlink(missing_ok=True)
            continue
        lora_rows.check_rows(part, _("Training") if split == "train" else _("Validation"))
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
        (target / f"{split}.jsonl").write_text(text, encoding="utf-8")
    older_copy(None, folder() / BASE)
    with folders.new_folder(folder() / TODAY) as copy:
        shutil.copytree(paths.BUILT_IN, copy, dirs_exist_ok=True)
    return target


def yaml_value(value: object) -> str:
    """A plain value as YAML writes it: 3e-3 would be read as a text, and no as false."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(value, ".10f").rstrip("0") + ("0" if value == int(value) else "")
    text = str(value)
    if isinstance(value, str) and yaml.safe_load(text) != text:  # no, yes, on: YAML reads a truth
        return json.dumps(text)
    return text
