"""The training run itself: base model and rows in, adapter folder out."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from peft.tuners.lora import Linear
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl import SFTConfig

from lessonlib import lora_rows
from lessonlib.errors import LessonError
from lessonlib.i18n import _
from lessonlib.lora_device import choose_threads, share_out
from lessonlib.lora_progress import Lines, LivePicture, Point, Recorder, in_notebook
from lessonlib.lora_settings import LoraSettings
from lessonlib.lora_speed import PLAIN_MODELS, AnswerTrainer, MergedLinear, use_fast_norm

FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
#: Up to this width adding up the matrices first is cheaper than three multiplications.
WIDEST_MERGED = 512


@dataclass(frozen=True)
class Run:
    """``history``: see ``lora_progress.Point``. ``tokens``: rows' tokens times epochs."""

    history: list[Point]
    tokens: int


def train(
    rows: Sequence[dict],
    validation: Sequence[dict] | None,
    base: str,
    settings: LoraSettings,
    seed: int,
    device: str,
    folder: Path,
    show: bool,
) -> Run:
    """Train on checked rows and write the adapter to ``folder``.

    Raises:
        LessonError: the base model cannot be loaded, or a row is too long for it.
    """
    model, tokenizer = load_base(base, device)
    longest = min(model.config.max_position_embeddings, settings.max_length or 10**9)
    data = lora_rows.tokenise(rows, tokenizer, longest, _("Training"))
    checks = validation and lora_rows.tokenise(validation, tokenizer, longest, _("Validation"))
    with contextlib.ExitStack() as stack:
        watchers = []
        if show and in_notebook():
            watchers = [LivePicture(_steps(data, settings))]
            stack.callback(watchers[0].close)
        elif show:
            watchers = [Lines(settings.epochs)]
        # The trainer changes the number of threads for all of PyTorch; put it back afterwards.
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        trainer = make_trainer(model, tokenizer, data, checks, settings, seed, device, scratch)
        recorder = Recorder(
            trainer.validation_loss if checks else None,
            folder if settings.keep_checkpoints else None,
            watchers,
        )
        trainer.add_callback(recorder)
        trainer.train()
        trainer.model.save_pretrained(folder)
    for card in folder.rglob("README.md"):  # PEFT's model card, all of it still to be filled in
        card.unlink()
    return Run(recorder.history, settings.epochs * sum(len(row["input_ids"]) for row in data))


def make_trainer(
    model,
    tokenizer,
    data: list[dict],
    checks: list[dict] | None,
    settings: LoraSettings,
    seed: int,
    device: str,
    scratch: str,
) -> AnswerTrainer:
    """The trainer for tokenised rows. ``scratch``: an empty folder that may be thrown away."""
    small = model.config.hidden_size <= WIDEST_MERGED
    merged = small and settings.dropout == 0 and not device.endswith("fp16")
    trainer = AnswerTrainer(
        model=model,
        args=_arguments(settings, seed, device, _steps(data, settings), merged, scratch),
        train_dataset=Dataset.from_list(data),
        eval_dataset=Dataset.from_list(checks) if checks else None,
        processing_class=tokenizer,
        peft_config=adapter_config(settings, merged),
    )
    trainer.remove_callback(PrinterCallback)
    if device.startswith("cpu"):
        lanes, threads = share_out(choose_threads().value)
        # Dropout draws from one source: in two lanes, who draws what would be up to chance.
        trainer.use_lanes(*((1, threads) if settings.dropout else (lanes, threads)))
    return trainer


def _steps(data: list[dict], settings: LoraSettings) -> int:
    return settings.epochs * math.ceil(len(data) / settings.batch_size)


def load_base(base: str, device: str):
    """Model and tokenizer, in the device's number format, ready for an adapter."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=FORMATS[device.split("-")[1]])
    except (OSError, ValueError) as error:
        raise LessonError(
            _("The base model {base} cannot be loaded: {error}.").format(
                base=base, error=(str(error).splitlines() or [""])[0]
            ),
            _("Check the name, the network, and that the folder is complete."),
        ) from error
    lora_rows.use_training_template(tokenizer)
    model.config.use_cache = False
    if model.config.model_type in PLAIN_MODELS:
        use_fast_norm(model)
        kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
        if device == "cpu-bf16" and kinds == {"full_attention"}:
            model.set_attn_implementation("plain")
    return model, tokenizer


def adapter_config(settings: LoraSettings, merged: bool) -> LoraConfig:
    """PEFT's description of the adapter; ``merged``: computed by ``MergedLinear``."""
    targets = settings.targets
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha or 2 * settings.rank,
        lora_dropout=settings.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )
    # Told which layer to use, PEFT does not try others, where it stops at Colab's old torchao.
    config._register_custom_module({torch.nn.Linear: MergedLinear if merged else Linear})
    return config


def _arguments(
    settings: LoraSettings, seed: int, device: str, steps: int, merged: bool, scratch: str
) -> SFTConfig:
    """TRL's settings. Where we leave TRL's default, the reason stands beside it."""
    kind, number = device.split("-")
    return SFTConfig(
        output_dir=scratch,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=2 * settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=round(settings.warmup * steps),
        optim="adamw_torch_fused" if kind != "mps" else "adamw_torch",
        weight_decay=0.0,
        seed=seed,
        use_cpu=kind == "cpu",
        # The model is in its format already; only large ones need PyTorch's automatic casts,
        # for the adapter beside them, and float16 needs them for its loss scaling.
        bf16=number == "bf16" and not merged,
        fp16=number == "fp16",
        gradient_checkpointing=False,  # saves memory by computing twice; small models need none
        max_length=None,  # too long rows were refused: nothing is cut off in silence
        logging_steps=1,
        save_strategy="no",  # we keep adapters ourselves, without the optimizer's state
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=kind == "cuda",
    )


def show_result(model) -> None:
    """The final picture in a notebook, a closing line in a terminal."""
    if in_notebook():
        from IPython.display import display

        display(model.picture())
    else:
        print(model, flush=True)
