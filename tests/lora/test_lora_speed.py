"""What is done for speed must change nothing: each part against what it replaces."""

import random
import types

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from lessonlib.common.errors import LessonError
from lessonlib.lora.loss import answer_loss
from lessonlib.lora.speed import LengthBatches, MergedLinear, plain_attention, use_fast_norm
from lessonlib.models import device

SHAPE = dict(
    vocab_size=50,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
)


def tiny(kind=Qwen2ForCausalLM, attention="eager"):
    torch.manual_seed(0)
    config = {Qwen2ForCausalLM: Qwen2Config, LlamaForCausalLM: LlamaConfig}[kind](**SHAPE)
    config._attn_implementation = attention
    model = kind(config)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(weight, 1.0, 0.3)
    return model


def adapted(model, merged):
    torch.manual_seed(1)
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules="all-linear",
        init_lora_weights=False,  # B is not zero, so that the adapter does something
        task_type="CAUSAL_LM",
    )
    if merged:
        config._register_custom_module({torch.nn.Linear: MergedLinear})
    return get_peft_model(model, config)


@pytest.fixture(scope="module")
def batch():
    """Three rows of different length, padded at the end; the last tokens are labelled."""
    torch.manual_seed(2)
    ids = torch.randint(1, 50, (3, 12))
    labels = torch.full_like(ids, -100)
    for row, (start, end) in enumerate([(8, 12), (5, 9), (3, 10)]):
        labels[row, start:end] = ids[row, start:end]
        ids[row, end:] = 0
    return ids, labels


def loss_and_gradients(model, batch, loss):
    model.zero_grad()
    value = loss(model, *batch)
    value.backward()
    gradients = {
        name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None
    }
    return value.detach(), gradients


def plain_loss(model, ids, labels):
    """The loss as the library takes it: all scores, all rows masked where they are padded."""
    mask = torch.ones_like(ids)
    for row in range(len(ids)):
        mask[row, int((labels[row] != -100).nonzero().max()) + 1 :] = 0
    scores = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum"
    )


@pytest.mark.parametrize("kind", [Qwen2ForCausalLM, LlamaForCausalLM])
def test_all_parts_together_give_the_library_s_loss_and_gradients(kind, batch):
    theirs = loss_and_gradients(adapted(tiny(kind), merged=False), batch, plain_loss)
    model = tiny(kind, "plain")
    use_fast_norm(model)
    model = adapted(model, merged=True)
    ours = loss_and_gradients(
        model, batch, lambda model, *rows: answer_loss(model.get_base_model(), *rows)
    )
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-5, atol=1e-5)
    assert ours[1].keys() == theirs[1].keys() and len(theirs[1]) == 2 * 7 * 2
    for name, gradient in theirs[1].items():
        torch.testing.assert_close(ours[1][name], gradient, rtol=1e-4, atol=1e-5, msg=name)


def test_a_switched_off_adapter_leaves_the_base_model(batch):
    ids = batch[0]
    with torch.no_grad():
        base = tiny()(ids).logits
        model = adapted(tiny(), merged=True)
        changed = model(ids).logits
        with model.disable_adapter():
            torch.testing.assert_close(model(ids).logits, base)
    assert (changed - base).abs().max() > 0.01


@pytest.mark.parametrize("limit", [0, 512])
def test_plain_attention_is_causal_attention_below_and_above_its_limit(limit, monkeypatch):
    from lessonlib.lora import speed

    monkeypatch.setattr(speed, "LONGEST_PLAIN", limit)
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, heads, 9, 8) for heads in (4, 2, 2))
    ours, _weights = plain_attention(None, query, key, value, None, scaling=0.3)
    theirs = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=0.3, enable_gqa=True
    )
    torch.testing.assert_close(ours, theirs.transpose(1, 2))


def test_the_fast_norm_stays_within_the_rounding_of_bfloat16():
    slow, fast = (tiny().model.norm.to(torch.bfloat16) for _turn in range(2))
    use_fast_norm(fast)
    torch.manual_seed(0)
    exact = torch.randn(5, 32)
    wanted = tiny().model.norm(exact)
    for norm in (slow, fast):
        torch.testing.assert_close(norm(exact.bfloat16()).float(), wanted, rtol=0.02, atol=0.02)


