"""In which number format pretraining computes: bfloat16 where the chip can, else float32.

PyTorch computes in bfloat16 on any processor, but without a unit for it some 70 times slower than
in float32 (a product of 1024 x 256 by 256 x 1024 numbers on one core of a server without such a
unit, measured once: 680 ms against 10 ms). PyTorch's Muon has bfloat16 written into its code;
``Muon`` here has not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from lessonlib.models.device import bfloat16_feature

#: Where PyTorch's Muon keeps the function that computes in bfloat16.
_PLACE, _NAME = "torch.optim._muon", "_zeropower_via_newtonschulz"


def has_bfloat16(device: str) -> bool:
    """Whether ``device``, "cuda" or "cpu", computes in bfloat16 rather than emulating it."""
    return device == "cuda" or bool(bfloat16_feature())


def autocast(device: str) -> torch.autocast:
    """Within it matrices are multiplied in bfloat16, where that is the faster way."""
    return torch.autocast(device, torch.bfloat16, enabled=has_bfloat16(device))


class Muon(torch.optim.Muon):
    """PyTorch's Muon; on a processor without bfloat16 it computes in float32."""

    def step(self, closure=None):
        """One step, as PyTorch's."""
        place = self.param_groups[0]["params"][0].device.type
        with contextlib.nullcontext() if has_bfloat16(place) else _in_float32():
            return super().step(closure)


@contextlib.contextmanager
def _in_float32() -> Iterator[None]:
    import importlib

    module = importlib.import_module(_PLACE)
    theirs = getattr(module, _NAME)
    setattr(module, _NAME, orthogonalised)
    try:
        yield
    finally:
        setattr(module, _NAME, theirs)


def orthogonalised(
    gradient: torch.Tensor, coefficients: tuple[float, float, float], steps: int, eps: float
) -> torch.Tensor:
    """The Newton-Schulz iteration of Muon in the gradient's own format.

    Args:
        gradient: (rows, columns).
        coefficients: of the quintic polynomial, (a, b, c).
        steps: how often it is applied.
        eps: the least norm to divide by.

    Returns:
        (rows, columns): nearly U V^T, where the gradient is U S V^T.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/.
    """
    a, b, c = coefficients
    flat = gradient.T if gradient.size(0) > gradient.size(1) else gradient
    x = flat / flat.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if gradient.size(0) > gradient.size(1) else x
