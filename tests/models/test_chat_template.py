"""What a model is asked is the beginning of what it was trained on, whatever its chat template:
tried with the real templates of many families, which TRL ships."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import AutoTokenizer

from lessonlib.common import paths
from lessonlib.models import chat_template
from lessonlib.models.chat_template import PLAIN_TEMPLATE, answer_pieces, ask_ids, end_ids
from lessonlib.models.greedy import greedy
from lessonlib.models.thinking import without_thinking
from tests.family_templates import SMOLLM3

SHIPPED = Path(find_spec("trl").origin).parent / "chat_templates"
#: {template: its end mark}; None: the template writes none, so it is the tokenizer's.
ENDS = {
    "cohere": "<|END_OF_TURN_TOKEN|>", "cohere2": "<|END_RESPONSE|><|END_OF_TURN_TOKEN|>",
    "deepseek_r1_distill": "<｜end▁of▁sentence｜>", "deepseekv3": "<｜end▁of▁sentence｜>",
    "gemma": "<end_of_turn>", "gemma3": "<end_of_turn>", "gemma4": "<turn|>", "glm4moe": None,
    "gptoss": "<|return|>", "lfm2": "<|im_end|>", "llama3": "<|eot_id|>",
    "llama3_2": "<|eot_id|>", "nemotron_3_nano": "<|im_end|>", "phi3": "<|end|>",
    "phi3_5": "<|end|>", "qwen2_5": "<|im_end|>", "qwen3": "<|im_end|>",
    "qwen3_5_nothink": "<|im_end|>", "qwen3_5_think": "<|im_end|>", "qwen3_8": "<|im_end|>",
    "qwen3_instruct_2507": "<|im_end|>", "qwen3_vl": "<|im_end|>",
}  # fmt: skip
#: Of families that TRL does not ship, written from how they are known to look.
OTHERS = {
    "mistral": (
        "{{ bos_token }}{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 =="
        " 0) %}{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}"
        "{% if m['role'] == 'user' %}{{ ' [INST] ' + m['content'] + ' [/INST]' }}"
        "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}"
        "{% else %}{{ raise_exception('Only user and assistant roles') }}{% endif %}{% endfor %}"
    ),
    "marks the header, too, and thinks by default": SMOLLM3,
    "passes over the system message": (
        "{% for m in messages if m['role'] != 'system' %}{{ '<|im_start|>' + m['role'] + '\n' +"
        " m['content'] | trim + '<|im_end|>\n' }}{% endfor %}"
    ),
    "content in parts": (
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + ': ' }}"
        "{% for part in m['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{{ '<|im_end|>' }}{% endfor %}"
    ),
    "no end mark": (
        "{% for m in messages %}{{ '### ' + m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '### assistant: ' }}{% endif %}"
    ),
}  # fmt: skip
OTHERS_ENDS = {"mistral": None, "no end mark": None}
ASKED = [
    {"role": "system", "content": "You sort fruit."},
    {"role": "user", "content": "apple, salt"},
]
CHAT = [*ASKED, {"role": "assistant", "content": '["apple"]'}]
LONGER = [*CHAT, {"role": "user", "content": "plum"}, {"role": "assistant", "content": "[]"}]
MARK = re.compile(r"<\|?[a-zA-Z_｜][^<>\s]*\|?>|\[/?INST\]")


def tokenizer_for(template):
    """The built-in model's tokenizer, with a template and its marks as special tokens."""
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    marks = {mark for mark in MARK.findall(str(template)) if "think" not in mark}
    tokenizer.add_tokens(sorted(marks - set(tokenizer.all_special_tokens)), special_tokens=True)
    tokenizer.chat_template = template
    return tokenizer


def families():
    for name in ENDS:
        yield pytest.param((SHIPPED / f"{name}.jinja").read_text(encoding="utf-8"), ENDS[name],
                           id=name)  # fmt: skip
    for name, template in OTHERS.items():
        yield pytest.param(template, OTHERS_ENDS.get(name, "<|im_end|>"), id=name)
    yield pytest.param(None, None, id="no template")


@pytest.mark.parametrize("template, end", list(families()))
def test_a_model_is_asked_as_it_was_trained_and_learns_the_answer_and_its_end(template, end):
    """Qwen3 learned an empty thinking block before each answer, and Phi-3's end was not learned:
    the tokenizer's end mark was looked for, and the template writes another."""
    tokenizer = tokenizer_for(template)
    (piece,) = answer_pieces(CHAT, tokenizer)
    (span,) = piece.answers.values()
    assert piece.ids[: span.start] == ask_ids(tokenizer, ASKED)
    learned = tokenizer.decode(piece.ids[span]).removeprefix(" ")  # Mistral's space
    assert learned == '["apple"]' + (end or tokenizer.eos_token)
    assert {piece.ids[span.stop - 1], tokenizer.eos_token_id} <= {*end_ids(None, tokenizer)}
    prompt = tokenizer.decode(piece.ids[: span.start])
    assert "sort fruit" in prompt and "apple, salt" in prompt, "nothing gets lost"
    assert prompt.count("<think>") == prompt.count("</think>"), "thinking is not left open"