def lengths(count=203):
    return [random.Random(0).choices(range(100, 220), k=count)][0]


def padding(batches, sizes):
    padded = sum(max(sizes[row] for row in batch) * len(batch) for batch in batches)
    return 1 - sum(sizes) / padded


def flat(batches):
    return [row for batch in batches for row in batch]


def test_batches_hold_each_row_once_an_epoch_and_little_padding():
    sizes = lengths()
    order = LengthBatches(sizes, 16, seed=0)
    first, second = order.epoch(0), order.epoch(1)
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(203))
    assert first != second, "each epoch has its own order"
    assert LengthBatches(sizes, 16, seed=0).epoch(1) == second, "and it is always the same"
    assert LengthBatches(sizes, 16, seed=1).epoch(0) != first
    shuffled = random.Random(0).sample(range(203), 203)
    by_chance = [shuffled[at : at + 16] for at in range(0, 203, 16)]
    assert padding(first, sizes) < 0.08 < 0.15 < padding(by_chance, sizes)
    starts = [sizes[batch[0]] for batch in first[:12]]
    assert starts not in (sorted(starts), sorted(starts, reverse=True))


@pytest.mark.parametrize(("count", "batch_size"), [(1, 16), (16, 16), (17, 16), (5, 1)])
def test_batches_of_any_number_of_rows(count, batch_size):
    order = LengthBatches(list(range(count)), batch_size, seed=0)
    assert sorted(flat(order.epoch(0))) == list(range(count))
    assert len(order.epoch(0)) == len(order) == -(-count // batch_size)


# Which device, and why


def machine(cuda=None, bf16=False, mps=False, amx=False, avx=False, mkldnn=True):
    """A stand-in for PyTorch on another machine."""
    space = types.SimpleNamespace
    return space(
        cuda=space(
            is_available=lambda: cuda is not None,
            get_device_name=lambda: cuda,
            is_bf16_supported=lambda including_emulation: bf16,
        ),
        backends=space(
            mps=space(is_available=lambda: mps), mkldnn=space(is_available=lambda: mkldnn)
        ),
        cpu=space(_is_amx_tile_supported=lambda: amx, _is_avx512_bf16_supported=lambda: avx),
    )


@pytest.mark.parametrize(
    ("found", "value", "reason"),
    [
        (machine(cuda="A100", bf16=True), "cuda-bf16", "A100"),
        (machine(cuda="Tesla T4"), "cuda-fp16", "Tesla T4 is too old for bfloat16"),
        (machine(mps=True), "mps-fp32", "Mac"),
        (machine(amx=True, avx=True), "cpu-bf16", "AMX"),
        (machine(avx=True), "cpu-bf16", "AVX-512 BF16"),
        (machine(avx=True, mkldnn=False), "cpu-fp32", "without fast bfloat16"),
        (machine(), "cpu-fp32", "no GPU"),
    ],
)
def test_the_device_is_chosen_by_what_the_machine_can_do(found, value, reason):
    choice = device._best_device(found)
    assert choice.value == value
    assert reason in choice.reason
    assert str(choice) == f"{value}: {choice.reason}"


def test_a_device_that_is_not_here_is_refused(monkeypatch):
    monkeypatch.setattr(
        device, "_best_device", lambda torch: device.Choice("cpu-fp32", "")
    )
    assert device.choose_device("cpu-bf16").value == "cpu-bf16"
    with pytest.raises(LessonError, match="cannot train on cuda-bf16"):
        device.choose_device("cuda-bf16")
    with pytest.raises(LessonError, match="no device 'tpu'"):
        device.choose_device("tpu")


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (4, 2), (8, 4), (64, 4)])
def test_threads_are_few(monkeypatch, cores, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = range(cores)
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda pid: found, raising=False)
    assert device.choose_threads().value == threads
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert device.choose_threads().value == 3


@pytest.mark.parametrize(
    ("threads", "shared"), [(1, (1, 1)), (2, (2, 1)), (3, (2, 1)), (8, (2, 4))]
)
def test_threads_are_shared_out_to_two_lanes(threads, shared):
    assert device.share_out(threads) == shared
