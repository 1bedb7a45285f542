"""Open models: other architectures, 4 bits, adapters side by side, serving, processes."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessonlib.chat_files import files
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lessons import nb12_hosting, nb12_open_server, nb13_sql_adapter
from lessonlib.lora import base as lora_base
from lessonlib.lora import rows as lora_rows
from lessonlib.lora import tuning
from lessonlib.lora.tuning import LoraSettings
from lessonlib.measure.evaluation import Method
from lessonlib.measure.local_model import evaluate_here, fingerprint
from lessonlib.models import catalogue, folders
from lessonlib.models.chat_template import NO_LABEL, PLAIN_TEMPLATE, use_training_template
from lessonlib.models.quiet import quiet
from lessonlib.tasks import prompting, recipes, text_to_sql, training_rows
from tools.notebook_run import stop_practice

SMALL = LoraSettings(epochs=1, batch_size=4, rank=4)
#: One of each architecture that the course's open models have.
KINDS = {"llama": "SmolLM2-135M", "qwen2": "Qwen2.5-Coder-0.5B", "qwen3": "Qwen3-0.6B"}
#: As SmolLM2 has it: nothing marks the answers.
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + eos_token "
    "+ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "MODELS", folder / "models")
        patch.setattr(paths, "ADAPTERS", folder / "adapters")
        patch.setattr(paths, "WORK", folder)
        yield folder
        stop_practice(folder)  # one test asks the practice service, which outlives it


@pytest.fixture(scope="module")
def rows():
    return training_rows.chat_rows(recipes.load("train")[:8])


def random_model(kind, folder, template=CHATML):
    """A small model of random weights, of the architecture of a hub model, as a folder."""
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    tokenizer.chat_template = template
    config = catalogue.find(KINDS[kind]).config(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, vocab_size=3072, max_position_embeddings=512,
        bos_token_id=0, eos_token_id=4, pad_token_id=5,
    )  # fmt: skip
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


# --- other architectures, other templates


@pytest.mark.parametrize("four_bit", [False, True], ids=["as it is", "4 bits"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_architecture_is_loaded_tuned_merged_and_asked(work, rows, kind, four_bit):
    base = random_model(kind, work / "bases" / kind)
    settings = replace(SMALL, four_bit=four_bit, recompute=four_bit, accumulate=2)
    tuned = tuning.tune(rows, f"{kind}-{four_bit}", base=base, settings=settings, show=False)
    assert len(tuned.history) == 1, "8 rows, 4 at a time, 2 times that for a step"
    assert AutoModelForCausalLM.from_pretrained(base).config.model_type == kind
    merged = AutoModelForCausalLM.from_pretrained(tuned.folder)
    assert merged.dtype == torch.bfloat16
    tokenizer = AutoTokenizer.from_pretrained(tuned.folder)
    method = Method("asked", "x", prompting.tuned, max_tokens=4)
    result = evaluate_here(merged, tokenizer, method, recipes.load("test")[:3], progress=False)
    assert [row.error for row in result.rows] == [None] * 3


def test_four_bits_take_a_quarter_of_the_place(work):
    """QLoRA's own sum, 4.127 bits a weight, against what the library says that it stores."""
    base = str(random_model("llama", work / "bases" / "packed"))
    plain, _tokenizer = lora_base.load_base(base, "cpu-bf16")
    packed, _tokenizer = lora_base.load_base(base, "cpu-bf16", four_bit=True)
    matrices = sum(module.weight.numel() for module in plain.model.layers.modules()
                   if isinstance(module, torch.nn.Linear))  # fmt: skip
    saved = plain.get_memory_footprint() - packed.get_memory_footprint()
    assert saved == pytest.approx(matrices * 1.5, rel=0.05)


def test_missing_bitsandbytes_is_said_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(LessonError, match="4-bit weights need the package bitsandbytes") as told:
        lora_base.check_four_bit()
    assert "pip install bitsandbytes" in told.value.cure


