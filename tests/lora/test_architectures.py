"""Any causal language model: found, planned, tuned, merged, loaded by plain transformers, asked.

Each is a small model of random weights, of its real classes, with the chat template that its
family has (where TRL ships it), and the built-in model's tokenizer with that template's marks.
"""

from __future__ import annotations

import importlib.util
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora import heads, loss, saving, tuning
from lessonlib.lora import plan as lora_plan
from lessonlib.lora import rows as lora_rows
from lessonlib.lora.loss import answer_loss, padded
from lessonlib.lora.settings import LoraSettings
from lessonlib.measure.evaluation import Method
from lessonlib.measure.local_model import evaluate_here
from lessonlib.models import catalogue, folders
from lessonlib.models.chat_template import NO_LABEL, ask_ids, end_ids
from lessonlib.tasks import prompting, recipes, training_rows
from tests.family_templates import SMOLLM3

SHIPPED = Path(importlib.util.find_spec("trl").origin).parent / "chat_templates"
TWO_STEPS = LoraSettings(epochs=1, batch_size=2, rank=4)
SHAPE = dict(
    hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, max_position_embeddings=1024, bos_token_id=0,
    eos_token_id=4, pad_token_id=5,
)  # fmt: skip
OLMO2 = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{{ '<|assistant|>\n' +"
    " m['content'] + eos_token + ('' if loop.last else '\n') }}{% else %}{{ '<|' + m['role'] +"
    " '|>\n' + m['content'] + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content']"
    " + ' [/INST]' }}{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}"
    "{% endfor %}"
)


@dataclass
class Kind:
    """An architecture: what its configuration has besides, its template, its marks."""

    type: str
    template: str | None
    more: dict = field(default_factory=dict)
    marks: tuple[str, ...] = ("<|im_start|>", "<|im_end|>")
    pad_is_end: bool = False


GEMMA = ("<start_of_turn>", "<end_of_turn>")
SLIDES = dict(sliding_window=8, layer_types=["sliding_attention", "full_attention"])
KINDS = [
    Kind("gemma3_text", "gemma3", SLIDES | dict(tie_word_embeddings=True), GEMMA),
    Kind("llama", "llama3", dict(tie_word_embeddings=False),
         ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), pad_is_end=True),
    Kind("qwen2", "qwen2_5", dict(tie_word_embeddings=True)),
    Kind("qwen3", "qwen3", dict(tie_word_embeddings=True)),
    Kind("mistral", MISTRAL, dict(sliding_window=8), ("[INST]", "[/INST]")),
    Kind("phi3", "phi3", {}, ("<|end|>",), pad_is_end=True),
    Kind("smollm3", SMOLLM3, dict(tie_word_embeddings=True)),
    Kind("olmo2", OLMO2, {}, ()),
    Kind("gemma2", "gemma", SLIDES, GEMMA),
    Kind("glm4", "glm4moe", {}, ("[gMASK]", "<sop>", "<|observation|>")),
    Kind("granite", None, dict(logits_scaling=4.0)),
    Kind("cohere", "cohere", dict(logit_scale=0.5), ("<|START_OF_TURN_TOKEN|>",
         "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>")),
    Kind("gpt2", None, dict(n_positions=1024)),
    Kind("qwen3_moe", "qwen3", dict(num_experts=4, num_experts_per_tok=2,
                                    moe_intermediate_size=32)),
]  # fmt: skip


def template_text(name):
    if name is None or "{" in name:
        return name
    return (SHIPPED / f"{name}.jinja").read_text(encoding="utf-8")


def made(kind: Kind, folder: Path, spare: int = 40) -> Path:
    """The model as a folder; its vocabulary has more places than the tokenizer has tokens."""
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    new = [mark for mark in kind.marks if mark not in tokenizer.get_vocab()]
    tokenizer.add_tokens(new, special_tokens=True)
    tokenizer.chat_template = template_text(kind.template)
    if kind.pad_is_end:
        tokenizer.pad_token = tokenizer.eos_token
    config = AutoConfig.for_model(
        kind.type, **SHAPE | kind.more | {"vocab_size": len(tokenizer) + spare})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    model.generation_config.update(do_sample=True, temperature=0.7, top_k=5, repetition_penalty=1.3)
    model.to(torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "MODELS", folder / "models")
        patch.setattr(paths, "ADAPTERS", folder / "adapters")
        patch.setattr(paths, "WORK", folder)
        yield folder


