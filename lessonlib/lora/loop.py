"""The training loop, from top to bottom: ``train`` goes through the rows, ``Learner`` takes a step.

``lora.tune`` and the jobs of the practice service both train with these lines. Whatever a step
depends on follows from its number and the seed, or is in ``Learner.state``. So training can stop
after any step and go on from there, and the same rows, settings and seed give the same adapter on
the same machine with the same number of threads.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from lessonlib.lora.base import FORMATS
from lessonlib.lora.history import Point
from lessonlib.lora.loss import answer_nats, answer_tokens, padded
from lessonlib.lora.settings import ROWS_AT_ONCE, LoraSettings
from lessonlib.lora.speed import LeanLinear, LengthBatches, MergedLinear
from lessonlib.models.device import choose_threads, share_out
from lessonlib.models.peft import get_peft_model_state_dict, set_peft_model_state_dict

#: Longer gradients are shortened to this length, as in Hugging Face's trainer.
LONGEST_GRADIENT = 1.0


def train(
    learner: Learner,
    rows: Sequence[dict],
    checks: Sequence[dict],
    seed: int,
    watch: Callable[[Point, bool], None],
    start: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Learn from all rows, ``settings.epochs`` times.

    Args:
        learner: at work (``with learner.at_work(): ...``).
        rows, checks: to learn from, and to measure on after each epoch, both as in
            ``lora.loss``. There may be no ``checks``.
        watch: told of each step and whether an epoch ended with it, as ``watch(point, True)``.
        start: steps that were taken before an interruption.
        stop: asked before each step; the training ends where it says True.
    """
    settings, began = learner.settings, time.perf_counter()
    lengths = [len(row["input_ids"]) for row in rows]
    order = LengthBatches(lengths, settings.batch_size * settings.accumulate, seed)
    step, total = start, settings.epochs * len(order)
    while step < total:
        epoch, place = divmod(step, len(order))
        for batch in order.epoch(epoch)[place:]:  # rows of like length together
            if stop():
                return
            rate = learning_rate(step, total, settings)
            loss, accuracy = learner.learn([rows[number] for number in batch], rate)
            step += 1
            over = step % len(order) == 0
            checked = learner.measure(checks) if checks and over else (None, None)
            seconds, epochs = time.perf_counter() - began, step / len(order)
            watch(Point(step, epochs, loss, checked[0], seconds, accuracy, checked[1]), over)


def steps(rows: Sequence[dict], settings: LoraSettings) -> int:
    """How many steps ``train`` takes; in each ``batch_size * accumulate`` rows are learned from."""
    return settings.epochs * math.ceil(len(rows) / (settings.batch_size * settings.accumulate))


def learning_rate(done: int, total: int, settings: LoraSettings) -> float:
    """The learning rate after ``done`` of ``total`` steps: up over the warmup, then as scheduled.

    Cosine: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983.
    """
    warmup = round(settings.warmup * total)
    if done < warmup:
        return settings.learning_rate * (done + 1) / (warmup + 1)
    share = (done - warmup) / max(1, total - warmup)
    left = {
        "cosine": 0.5 * (1 + math.cos(math.pi * share)),
        "linear": 1 - share,
        "constant_with_warmup": 1.0,
    }
    return settings.learning_rate * left[settings.schedule]


