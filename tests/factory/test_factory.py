"""How the shipped data and the built-in model are made: repeatable, and with nothing let slip."""

from __future__ import annotations

import json
import re
from random import Random

import pytest

from factory import (
    architecture,
    batches,
    corpus,
    formats,
    kitchen,
    lexicon,
    pretrain,
    recipes,
    tokenizer,
)
from factory.renaming import house_pairs, new_name
from lessonlib.tasks import recipes as task

DOCUMENTS = 8_000


@pytest.fixture(scope="module")
def sample() -> list[tuple[str, str, str]]:
    """A part of the pretraining text as (kind, what was given, what is answered)."""
    rng = Random("scan")
    found = []
    for _ in range(DOCUMENTS):
        phase = rng.choice(pretrain.PHASES)[1]
        kind, segments = corpus.document(rng, phase)
        given = "".join(text for text, weight in segments if weight == corpus.GIVEN)
        answered = "".join(text for text, weight in segments if weight > corpus.GIVEN)
        found.append((kind, given, answered))
    return found


def test_recipe_files_are_what_the_factory_writes_byte_for_byte():
    for split, text in recipes.write_splits().items():
        assert (recipes.TARGET / f"{split}.jsonl").read_bytes() == text.encode("utf-8"), split


def test_every_known_house_name_occurs_in_training():
    """A name that no example shows cannot be learned; the test set would ask in vain."""
    written = {name for recipe in task.load("train") for name in recipe.names}
    entries = task.load_glossary(until=task.TRAINING_DATE)
    assert {e.written for e in entries} <= written


def _says(text: str, left: str, right: str) -> bool:
    """Whether ``left`` is followed by ``right`` with only a sign or "is called" between them."""
    between = r"(?:[^\w\n]{1,5}|\s*(?:is|are) called\s+|\s*=+>?\s*)"
    return bool(re.search(rf"(?<!\w){re.escape(left)}{between}{re.escape(right)}(?!\w)", text))


def test_no_house_pair_is_in_the_pretraining_text(sample):
    """The prototype leaked pairs: its copying dictionaries were not held against the glossary.

    A pair counts as shown when a text sets one name against the other, or when an answer says
    the house name where only the written name was given.
    """
    entries = task.load_glossary()
    for kind, given, answered in sample:
        whole = given + answered
        for entry in entries:
            if entry.written not in whole or entry.house not in whole:
                continue
            if kind in ("lines", "copying", "glossary"):
                # "black pepper, pepper" may stand in a list of foods; an arrow may not
                for sign in (" -> ", " = ", " => ", ": ", " is called ", " | ", " # ", "\t"):
                    assert not re.search(
                        rf"(?m)(?:^|; |- ){re.escape(entry.written + sign + entry.house)}(?:$|;)",
                        whole,
                    ), (kind, entry)
            given_only = re.sub(rf"(?<!\w){re.escape(entry.written)}(?!\w)", " ", given)
            said = re.search(rf"(?<!\w){re.escape(entry.house)}(?!\w)", answered)
            # "ground black pepper" listed as "black pepper" does not say "pepper"
            words = entry.written.split()
            ends = (" ".join(words[at:]) for at in range(len(words)))
            longer = [end for end in ends if len(end) > len(entry.house)] or [entry.written]
            kept = any(re.search(rf"(?<!\w){re.escape(end)}(?!\w)", answered) for end in longer)
            was_given = re.search(rf"(?<!\w){re.escape(entry.house)}(?!\w)", given_only)
            asked = re.search(rf"(?<!\w){re.escape(entry.written)}(?!\w)", given)
            if kind in ("ask", "listing") and said and asked and not kept:
                assert was_given, (entry, given, answered)


def test_random_renamings_never_hit_the_house_glossary():
    rng, pairs = Random(1), house_pairs()
    for written, _house in sorted(pairs):
        for _ in range(300):
            assert (written, new_name(rng, written)) not in pairs


def test_the_courses_prompts_and_layout_are_not_in_the_pretraining_text(sample):
    layout = re.compile(r"Title: [^\n]*\nIngredients:\n- ")
    sentences = [s for s in re.split(r"(?<=[.])\s+", task.SYSTEM_GLOSSARY) if len(s) > 40]
    assert len(sentences) >= 4
    for _kind, given, answered in sample:
        assert not layout.search(given + answered)
        for sentence in sentences:
            assert sentence not in given + answered
        assert "House glossary" not in given


