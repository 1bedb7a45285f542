"""What the measurements of training speed share: TRL's trainer, the held-out loss, the record."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import sys
from datetime import date
from pathlib import Path

import torch
import torch.nn.functional as F
from datasets import Dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import SFTConfig, SFTTrainer

from lessonlib.common import paths
from lessonlib.lora import base
from lessonlib.models.chat_template import NO_LABEL
from lessonlib.models.device import bfloat16_feature

BASE = str(paths.BUILT_IN)
#: Whether the processor computes in bfloat16; else everything is measured in float32.
SHORT = bool(bfloat16_feature())


def trl_trainer(rows, settings, seed, scratch, model=BASE, dtype=torch.float32, **better):
    """TRL's trainer as it comes, but for what makes it the same task."""
    steps = settings.epochs * math.ceil(len(rows) / settings.batch_size)
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model, dtype=dtype),
        args=SFTConfig(
            output_dir=scratch,
            num_train_epochs=settings.epochs,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type=settings.schedule,
            warmup_steps=round(settings.warmup * steps),
            assistant_only_loss=True,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            seed=seed,
            **better,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=base.adapter_config(settings, merged=False),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def padded(batch: list[dict]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and labels of some rows, each (rows, longest row)."""
    longest = max(len(row["input_ids"]) for row in batch)
    lines = [(row["input_ids"], row["labels"], longest - len(row["input_ids"])) for row in batch]
    return (
        torch.tensor([ids + [0] * gap for ids, _labels, gap in lines]),
        torch.tensor([[1] * len(ids) + [0] * gap for ids, _labels, gap in lines]),
        torch.tensor([labels + [NO_LABEL] * gap for _ids, labels, gap in lines]),
    )


@torch.no_grad()
def held_out_loss(adapter: Path, data: list[dict], model: str = BASE, at_once: int = 16) -> float:
    """Mean loss per answer token, by the library's own forward pass in float32."""
    model = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(adapter)).eval()
    total = tokens = 0
    for start in range(0, len(data), at_once):
        ids, mask, labels = padded(data[start : start + at_once])
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1].flatten(0, 1)
        total += float(F.cross_entropy(logits, labels[:, 1:].flatten(), reduction="sum"))
        tokens += int((labels[:, 1:] != NO_LABEL).sum())
    return total / tokens


def section(heading: str, lines: list[tuple], said: str, closing: str) -> str:
    """A part of ``LORA_SPEED.md``: when and how it was made, the table, what it means."""
    names = ("torch", "transformers", "trl", "peft")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    table = [lines[0], tuple("---" for _cell in lines[0]), *lines[1:]]
    rows = "\n".join("| " + " | ".join(cells) + " |" for cells in table)
    command = " ".join(["python -m benchmarks.lora_speed", *sys.argv[1:]])
    return (f"## {heading}\n\nMade by `{command}` "
            f"on {date.today().isoformat()}, Python {platform.python_version()}, {versions}.\n\n"
            f"{said}\n\n{rows}\n\n{closing}\n")


def record(new: str) -> None:
    """Put a section in the place of the one with its heading; the others stay as they are."""
    path = Path(__file__).with_name("LORA_SPEED.md")
    title, *old = path.read_text(encoding="utf-8").split("\n## ")
    kept = {one.partition("\n")[0]: one.rstrip("\n") for one in old}
    new = new.removeprefix("## ").rstrip("\n")
    kept[new.partition("\n")[0]] = new
    path.write_text("\n\n## ".join([title.rstrip("\n"), *kept.values()]) + "\n", encoding="utf-8")