def learned(tokenizer, messages):
    made = lora_rows.tokenise([{"messages": messages}], tokenizer, 1000, "Training")
    return tokenizer.decode([token for row in made for token in row["labels"] if token != NO_LABEL])


CHAT = [
    {"role": "system", "content": "You sort fruit."},
    {"role": "user", "content": "apple, salt"},
    {"role": "assistant", "content": '["apple"]'},
]


@pytest.mark.parametrize("template", [CHATML, None], ids=["marks nothing", "no template"])
def test_answers_are_found_where_the_template_does_not_mark_them(template):
    """SmolLM2's template marks nothing, and TRL knows no edition of it; CodeLlama has none."""
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    tokenizer.chat_template = template
    use_training_template(tokenizer)
    assert learned(tokenizer, CHAT) == '["apple"]' + tokenizer.eos_token
    longer = [*CHAT, {"role": "user", "content": "plum"}, {"role": "assistant", "content": "[]"}]
    assert learned(tokenizer, longer) == '["apple"]' + tokenizer.eos_token + "[]" + (
        tokenizer.eos_token)
    asked = tokenizer.apply_chat_template(CHAT[:2], add_generation_prompt=True, tokenize=False)
    whole = tokenizer.apply_chat_template(CHAT, tokenize=False)
    assert whole.startswith(asked + '["apple"]')


def test_a_template_that_asks_in_other_words_than_it_writes_answers_is_learned_as_it_asks():
    """It was refused once. What counts is that a row begins with what the model is asked."""
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}" + (
        "{% if add_generation_prompt %}{{ 'now you: ' }}{% endif %}")
    (row,) = lora_rows.tokenise([{"messages": CHAT}], tokenizer, 1000, "Training")
    assert tokenizer.decode(row["input_ids"]).endswith('apple, saltnow you: ["apple"]<|end|>')
    assert learned(tokenizer, CHAT) == '["apple"]<|end|>'


def test_a_template_that_shows_no_answer_is_refused():
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    with pytest.raises(LessonError, match="does not show the answer"):
        lora_rows.tokenise([{"messages": CHAT}], tokenizer, 1000, "Training")


def test_a_base_without_a_template_is_served_with_the_one_it_was_tuned_with(work, rows):
    base = random_model("llama", work / "bases" / "bare", template=None)
    tuned = tuning.tune(rows, "bare", base=base, settings=SMALL, show=False)
    served = AutoTokenizer.from_pretrained(tuned.folder)
    assert served.chat_template == PLAIN_TEMPLATE


# --- out of memory


def test_too_little_memory_halves_the_rows_once_and_learns_the_same(work, rows, monkeypatch,
                                                                   capsys):  # fmt: skip
    settings = replace(SMALL, batch_size=8, epochs=2)
    whole = tuning.tune(rows, "whole", settings=settings, show=False)
    train = tuning._run

    def short_of_memory(*arguments):
        if arguments[3].batch_size > 4:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return train(*arguments)

    monkeypatch.setattr(tuning, "_run", short_of_memory)
    halved = tuning.tune(rows, "halved", settings=settings, show=False)
    said = capsys.readouterr().out
    assert "enough memory for 8 rows" in said and "2 times 4 make one step" in said
    assert (halved.settings.batch_size, halved.settings.accumulate) == (4, 2)
    assert tuning.load("halved").settings == halved.settings
    losses = [[point.train_loss for point in one.history] for one in (whole, halved)]
    assert losses[1] == pytest.approx(losses[0], rel=2e-3)


def test_the_second_lack_of_memory_is_an_error(work, rows, monkeypatch):
    tried = []

    def never_enough(*arguments):
        tried.append((arguments[3].batch_size, arguments[3].accumulate))
        raise MemoryError

    monkeypatch.setattr(tuning, "_run", never_enough)
    with pytest.raises(LessonError, match="enough memory for 4 rows") as told:
        tuning.tune(rows, "never", settings=replace(SMALL, batch_size=8), show=False)
    assert tried == [(8, 1), (4, 2)]
    assert "batch_size=2" in told.value.cure
    assert not (paths.ADAPTERS / "never").exists()


