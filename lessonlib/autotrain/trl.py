"""``trl sft --config file.yaml``: tuning without code, by today's libraries.

TRL's command line trains from a YAML file as AutoTrain does, on the packages that the course has
anyway. Its keys are the arguments of TRL's ``SFTConfig``, ``ModelConfig`` and ``ScriptArguments``
(documentation of TRL, page "Command Line Interfaces"). ``pack`` counts what the older TRL beneath
AutoTrain makes of chats.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from lessonlib.autotrain import job as autotrain_job
from lessonlib.autotrain import watch
from lessonlib.autotrain.watch import Training
from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory
from lessonlib.models.device import choose_device


def config(output: str, data: str, job: autotrain_job.Job, answers_only: bool = True) -> str:
    """The text of a YAML file that asks ``trl sft`` for the same training as an AutoTrain job.

    Args:
        output: name of the output folder, in ``work/autotrain``.
        data: folder with ``train.jsonl`` and ``validation.jsonl``, in ``work/autotrain``.
        job: from whose settings rows, epochs, learning rate, rank and seed are taken.
        answers_only: let the loss count the assistant's answers alone, which AutoTrain cannot.

    Introduced in notebook 09.
    """
    # AutoTrain's pieces hold several chats each; so many chats make a step of the same size.
    chats = max(1, round(job.batch_size * job.block_size / TOKENS_OF_A_CHAT))
    kind = choose_device("auto").value
    values = {
        "model_name_or_path": autotrain_job.TODAY,
        "dataset_name": data,
        "output_dir": output,
        "max_length": 1024,
        "packing": False,
        "assistant_only_loss": answers_only,
        "num_train_epochs": job.epochs,
        "per_device_train_batch_size": chats,
        "learning_rate": job.learning_rate,
        "lr_scheduler_type": job.scheduler,
        "warmup_steps": 0.1,
        "seed": job.seed,
        "use_peft": True,
        "lora_r": job.lora_r,
        "lora_alpha": job.lora_alpha,
        "lora_dropout": 0.0,
        "lora_target_modules": "all-linear",
        "gradient_checkpointing": False,
        "eval_strategy": "epoch",
        "dataset_test_split": "validation",
        "logging_steps": 10,
        "save_strategy": "no",
        "report_to": "none",
        "bf16": kind == "cuda-bf16",
        "use_cpu": kind.startswith("cpu"),
    }
    return "".join(f"{name}: {autotrain_job.yaml_value(value)}\n" for name, value in values.items())


#: Bytes available below which ``trl sft`` is started without its launcher; with it, the training
#: of notebook 09 takes 1.3 GB (measured).
SCARCE_MEMORY = 1.5e9
#: Mean length of a recipe's chat in the built-in model's tokens (measured on the training set).
TOKENS_OF_A_CHAT = 150


def write_config(text: str, name: str) -> Path:
    """Write the YAML file into ``work/autotrain``; gives back its path.

    Introduced in notebook 09.
    """
    path = autotrain_job.folder() / f"{name}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def sft(path: str | Path, again: bool = False, show: bool = True) -> Training:
    """``trl sft --config <file>``; gives back the training.

    Args:
        path: the file, in ``work/autotrain``.
        again: train also where the very same training was done here before.

    Raises:
        LessonError: a key that we rely on is missing, or there is no adapter afterwards.

    Introduced in notebook 09.
    """
    path, folder = Path(path), autotrain_job.folder()
    text = read_text(path)
    values = yaml.safe_load(text)
    for name in ("output_dir", "dataset_name", "model_name_or_path"):
        if not isinstance(values, dict) or not values.get(name):
            raise LessonError(
                _("{file}: {key} is missing.").format(file=path.name, key=name),
                _("Write it as trl.config does."))
    output, log = folder / values["output_dir"], folder / f"{values['output_dir']}.log"
    key = watch.key_of([text], folder / values["dataset_name"],
                         folder / values["model_name_or_path"])
    command = [sys.executable, "-m", *_program(), "--config", path.name]
    return watch.once(
        output, log, key,
        lambda: watch.train(command, folder, output, _variables(folder), log, show), again, show)


def _program() -> list[str]:
    """What ``trl sft`` is: a launcher, which starts TRL's script and waits for its end.

    Waiting takes it 0.3 GB. Where memory is scarce the script is started without it: the same
    training, by the same words.
    """
    free = available_memory()
    if free is not None and free < SCARCE_MEMORY:
        return ["trl.scripts.sft"]
    return ["trl.cli.main", "sft"]


def _variables(folder: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return {**env, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1",
            "HF_HOME": str(folder / "home"), "TRL_EXPERIMENTAL_SILENCE": "1"}


@dataclass(frozen=True)
class Packed:
    """What packing made of texts.

    Attributes:
        pieces: pieces of full length.
        cut: texts with a border inside, so that no piece holds them whole.
        dropped: tokens at the end that fill no piece; nothing is learned from them.
    """

    pieces: int
    cut: int
    dropped: int


def pack(lengths: Sequence[int], block_size: int) -> Packed:
    """*Packing*: put all texts one after another, and cut the whole into pieces of equal length.

    So no place in a batch is left empty, which saves time where texts are long and many. The
    borders fall where they fall: a text is cut in two, and the halves are learned as if they had
    nothing to do with each other. (Raffel et al. 2020, https://arxiv.org/abs/1910.10683, section
    3.1.1; trainers have finer ways today. Here it is done as in TRL 0.13,
    ``ConstantLengthDataset``, which AutoTrain uses.)

    Args:
        lengths: of the texts, in tokens. One more token is put after each, as TRL 0.13 does.
        block_size: the pieces' length in tokens.

    Introduced in notebook 09.
    """
    place, cut = 0, 0
    for length in lengths:
        begins, place = place, place + length + 1
        cut += begins // block_size != (place - 1) // block_size
    return Packed(place // block_size, cut, place % block_size)
