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
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PrinterCallback,
)
from trl import SFTConfig

from lessonlib import lora_rows, lora_saving, open_models
from lessonlib.errors import LessonError
from lessonlib.hub_errors import hub_errors
from lessonlib.i18n import _
from lessonlib.lora_device import choose_threads, share_out
from lessonlib.lora_progress import Lines, LivePicture, Point, Recorder, in_notebook
from lessonlib.lora_settings import LoraSettings
from lessonlib.lora_speed import PLAIN_MODELS, AnswerTrainer, MergedLinear, use_fast_norm
from lessonlib.models_chat_template import use_training_template
from lessonlib.models_peft import Linear, LoraConfig, plain_layers

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
    model, tokenizer = load_base(base, device, settings.four_bit)
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
        lora_saving.save_adapter(trainer.model, folder)
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
    plain = settings.dropout == 0 and not settings.four_bit and not settings.recompute
    merged = small and plain and not device.endswith("fp16")
    trainer = AnswerTrainer(
        model=model,
        args=_arguments(settings, seed, device, _steps(data, settings), merged, scratch),
        train_dataset=Dataset.from_list(data),
        eval_dataset=Dataset.from_list(checks) if checks else None,
        processing_class=tokenizer,
        peft_config=adapter_config(settings, merged),
    )
    trainer.remove_callback(PrinterCallback)
    if settings.four_bit and not device.endswith("bf16"):
        # TRL puts a 4-bit model's adapter into bfloat16, which a device without it cannot scale.
        for weight in trainer.model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
    if device.startswith("cpu"):
        lanes, threads = share_out(choose_threads().value)
        # Dropout draws from one source: in two lanes, who draws what would be up to chance.
        trainer.use_lanes(*((1, threads) if settings.dropout else (lanes, threads)))
    return trainer


def _steps(data: list[dict], settings: LoraSettings) -> int:
    return settings.epochs * math.ceil(len(data) / (settings.batch_size * settings.accumulate))


def load_base(base: str, device: str, four_bit: bool = False):
    """Model and tokenizer, in the device's number format, ready for an adapter.

    Args:
        base: a folder, or a hub name; one that ``open_models`` knows is loaded in the revision
            that stands there.
        four_bit: its large matrices in 4 bits a weight, in the format NF4 of QLoRA.

    Raises:
        LessonError: it cannot be had or read; says why, and the cure.
    """
    dtype = FORMATS[device.split("-")[1]]
    extra = {}
    if four_bit:
        check_four_bit()
        extra = {"quantization_config": four_bit_config(dtype), "device_map": device.split("-")[0]}
    with hub_errors(base):
        tokenizer = AutoTokenizer.from_pretrained(base, **open_models.pinned(base))
        model = AutoModelForCausalLM.from_pretrained(
            base, dtype=dtype, **open_models.pinned(base), **extra
        )
    use_training_template(tokenizer)
    model.config.use_cache = False
    if model.config.model_type in PLAIN_MODELS:
        use_fast_norm(model)
        kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
        if device == "cpu-bf16" and kinds == {"full_attention"}:
            model.set_attn_implementation("plain")
    return model, tokenizer


def check_four_bit() -> None:
    """See that 4-bit weights are possible here.

    Raises:
        LessonError: the package bitsandbytes is missing, or does not fit this machine.
    """
    try:
        import bitsandbytes
    except Exception as error:  # an import of compiled code can fail in many ways
        raise LessonError(
            _("4-bit weights need the package bitsandbytes: {error}.").format(error=error),
            _("Install it (pip install bitsandbytes), or leave four_bit out."),
        ) from error
    del bitsandbytes


def four_bit_config(compute: torch.dtype) -> BitsAndBytesConfig:
    """NF4 with its scales quantised once more: 0.52 bytes a weight (Dettmers et al. 2023)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


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
    if settings.four_bit:  # PEFT has a layer of its own for these
        return config
    return plain_layers(config, MergedLinear if merged else Linear)


def _arguments(
    settings: LoraSettings, seed: int, device: str, steps: int, merged: bool, scratch: str
) -> SFTConfig:
    """TRL's settings. Where we leave TRL's default, the reason stands beside it."""
    kind, number = device.split("-")
    return SFTConfig(
        output_dir=scratch,
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
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
        gradient_checkpointing=settings.recompute,
        gradient_checkpointing_kwargs={"use_reentrant": False},
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
