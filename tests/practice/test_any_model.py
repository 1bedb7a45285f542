"""Every causal language model that transformers loads is answered, as transformers answers it.

Small models with random weights; through HTTP with the official client, or a floor below. Their
weights are random, so they never end an answer by themselves, and each token depends on all before.
"""

import json
import queue
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import psutil
import pytest
import torch
from fine_tuning_parts import jsonl, messages_of, rows, supervised, upload, wait
from transformers import AutoConfig, AutoModelForCausalLM

import lessonlib
from lessonlib.common import paths
from lessonlib.lora import LoraSettings
from lessonlib.models.device import Choice
from lessonlib.practice import service
from lessonlib.practice.answers import any_model, flat, folder
from lessonlib.practice.answers.any_model import TransformersModel
from lessonlib.practice.answers.batch import Answer, Batch, Settings
from lessonlib.practice.answers.loading import load
from lessonlib.practice.answers.model import LoadedModel, Reading
from lessonlib.practice.protocol import openai_view
from lessonlib.practice.protocol.catalogue import read_folder
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.response_format import ResponseFormat
from lessonlib.practice.store.file_store import StoredFile
from lessonlib.practice.store.job_store import Job
from lessonlib.practice.store.store import DEFAULT, Store

SHAPE = {
    "vocab_size": 3072, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 96,
    "max_position_embeddings": 512, "bos_token_id": None, "eos_token_id": 0, "pad_token_id": 0,
    "tie_word_embeddings": False,  # tied, random ones repeat the last token for ever
}  # fmt: skip
WINDOW = {"sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"] * 2}
KINDS = {
    "gemma3_text": WINDOW | {"query_pre_attn_scalar": 16},
    "gemma2": WINDOW | {"query_pre_attn_scalar": 16, "attn_logit_softcapping": 5.0,
                        "final_logit_softcapping": 3.0},
    "phi3": {"sliding_window": 24},
    "olmo2": {},
    "smollm3": {"no_rope_layers": [1, 1, 1, 0], "tie_word_embeddings": True},
    "gpt2": {"tie_word_embeddings": False, "n_embd": 64, "n_layer": 3, "n_head": 4,
             "n_positions": 512},  # fmt: skip
    "qwen2": {},  # of the fast path's types, but taken here by itself
}
#: Those that are not computed on a flat list of tokens.
ALONE = {
    "bloom": {"hidden_size": 64, "n_layer": 2, "n_head": 4},
    "mamba": {"hidden_size": 64, "num_hidden_layers": 2, "state_size": 8},
}


def make(folder, kind, seed=0):
    """A model with random weights and the built-in model's tokenizer."""
    torch.manual_seed(seed)
    changes = (KINDS | ALONE)[kind]
    shape = {} if kind in ("gpt2", *ALONE) else SHAPE
    common = {"vocab_size": 3072, "eos_token_id": 0, "pad_token_id": 0, "bos_token_id": None}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **common | shape | changes))
    with torch.no_grad():
        for weight in model.parameters():  # far from the neutral start: norms and biases too
            weight.add_(torch.randn_like(weight) * 0.2)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(paths.BUILT_IN / name, folder)
    return read_folder(kind, folder)


@pytest.fixture(scope="module", autouse=True)
def float32():
    """What can be compared to the last token; the number format of this machine comes below."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(any_model, "choose_device", lambda: Choice("cpu-fp32", ""))
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    return {kind: make(place / kind, kind) for kind in KINDS | ALONE}


def numbers(length, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(10, 2000, (length,), generator=generator).tolist()


def by_transformers(found, prompt, count):
    """Greedy tokens, by transformers' own generate."""
    model = AutoModelForCausalLM.from_pretrained(found.folder, dtype=torch.float32).eval()
    made = model.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=count, do_sample=False,
    )  # fmt: skip
    return made[0, len(prompt):].tolist()


def answered(model, prompts, **wishes):
    """The tokens with which a batch answers these prompts together."""
    batch, done = Batch(model), queue.Queue()
    answers = [Answer(place, prompt, Settings(max_tokens=12, seed=5, **wishes), done.put)
               for place, prompt in enumerate(prompts)]
    batch.waiting += answers
    while batch.busy:
        batch.step()
    return [answer.generated for answer in answers]