@pytest.fixture(scope="module")
def rows():
    return training_rows.chat_rows(recipes.load("train")[:4])


@pytest.mark.parametrize("kind", KINDS, ids=[kind.type for kind in KINDS])
def test_an_architecture_from_its_name_to_its_answers(work, rows, kind):
    base = made(kind, work / "bases" / kind.type)
    found = catalogue.find(str(base))
    whole = AutoModelForCausalLM.from_pretrained(base)
    assert (found.type, found.parameters) == (kind.type, whole.num_parameters())
    plan = lora_plan.make(str(base), catalogue.card("T4"))
    assert plan.memory.total > 0 and plan.settings.rank == 64

    tuned = tuning.tune(rows, f"my-{kind.type}", base=base, settings=TWO_STEPS, show=False,
                        validation=rows[:2])  # fmt: skip
    assert len(tuned.history) == 3 and all(
        math.isfinite(point.train_loss) for point in tuned.history[1:])
    assert (tuned.adapter_folder / "adapter_model.safetensors").is_file()
    from lessonlib.models import sizes

    assert sizes.weights_in(tuned.adapter_folder) == found.adapter_weights(4)

    merged = AutoModelForCausalLM.from_pretrained(tuned.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(tuned.folder)
    (row,) = lora_rows.tokenise(rows[:1], tokenizer, 10**6, "Training")
    check_row(row, rows[0]["messages"], tokenizer)
    check_merged(merged, tuned, base, row)
    check_loss(merged, row)
    ends = merged.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    assert row["input_ids"][-1] in ends, "whoever loads it stops where it was taught to"
    method = Method("asked", "x", prompting.tuned, max_tokens=3)
    result = evaluate_here(merged, tokenizer, method, recipes.load("test")[:2], progress=False)
    assert [row.completion_tokens for row in result.rows] != [0, 0]


def check_row(row, messages, tokenizer):
    """The row is what the model is asked, then answer and end mark, which alone are learned."""
    asked = ask_ids(tokenizer, messages[:-1])
    assert row["input_ids"][: len(asked)] == asked
    assert row["labels"] == [NO_LABEL] * len(asked) + row["input_ids"][len(asked) :]
    learned = row["input_ids"][len(asked) :]
    assert learned[-1] in end_ids(None, tokenizer)
    text = tokenizer.decode(learned[:-1], skip_special_tokens=True).strip()
    assert text == messages[-1]["content"]


def check_merged(merged, tuned, base, row):
    """The merged model gives the scores of base and adapter together."""
    from peft import PeftModel

    both = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base),
                                     tuned.adapter_folder).eval()  # fmt: skip
    ids = torch.tensor([row["input_ids"]])
    with torch.no_grad():
        torch.testing.assert_close(merged(ids).logits, both(ids).logits, rtol=1e-3, atol=1e-4)


def check_loss(model, row):
    """Our loss, on answers alone, is the model's own. Gemma 2 bends its scores, Granite and
    Cohere scale them: without that another loss was trained on."""
    ids, labels = padded([row])
    with torch.no_grad():
        own = cross_entropy(model(ids).logits[0, :-1].float(), labels[0, 1:], reduction="sum")
        torch.testing.assert_close(answer_loss(model, ids, labels), own, rtol=1e-4, atol=1e-4)


def test_the_tried_ones_are_those_that_are_not_tried_again():
    assert {kind.type for kind in KINDS} == set(heads.TRIED)


def test_a_model_that_makes_its_scores_another_way_is_refused(work, monkeypatch):
    base = made(Kind("granite", None, dict(logits_scaling=4.0)), work / "bases" / "odd")
    monkeypatch.setattr(heads, "TRIED", ())
    _load(base)
    monkeypatch.setattr(loss, "score_scale", lambda config: 1)
    with pytest.raises(LessonError, match="type granite") as told:
        _load(base)
    assert "SFTTrainer" in told.value.cure