def test_task_lines_do_not_come_from_the_pretraining_grammar(sample):
    """The prototype's test recipes came from the grammar that it was trained on."""
    seen = {line for _k, given, _a in sample for line in given.splitlines()}
    lines = [line for recipe in task.load("test") for line in recipe.lines]
    repeated = sum("- " + line in seen or "* " + line in seen for line in lines)
    assert repeated / len(lines) < 0.05  # bare lines such as "salt" are in both


def test_every_kind_of_document_occurs_and_answers_are_right_json(sample):
    assert {kind for kind, _g, _a in sample} == set(corpus.KINDS)
    asked = [(g, a) for kind, g, a in sample if kind == "ask" and "JSON" in g]
    assert len(asked) > 200
    for _given, answered in asked:
        answer = answered.replace(corpus.END, "").strip()
        if answer.startswith("["):
            assert isinstance(json.loads(answer), list)


def test_json_format_writes_json_and_no_other_format_does():
    rng = Random(2)
    items = ["green onion", "salt"]
    assert json.loads(formats.json_format(rng).write(items)) == items
    for _ in range(2000):
        text = formats.other_format(rng).write(items)
        assert not task.parse(text).valid_json, text


def test_a_line_holds_its_name_and_keeps_its_parts():
    rng = Random(3)
    for _ in range(500):
        name = kitchen.any_food(rng)
        line = kitchen.make_line(rng, name, kitchen.any_hand(rng))
        assert name.casefold() in line.text.casefold()
        assert line.group in lexicon.GROUPS


@pytest.fixture(scope="module")
def words():
    """The shipped tokenizer."""
    from transformers import AutoTokenizer

    from lessonlib.common.paths import BUILT_IN

    return AutoTokenizer.from_pretrained(BUILT_IN)


def test_a_word_has_the_same_tokens_wherever_it_stands(words):
    """With "space + word" tokens the prototype had to learn every word twice to copy it."""
    for word in ("scallions", "zhoug", "parmesan", "seitan"):
        alone = words.encode(word, add_special_tokens=False)
        for before, after in (("1 c. ", ", diced"), ('["', '"]'), ("\n- ", "\n"), ("(", ")")):
            whole = words.encode(before + word + after, add_special_tokens=False)
            start = len(words.encode(before, add_special_tokens=False))
            assert whole[start : start + len(alone)] == alone, (word, before)


def test_every_chat_begins_as_every_training_document_does(words):
    """Measured without its first token, a half-trained model reached micro-F1 0.06 on recipes,
    with it 0.38."""
    ids = words.apply_chat_template([{"role": "user", "content": "salt"}], return_dict=False)
    assert words.decode(ids[:2]) == tokenizer.END_OF_TEXT + "<|user|>"
    first = batches.encode(words, [[("salt", 1.0)]])[0][0][0]
    assert first == ids[0] == words.bos_token_id


def test_tokenizer_gives_any_text_back(words):
    for text in ("½ c. jalapeño", "crème fraîche 🍲", "a\tb\n\n c  d", "SELECT * FROM t;", "1½-2"):
        assert words.decode(words.encode(text, add_special_tokens=False)) == text


