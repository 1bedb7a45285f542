"""What is done for speed must change nothing: each part against what it replaces."""

import random
import types

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from lessonlib.common.errors import LessonError
from lessonlib.lora import loss as lora_loss
from lessonlib.lora.loss import LossInPieces, answer_loss, answer_nats
from lessonlib.lora.speed import (
    LeanLinear,
    LengthBatches,
    MergedLinear,
    plain_attention,
    use_fast_norm,
)
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


CONFIGS = {
    Qwen2ForCausalLM: Qwen2Config,
    Qwen3ForCausalLM: Qwen3Config,
    LlamaForCausalLM: LlamaConfig,
    Gemma3ForCausalLM: Gemma3TextConfig,
}
#: One layer of Gemma's sees the last five tokens, the other all.
GEMMA = dict(sliding_window=5, layer_types=["sliding_attention", "full_attention"])


def tiny(kind=Qwen2ForCausalLM, attention="eager"):
    torch.manual_seed(0)
    extra = GEMMA if kind is Gemma3ForCausalLM else {}
    config = CONFIGS[kind](**SHAPE, head_dim=8, **extra)
    config._attn_implementation = attention
    model = kind(config)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(weight, 1.0, 0.3)
    return model


def adapted(model, layer=None):
    torch.manual_seed(1)
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules="all-linear",
        init_lora_weights=False,  # B is not zero, so that the adapter does something
        task_type="CAUSAL_LM",
    )
    if layer:
        config._register_custom_module({torch.nn.Linear: layer})
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


@pytest.mark.parametrize("layer", [MergedLinear, LeanLinear])
@pytest.mark.parametrize("kind", CONFIGS)
def test_all_parts_together_give_the_library_s_loss_and_gradients(kind, layer, batch, monkeypatch):
    theirs = loss_and_gradients(adapted(tiny(kind)), batch, plain_loss)
    model = tiny(kind, "plain")
    use_fast_norm(model)
    model = adapted(model, layer)
    if layer is LeanLinear:
        monkeypatch.setattr(lora_loss, "PIECE", 7)
        assert lora_loss.in_pieces(model.get_base_model().get_output_embeddings())
    ours = loss_and_gradients(
        model, batch, lambda model, *rows: answer_loss(model.get_base_model(), *rows)
    )
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-5, atol=1e-5)
    assert ours[1].keys() == theirs[1].keys() and len(theirs[1]) == 2 * 7 * 2
    for name, gradient in theirs[1].items():
        assert (ours[1][name] - gradient).norm() < 5e-5 * gradient.norm(), name


@pytest.mark.parametrize("layer", [MergedLinear, LeanLinear])
def test_a_switched_off_adapter_leaves_the_base_model(batch, layer):
    ids = batch[0]
    with torch.no_grad():
        base = tiny()(ids).logits
        model = adapted(tiny(), layer)
        changed = model(ids).logits
        with model.disable_adapter():
            torch.testing.assert_close(model(ids).logits, base)
    assert (changed - base).abs().max() > 0.01


def test_the_lean_layer_stays_within_the_rounding_of_bfloat16():
    """Against PEFT's layer under PyTorch's casts, both measured by float32 throughout."""
    torch.manual_seed(0)
    x, wish = torch.randn(3, 5, 32), torch.randn(3, 5, 32)

    def found(layer, number, cast):
        model = adapted(tiny(LlamaForCausalLM).to(number), layer)
        q = model.get_base_model().model.layers[0].self_attn.q_proj
        given = x.to(number).requires_grad_()
        learned = [q.lora_A["default"].weight, q.lora_B["default"].weight]
        with torch.autocast("cpu", torch.bfloat16, enabled=cast):
            y = q(given)
        return [y, *torch.autograd.grad((y.float() * wish).sum(), [given, *learned])]

    exact = found(None, torch.float32, False)
    theirs = found(None, torch.bfloat16, True)
    ours = found(LeanLinear, torch.bfloat16, False)
    for wanted, their, our in zip(exact, theirs, ours, strict=True):
        size, their, our = wanted.norm(), their.float(), our.float()
        assert (our - wanted).norm() < 1.2 * (their - wanted).norm() + 1e-6 * size < 0.02 * size
    assert [one.dtype for one in ours] == [torch.bfloat16] * 2 + [torch.float32] * 2


# The loss in pieces


def positions(number=torch.float32, tokens=90, width=32, vocabulary=1000):
    torch.manual_seed(0)
    hidden = torch.randn(tokens, width).to(number).requires_grad_()
    head = (torch.randn(vocabulary, width) * 0.5).to(number)
    return hidden, head, torch.randint(0, vocabulary, (tokens,))


@pytest.mark.parametrize("piece", [64, 333, 1000, 5000])
@pytest.mark.parametrize("number", [torch.float32, torch.bfloat16])
def test_the_loss_in_pieces_is_cross_entropy(number, piece, monkeypatch):
    monkeypatch.setattr(lora_loss, "PIECE", piece)
    hidden, head, targets = positions(number)
    weigh = torch.rand(len(targets))  # not each token counts the same
    scores = torch.nn.functional.linear(hidden, head)
    theirs = torch.nn.functional.cross_entropy(scores.float(), targets, reduction="none")
    (their_gradient,) = torch.autograd.grad((theirs * weigh).sum(), hidden)
    nats, chosen = LossInPieces.apply(hidden, head, targets)
    (gradient,) = torch.autograd.grad((nats * weigh).sum(), hidden)
    close = dict(rtol=1e-5, atol=1e-5) if number == torch.float32 else dict(rtol=0.02, atol=0.05)
    torch.testing.assert_close(nats, theirs, **close)
    torch.testing.assert_close(gradient, their_gradient, **close)
    assert torch.equal(chosen, scores.argmax(-1)) and gradient.dtype == number


