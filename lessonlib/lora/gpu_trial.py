"""Try a plan on this machine's GPU: a few steps, tokens per second, and the true peak of memory.

    trial = gpu_trial.run("Qwen3-0.6B", rows)
    print(trial)

Without a GPU, ``run`` says so in one line and returns None.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lessonlib.common.i18n import _
from lessonlib.lora import plan as lora_plan
from lessonlib.lora import rows as lora_rows
from lessonlib.lora.memory import gigabytes
from lessonlib.lora.plan import Plan
from lessonlib.models import folders

#: Steps that are not timed: the first ones choose kernels and fill the allocator.
WARM_UP = 2


@dataclass(frozen=True)
class Trial:
    """What a few steps took.

    Attributes:
        plan: how they were made.
        tokens_per_second: tokens of the rows, padding not counted.
        peak: bytes that PyTorch had reserved at most; None on a processor, where nobody counts.
        flops_per_second: floating-point operations that the model needs for them (see
            ``needed_flops``), not those that the card may have spent on top.
        losses: of each step.
    """

    plan: Plan
    tokens_per_second: float
    peak: int | None
    flops_per_second: float
    losses: list[float]

    def __str__(self) -> str:
        text = _("{model}: {speed:,.0f} tokens/s; memory {estimate} by the estimate").format(
            model=self.plan.model.name, speed=self.tokens_per_second,
            estimate=gigabytes(self.plan.memory.total))
        if self.peak is not None:
            text += _(", {peak} measured").format(peak=gigabytes(self.peak))
        return text


def run(name: str, rows: Sequence[dict], steps: int = 12, plan: Plan | None = None) -> Trial | None:
    """A few training steps of an open model on this machine's GPU.

    Raises:
        LessonError: the model cannot be had, or does not fit.

    Introduced in notebook 12.
    """
    import torch

    if not torch.cuda.is_available():
        print(_("Not run: this machine has no NVIDIA GPU, and on its processor {name} would take"
                " long.").format(name=name))  # fmt: skip
        return None
    plan = plan or lora_plan.make(name)
    return steps_of(plan, rows, steps, base=folders.find_base(name))


def steps_of(plan: Plan, rows: Sequence[dict], steps: int, base: str) -> Trial:
    """Train some steps as planned; nothing is kept. ``base``: what is loaded, a name or folder."""
    import torch

    from lessonlib.lora import base as lora_base
    from lessonlib.lora import loop
    from lessonlib.models.quiet import quiet

    settings = replace(plan.settings, epochs=1, warmup=0.0)
    device, on_gpu = plan.device.value, plan.device.value.startswith("cuda")
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with quiet():
        model, tokenizer = lora_base.load(base, settings, device, seed=0)
        each = settings.batch_size * settings.accumulate
        rows = [rows[number % len(rows)] for number in range(each * (steps + WARM_UP))]
        data = lora_rows.tokenise(rows, tokenizer, plan.model.context, _("Training"))
        learner, clock, losses = loop.Learner(model, settings, device), Clock(on_gpu), []

        def watch(point, _epoch_is_over) -> None:
            clock.look()
            losses.append(point.train_loss)

        with learner.at_work():
            clock.look()
            loop.train(learner, data, [], 0, watch)
    speed = clock.speed(sum(len(row["input_ids"]) for row in data))
    peak = torch.cuda.max_memory_reserved() if on_gpu else None
    return Trial(plan, speed, peak, needed_flops(plan) * speed, losses)


def needed_flops(plan: Plan) -> float:
    """Floating-point operations that one token needs in LoRA training.

    Two for each weight forward, two for each to bring the error back through the frozen weights
    (whose own gradients are not computed: with full training it would be two more), and six for
    each weight of the adapter (Hoffmann et al. 2022, appendix F, counted for LoRA).
    """
    model = plan.model
    computing = model.matrices + model.width * model.vocabulary * 0.2  # scores: answers alone
    return 4 * computing + 6 * model.adapter_weights(plan.settings.rank)


class Clock:
    """The time before the first step and after each, when the GPU has finished it."""

    def __init__(self, on_gpu: bool):
        self.on_gpu, self.times = on_gpu, []

    def look(self) -> None:
        if self.on_gpu:
            import torch

            torch.cuda.synchronize()
        self.times.append(time.perf_counter())

    def speed(self, tokens: int) -> float:
        """Tokens a second without the first steps, for a run that saw ``tokens`` in all.

        Batches are drawn at random, so the timed steps saw their share of the tokens.
        """
        steps = len(self.times) - 1
        share = (steps - WARM_UP) / steps
        return tokens * share / (self.times[-1] - self.times[WARM_UP])
