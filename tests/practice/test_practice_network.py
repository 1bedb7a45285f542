"""The practice service's own forward pass against Hugging Face's."""

import json
import shutil

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from lessonlib.common import paths
from lessonlib.practice.answers.memory import Prefixes
from lessonlib.practice.answers.model import LoadedModel, Reading
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.protocol.errors import ApiError

SMALL = {
    "vocab_size": 2048,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 80,
    "max_position_embeddings": 256,
}
LLAMA_3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
CONFIGS = {
    "llama": LlamaConfig(**SMALL, tie_word_embeddings=False),
    "llama with biases": LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True),
    "llama 3 positions": LlamaConfig(**SMALL, rope_parameters=LLAMA_3_ROPE),
    "mistral": MistralConfig(**SMALL, sliding_window=None),
    "qwen2": Qwen2Config(**SMALL, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**SMALL, head_dim=16),
}


def save_model(folder, config, seed=0):
    """A model with random weights and the built-in model's tokenizer."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():  # far from the neutral start: norms and biases too
            weight.add_(torch.randn_like(weight) * 0.3)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(paths.BUILT_IN / name, folder)
    return ModelFolder("random", folder, 0, "0")


@pytest.fixture(params=CONFIGS)
def pair(request, tmp_path):
    """The same model in our hands and in Hugging Face's."""
    folder = save_model(tmp_path / "model", CONFIGS[request.param])
    theirs = AutoModelForCausalLM.from_pretrained(folder.folder, dtype=torch.float32).eval()
    ours = LoadedModel(folder)
    return (
        ours,
        lambda tokens: theirs(torch.tensor([tokens])).logits[0, -1].detach().to(ours.device),
    )


def close(a, b):
    torch.testing.assert_close(a, b, atol=2e-3, rtol=1e-3)


def numbers(length, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(10, 2000, (length,), generator=generator).tolist()


def test_reading_and_writing_give_hugging_faces_logits(pair):
    ours, theirs = pair
    prompts = [numbers(length, length) for length in (5, 40, 1, 17)]
    logits = ours.read([Reading(prompt, row) for row, prompt in enumerate(prompts)])
    for row, prompt in enumerate(prompts):
        close(logits[row], theirs(prompt))
        close(ours.canonical(prompt), theirs(prompt))
    for step in range(3):
        new = numbers(4, 100 + step)
        logits = ours.write(new, [len(prompt) for prompt in prompts])
        for row, prompt in enumerate(prompts):
            prompt.append(new[row])
            close(logits[row], theirs(prompt))


def test_a_moved_request_and_a_late_one_do_not_disturb_the_others(pair):
    ours, theirs = pair
    prompts = [numbers(length, length) for length in (30, 8, 21)]
    ours.read([Reading(prompt, row) for row, prompt in enumerate(prompts)])
    ours.move_row(2, 0, len(prompts[2]))  # the first has finished, the last takes its place
    prompts = [prompts[2], prompts[1], numbers(120, 7)]
    ours.read([Reading(prompts[2], 2)])
    logits = ours.write([5, 6, 7], [len(prompt) for prompt in prompts])
    for row, token in enumerate((5, 6, 7)):
        close(logits[row], theirs([*prompts[row], token]))


def test_a_remembered_beginning_gives_the_same_logits(pair):
    ours, theirs = pair
    first = numbers(60, 1)
    ours.read([Reading(first, 0)])
    for known, length in ((50, 53), (59, 60), (20, 90)):
        prompt = first[:known] + numbers(length - known, 2)
        memory = ours.remember(0, known)
        close(ours.read([Reading(prompt, 3, memory)])[0], theirs(prompt))


def test_the_built_in_model_agrees_with_hugging_face():
    ours = LoadedModel(ModelFolder("pantry", paths.BUILT_IN, 0, "0"))
    theirs = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32).eval()
    prompt = ours.encode([{"role": "user", "content": "Title: Soup\nIngredients:\n- 2 onions"}])
    logits = theirs(torch.tensor([prompt])).logits[0, -1].to(ours.device)
    assert (ours.canonical(prompt) - logits).abs().max() < ours.margin / 5


def test_a_broken_folder_says_what_is_wrong(tmp_path):
    folder = save_model(tmp_path / "model", CONFIGS["qwen2"])
    (folder.folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ApiError, match="`random` cannot be loaded from its folder: .*JSON"):
        LoadedModel(folder)


def test_the_weights_are_our_own_copy(tmp_path):
    # A training run may write over the file while the model answers.
    folder = save_model(tmp_path / "model", CONFIGS["llama"])
    ours = LoadedModel(folder)
    before = ours.canonical([1, 2, 3])
    file = folder.folder / "model.safetensors"
    with file.open("r+b") as weights:
        weights.seek(json_end(file))
        weights.write(b"\0" * (file.stat().st_size - json_end(file)))
    assert torch.equal(ours.canonical([1, 2, 3]), before)


def json_end(file):
    """Where a safetensors file's header ends."""
    return 8 + int.from_bytes(file.read_bytes()[:8], "little")


def test_the_longest_remembered_beginning_is_found():
    import numpy as np

    prefixes = Prefixes()
    prompt = np.arange(100)
    assert prefixes.find(prompt) == (0, None)
    prefixes.keep(prompt[:50], "fifty")
    prefixes.keep(prompt[:80], "eighty")
    assert prefixes.find(prompt) == (80, "eighty")
    assert prefixes.find(np.arange(60)) == (50, "fifty")
    assert prefixes.find(prompt[:80]) == (50, "fifty"), "the last token is always read"
    assert prefixes.find(prompt + 1) == (0, None)
    prefixes.note(prompt)
    assert prefixes.seen_before(prompt) == 0, "the same prompt again says nothing"
    assert prefixes.seen_before(np.append(prompt[:70], 5)) == 70


def test_config_of_the_copied_tokenizer_is_valid_json(tmp_path):
    folder = save_model(tmp_path / "model", CONFIGS["qwen2"])
    assert json.loads((folder.folder / "tokenizer_config.json").read_text(encoding="utf-8"))