def _load(base):
    from lessonlib.lora.base import load_base

    return load_base(str(base), "cpu-fp32")


def test_without_settings_a_model_is_tuned_by_those_for_its_size(work, rows, monkeypatch):
    """Any base was tuned by the built-in model's: with a rate of 3e-3 a large one falls apart."""
    base = made(Kind("llama", "qwen2_5"), work / "bases" / "sized")
    monkeypatch.setattr(lora_plan, "BY_SIZE", ((0, LoraSettings()), (1000, TWO_STEPS)))
    tuned = tuning.tune(rows, "sized", base=base, show=False, merge=False)
    assert tuned.settings == TWO_STEPS


# --- learned, and stopped


@pytest.mark.parametrize("pad_is_end", [False, True], ids=["a pad of its own", "pad is the end"])
def test_a_model_learns_to_stop_and_stops(work, rows, pad_is_end):
    """A pad that is the end mark must not be taken for padding, else the end is never learned."""
    kind = Kind("llama", "qwen2_5", dict(tie_word_embeddings=True), pad_is_end=pad_is_end)
    base = made(kind, work / "bases" / f"stops-{pad_is_end}")
    short = [{"messages": [{"role": "user", "content": "salt"},
                           {"role": "assistant", "content": "yes"}]}] * 8  # fmt: skip
    settings = LoraSettings(epochs=20, batch_size=8, rank=16, learning_rate=1e-2)
    tuned = tuning.tune(short, f"stops-{pad_is_end}", base=base, settings=settings, show=False)
    model = AutoModelForCausalLM.from_pretrained(tuned.folder)
    tokenizer = AutoTokenizer.from_pretrained(tuned.folder)
    ask = torch.tensor([ask_ids(tokenizer, short[0]["messages"][:1])])
    made_ids = model.generate(ask, do_sample=False, repetition_penalty=None, max_new_tokens=20)
    new = made_ids[0, ask.shape[1] :].tolist()
    assert tokenizer.decode(new) == "yes<|im_end|>", "and so it does for plain transformers"


# --- what a configuration can be like