@pytest.mark.parametrize("template, end", list(families()))
def test_each_answer_of_a_longer_chat_is_learned_as_it_is_asked_for(template, end):
    tokenizer = tokenizer_for(template)
    pieces = answer_pieces(LONGER, tokenizer)
    found = {number: (piece.ids[: span.start], tokenizer.decode(piece.ids[span]))
             for piece in pieces for number, span in piece.answers.items()}  # fmt: skip
    assert found[0][0] == ask_ids(tokenizer, ASKED)
    assert found[1][0] == ask_ids(tokenizer, LONGER[:-1])
    assert found[0][1].strip().startswith('["apple"]')
    assert found[1][1].strip().startswith("[]" + (end or tokenizer.eos_token))


def test_qwen3_writes_a_last_answer_another_way_so_each_has_a_row_of_its_own():
    tokenizer = tokenizer_for((SHIPPED / "qwen3.jinja").read_text(encoding="utf-8"))
    assert len(answer_pieces(LONGER, tokenizer)) == 2
    first, second = (tokenizer.decode(piece.ids) for piece in answer_pieces(LONGER, tokenizer))
    assert first.count("<think>") == second.count("<think>") == 1


def test_thinking_in_an_answer_is_not_learned_by_a_model_that_thinks():
    tokenizer = tokenizer_for((SHIPPED / "qwen3.jinja").read_text(encoding="utf-8"))
    thought = [*ASKED, {"role": "assistant", "content": "<think>hm</think>\n\n[]"}]
    (piece,) = answer_pieces(thought, tokenizer)
    assert tokenizer.decode(piece.ids[piece.answers[0]]) == "[]<|im_end|>"


def test_of_several_named_templates_the_default_is_taken():
    tokenizer = tokenizer_for({"tool_use": "{{ 'wrong' }}", "default": OTHERS["no end mark"]})
    assert tokenizer.decode(ask_ids(tokenizer, ASKED)).endswith("### assistant: ")
    tokenizer = tokenizer_for({"rag": OTHERS["no end mark"]})
    assert tokenizer.decode(ask_ids(tokenizer, ASKED)).endswith("### assistant: ")


def test_the_plain_template_begins_as_pretraining_did():
    """Gemma without its first token writes nonsense."""
    tokenizer = tokenizer_for(None)
    assert chat_template.template_of(tokenizer) == PLAIN_TEMPLATE, "this one puts none"
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", tokenizer.bos_token_id)])
    assert ask_ids(tokenizer, ASKED)[0] == tokenizer.bos_token_id
    assert ask_ids(tokenizer, ASKED).count(tokenizer.bos_token_id) == 1


def test_a_template_that_shows_no_answer_is_refused():
    tokenizer = tokenizer_for("{{ messages[0]['content'] }}")
    with pytest.raises(ValueError, match="does not show the answer"):
        answer_pieces(CHAT, tokenizer)


def test_the_ends_of_model_tokenizer_and_template_count():
    tokenizer = tokenizer_for((SHIPPED / "gemma3.jinja").read_text(encoding="utf-8"))
    turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=[1, turn]))
    assert end_ids(model, tokenizer) == [turn, tokenizer.eos_token_id, 1]
    model.generation_config.eos_token_id = 7
    assert end_ids(model, tokenizer) == [turn, tokenizer.eos_token_id, 7]


def test_greedy_leaves_a_models_own_settings_out():
    """Qwen2.5 comes with a penalty for repetition, which shortens lists, and a temperature."""
    from transformers import GenerationConfig

    own = GenerationConfig(do_sample=True, temperature=0.6, top_k=20, top_p=0.8,
                           repetition_penalty=1.1, eos_token_id=[4, 5], max_length=30)
    settings = greedy(SimpleNamespace(generation_config=own), tokenizer_for(None), 12)
    assert settings["do_sample"] is False and settings["max_new_tokens"] == 12
    assert settings["eos_token_id"] == [4, 5]
    for key in ("temperature", "top_k", "top_p", "repetition_penalty", "max_length"):
        assert settings[key] is None, key


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('["apple"]', '["apple"]'),
        (" as it is \n", " as it is \n"),
        ('<think>\n\n</think>\n\n["apple"]', '["apple"]'),
        ('<think>is "salt" one? [no]</think>["apple"]', '["apple"]'),
        ('so it is an apple\n</think>\n\n["apple"]', '["apple"]'),
        ("<think>\nthis takes long", ""),
        ("<think>a</think><think>b", ""),
        ("<THINKING>a</THINKING>SELECT 1", "SELECT 1"),
        ("[THINK]a[/THINK]SELECT 1", "SELECT 1"),
        ("SELECT a <thinker FROM b", "SELECT a <thinker FROM b"),
    ],
)
def test_thinking_is_no_part_of_an_answer(text, answer):
    assert without_thinking(text) == answer