# --- what was tuned before


def test_what_was_tuned_with_the_same_rows_is_taken_and_said_so(work, rows, capsys):
    first = tuning.tune(rows, "again", settings=SMALL, show=False, merge=False, reuse=True)
    assert "tuned here before" not in capsys.readouterr().out
    assert not (paths.MODELS / "again").exists(), "merge=False writes the adapter alone"
    again = tuning.tune(rows, "again", settings=SMALL, show=False, merge=False, reuse=True)
    assert "again was tuned here before" in capsys.readouterr().out
    assert again.history == first.history and 0 < again.seconds <= first.seconds
    for other in (
        dict(rows=rows[:4]), dict(settings=replace(SMALL, rank=2)), dict(seed=1), dict(merge=True),
    ):  # fmt: skip
        asked = dict(rows=rows, settings=SMALL, merge=False, seed=0) | other
        tuning.tune(name="again", show=False, reuse=True, **asked)
        assert "tuned here before" not in capsys.readouterr().out, other


def test_each_question_stands_in_as_many_chats_as_there_are_turns():
    questions = text_to_sql.load("train")[:100]
    chats = nb13_sql_adapter.rows(questions)
    answers = [message["content"] for chat in chats for message in chat["messages"]
               if message["role"] == "assistant"]  # fmt: skip
    assert sorted(answers) == sorted(nb13_sql_adapter.TURNS * [one.query for one in questions])
    by_query = {one.query: one for one in questions}
    for chat in chats:
        system, first, answer, *_others = chat["messages"]
        assert [system, first] == text_to_sql.messages(by_query[answer["content"]])
        about = {by_query[one["content"]].database for one in chat["messages"]
                 if one["role"] == "assistant"}  # fmt: skip
        assert len(about) == 1 and len(chat["messages"]) <= 1 + 2 * nb13_sql_adapter.TOGETHER
    assert chats == nb13_sql_adapter.rows(questions)


# --- adapters side by side


def test_training_a_second_adapter_changes_nothing_about_the_first(work, rows):
    """Adapter A's answers, and the base's weights, before and after B is trained beside it."""
    tuning.tune(rows, "a", settings=replace(SMALL, epochs=2), show=False)
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    with quiet():
        model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32)
    before = fingerprint(model)
    both = PeftModel.from_pretrained(model, paths.ADAPTERS / "a", adapter_name="a")
    assert fingerprint(both) == before

    def answers():
        both.set_adapter("a")
        method = Method("a", "a", prompting.tuned, max_tokens=24)
        found = evaluate_here(both, tokenizer, method, recipes.load("test")[:4], progress=False)
        return [row.text for row in found.rows], found.metrics()["micro_f1"]

    first = answers()
    both.add_adapter("b", both.peft_config["a"])
    both.set_adapter("b")
    weights = [weight for name, weight in both.named_parameters() if weight.requires_grad]
    assert weights and all(".b." in name for name, weight in both.named_parameters()
                           if weight.requires_grad)  # fmt: skip
    optimizer = torch.optim.SGD(weights, lr=0.5)
    ids = torch.randint(10, 3000, (2, 32))
    for _step in range(2):
        both(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert answers() == first
    assert fingerprint(both) == before
    next(iter(both.base_model.model.parameters())).data.add_(1)
    assert fingerprint(both) != before, "a changed base must not go unnoticed"


def test_answers_from_this_process_are_those_of_the_service(work):
    """The same greedy answers as the practice service's own network gives."""
    import lessonlib

    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32)
    method = Method("here", "pantry", prompting.instructions, max_tokens=48)
    examples = recipes.load("test")[:6]
    here = evaluate_here(model, tokenizer, method, examples, batch_size=4, progress=False)
    there = lessonlib.evaluate(lessonlib.connect(), method, examples, progress=False)
    same = [one.text == other.text for one, other in zip(here.rows, there.rows, strict=True)]
    assert sum(same) >= 5, "rounding may turn one close choice"
    assert [row.prompt_tokens for row in here.rows] == [row.prompt_tokens for row in there.rows]
    assert here.rows[0].completion_tokens == there.rows[0].completion_tokens