@pytest.mark.parametrize("kind", ["gemma3_text", "mamba"])
def test_an_answer_fits_its_schema_on_either_way_to_compute(folders, kind):
    """Random weights never write JSON, nor ever end by themselves."""
    model, done = TransformersModel(folders[kind], folder.read_config(folders[kind])), queue.Queue()
    form = ResponseFormat("foods", {
        "type": "array", "maxItems": 4, "minItems": 1,
        "items": {"type": "string", "pattern": "^[a-z ]{1,9}$"},
    })  # fmt: skip
    batch = Batch(model)
    batch.waiting += [
        Answer(place, prompt, Settings(max_tokens=90), done.put, constraint=model.constraint(form))
        for place, prompt in enumerate(PROMPTS[:3])
    ]
    while batch.busy:
        batch.step()
    for piece in (done.get() for _ in range(3)):
        foods = json.loads(piece.text)
        assert piece.finish == "stop" and 1 <= len(foods) <= 4, piece
        assert all(food.isascii() and len(food) <= 9 for food in foods)
    model.close()


#: Shorter and longer than the window, than a block, and with a beginning that two share.
PROMPTS = [numbers(5, 1), numbers(150, 2), numbers(40, 3), numbers(1, 4),
           numbers(150, 2)[:140] + numbers(30, 6), numbers(300, 7)]


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_transformers_token_by_token(folders, kind):
    model = TransformersModel(folders[kind], folder.read_config(folders[kind]))
    assert model.is_flat, "it is computed on a flat list of tokens"
    together = answered(model, PROMPTS)
    assert together == [by_transformers(folders[kind], prompt, 12) for prompt in PROMPTS]
    assert all(len(set(one)) > 5 for one in together), "no answer that would always be right"
    assert together == [answered(model, [prompt])[0] for prompt in PROMPTS], "one by one"


@pytest.mark.parametrize("kind", ALONE)
def test_a_model_that_cannot_be_laid_flat_answers_one_by_one(folders, kind):
    model = load(folders[kind])
    assert isinstance(model, TransformersModel) and not model.is_flat
    assert answered(model, PROMPTS[:4]) == [
        by_transformers(folders[kind], prompt, 12) for prompt in PROMPTS[:4]
    ]


def test_what_differs_on_a_flat_list_is_noticed_and_answered_one_by_one(folders, monkeypatch):
    """A model whose attention has more to it than we know must not answer wrongly."""
    right = flat._mixed
    monkeypatch.setattr(flat, "_mixed", lambda *given: 1.1 * right(*given))
    model = load(folders["phi3"])
    assert not model.is_flat
    assert answered(model, PROMPTS[:2]) == [
        by_transformers(folders["phi3"], prompt, 12) for prompt in PROMPTS[:2]
    ]


def test_in_bfloat16_an_answer_does_not_depend_on_its_neighbours(folders, monkeypatch):
    """There, two likely tokens are often equally likely: nothing may tip the scales."""
    monkeypatch.setattr(any_model, "choose_device", lambda: Choice("cpu-bf16", ""))
    model = load(folders["gemma3_text"])
    together = answered(model, PROMPTS)
    assert together == [answered(model, [prompt])[0] for prompt in PROMPTS]
    warm = {"temperature": 0.8, "top_p": 0.9}
    drawn = answered(model, PROMPTS[:2], **warm)
    assert drawn == answered(model, [*PROMPTS[:2], *PROMPTS[3:]], **warm)[:2]


def test_a_beginning_that_was_read_before_gives_the_same_logits_to_the_last_bit(folders):
    model = load(folders["gemma3_text"])
    first, second = numbers(200, 8), numbers(200, 8)[:150] + numbers(60, 9)
    model.read([Reading(first, 0)])
    known = model.remember(0, model.whole(150))
    assert known[0][0].shape[1] == flat.BLOCK
    model.read([Reading(second, 1, known)])
    last = [first[-1], second[-1]], [len(first) - 1, len(second) - 1]
    assert torch.equal(model.write(*last)[1], model.canonical(second))