class Learner:
    """A model with a LoRA adapter, and the optimizer of the adapter's weights.

    Args:
        model: of PEFT, from ``lora.load``.
        device: where it computes, one of ``models.device.DEVICES``.
    """

    def __init__(self, model, settings: LoraSettings, device: str):
        self.kind, number = device.split("-")
        self.model, self.settings = model, settings
        if not settings.four_bit:  # those are there already, and cannot be moved
            model.to(self.kind)
        self.parameters = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(  # https://arxiv.org/abs/1711.05101
            self.parameters, settings.learning_rate, weight_decay=0.0, fused=self.kind != "mps"
        )
        # Our own layers compute in the model's format throughout. PEFT's need PyTorch's casts for
        # the adapter, which is in float32; and in float16 small gradients would vanish, so the
        # loss is scaled.
        ours = any(isinstance(module, MergedLinear | LeanLinear) for module in model.modules())
        self._cast = None if ours or number == "fp32" else FORMATS[number]
        self._scaler = torch.amp.GradScaler(self.kind, enabled=device == "cuda-fp16")
        self._lanes: ThreadPoolExecutor | None = None
        if settings.recompute:
            model.gradient_checkpointing_enable({"use_reentrant": False})

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """On a CPU: two lanes, that is threads that compute half of the rows each.

        PyTorch's number of threads is that of the whole process; afterwards it is as it was.
        """
        if self.kind != "cpu":
            yield
            return
        before = torch.get_num_threads()
        lanes, threads = share_out(choose_threads().value)
        torch.set_num_threads(threads)
        # Dropout draws from one source: in two lanes, who draws what would be up to chance.
        if lanes > 1 and not self.settings.dropout:
            self._lanes = ThreadPoolExecutor(lanes, "lane", torch.set_num_threads, (threads,))
        try:
            yield
        finally:
            if self._lanes:
                self._lanes.shutdown()
            self._lanes = None
            torch.set_num_threads(before)

    def learn(self, rows: Sequence[dict], rate: float) -> tuple[float, float]:
        """One step on these rows, with this learning rate.

        A large batch is computed in parts, and each part by the lanes. The gradients are added
        in the order of the parts, whichever is done first: so a step can be repeated exactly.

        Returns:
            Mean loss per answer token in nats, and the share of answer tokens that the model
            would have chosen itself; both from before the step.
        """
        self.model.train()
        count, total, right, sums = answer_tokens(rows), 0.0, 0, None
        for loss, hits, gradients in self._parts(rows, count, learning=True):
            total, right = total + loss, right + hits
            sums = torch._foreach_add(sums, gradients) if sums else gradients
            del gradients  # else they lie in memory while the next part is computed
        for weight, gradient in zip(self.parameters, sums, strict=True):
            weight.grad = gradient
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.parameters, LONGEST_GRADIENT)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        self.optimizer.zero_grad()
        return float(total) / count, float(right) / count

    def measure(self, rows: Sequence[dict]) -> tuple[float, float]:
        """The same two numbers for other rows, from which nothing is learned."""
        self.model.eval()
        count, total, right = answer_tokens(rows), 0.0, 0
        rows = sorted(rows, key=lambda row: len(row["input_ids"]))
        for loss, hits, _gradients in self._parts(rows, count, learning=False):
            total, right = total + loss, right + hits
        return float(total) / count, float(right) / count

    def state(self) -> dict:
        """All that the next step depends on, for ``torch.save``."""
        return {
            "adapter": get_peft_model_state_dict(self.model),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """Go back to where ``state`` was taken."""
        set_peft_model_state_dict(self.model, state["adapter"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])

    def _parts(self, rows: Sequence[dict], count: int, learning: bool) -> Iterator[tuple]:
        """What ``_forward`` gives for as many rows at a time as are in memory together."""
        size = min(self.settings.batch_size, ROWS_AT_ONCE)
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        if self._lanes is None:
            return (self._forward(part, count, learning) for part in parts)
        # Every other row, so that both halves are equally long.
        halves = [half for part in parts for half in (part[::2], part[1::2]) if half]
        return self._lanes.map(lambda half: self._forward(half, count, learning), halves)

    def _forward(self, rows: Sequence[dict], count: int, learning: bool) -> tuple:
        """What these rows add to the loss and to the right answers, and to the mean's gradients."""
        with (
            torch.set_grad_enabled(learning),
            torch.autocast(self.kind, self._cast, enabled=self._cast is not None),
        ):
            ids_and_labels = padded(rows, self.kind)
            loss, right = answer_nats(self.model.get_base_model(), *ids_and_labels, "sum")
        gradients = learning and torch.autograd.grad(
            self._scaler.scale(loss / count), self.parameters, materialize_grads=True
        )
        return loss.detach(), right.sum(), gradients
