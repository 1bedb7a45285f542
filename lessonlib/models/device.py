"""Where to compute, in which number format, with how many threads; and the reason for each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

#: device-format. bf16 and fp16 are half as long as fp32: faster where the chip knows them.
DEVICES = ("cuda-bf16", "cuda-fp16", "mps-fp32", "cpu-bf16", "cpu-fp32")


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why, in words."""

    value: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.value}: {self.reason}"


def choose_device(wanted: str = "auto") -> Choice:
    """The best place to train on this machine.

    Args:
        wanted: ``auto``, or one of ``DEVICES`` to insist on it.

    Returns:
        A choice whose value is one of ``DEVICES``.

    Raises:
        LessonError: ``wanted`` is unknown, or this machine does not have it.
    """
    import torch

    here = _best_device(torch)
    if wanted == "auto":
        return here
    if wanted not in DEVICES:
        raise LessonError(
            _("There is no device {name!r}.").format(name=wanted),
            _("Choose 'auto' or one of: {names}.").format(names=", ".join(DEVICES)),
        )
    kind = wanted.split("-")[0]
    if kind != "cpu" and kind != here.value.split("-")[0]:
        raise LessonError(
            _("This machine cannot train on {name}.").format(name=wanted),
            _("Leave the device on 'auto', which finds {found} here.").format(found=here.value),
        )
    return Choice(wanted, _("you asked for it"))


def _best_device(torch) -> Choice:
    """CUDA before Apple's GPU before the CPU; the shortest format that the chip computes in."""
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Choice("cuda-bf16", _("the GPU {name} computes in bfloat16").format(name=name))
        reason = _("the GPU {name} is too old for bfloat16, but computes in float16")
        return Choice("cuda-fp16", reason.format(name=name))
    if torch.backends.mps.is_available():
        return Choice("mps-fp32", _("this Mac's GPU can be used; float32 is the safe format there"))
    if feature := _bfloat16_feature(torch):
        reason = _("no GPU, but the processor computes in bfloat16 ({feature})")
        return Choice("cpu-bf16", reason.format(feature=feature))
    return Choice("cpu-fp32", _("no GPU, and a processor without fast bfloat16"))


def bfloat16_feature() -> str:
    """The name of this processor's bfloat16 unit, or '' where it has none.

    PyTorch computes in bfloat16 on any processor, but without such a unit by converting back
    and forth, which is many times slower than float32.
    """
    import torch

    return _bfloat16_feature(torch)


def _bfloat16_feature(torch) -> str:
    asked = {"AMX": "_is_amx_tile_supported", "AVX-512 BF16": "_is_avx512_bf16_supported"}
    for feature, question in asked.items():
        if getattr(torch.cpu, question, lambda: False)() and torch.backends.mkldnn.is_available():
            return feature
    return ""


def choose_threads(for_answers: bool = False) -> Choice:
    """How many threads PyTorch is to use on a CPU; ``OMP_NUM_THREADS`` overrules both ways.

    For training one, two, or four where there are eight cores or more. More do not help a small
    model, whose operations are short: the threads mostly wait for each other.

    For answers fewer, as the service shares the machine with a notebook, and often with training.
    Measured on two cores with a model of 5.9M parameters, a batch of 32: one thread 2.4 s; two
    threads beside another busy process 22 s, since each step then waits for the thread that has
    no core. A second thread helps only where cores are to spare.

    Args:
        for_answers: how many threads answer, not how many train.
    """
    wish = os.environ.get("OMP_NUM_THREADS", "")
    if wish.isdigit():
        return Choice(max(1, int(wish)), _("OMP_NUM_THREADS says so"))
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if for_answers:
        busy = round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0
        free = max(0, cores - busy)
        reason = _("{free} of {cores} cores are free, and a notebook needs some too")
        return Choice(max(1, min(4, free // 4)), reason.format(free=free, cores=cores))
    threads = 1 if cores < 2 else 2 if cores < 8 else 4
    reason = _("{cores} cores; for a small model more threads would mostly wait for each other")
    return Choice(threads, reason.format(cores=cores))


def share_out(threads: int) -> tuple[int, int]:
    """Lanes, and threads in each: how ``threads`` are best used for one training step.

    Two lanes take half of a batch each and meet only when both are done. Threads that share
    single operations meet thousands of times a step instead, and wait for each other by running
    idle: where another program needs one of the cores, that stops them all. With two threads
    for one lane on two busy cores we measured a sixteenth of the speed of one thread.
    """
    lanes = min(2, threads)
    return lanes, threads // lanes