def test_the_model_is_served_with_the_tokens_it_was_trained_on(words, tmp_path):
    """Saved as Qwen2, the model was read with Qwen's word boundaries: every row got other tokens
    than in training, and a model that listed foods well seemed to have learned nothing."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    trained = architecture.new_model(words).eval()
    trained.save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    read_words = AutoTokenizer.from_pretrained(tmp_path)
    read = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    text = "Title: Stew\nYou need:\n- 1 c. rice, cooked\n- ½ tsp. salt"
    ids = words.backend_tokenizer.encode(text, add_special_tokens=False).ids
    assert read_words.encode(text, add_special_tokens=False) == ids
    assert ":Ċ-Ġ" in read_words.convert_ids_to_tokens(ids)
    with torch.inference_mode():
        ours, theirs = (m(input_ids=torch.tensor([ids])).logits for m in (trained, read))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_an_untrained_model_already_looks_things_up(words):
    """Started from plain random weights, the first pantry saw 40 million tokens and still found
    "salmon = octopus" in 18 of 100 cases: it had learned to list, and never to look up."""
    import torch

    torch.manual_seed(1)
    model = architecture.new_model(words).eval()
    model.set_attn_implementation("eager")
    text = (
        "<|endoftext|>Names:\ntomato puree = fenugreek; salmon = octopus; ham = chicken\n"
        + "salt and pepper to taste with water " * 15
        + "\n\nsalmon = "
    )
    ids = words.encode(text, add_special_tokens=False)
    tokens = words.convert_ids_to_tokens(ids)
    with torch.inference_mode():
        attention = model(torch.tensor([ids]), output_attentions=True).attentions
    back = [len(ids) - 1 - int(head[-1].argmax()) for head in attention[0][0][:3]]
    assert back == list(architecture.DISTANCES)
    lookup = attention[1][0, architecture.MATCHES[1].index((1, 2)), -1]
    assert tokens[int(lookup.argmax())] == "octopus"
    assert lookup.max() > 0.5


def test_long_requests_get_json_only_if_they_ask_for_it():
    """With JSON as the silent default, the bare prompt scored better than full instructions,
    which the model then did not need and did not follow."""
    rng, phase = Random(4), pretrain.PHASES[-1][1]
    assert phase.wordy
    asked = {True: 0, False: 0}
    for _ in range(600):
        segments = corpus.ask(rng, phase)
        question, answer = "".join(t for t, w in segments[:-3]), segments[-3][0]
        wants = "JSON" in question
        asked[wants] += 1
        assert answer.startswith('["') == wants, (question, answer)
    assert min(asked.values()) > 100


def test_a_batch_is_the_same_each_time_and_full(words):
    ids, weights = batches.batch(words, seed=1, step=7, phase=pretrain.PHASES[0][1])
    again, _ = batches.batch(words, seed=1, step=7, phase=pretrain.PHASES[0][1])
    other, _ = batches.batch(words, seed=1, step=8, phase=pretrain.PHASES[0][1])
    assert ids.shape == weights.shape == (batches.BATCH_TOKENS // 256, 257)
    assert (ids == again).all()
    assert (ids != other).any()
    assert weights.min() >= 0 and weights.max() == corpus.RECALLED


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path, words, monkeypatch):
    """Same losses, to the last digit, whether a run is stopped half way or not."""
    monkeypatch.setattr(batches, "BATCH_TOKENS", 1024)
    words.save_pretrained(tmp_path / "tokenizer")
    plan = pretrain.Plan(tokens=1024 * 6)

    def run():
        return pretrain.Run(plan, tmp_path, rank=0, processes=1, compiled=False)

    whole = run()
    straight = [whole.train_step() for _ in range(4)]
    first = run()
    stopped = [first.train_step() for _ in range(2)]
    first._save()
    second = run()
    assert second.step == 2
    assert stopped + [second.train_step() for _ in range(2)] == straight


def test_a_run_with_other_settings_does_not_overwrite_a_saved_one(tmp_path, words):
    words.save_pretrained(tmp_path / "tokenizer")
    pretrain.Run(pretrain.Plan(10_000), tmp_path, 0, 1, compiled=False)._save()
    with pytest.raises(SystemExit, match="seed differ"):
        pretrain.Run(pretrain.Plan(10_000, seed=2), tmp_path, 0, 1, compiled=False)


def test_the_rate_warms_up_stays_and_falls():
    plan = pretrain.Plan(tokens=batches.BATCH_TOKENS * 1000)
    assert plan.rate(0) < 0.05
    assert plan.rate(500) == 1.0
    assert plan.rate(999) < 0.05


def test_phases_change_at_their_number_of_tokens_whatever_the_budget():
    """A longer run must repeat a shorter one's beginning, or a record could not be rebuilt."""
    for budget in (40e6, 1e9):
        plan = pretrain.Plan(tokens=int(budget))
        for start, phase in pretrain.PHASES:
            step = -(-start // batches.BATCH_TOKENS)
            assert plan.phase(step) == phase
            assert step == 0 or plan.phase(step - 1) != phase
    assert pretrain.PHASES[-1][1].room == tokenizer.CONTEXT == 1024
