"""AutoTrain itself, in its own environment: do its three ways train, and is it as we tell?

The environment is made by the first of these tests, and kept; see
``autotrain.python_environment`` in conftest.py for what happens where it cannot be made.
"""

from __future__ import annotations

import json
import subprocess
import time

import psutil
import pytest
import requests

import lessonlib
from lessonlib.autotrain import job as autotrain_job
from lessonlib.autotrain import page as autotrain_page
from lessonlib.autotrain import trl, watch, ways, yaml_check
from lessonlib.autotrain.trl import pack
from lessonlib.common import child_process, files, paths
from lessonlib.common.errors import LessonError
from lessonlib.measure.evaluation import Method, compare, evaluate
from lessonlib.tasks import prompting, recipes, training_rows

pytestmark = [pytest.mark.autotrain,
              pytest.mark.long("AutoTrain's own environment, and six trainings in it")]
#: Enough for the form of the answer and the first names; a few seconds of training.
ROWS = 60
SETTINGS = {"data": "sixty", "epochs": 3, "batch_size": 1, "lora_r": 16, "lora_alpha": 32}
QUESTIONS = 40


@pytest.fixture(scope="module")
def environment(autotrain_environment):
    """The environment, and rows to train on in the tests' work folder."""
    rows = training_rows.chat_rows(recipes.load("train")[:ROWS])
    checks = training_rows.chat_rows(recipes.load("validation")[:10])
    ways.write_data("sixty", rows, checks)
    return autotrain_environment


@pytest.fixture(scope="module")
def by_yaml(environment):
    job = ways.Job("test-yaml", **SETTINGS, validation="validation")
    return ways.by_yaml(job.write_yaml(), show=False)


@pytest.fixture(scope="module")
def by_command(environment):
    return ways.by_command(ways.Job("test-command", **SETTINGS), show=False)


@pytest.fixture(scope="module")
def by_page(environment):
    with autotrain_page.open_page(show=False) as page:
        processes = [psutil.Process(pid) for pid in page._own]
        fields = page.fields()
        training = page.train(ways.Job("test-page", **SETTINGS), show=False)
    return training, fields, processes, page.url


@pytest.fixture(scope="module")
def untuned():
    client = lessonlib.connect("practice")
    test = recipes.load("test")[:QUESTIONS]
    return evaluate(client, Method("bare", "pantry", prompting.bare), test, progress=False)


def gain(training, untuned):
    """The difference in micro-F1 that a training makes on recipes that it has not seen."""
    name = watch.serve(training, training.folder.name)
    client, test = lessonlib.connect("practice"), recipes.load("test")[:QUESTIONS]
    method = Method(name, name, prompting.tuned)
    return compare(evaluate(client, method, test, progress=False), untuned)


def test_the_yaml_file_trains_a_model_that_beats_the_base(by_yaml, untuned):
    assert gain(by_yaml, untuned).low > 0
    assert by_yaml.losses[-1][1] < by_yaml.losses[0][1]


def test_the_command_line_trains_a_model_that_beats_the_base(by_command, untuned):
    assert gain(by_command, untuned).low > 0


def test_the_web_page_trains_a_model_that_beats_the_base(by_page, untuned):
    assert gain(by_page[0], untuned).low > 0


def test_the_token_that_the_page_was_given_does_not_stay_in_its_settings(by_page):
    settings = json.loads(files.read_text(by_page[0].folder / "training_params.json"))
    assert settings["seed"] == 42 and "token" not in settings


def test_the_page_s_form_has_the_defaults_that_we_tell_of(by_page):
    fields = by_page[1]
    assert (fields["quantization"], fields["mixed_precision"]) == ("int4", "fp16")
    assert "push_to_hub" not in fields, "it uploads, and no field says so"


def test_nothing_of_the_page_is_left_when_it_is_closed(by_page):
    """A signal to ``autotrain app`` leaves its server running, with its memory and its port."""
    _training, _fields, processes, url = by_page
    assert len(processes) > 1, "the server is a process of its own"
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=2)


def test_the_same_seed_does_not_give_the_same_adapter(by_command, by_page):
    """AutoTrain keeps the seed in its file and hands it to nobody: all is drawn anew each time."""
    trainings = (by_command, by_page[0])
    for training in trainings:
        told = files.read_text(training.folder / "training_params.json")
        assert json.loads(told)["seed"] == 42
    assert ways.difference(*trainings) > 0.01


def test_the_number_of_steps_is_that_of_packed_pieces(by_yaml):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    rows = training_rows.chat_rows(recipes.load("train")[:ROWS])
    lengths = [len(tokenizer.apply_chat_template(row["messages"])["input_ids"]) for row in rows]
    assert by_yaml.steps == pack(lengths, 512).pieces * SETTINGS["epochs"]


def test_the_validation_split_of_a_local_folder_is_ignored(by_yaml):
    assert "eval_loss" not in files.read_text(by_yaml.log)


