"""One training script for one process or many, for one machine or several.

    python -m lessonlib.lora.script rows.jsonl --out work/adapters/mine
    accelerate launch --config_file data/accelerate/two_processes.yaml \\
        -m lessonlib.lora.script rows.jsonl --out work/adapters/mine

Each process trains on its own part of a batch; before each step they add up their gradients. So
the number of processes changes how long it takes, not what is learned: ``--batch`` is the number of
rows in one step, of all processes together. This file does nothing about processes but divide by
their number; TRL's trainer and accelerate do the rest, even when the model is so large that the
processes share its weights (``data/accelerate/fsdp.yaml``).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora import rows as lora_rows
from lessonlib.models import folders
from lessonlib.models.chat_template import NO_THINKING, use_training_template
from lessonlib.models.loading import load_model, load_tokenizer


def read_rows(path: Path) -> list[dict]:
    """Chat rows from a training file, as prompt and completion: only the latter is learned.

    Raises:
        LessonError: the file is missing or a row is not a chat that ends in an answer.
    """
    from lessonlib import chat_files

    rows = chat_files.read(path)
    lora_rows.check_rows(rows, _("Training"))
    return [{"prompt": row["messages"][:-1], "completion": row["messages"][-1:],
             "chat_template_kwargs": NO_THINKING} for row in rows]  # fmt: skip


def train(options: argparse.Namespace) -> list[float]:
    """Train an adapter and save it; returns the loss of each step."""
    import torch
    from accelerate import PartialState
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    cpu = not torch.cuda.is_available()
    processes = PartialState(cpu=cpu).num_processes
    if options.batch % processes:
        raise LessonError(
            _("{batch} rows cannot be shared out evenly among {processes} processes.").format(
                batch=options.batch, processes=processes),
            _("Give a --batch that is a multiple of {processes}.").format(processes=processes),
        )  # fmt: skip
    base = folders.find_base(options.base)
    tokenizer = load_tokenizer(base)
    model = load_model(base, dtype=torch.float32 if cpu else torch.bfloat16)
    use_training_template(tokenizer)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(
                output_dir=scratch,
                num_train_epochs=options.epochs,
                per_device_train_batch_size=options.batch // processes,
                learning_rate=options.rate,
                use_cpu=cpu,
                bf16=not cpu,
                gradient_checkpointing=not cpu,
                max_length=None,
                logging_steps=1,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                seed=options.seed,
            ),
            train_dataset=Dataset.from_list(read_rows(options.rows)),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=options.rank, lora_alpha=2 * options.rank, target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
        )  # fmt: skip
        trainer.train()
        # All processes take part: where they share the weights, each has a piece of them.
        trainer.save_model(str(options.out))
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    if trainer.accelerator.is_main_process:
        record = {"processes": processes, "batch": options.batch, "losses": losses}
        (options.out / "losses.json").write_text(json.dumps(record), encoding="utf-8")
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m lessonlib.lora.script", description=__doc__.splitlines()[0]
    )
    parser.add_argument("rows", type=Path, help="chat rows, a .jsonl file")
    parser.add_argument("--out", type=Path, required=True, help="folder for the adapter")
    parser.add_argument("--base", help="the built-in model if not given")
    parser.add_argument("--batch", type=int, default=16, help="rows in one step, all processes")
    parser.add_argument("--epochs", type=float, default=1)
    parser.add_argument("--rate", type=float, default=3e-3, help="learning rate")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    try:
        train(parser.parse_args())
    except LessonError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