def test_of_equal_scores_the_first_is_chosen_across_pieces(monkeypatch):
    monkeypatch.setattr(lora_loss, "PIECE", 3)
    head = torch.zeros(9, 2)
    head[[1, 4, 5, 8]] = 1.0
    _nats, chosen = LossInPieces.apply(torch.ones(2, 2), head, torch.tensor([4, 1]))
    assert chosen.tolist() == [1, 1]


def test_scores_far_apart_overflow_nowhere(monkeypatch):
    monkeypatch.setattr(lora_loss, "PIECE", 2)
    head = torch.tensor([[-500.0], [0.0], [500.0], [-900.0]])
    hidden, targets = torch.ones(2, 1, requires_grad=True), torch.tensor([2, 3])
    nats, chosen = LossInPieces.apply(hidden, head, targets)
    assert nats.tolist() == [0.0, 1400.0] and chosen.tolist() == [2, 2]
    assert torch.autograd.grad(nats.sum(), hidden)[0].tolist() == [[0.0], [1400.0]]


def test_no_score_is_kept_for_the_way_back(batch, monkeypatch):
    """All scores of a batch, several times over, were most of what a training kept in memory."""
    monkeypatch.setattr(lora_loss, "PIECE", 16)
    model, kept = adapted(tiny(Gemma3ForCausalLM), LeanLinear).get_base_model(), []
    asked = int((batch[1][:, 1:] != -100).sum())
    for pieces in (True, False):
        monkeypatch.setattr(lora_loss, "in_pieces", lambda head, pieces=pieces: pieces)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: sizes.append(tensor.shape) or tensor, lambda tensor: tensor
        ):
            answer_loss(model, *batch)
        kept.append((asked, 50) in sizes)
    assert kept == [False, True]


def test_a_head_that_learns_is_scored_as_a_whole(monkeypatch):
    """``LossInPieces`` has no gradient for the head: it would silently not be trained."""
    monkeypatch.setattr(lora_loss, "PIECE", 16)
    head = torch.nn.Linear(8, 50, bias=False)
    assert not lora_loss.in_pieces(head)
    with torch.no_grad():
        assert lora_loss.in_pieces(head)
    head.weight.requires_grad_(False)
    assert lora_loss.in_pieces(head)
    assert not lora_loss.in_pieces(torch.nn.Linear(8, 50).requires_grad_(False)), "it has a bias"
    model = get_peft_model(tiny(), LoraConfig(target_modules=["lm_head"], task_type="CAUSAL_LM"))
    assert not lora_loss.in_pieces(model.get_base_model().get_output_embeddings())


def test_what_is_told_of_each_answer_token_is_the_same_either_way(batch, monkeypatch):
    model = tiny().requires_grad_(False)
    whole = answer_nats(model, *batch)
    monkeypatch.setattr(lora_loss, "PIECE", 16)
    pieces = answer_nats(model, *batch)
    torch.testing.assert_close(pieces[0], whole[0])
    assert torch.equal(pieces[1], whole[1]) and pieces[1].dtype == torch.bool
    torch.testing.assert_close(answer_nats(model, *batch, "sum")[0], whole[0].sum())


@pytest.mark.parametrize(("name", "rule"), [
    ("gemma2", {"final_logit_softcapping": 0.7, "head_dim": 8}),
    ("granite", {"logits_scaling": 8.0}),
    ("cohere", {"logit_scale": 0.0625}),
])  # fmt: skip
def test_scores_are_scaled_and_limited_as_the_model_does_it(name, rule, batch, monkeypatch):
    """The loss took the last matrix's scores as they are: another loss than the library's."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        name, **SHAPE, **rule, pad_token_id=0, bos_token_id=1, eos_token_id=2
    )
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    model.requires_grad_(False)
    embeddings = model.get_output_embeddings().weight
    embeddings *= 20  # so that limits are felt
    theirs = plain_loss(model, *batch)
    torch.testing.assert_close(answer_loss(model, *batch), theirs)
    monkeypatch.setattr(lora_loss, "PIECE", 16)
    torch.testing.assert_close(answer_loss(model, *batch), theirs)


# Attention and normalisation


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


@pytest.mark.parametrize("limit", [0, 512])
@pytest.mark.parametrize("window", [1, 4, 9, 100])
def test_plain_attention_sees_no_further_than_the_window(limit, window, monkeypatch):
    from lessonlib.lora import speed

    monkeypatch.setattr(speed, "LONGEST_PLAIN", limit)
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, heads, 9, 8) for heads in (4, 1, 1))
    ours, _weights = plain_attention(
        None, query, key, value, None, scaling=0.3, sliding_window=window
    )
    place = torch.arange(9)
    back = place[:, None] - place  # how far back a token looks
    theirs = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=(back >= 0) & (back < window), scale=0.3, enable_gqa=True
    )
    torch.testing.assert_close(ours, theirs.transpose(1, 2))


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_fast_norm_stays_within_the_rounding_of_bfloat16(kind):
    slow, fast = (tiny(kind).model.norm.to(torch.bfloat16) for _turn in range(2))
    use_fast_norm(fast)
    assert "forward" in vars(fast), "this class is not known to use_fast_norm"
    torch.manual_seed(0)
    exact = torch.randn(5, 32)
    wanted = tiny(kind).model.norm(exact)
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
