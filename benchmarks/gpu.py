"""All that can only be measured on a GPU, in one go; writes ``benchmarks/GPU.md``.

    python -m benchmarks.gpu                 on a machine with an NVIDIA GPU
    python -m benchmarks.gpu --dry-run       the same steps with tiny models on a processor

No model is fetched: the models have the real shapes (0.5, 1.5 and 7 billion weights) and random
weights, which take as long and as much memory as trained ones. For each of them, LoRA with the
weights in bfloat16 and QLoRA: tokens per second, the memory that PyTorch had reserved at most
beside our estimate, and MFU, the share of the card's peak that the model's own arithmetic makes
up (Chowdhery et al. 2022, appendix B; counted for LoRA in ``lessonlib/lora/gpu_trial.py``). The
same rows through TRL's trainer with its defaults, and through Unsloth where that is installed.
Last, the built-in model from rows to score.

A dry run writes its table to the screen and no file: numbers of a processor are not a GPU's.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import math
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from lessonlib import lora
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora import base, gpu_trial
from lessonlib.lora import plan as lora_plan
from lessonlib.lora.guards import OutOfMemory, memory_errors
from lessonlib.lora.memory import gigabytes
from lessonlib.measure.evaluation import Method
from lessonlib.measure.local_model import evaluate_here
from lessonlib.models import catalogue
from lessonlib.models.quiet import quiet
from lessonlib.tasks import recipes, text_to_sql
from lessonlib.tasks.prompting import tuned
from lessonlib.tasks.training_rows import chat_rows

REPORT = Path(__file__).with_name("GPU.md")
SHAPES = ("Qwen2.5-Coder-0.5B", "Qwen2.5-Coder-1.5B", "CodeLlama-7b")
#: Peak of dense bfloat16 (float16 on the T4) matrix products, in operations a second, by each
#: maker's data sheet. A card that is not here gets no MFU.
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "A10": 125e12,
         "4090": 165e12, "T4": 65e12}  # fmt: skip
HEAD = ("model", "way", "rows x steps", "tokens/s", "peak memory", "estimate", "MFU")
PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "unsloth")


@dataclass(frozen=True)
class Line:
    """One line of the table, its cells as text."""

    cells: tuple[str, ...]


class Ticks(TrainerCallback):
    """Lets a clock look when Hugging Face's trainer begins, and after each step."""

    def __init__(self, clock: gpu_trial.Clock):
        self.clock = clock

    def on_train_begin(self, *args, **kwargs):
        self.clock.look()

    def on_step_end(self, *args, **kwargs):
        self.clock.look()


def random_model(name: str, folder: Path, dry: bool) -> Path:
    """A model of a real shape with random weights, as a folder; in a dry run a tiny one.

    It gets the built-in model's tokenizer, whose ids are within every vocabulary.
    """
    model = catalogue.find(name)
    small = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, head_dim=16,
                 num_attention_heads=4, num_key_value_heads=2, vocab_size=3072)  # fmt: skip
    config = model.config(bos_token_id=0, eos_token_id=4, pad_token_id=5, **small if dry else {})
    with torch.device("cpu" if dry else "cuda"):
        torch.set_default_dtype(torch.bfloat16)
        try:
            built = AutoModelForCausalLM.from_config(config)
        finally:
            torch.set_default_dtype(torch.float32)
    built.save_pretrained(folder / name)
    AutoTokenizer.from_pretrained(paths.BUILT_IN).save_pretrained(folder / name)
    return folder / name


def rows() -> list[dict]:
    """Rows of the text-to-SQL task: the longer of the course's two."""
    return chat_rows(text_to_sql.load("train"), text_to_sql.messages, text_to_sql.answer)


def ours(name: str, folder: Path, four_bit: bool, steps: int, card) -> Line:
    """``lora.tune`` as planned, but for the 4 bits, which are what is compared."""
    plan = _plan(name, folder, card, four_bit)
    trial = gpu_trial.steps_of(plan, rows(), steps, base=str(folder))
    return Line((name, "QLoRA" if four_bit else "LoRA", _rows_text(plan, steps),
                 f"{trial.tokens_per_second:,.0f}",
                 "" if trial.peak is None else gigabytes(trial.peak),
                 gigabytes(plan.memory.total), _mfu(trial.flops_per_second, card.name)))