def test_of_a_model_for_pictures_the_text_part_is_tuned(work, rows):
    """Gemma 3 from 4 billion weights on: its configuration has text and pictures apart."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    folder = work / "bases" / "pictures"
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    tokenizer.add_tokens(list(GEMMA), special_tokens=True)
    tokenizer.chat_template = template_text("gemma3")
    config = Gemma3Config(
        text_config=SHAPE | SLIDES | {"vocab_size": len(tokenizer)},
        vision_config=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1,
                           num_attention_heads=2, image_size=28, patch_size=14))  # fmt: skip
    torch.manual_seed(0)
    whole = Gemma3ForConditionalGeneration(config)
    whole.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    found = catalogue.find(folder)
    assert (found.type, found.layers, found.width) == ("gemma3_text", 2, 64)
    tuned = tuning.tune(rows, "text-alone", base=folder, settings=TWO_STEPS, show=False)
    merged = AutoModelForCausalLM.from_pretrained(tuned.folder)
    assert merged.config.model_type == "gemma3_text"
    assert merged.num_parameters() == found.parameters
    started = whole.model.language_model.layers[0].mlp.up_proj.weight
    change = (merged.model.layers[0].mlp.up_proj.weight - started).abs().max()
    assert 0 < change < 0.1, "its own weights, and what was learned"


@pytest.mark.parametrize("stated", [None, 10**12], ids=["missing", "absurd"])
def test_a_model_that_names_no_longest_text_is_not_stopped_by_it(work, rows, stated):
    base = made(Kind("llama", "qwen2_5"), work / "bases" / f"long-{stated}")
    path = base / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["max_position_embeddings"] = stated
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}),
                    encoding="utf-8")  # fmt: skip
    assert catalogue.find(base).context >= 1024
    tuned = tuning.tune(rows, "long", base=base, settings=TWO_STEPS, show=False)
    assert math.isfinite(tuned.history[-1].train_loss)


def test_a_mixture_of_experts_is_counted_with_all_its_experts(work):
    kind = next(kind for kind in KINDS if kind.type == "qwen3_moe")
    found = catalogue.find(made(kind, work / "bases" / "experts"))
    experts = 2 * 4 * (2 * 32 * 64 + 64 * 32)
    layers = 2 * (2 * 64 * 64 + 2 * 32 * 64 + 4 * 64)
    assert found.matrices == layers, "attention, and what chooses the experts"
    assert found.parameters > experts + layers
    from lessonlib.lora import memory

    assert memory.experts_at_once(found) == 2


# --- models that cannot be tuned


def written(folder: Path, **config) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("config", "problem", "cure"),
    [
        (dict(model_type="t5"), "an encoder and a decoder", "text-generation"),
        (dict(model_type="distilbert"), "no decoder that writes", "text-generation"),
        (dict(model_type="llama", quantization_config={"quant_method": "awq", "bits": 4}),
         "AWQ", "plain weights"),
        (dict(model_type="llama", quantization_config={"quant_method": "gptq", "bits": 4}),
         "GPTQ", "plain weights"),
        (dict(model_type="minimax_zz", auto_map={"AutoConfig": "configuration.Odd"}),
         "code of its own", "not run"),
        (dict(model_type="brand_new"), "newer than", "pip install --upgrade transformers"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_tuned_says_so_before_anything_is_loaded(tmp_path, config, problem,
                                                                        cure):  # fmt: skip
    folder = written(tmp_path / "one", **config)
    for ask in (catalogue.find, lora_plan.make, lambda base: tuning.tune(
            [{"text": "a b c"}], "x", base=base, show=False)):
        with pytest.raises(LessonError, match=problem) as told:
            ask(folder)
        assert cure in told.value.cure and "one" in told.value.problem


def test_folders_that_hold_no_whole_model_say_what_they_hold(tmp_path, monkeypatch):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "model-Q4_K_M.gguf").write_bytes(b"GGUF")
    with pytest.raises(LessonError, match="only an adapter"):
        folders.find_base(tmp_path / "adapter")
    with pytest.raises(LessonError, match="GGUF file") as told:
        folders.find_base(tmp_path / "packed")
    assert "safetensors" in told.value.cure
    (tmp_path / "empty").mkdir()
    with pytest.raises(LessonError, match="No base model found"):
        folders.find_base(tmp_path / "empty")


def test_weights_that_are_not_there_are_not_made_up(work):
    """transformers draws them at random and says so in a long report."""
    from safetensors.torch import load_file, save_file

    base = made(Kind("llama", "qwen2_5"), work / "bases" / "cut")
    path = base / "model.safetensors"
    weights = load_file(path)
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(LessonError, match="model.layers.1.mlp.up_proj.weight is missing"):
        _load(base)


def test_too_little_memory_is_said_before_the_model_is_loaded(work, monkeypatch):
    from lessonlib.models import loading

    base = made(Kind("llama", "qwen2_5"), work / "bases" / "large")
    monkeypatch.setattr(loading, "SMALL", 0)
    monkeypatch.setattr(loading, "available_memory", lambda: 1000)
    monkeypatch.setattr(loading, "load_model", lambda *_args, **_more: pytest.fail("loaded"))
    with pytest.raises(LessonError, match="GB of memory"):
        _load(base)


def test_the_merged_model_is_written_with_greedy_and_sampling_settings_alike(work, rows):
    """A generation config with a temperature must not keep the merged model from being saved."""
    base = made(Kind("qwen2", "qwen2_5"), work / "bases" / "warm")
    tuned = tuning.tune(rows, "warm", base=base, settings=TWO_STEPS, show=False)
    assert saving.beside_embeddings(tuned.adapter_folder) is False
    kept = json.loads((tuned.folder / "generation_config.json").read_text(encoding="utf-8"))
    assert kept["temperature"] == 0.7