def test_answers_that_outgrow_the_memory_wait_and_go_on(folders, monkeypatch):
    model = load(folders["olmo2"])
    expected = answered(model, PROMPTS)
    size = model.token_bytes * (300 + 150 + 12 + 3 * flat.GROWTH)
    monkeypatch.setattr(model, "room", size)
    seen = []
    write = model.write
    monkeypatch.setattr(model, "write", lambda tokens, places: (
        seen.append(len(tokens)), write(tokens, places))[1])
    assert answered(model, PROMPTS) == expected
    assert max(seen) < len(PROMPTS)


def test_what_the_fast_path_knows_stays_with_it_where_it_is_small(folders, tmp_path):
    assert isinstance(load(folders["qwen2"]), LoadedModel)
    assert isinstance(load(read_folder("pantry", paths.BUILT_IN)), LoadedModel)


@pytest.mark.parametrize(("kind", "told"), [("t5", "type t5"), ("nonsense", "type nonsense")])
def test_what_writes_no_text_is_refused_with_the_reason(folders, tmp_path, kind, told):
    shutil.copytree(folders["olmo2"].folder, tmp_path / "odd")
    (tmp_path / "odd" / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ApiError, match=told) as caught:
        load(read_folder("odd", tmp_path / "odd"))
    assert caught.value.status == 400 and caught.value.code == "model_not_loadable"


def test_without_memory_it_is_refused_before_anything_is_loaded(folders, monkeypatch):
    monkeypatch.setattr(folder, "available_memory", lambda: 10**6)
    with pytest.raises(ApiError, match="GB are free") as caught:
        load(folders["olmo2"])
    assert caught.value.status == 400 and caught.value.code == "insufficient_memory"


def test_models_that_are_asked_at_once_share_the_time(folders):
    """A small model's hundred steps take as long as one of a large one; each had one in turn."""
    from lessonlib.practice.answers.engine import Engine

    engine, ended = Engine(), []
    try:
        slow = Batch(load(folders["olmo2"]))
        step = slow.step
        slow.step = lambda: (time.sleep(0.2), step())
        quick = Batch(load(read_folder("pantry", paths.BUILT_IN)))
        done = queue.Queue()
        for name, batch in (("slow", slow), ("quick", quick)):
            def emit(piece, name=name):
                ended.append(name)
                done.put(piece)
            engine.submit(batch, [Answer(0, numbers(9, 1), Settings(max_tokens=25), emit)])
        for _ in range(2):
            done.get(timeout=60)
        assert ended == ["quick", "slow"]
        assert slow.spent > 20 * 0.2 > 4 * quick.spent
    finally:
        engine.stop()


# --- through HTTP


@pytest.fixture(scope="module")
def client():
    paths.MODELS.mkdir(parents=True, exist_ok=True)
    for kind in ("gemma3_text", "gpt2"):
        make(paths.MODELS / kind, kind)
    with lessonlib.connect() as client:
        yield client


def ask(client, text="List: 2 eggs", model="gemma3_text", **wishes):
    wishes = {"max_tokens": 12, **wishes}
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}], **wishes
    )


def text_of(answer):
    return answer.choices[0].message.content


def test_it_is_listed_and_answers_as_the_floor_below_does(client):
    assert {"gemma3_text", "gpt2"} <= {model.id for model in client.models.list()}
    found = ask(client, logprobs=True, top_logprobs=2)
    with pytest.MonkeyPatch.context() as patch:  # in the number format of the service
        from lessonlib.models import device

        patch.setattr(any_model, "choose_device", device.choose_device)
        model = load(read_folder("gemma3_text", paths.MODELS / "gemma3_text"))
    prompt = model.encode([{"role": "user", "content": "List: 2 eggs"}])
    expected = answered(model, [prompt])[0]
    assert found.usage.prompt_tokens == len(prompt) and found.usage.completion_tokens == 12
    assert [entry.token for entry in found.choices[0].logprobs.content] == [
        model.vocabulary.label(id)[0] for id in expected
    ]
    assert text_of(found) == model.tokenizer.decode(expected)
    assert found.choices[0].finish_reason == "length"


