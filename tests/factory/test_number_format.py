"""Pretraining computes in a format that the processor has."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from factory import number_format, pretrain, probe
from lessonlib.common import paths
from lessonlib.lessons import nb12_open_server
from lessonlib.models import device

FEATURE = ("", "AMX")
#: Operations that multiply matrices: the ones that an emulated format makes slow.
PRODUCTS = ("mm", "addmm", "bmm", "linear", "matmul", "scaled_dot_product")


class Products(TorchDispatchMode):
    """Notes the formats in which matrices are multiplied."""

    def __init__(self):
        super().__init__()
        self.formats = set()

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        if any(name in str(operation) for name in PRODUCTS):
            self.formats |= {one.dtype for one in arguments if isinstance(one, torch.Tensor)}
        return operation(*arguments, **(named or {}))


@pytest.fixture
def run(tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    return pretrain.Run(pretrain.Plan(tokens=20_000), tmp_path, 0, 1, compiled=False)


@pytest.mark.parametrize("feature", FEATURE)
def test_a_processor_without_bfloat16_never_emulates_it(run, feature, monkeypatch):
    """Notebook A1 pretrained for over half an hour on a processor without bfloat16, until its
    cell was stopped, and a whole run of the tests came to no end: products of matrices are 70
    times slower there. Autocast asked for the format, and so did PyTorch's Muon."""
    monkeypatch.setattr(number_format, "bfloat16_feature", lambda: feature)
    monkeypatch.setattr(pretrain.batches, "batch", short(pretrain.batches.batch))
    with Products() as seen:
        loss = run.train_step()
    assert 5 < loss < 10
    assert (torch.bfloat16 in seen.formats) == bool(feature), seen.formats
    assert torch.float32 in seen.formats or feature


def short(batch):
    """The same batch, cut: emulated bfloat16 is slow, as said."""
    def shortened(*arguments):
        ids, weights = batch(*arguments)
        return ids[:2, :32], weights[:2, :32]

    return shortened


def test_the_probe_follows(run, monkeypatch):
    monkeypatch.setattr(number_format, "bfloat16_feature", lambda: "")
    monkeypatch.setattr(probe, "_documents", lambda _tokenizer: {"ask": [([5, 6, 7], [0, 1, 1])]})
    with Products() as seen:
        probe.measure(run.model, run.tokenizer)
    assert seen.formats == {torch.float32}


@pytest.mark.parametrize("shape", [(24, 24), (40, 16), (16, 40)])
def test_our_iteration_is_pytorchs_but_for_rounding(shape):
    """Should PyTorch move or change its own, this is where it is seen."""
    from torch.optim import _muon

    theirs = getattr(_muon, number_format._NAME)
    gradient = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    asked = gradient, (3.4445, -4.7750, 2.0315), 5, 1e-7
    ours = number_format.orthogonalised(*asked)
    assert ours.dtype == torch.float32
    assert (ours - theirs(*asked).float()).abs().max() < 0.03


def test_pytorchs_function_is_back_after_a_step(run, monkeypatch):
    from torch.optim import _muon

    theirs = getattr(_muon, number_format._NAME)
    with number_format._in_float32():
        assert getattr(_muon, number_format._NAME) is number_format.orthogonalised
    assert getattr(_muon, number_format._NAME) is theirs


@pytest.mark.parametrize("feature", FEATURE)
def test_a_server_is_told_the_format_where_the_files_one_would_be_emulated(feature, monkeypatch):
    monkeypatch.setattr(device, "_bfloat16_feature", lambda _torch: feature)
    if device.choose_device().value.startswith("cpu"):
        words = nb12_open_server.command("folder")
        assert ("--dtype" in words) == (not feature)