def test_a_training_that_failed_ends_with_0_and_is_told_by_us(environment):
    """Without ``quantization: null`` AutoTrain takes int4, which needs an NVIDIA card."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine may have what int4 needs")
    job = ways.Job("test-doomed", **SETTINGS, quantization=None)
    with pytest.raises(LessonError, match="quantization is not said"):
        ways.by_yaml(job.write_yaml())
    with pytest.raises(LessonError, match="exit status 0"):
        ways.by_yaml(job.write_yaml(), checked=False, show=False)


def test_what_we_know_of_autotrain_s_parameters_is_what_the_release_has(environment):
    code = ("import json\nfrom autotrain.trainers.clm.params import LLMTrainingParams as P\n"
            "print(json.dumps(sorted(P.model_fields)))")
    asked = subprocess.run([str(environment.python), "-c", code], capture_output=True, text=True,
                           check=True, env=ways.variables())
    assert json.loads(asked.stdout.splitlines()[-1]) == sorted(yaml_check.PARAMS)


#: Prints the model's opinion on one chat, and which libraries gave it.
OPINION = """
import sys, json, torch, transformers
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], torch_dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
chat = [{"role": "user", "content": "2 c. scallions"}, {"role": "assistant", "content": "[]"}]
text = tokenizer.apply_chat_template(chat, tokenize=False)
ids = tokenizer(text, return_tensors="pt").input_ids
with torch.no_grad():
    logits = model(ids).logits[0, -1]
print(json.dumps([transformers.__version__, ids[0].tolist(), logits[:50].tolist()]))
"""


def test_the_older_library_reads_the_copy_as_today_s_reads_the_model(environment):
    """The folder of a newer Transformers: the older one stops at its tokenizer, and would take
    another rope_theta than the model was trained with."""
    import sys

    def opinion(python, model, env):
        asked = subprocess.run([str(python), "-c", OPINION, str(model)], capture_output=True,
                               text=True, env=env)
        assert asked.returncode == 0, asked.stderr
        return json.loads(asked.stdout.splitlines()[-1])

    copy = autotrain_job.folder() / autotrain_job.BASE
    old = opinion(environment.python, copy, ways.variables())
    new = opinion(sys.executable, paths.BUILT_IN, None)
    assert old[0] == "4.48.0" and new[0] != old[0]
    assert old[1] == new[1], "the same tokens"
    assert max(abs(a - b) for a, b in zip(old[2], new[2], strict=True)) < 1e-3
    refused = subprocess.run([str(environment.python), "-c", OPINION, str(paths.BUILT_IN)],
                             capture_output=True, text=True, env=ways.variables())
    assert refused.returncode != 0 and "TokenizersBackend" in refused.stderr


def test_nothing_but_pytorch_comes_from_the_course(environment):
    code = ("import torch, transformers, numpy, sys\n"
            "print(torch.__file__, transformers.__file__, numpy.__file__, sep='\\n')\n"
            "try:\n    import jupyterlab\nexcept ImportError:\n    print('none')")
    asked = subprocess.run([str(environment.python), "-c", code], capture_output=True, text=True,
                           check=True, env=ways.variables())
    torch, transformers, numpy, jupyterlab = asked.stdout.splitlines()[-4:]
    assert str(environment.folder) not in torch
    assert str(environment.folder) in transformers and str(environment.folder) in numpy
    assert jupyterlab == "none"


def test_an_environment_that_is_here_is_found_at_once_and_not_made_again(environment, capsys):
    began = time.monotonic()
    assert ways.get_ready() is True
    assert "is here, in an environment of its own" in capsys.readouterr().out
    assert time.monotonic() - began < 60


def test_trl_trains_by_yaml_on_today_s_libraries_and_uses_what_autotrain_ignores(
    environment, untuned
):
    job = ways.Job("unused", **SETTINGS)
    path = trl.write_config(trl.config("test-trl", "sixty", job), "test-trl")
    training = trl.sft(path, show=False)
    assert gain(training, untuned).low > 0
    assert "eval_loss" in files.read_text(training.log)


def test_with_little_memory_trl_is_started_without_its_launcher_and_trains_the_same(
    environment, monkeypatch
):
    """With 2 GB to live on, the launcher of ``trl sft``, which only waits, held 0.3 GB of them, and
    the training beside it was killed: "has left no adapter".
    """
    asked, run = [], child_process.run
    monkeypatch.setattr(child_process, "run",
                        lambda command, *rest: asked.append(command[1:4]) or run(command, *rest))
    job = ways.Job("unused", **{**SETTINGS, "epochs": 1})
    trained = []
    for name, free in (("test-launched", 10**11), ("test-direct", 10**9)):
        monkeypatch.setattr(trl, "available_memory", lambda free=free: free)
        path = trl.write_config(trl.config(name, "sixty", job), name)
        trained.append(trl.sft(path, show=False))
    assert asked == [["-m", "trl.cli.main", "sft"], ["-m", "trl.scripts.sft", "--config"]]
    assert ways.difference(*trained) == 0