def test_ten_callers_at_once_get_what_each_gets_alone(client):
    texts = [f"List: {'2 eggs and salt, ' * (number * 2)}{number}" for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        together = list(pool.map(lambda text: text_of(ask(client, text)), texts))
    assert together == [text_of(ask(client, text)) for text in texts]
    assert len(set(together)) > 5


def test_streams_stops_several_answers_and_seeds(client):
    whole = text_of(ask(client))
    stream = ask(client, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole and chunks[-1].usage.completion_tokens == 12
    mark = whole[3:6]
    stopped = ask(client, stop=[mark])
    assert text_of(stopped) == whole.split(mark)[0]
    assert stopped.choices[0].finish_reason == "stop"
    warm = {"temperature": 1.0, "seed": 3, "n": 3}
    first, again = (
        [choice.message.content for choice in ask(client, **warm).choices] for _ in range(2)
    )
    assert first == again and len(set(first)) == 3


def test_a_prompt_longer_than_the_window_and_one_longer_than_the_model(client):
    # 24 tokens are its sliding window, 512 all that it can read.
    assert ask(client, "salt " * 100).usage.prompt_tokens > 24
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "salt " * 600)
    assert caught.value.code == "context_length_exceeded" and "512" in caught.value.message


def test_thinking_is_asked_for_by_name_and_nothing_else_is(client):
    plain = text_of(ask(client))
    for wanted in (True, False):  # this template does not know it
        extra = {"chat_template_kwargs": {"enable_thinking": wanted}}
        assert text_of(ask(client, extra_body=extra)) == plain
    for wrong in ({"enable_thinking": "yes"}, {"depth": 3}, [1]):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, extra_body={"chat_template_kwargs": wrong})
        assert caught.value.param.startswith("chat_template_kwargs")


def test_a_cancelled_request_makes_room_and_the_others_go_on(client):
    gone = ask(client, stream=True, max_tokens=480)
    next(iter(gone))
    gone.close()
    assert text_of(ask(client))


def test_a_model_without_a_template_is_asked_in_words(client):
    folder = make(paths.MODELS / "bare", "gpt2")
    (folder.folder / "chat_template.jinja").unlink()
    assert ask(client, model="bare").usage.prompt_tokens > 10


def test_a_folder_that_is_replaced_while_it_answers(client):
    """As a second training run does it: the old weights end what they began, the new ones follow.
    """
    make(paths.MODELS / "again", "olmo2")
    running = ask(client, model="again", stream=True, max_tokens=300)
    begun = next(iter(running))
    make(paths.MODELS / ".again.new", "olmo2", seed=1)
    (paths.MODELS / "again").rename(paths.MODELS / ".again.old")
    (paths.MODELS / ".again.new").rename(paths.MODELS / "again")
    after = ask(client, model="again", max_tokens=2)
    assert after.system_fingerprint != begun.system_fingerprint
    assert sum(bool(chunk.choices and chunk.choices[0].finish_reason) for chunk in running) == 1


@pytest.mark.parametrize(("gone", "told"), [
    ("tokenizer.json", "tokenizer.json"), ("model.safetensors", "weights"),
    ("config.json", "config.json"),
])  # fmt: skip
def test_a_folder_with_a_part_missing_says_which(client, gone, told):
    folder = make(paths.MODELS / "torn", "gpt2")
    (folder.folder / gone).unlink()
    with pytest.raises(openai.BadRequestError, match=told) as caught:
        ask(client, model="torn")
    assert caught.value.code == "model_not_loadable"
    with pytest.raises(openai.BadRequestError, match=told):
        client.fine_tuning.jobs.create(model="torn", training_file=upload(client, rows(10)))
    shutil.rmtree(folder.folder)
    assert text_of(ask(client)), "and the service goes on"


def test_a_damaged_weights_file_is_told_and_the_service_goes_on(client):
    folder = make(paths.MODELS / "hurt", "gpt2")
    file = folder.folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(openai.BadRequestError, match="cannot be loaded") as caught:
        ask(client, model="hurt")
    assert caught.value.code == "model_not_loadable"
    assert text_of(ask(client))


def test_an_open_model_that_was_fetched_before_is_answered_by_its_hub_name(client, monkeypatch):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="nobody/nothing-at-all")
    assert caught.value.code == "model_not_found"


# --- jobs