def _plan(name: str, folder: Path, card, four_bit: bool):
    """The plan for the card; where 4 bits are asked for or not, the one that differs in that."""
    from lessonlib.lora import memory as lora_memory

    plan = lora_plan.make(name, card)
    settings = replace(plan.settings, four_bit=four_bit)
    model = catalogue.from_folder(folder, name)
    memory = lora_memory.estimate(model, settings, plan.device.value)
    if memory.total > card.memory and not settings.recompute:
        settings = replace(settings, recompute=True)
        memory = lora_memory.estimate(model, settings, plan.device.value)
    return replace(plan, model=model, settings=settings, memory=memory)


def trl_defaults(name: str, folder: Path, steps: int, card) -> Line:
    """The same rows through TRL's trainer, its settings as they come."""
    plan = _plan(name, folder, card, four_bit=False)
    on_gpu = plan.device.value.startswith("cuda")
    each = plan.settings.batch_size * plan.settings.accumulate
    data = rows()
    data = [data[number % len(data)] for number in range(each * (steps + gpu_trial.WARM_UP))]
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    with quiet(), tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(
                folder, dtype=base.FORMATS[plan.device.value.split("-")[1]]),
            args=SFTConfig(
                output_dir=scratch, num_train_epochs=1, assistant_only_loss=True,
                per_device_train_batch_size=plan.settings.batch_size,
                gradient_accumulation_steps=plan.settings.accumulate,
                use_cpu=not on_gpu, save_strategy="no", report_to="none", disable_tqdm=True,
                learning_rate=plan.settings.learning_rate,
            ),
            train_dataset=Dataset.from_list(data),
            processing_class=AutoTokenizer.from_pretrained(folder),
            peft_config=base.adapter_config(plan.settings, merged=False),
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        clock = gpu_trial.Clock(on_gpu)
        trainer.add_callback(Ticks(clock))
        trainer.train()
    tokens = sum(len(row["input_ids"]) for row in trainer.train_dataset)
    speed = clock.speed(tokens)
    flops = gpu_trial.needed_flops(plan) * speed
    return Line((name, "TRL's defaults", _rows_text(plan, steps), f"{speed:,.0f}",
                 gigabytes(torch.cuda.max_memory_reserved()) if on_gpu else "", "",
                 _mfu(flops, card.name)))


def unsloth(name: str, folder: Path, steps: int, card) -> Line:
    """The same with Unsloth's model in TRL's trainer; an empty line where it is not installed."""
    try:
        FastLanguageModel = importlib.import_module("unsloth").FastLanguageModel
    except Exception as error:  # not installed, or no GPU: it raises at import
        reason = f"Unsloth: not run ({type(error).__name__})"
        return Line((name, reason, *[""] * (len(HEAD) - 2)))
    plan = _plan(name, folder, card, four_bit=False)
    each = plan.settings.batch_size * plan.settings.accumulate
    data = rows()
    data = [data[number % len(data)] for number in range(each * (steps + gpu_trial.WARM_UP))]
    torch.cuda.reset_peak_memory_stats()
    model, tokenizer = FastLanguageModel.from_pretrained(
        str(folder), max_seq_length=1024, load_in_4bit=False)
    model = FastLanguageModel.get_peft_model(
        model, r=plan.settings.rank, lora_alpha=2 * plan.settings.rank,
        use_gradient_checkpointing=plan.settings.recompute)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(data),
            args=SFTConfig(
                output_dir=scratch, num_train_epochs=1, report_to="none", save_strategy="no",
                assistant_only_loss=True, disable_tqdm=True,
                per_device_train_batch_size=plan.settings.batch_size,
                gradient_accumulation_steps=plan.settings.accumulate,
            ),
        )  # fmt: skip
        clock = gpu_trial.Clock(True)
        trainer.add_callback(Ticks(clock))
        trainer.train()
    speed = clock.speed(sum(len(row["input_ids"]) for row in trainer.train_dataset))
    flops = gpu_trial.needed_flops(plan) * speed
    return Line((name, "Unsloth", _rows_text(plan, steps), f"{speed:,.0f}",
                 gigabytes(torch.cuda.max_memory_reserved()), "", _mfu(flops, card.name)))