def test_a_prompt_that_leaves_no_room_is_refused(work):
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN)
    method = Method("long", "pantry", prompting.bare, max_tokens=1000)
    with pytest.raises(LessonError, match="more than the 1024 that the model reads"):
        evaluate_here(model, tokenizer, method, recipes.load("test")[:1], progress=False)


# --- serving


def test_transformers_serve_is_started_asked_and_stopped(work, tmp_path, monkeypatch):
    """It asked the network for newer versions, and noted that in the learner's home folder."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with nb12_open_server.serving(paths.BUILT_IN) as server:
        answer = server.connect().chat.completions.create(
            model=server.model, messages=prompting.instructions(recipes.load("test")[0]),
            max_tokens=48, temperature=0,
        )  # fmt: skip
        assert server.process.poll() is None
    assert server.process.poll() is not None
    assert json.loads(answer.choices[0].message.content)
    assert answer.usage.completion_tokens > 3
    assert not list((tmp_path / "home").rglob("*update*"))


def test_a_folder_without_a_model_and_a_taken_port_are_named(work, tmp_path):
    import socket

    with pytest.raises(LessonError, match="no model in empty"):
        (tmp_path / "empty").mkdir()
        nb12_open_server.serving(tmp_path / "empty").__enter__()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(LessonError, match="is taken by another program"):
            nb12_open_server.serving(paths.BUILT_IN, taken.getsockname()[1]).__enter__()


def test_a_server_that_dies_at_once_tells_its_last_lines(work, monkeypatch):
    command = [sys.executable, "-c", "import sys; sys.exit('no such thing')"]
    monkeypatch.setattr(nb12_open_server, "command", lambda *_arguments: command)
    with pytest.raises(LessonError, match="did not start: no such thing"):
        nb12_open_server.serving(paths.BUILT_IN).__enter__()


def test_the_vllm_command_names_base_revision_and_adapters():
    command = nb12_hosting.vllm_command("Qwen3-0.6B", {"sql": "work/adapters/hf-sql"})
    words = command.replace("\\\n", "")
    assert words.split()[:3] == ["vllm", "serve", "Qwen/Qwen3-0.6B"]
    assert "--enable-lora" in words and "sql=work/adapters/hf-sql" in words
    assert catalogue.find("Qwen3-0.6B").revision in words


def test_a_larger_model_is_only_loaded_from_its_pin(work):
    assert folders.find_base("Qwen3-0.6B") == "Qwen/Qwen3-0.6B"


# --- more than one process


def launched(command, rows, out, project):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    run = subprocess.run(
        [*command, "-m", "lessonlib.lora.script", str(rows), "--out", str(out), "--batch", "4"],
        capture_output=True, text=True, cwd=project, env=environment, timeout=600,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads((out / "losses.json").read_text(encoding="utf-8"))


def test_two_processes_learn_what_one_learns(work, rows, project):
    """accelerate's type MULTI_CPU started one process and said nothing: so they are counted."""
    file = files.write(rows, work / "rows.jsonl")
    accelerate = [sys.executable, "-m", "accelerate.commands.launch"]
    config = project / "data" / "accelerate" / "two_processes.yaml"
    two = launched([*accelerate, "--config_file", str(config), "--main_process_port", "0"],
                   file, work / "two", project)  # fmt: skip
    one = launched([sys.executable], file, work / "one", project)
    assert (one["processes"], two["processes"]) == (1, 2)
    assert len(one["losses"]) == 2
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-4)
    assert (work / "two" / "adapter_model.safetensors").is_file()


def test_the_file_for_several_gpus_is_one_that_accelerate_reads(project):
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(project / "data" / "accelerate" / "fsdp.yaml"))
    assert config.distributed_type == "FSDP"
    assert config.fsdp_config["fsdp_version"] == 2