def test_a_large_model_gets_the_settings_that_suit_it_and_says_how_long_it_takes(
    client, monkeypatch, tmp_path
):
    """Its learning rate is not that of the built-in model, thirty times smaller."""
    from lessonlib.practice.trainer import forecast
    from lessonlib.practice.trainer.job_training import JobTraining

    monkeypatch.setattr(forecast, "LARGE", 1000)
    monkeypatch.setattr(forecast.plan, "for_size", lambda weights: LoraSettings(
        rank=4, learning_rate=2e-4) if weights > 1000 else LoraSettings())
    store = store_with_a_job(tmp_path, "gemma3_text")
    training = JobTraining(store, store.jobs.next_to_train())
    assert training.settings.learning_rate == pytest.approx(2 * 2e-4)
    assert training.settings.rank == 4
    training.run()
    events, _more = store.jobs.events("the-job", limit=50)
    told = [event for event in events if event.kind == "forecast"]
    assert len(told) == 1 and told[0].details["rate"] > 0 and told[0].details["tokens"] > 100
    assert "tokens a second" in openai_view.event_message(told[0], store.jobs.find("the-job"))
    assert store.jobs.find("the-job").status == "succeeded"


def test_a_job_that_finds_no_memory_fails_with_the_reason(client, monkeypatch, tmp_path):
    from lessonlib.practice.trainer import forecast, trainer

    monkeypatch.setattr(forecast, "LARGE", 1000)
    monkeypatch.setattr(forecast, "PATIENCE", 0.0)
    monkeypatch.setattr(forecast, "LOOK", 0.0)
    monkeypatch.setattr(forecast, "available_memory", lambda: 10**6)
    store = store_with_a_job(tmp_path, "gemma3_text")
    assert trainer.train_next(store)
    job = store.jobs.find("the-job")
    assert job.status == "failed" and job.error["code"] == "insufficient_memory"


def store_with_a_job(folder, model):
    """A store with a small job that waits for its turn."""
    store, content = Store(folder), jsonl(rows(8))
    store.files.draft("train").write_bytes(content)
    store.files.add(StoredFile(
        "train", DEFAULT, "openai", "fine-tune", "train.jsonl", len(content), "", 1))
    chosen = {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 2.0}
    store.jobs.create(Job(
        id="the-job", organisation=DEFAULT, view="openai", model=model, training_file="train",
        seed=3, created_at=1, tuned_model="ft:one:practice::12345678", asked=chosen,
        chosen=chosen, status="queued",
    ))  # fmt: skip
    return store


def test_a_job_on_it_trains_to_its_end_and_its_model_answers(client):
    file = upload(client, rows(12))
    job = client.fine_tuning.jobs.create(
        model="gemma3_text", training_file=file, validation_file=file, seed=1,
        method=supervised(n_epochs=2, batch_size=4),
    )  # fmt: skip
    done = wait(client, job.id)
    assert done.status == "succeeded", done.error
    points = client.fine_tuning.jobs.checkpoints.list(job.id).data
    assert [point.step_number for point in points] == [6, 3]
    assert points[0].metrics.full_valid_loss < points[1].metrics.full_valid_loss
    for name in (done.fine_tuned_model, points[1].fine_tuned_model_checkpoint):
        assert text_of(ask(client, model=name))
    assert "Fine-tuning job started" in messages_of(client, job.id)


def test_a_job_on_it_can_be_cancelled(client):
    job = client.fine_tuning.jobs.create(
        model="gpt2", training_file=upload(client, rows(100)), method=supervised(n_epochs=50)
    )
    wait(client, job.id, ("running",))
    client.fine_tuning.jobs.cancel(job.id)
    assert wait(client, job.id).status == "cancelled"


def test_a_job_on_it_goes_on_after_the_service_was_killed(client):
    job = client.fine_tuning.jobs.create(
        model="gemma3_text", training_file=upload(client, rows(40)), seed=2,
        method=supervised(n_epochs=8, batch_size=2),
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (step := _steps(client, job.id)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert step, "it has begun"
    psutil.Process(service.read_record().pid).kill()
    # The client's transport starts the service again and asks once more.
    done = wait(client, job.id)
    assert done.status == "succeeded", done.error
    assert text_of(ask(client, model=done.fine_tuned_model))
    assert text_of(ask(client)), "and the untuned one still answers"


def _steps(client, id):
    return sum(message.startswith("Step") for message in messages_of(client, id))