def built_in(dry: bool) -> str:
    """The built-in model from rows to score, on this device: one sentence."""
    began = time.perf_counter()
    train = recipes.load("train")[: 16 if dry else 800]
    settings = lora.LoraSettings(epochs=1 if dry else 8)
    model = lora.tune(chat_rows(train), "gpu-benchmark", settings=settings, show=False)
    loaded = AutoModelForCausalLM.from_pretrained(model.folder, dtype=torch.float32)
    if torch.cuda.is_available():
        loaded = loaded.to("cuda")
    tokenizer = AutoTokenizer.from_pretrained(model.folder)
    questions = recipes.load("test")[: 4 if dry else 200]
    result = evaluate_here(loaded, tokenizer, Method("tuned", model.name, tuned), questions,
                           progress=False)  # fmt: skip
    return (f"The built-in model on {model.device.value}: {len(train)} rows, {settings.epochs} "
            f"epochs in {model.seconds:.1f} s, {model.tokens / model.seconds:,.0f} tokens/s; "
            f"all with measuring in {time.perf_counter() - began:.1f} s; "
            f"micro-F1 {result.metrics()['micro_f1']} on {len(questions)} recipes.")


def _rows_text(plan, steps: int) -> str:
    settings = plan.settings
    text = f"{settings.batch_size} x {settings.accumulate}, {steps} steps"
    return text + (", recomputing" if settings.recompute else "")


def _mfu(flops: float, card: str) -> str:
    peak = next((value for name, value in PEAKS.items() if name in card), None)
    return f"{flops / peak:.1%}" if peak and math.isfinite(flops) else ""


def measure(
    dry: bool, steps: int, shapes: Sequence[str] = SHAPES
) -> tuple[list[Line], str]:
    """All lines of the table, and the sentence on the built-in model."""
    card, lines = catalogue.this_card(), []
    with tempfile.TemporaryDirectory() as scratch:
        for name in shapes:
            planned = name if not dry else "pantry"  # what a tiny model's plan is like
            folder = random_model(name, Path(scratch), dry)
            ways = (
                lambda f=folder, n=planned: ours(n, f, False, steps, card),
                lambda f=folder, n=planned: ours(n, f, True, steps, card),
                lambda f=folder, n=planned: trl_defaults(n, f, steps, card),
                lambda f=folder, n=planned: unsloth(n, f, steps, card),
            )
            for way in ways:
                try:
                    with memory_errors(card.name, 0):
                        line = way()
                except OutOfMemory:
                    line = Line((name, "out of memory", *[""] * (len(HEAD) - 2)))
                line = Line((name, *line.cells[1:]))
                lines.append(line)
                print(" | ".join(line.cells), flush=True)
    return lines, built_in(dry)


def report(lines: list[Line], sentence: str, card: str) -> str:
    """The page ``benchmarks/GPU.md``."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    table = [HEAD, tuple("---" for _cell in HEAD), *(line.cells for line in lines)]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in table)
    return (
        f"# On a GPU\n\nMade by `python -m benchmarks.gpu` on {date.today().isoformat()}, on "
        f"{card}, Python {platform.python_version()}, {', '.join(versions)}. Random weights of "
        f"the real shapes; what is measured is said in `benchmarks/gpu.py`.\n\n{text}\n\n"
        f"{sentence}\n"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="tiny models, no file")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES,
                        help="only models of these shapes")
    parser.add_argument("--out", type=Path, default=REPORT)
    options = parser.parse_args(arguments)
    if not options.dry_run and not torch.cuda.is_available():
        raise LessonError("There is no NVIDIA GPU here.", "Use --dry-run to try the script out.")
    lines, sentence = measure(options.dry_run, options.steps, options.shapes)
    card = catalogue.this_card().name
    text = report(lines, sentence, card)
    print("\n" + text)
    if not options.dry_run:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except LessonError as error:
        raise SystemExit(str(error)) from None
