"""Tuning without code: all that can be tested without AutoTrain's own environment.

What AutoTrain really does is in test_autotrain_for_real.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import psutil
import pytest
import requests
import yaml

from lessonlib.autotrain import (
    autotrain_torch,
    older_base,
    page,
    python_environment,
    trl,
    watch,
    ways,
    yaml_check,
)
from lessonlib.autotrain import job as autotrain_job
from lessonlib.autotrain.hub_stand_in import HubStandIn
from lessonlib.autotrain.trl import pack
from lessonlib.common import child_process, paths
from lessonlib.common.errors import LessonError

ROWS = [{"messages": [{"role": "user", "content": "2 c. flour"},
                      {"role": "assistant", "content": '["flour"]'}]}] * 3  # fmt: skip


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """A fresh work folder."""
    monkeypatch.setattr(paths, "WORK", tmp_path)
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    return tmp_path


@pytest.fixture
def job(work) -> ways.Job:
    """A job whose data are there."""
    ways.write_data("recipes", ROWS, ROWS[:1])
    return ways.Job("my-recipes", "recipes")


# One job, three languages


def test_the_three_languages_say_the_same(job):
    values = yaml.safe_load(job.yaml())
    form = job.form("me")
    params = json.loads(form["params"])
    words = job.command()
    for name, value in job.params().items():
        assert values["params"][name] == value, name
        assert params[name] == ("none" if value is None else value), name
        flag = "--" + name.replace("_", "-")
        if value is True:
            assert flag in words
        else:
            said = words[words.index(flag) + 1]
            assert said == ("none" if value is None else str(value)), name
    assert values["base_model"] == form["base_model"] == words[words.index("--model") + 1]
    assert (values["project_name"] == form["project_name"]
            == words[words.index("--project-name") + 1] == "my-recipes")


def test_the_form_never_asks_to_upload_the_model(job):
    """AutoTrain's page uploads to the hub unless its JSON view says otherwise; no field does."""
    assert json.loads(job.form("me")["params"])["push_to_hub"] is False


@pytest.mark.parametrize("name", ["", "a b", "a_b", "a.b", "-", "ü", "a" * 51, None, 3])
def test_a_project_name_that_autotrain_refuses_is_told_beforehand(name):
    with pytest.raises(LessonError, match="cannot be called") as told:
        ways.Job(name, "recipes")
    better = told.value.cure.rstrip(".").rpartition(" ")[2]
    ways.Job(better, "recipes")


def test_values_are_written_so_that_yaml_reads_them_back():
    """save_strategy: no reached TRL as False, and ``trl sft`` stopped."""
    for value in (2e-5, 3e-3, 0.0, 1.0, 1e-10, 42, True, False, None, "no", "on", "none", "1"):
        assert yaml.safe_load(f"a: {autotrain_job.yaml_value(value)}")["a"] == value


def test_a_command_line_is_shown_as_one_types_it(job):
    shown = ways.show_command(job.command())
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert shown.replace("\\\n", " ").split() == job.command()


def test_rows_are_checked_before_they_are_written(work):
    with pytest.raises(LessonError, match="row 2"):
        ways.write_data("bad", [*ROWS[:1], {"messages": []}])


# The check of a YAML file


def check(job, old="", new="") -> list[str]:
    path = job.write_yaml()
    path.write_text(job.yaml().replace(old, new), encoding="utf-8")
    return yaml_check.check(path)


def test_a_good_file_passes_and_its_traps_are_remarked_upon(job):
    remarks = check(job, "valid_split: null", "valid_split: validation")
    for word in ("valid_split", "seed", "packs"):
        assert any(word in remark for remark in remarks), word
    assert not any("valid_split" in remark for remark in check(job))


@pytest.mark.parametrize(("old", "new", "line", "rule"), [
    ("log: none\n", "", 1, "log is missing"),
    ("  valid_split: null\n", "", 6, "data.valid_split is missing"),
    ("epochs: 3", "epoch: 4", 16, "params.epoch is unknown; .* Do you mean params.epochs?"),
    ("lr: 0.003", "lr: 3e-3", 19, "lr is '3e-3', and should be a number. YAML wants the dot"),
    ("epochs: 3", "epochs: four", 16, "epochs is 'four', and should be a whole number"),
    ("epochs: 3", "epochs: true", 16, "epochs is True, and should be a whole number"),
    ("peft: true", "peft: 'yes'", 23, "peft is 'yes', and should be true or false"),
    ("task: llm-sft", "task: llm-stf", 1, "the task 'llm-stf' is none of"),
    ("my-recipes", "my recipes!", 3, "cannot be called 'my recipes!'.* my-recipes"),
    ("pantry-older", "pantry-odler", 2, "no model folder pantry-odler"),
    ("pantry-older", "pantry", 2, "saved by a newer Transformers"),
    ("path: recipes", "path: recipe", 7, "no folder recipe beside this file"),
    ("train_split: train", "train_split: trian", 8, "no trian.jsonl in the folder"),
    ("text_column: messages", "text_column: text", 12, "the rows have no text; they have:"),
    ("  quantization: null\n", "", 13, "quantization is not said"),
    ("  epochs: 3", " epochs: 3", 16, "this is not YAML"),
])  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_its_cure(job, old, new, line, rule):
    assert old in job.yaml()
    with pytest.raises(LessonError, match=rule) as told:
        check(job, old, new)
    assert f"my-recipes.yml, line {line}: " in str(told.value)
    assert told.value.cure


def test_all_mistakes_are_told_at_once(job):
    text = job.yaml().replace("epochs", "epoch").replace("0.003", "3e-3").replace("log: none\n", "")
    path = job.write_yaml()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LessonError) as told:
        yaml_check.check(path)
    assert str(told.value).count("my-recipes.yml, line") == 3


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b", "null"])
def test_a_file_that_is_no_table_is_no_traceback(work, text):
    path = work / "odd.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LessonError, match="no table of keys"):
        yaml_check.check(path)


# The base model in the older form


def test_the_older_form_keeps_what_the_numbers_mean(work):
    """Without rope_theta an older library takes its own, and misjudges every distance."""
    folder = older_base.older_copy(None, work / "older")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    new = json.loads((paths.BUILT_IN / "config.json").read_text(encoding="utf-8"))
    assert config["rope_theta"] == new["rope_parameters"]["rope_theta"]
    assert config["rope_scaling"] is None and "rope_parameters" not in config
    assert config["attention_bias"] == new["attention_bias"]
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "{% generation %}" in tokenizer["chat_template"]
    weights = (folder / "model.safetensors").read_bytes()
    assert weights == (paths.BUILT_IN / "model.safetensors").read_bytes()


def test_a_scaled_position_code_is_kept_as_scaling():
    rope = {"rope_type": "linear", "factor": 2.0, "rope_theta": 5000.0}
    config = older_base.older_config({"rope_parameters": rope, "dtype": "bfloat16"})
    assert config == {"rope_theta": 5000.0, "torch_dtype": "bfloat16",
                      "rope_scaling": {"rope_type": "linear", "factor": 2.0}}


def test_a_hub_name_needs_no_copy_and_is_told_so(work):
    with pytest.raises(LessonError, match="a name on the hub"):
        older_base.older_copy("somebody/some-model", work / "older")


# Programs beside the notebook

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("stop", [KeyboardInterrupt, LessonError])
def test_an_interrupt_ends_also_what_the_program_has_started_elsewhere(work, stop):
    """AutoTrain's page runs its server in a session of its own, where no signal of ours arrives."""
    children = []

    def on_line(text):
        children.append(int(text))
        raise stop("enough")

    with pytest.raises(stop):
        child_process.run([sys.executable, "-c", FAMILY], work, os.environ, work / "log", on_line)
    assert len(children) == 1 and _gone(children[0])


def test_a_page_left_over_by_a_notebook_that_died_is_ended(work):
    autotrain_job.folder().mkdir(parents=True)
    process = child_process.start([sys.executable, "-c", FAMILY], work, os.environ)
    child = int(process.stdout.readline())
    known = {one.pid: one.create_time() for one in child_process.family(process.pid)}
    assert child in known
    process.kill()  # the parent dies, its server goes on
    process.wait()
    assert psutil.pid_exists(child)
    record = autotrain_job.folder() / "page-processes.json"
    record.write_text(json.dumps(known), encoding="utf-8")
    page.end_left_over()
    assert _gone(child) and not record.exists()
    process.stdout.close()


def test_a_number_that_belongs_to_another_program_by_now_is_left_alone(work):
    autotrain_job.folder().mkdir(parents=True)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        child_process.end_known({other.pid: 1.0})
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_progress_bars_and_split_letters_become_whole_lines(work):
    code = ("import sys, time\n"
            "out = sys.stdout.buffer\n"
            "parts = b'1/3 [00:01<00:02,', b'\\r2/3', b'\\r\\nna\\xc3', b'\\xafve\\n', b'end'\n"
            "for part in parts:\n"
            "    out.write(part); out.flush(); time.sleep(0.05)\n")
    seen = []
    status = child_process.run([sys.executable, "-c", code], work, os.environ, work / "log",
                               seen.append)
    assert status == 0
    assert seen == ["1/3 [00:01<00:02,", "2/3", "na\u00efve", "end"]
    assert (work / "log").read_text(encoding="utf-8").splitlines() == seen


def test_a_missing_program_is_named_without_a_traceback(work):
    with pytest.raises(LessonError, match="no-such-program cannot be started"):
        child_process.start(["no-such-program"], work, os.environ)


# Judged by the outcome

TRAINER = """
import pathlib, sys
print("INFO     | 2026-01-02 03:04:05 | a.b:c:1 - {'loss': 2.5, 'epoch': 0.5}")
print("{'loss': 2.5, 'epoch': 0.5}")
print("{'loss': '1.25', 'grad_norm': '0.1', 'epoch': '1'}")
print(" 50%|#####     | 3/6 [00:01<00:01,  2.00it/s]")
folder = pathlib.Path("out"); folder.mkdir()
(folder / "training_params.json").write_text("{}")
if sys.argv[1] == "good":
    (folder / "adapter_model.safetensors").write_bytes(b"x")
else:
    print("Traceback ..."); print("ImportError: no bitsandbytes")
"""


def _train(work, outcome, capsys=None) -> watch.Training:
    command = [sys.executable, "-c", TRAINER, outcome]
    return watch.train(command, work, work / "out", os.environ, work / "out.log")


def test_losses_and_steps_are_read_and_shown_once(work, capsys):
    training = _train(work, "good")
    assert training.losses == [(0.5, 2.5), (1.0, 1.25)]
    assert training.steps == 6 and training.exit_status == 0
    assert capsys.readouterr().out.splitlines() == ["epoch 0.50: loss 2.500",
                                                    "epoch 1.00: loss 1.250"]
    assert "loss 2.50 -> 1.25" in str(training)


def test_a_failed_training_that_ends_with_0_is_recognised(work):
    """AutoTrain ends with exit status 0 though its training has failed; and an adapter from last
    time lay in the folder and passed for the new one."""
    _train(work, "good")
    with pytest.raises(LessonError, match="left no adapter") as told:
        _train(work, "bad")
    assert "exit status 0" in str(told.value)
    assert "ImportError: no bitsandbytes" in str(told.value)
    assert "it/s]" not in str(told.value), "a progress bar tells nothing"


def test_a_folder_that_no_training_made_is_never_overwritten(work):
    (work / "out").mkdir()
    (work / "out" / "train.jsonl").write_text("precious", encoding="utf-8")
    with pytest.raises(LessonError, match="no training has made"):
        _train(work, "good")
    assert (work / "out" / "train.jsonl").read_text(encoding="utf-8") == "precious"


def test_a_log_is_shown_without_the_folders_of_this_machine():
    line = 'INFO     | 2026-11-25 20:06:01 | a.b:main:58 - Using: /home/ann/course/work/x.yml'
    assert watch.plain(line) == "INFO: Using: .../work/x.yml"
    windows = r"  File 'C:\Users\ann\env\Lib\torch\nn.py', line 3"
    assert watch.plain(windows) == r"  File '...\torch\nn.py', line 3".replace("...\\", ".../")


def test_the_same_training_is_not_done_twice_and_another_is(work):
    training = _train(work, "good")
    watch.record(training, "key")
    again = watch.recall(work / "out", "key", training.log)
    assert again == training
    assert watch.recall(work / "out", "other", training.log) is None
    (work / "out" / watch.ADAPTER).unlink()
    assert watch.recall(work / "out", "key", training.log) is None


def test_other_rows_are_another_training(job):
    before = ways.key_of(["words"], job.base, job.data)
    ways.write_data("recipes", ROWS[:2])
    assert ways.key_of(["words"], job.base, job.data) != before
    assert ways.key_of(["other words"], job.base, job.data) != before


def test_the_hub_s_token_does_not_stay_in_the_saved_settings(work):
    """AutoTrain's page writes the user's token into training_params.json, in plain text."""
    file = work / "training_params.json"
    file.write_text(json.dumps({"seed": 1, "token": "hf_secret"}), encoding="utf-8")
    page._forget_token(work)
    assert json.loads(file.read_text(encoding="utf-8")) == {"seed": 1}
    page._forget_token(work / "none")


# The stand-in for the hub


def test_the_stand_in_answers_what_the_page_asks():
    hub = HubStandIn()
    try:
        who = requests.get(f"{hub.url}/api/whoami-v2", timeout=10)
        assert who.json()["name"] == "practice" and who.json()["orgs"] == []
        assert requests.get(f"{hub.url}/api/models?limit=3", timeout=10).json() == []
        none = requests.get(f"{hub.url}/api/models/practice/mine", timeout=10)
        assert none.status_code == 404 and none.headers["X-Error-Code"] == "RepoNotFound"
        sent = requests.post(f"{hub.url}/api/repos/create", json={"name": "mine"}, timeout=10)
        assert sent.status_code == 403, "nothing can be uploaded to it"
    finally:
        hub.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{hub.url}/api/whoami-v2", timeout=2)


def test_today_s_hub_client_understands_the_stand_in():
    from huggingface_hub import HfApi

    hub = HubStandIn()
    try:
        api = HfApi(endpoint=hub.url, token="any")
        assert api.whoami()["name"] == "practice"
        assert api.repo_exists("practice/mine") is False
    finally:
        hub.close()


def test_the_real_hub_wants_a_token(work, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(LessonError, match="wants a token"):
        page.open_page(hub="huggingface")
    with pytest.raises(LessonError, match="no hub 'elsewhere'"):
        page.open_page(hub="elsewhere")


# Packing


def test_packing_cuts_where_the_borders_fall():
    assert pack([4, 4], 5) == pack([4, 4], 5).__class__(pieces=2, cut=0, dropped=0)
    packed = pack([3, 3, 3], 5)  # with the token after each: 4 + 4 + 4
    assert (packed.pieces, packed.cut, packed.dropped) == (2, 2, 2)
    assert pack([], 5).pieces == 0
    assert pack([9], 5).cut == 1


# Where the environment cannot be made


def test_without_a_network_the_cause_is_told_and_nothing_half_made_stays(tmp_path, monkeypatch):
    """The real installer, pointed at a port of this machine where nobody answers."""
    for name in [name for name in os.environ if name.upper().startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setattr(paths, "AUTOTRAIN", tmp_path / "environment")
    monkeypatch.setattr(paths, "WORK", tmp_path / "work")
    with pytest.raises(LessonError, match="No network") as told:
        python_environment.make()
    assert "Connect to the internet" in told.value.cure
    assert not python_environment.place().exists()
    assert python_environment.find() is None


@pytest.mark.parametrize(("change", "cause"), [
    ("disk", "Too little disk: 1.0 GB are free"),
    ("python", "AutoTrain's packages exist up to 3.13"),
    ("torch", "no PyTorch that the course could lend"),
])  # fmt: skip
def test_what_is_in_the_way_is_told_before_anything_is_fetched(
    tmp_path, monkeypatch, capsys, change, cause
):
    monkeypatch.setattr(paths, "AUTOTRAIN", tmp_path / "environment")
    if change == "disk":
        monkeypatch.setattr(python_environment, "free_disk", lambda folder: 10**9)
    elif change == "python":
        monkeypatch.setattr(python_environment, "TOO_NEW", sys.version_info[:2])
    else:
        monkeypatch.setattr(python_environment.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(python_environment, "_install", lambda *given: pytest.fail("fetched"))
    assert ways.get_ready() is False, "a notebook goes on"
    said = capsys.readouterr().out
    assert cause in said and "Cure: " in said and "skipped" in said
    with pytest.raises(LessonError, match="is not here"):
        ways.environment()


def test_where_memory_is_scarce_autotrain_is_left_out_and_the_kernel_lives(monkeypatch, capsys):
    """With 2 GB to live on, notebook 09 ended in the middle: "Kernel died". AutoTrain's three
    processes, its page and ours took 3.3 GB, and the system killed the largest, without a word.
    """
    made = types.SimpleNamespace(made=False)
    monkeypatch.setattr(python_environment, "works", lambda environment: "0.8.36")
    monkeypatch.setattr(ways, "available_memory", lambda: int(1.5e9))
    monkeypatch.setattr(python_environment, "make", lambda: pytest.fail("fetched for nothing"))
    assert ways.get_ready() is False
    said = capsys.readouterr().out
    assert "1.5 GB are available, AutoTrain takes 2.8 GB" in said
    assert "Close other programs" in said and "get_ready(memory=0)" in said
    monkeypatch.setattr(python_environment, "make", lambda: made)
    assert ways.get_ready(memory=0) is True, "whoever has swap may try"
    for enough in (int(3e9), None):  # None: this system does not tell
        monkeypatch.setattr(ways, "available_memory", lambda enough=enough: enough)
        assert ways.get_ready() is True


@pytest.mark.parametrize(("said", "cure"), [
    ("OSError: [Errno 28] No space left on device", "Free about 2 GB"),
    ("ERROR: No matching distribution found for pyarrow==26.0.1", "ready-made builds"),
    ("something new", "autotrain-environment.log"),
])  # fmt: skip
def test_an_installer_s_failure_becomes_a_cause_and_a_cure(said, cure):
    assert cure in python_environment.problem(said).cure


def test_an_environment_for_another_list_or_half_made_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "AUTOTRAIN", tmp_path)
    folder = python_environment.place()
    folder.mkdir()
    assert python_environment.find() is None, "no stamp: it was not finished"
    stamp = python_environment._stamp(folder) | {"packages": "older"}
    (folder / "course-stamp.json").write_text(json.dumps(stamp), encoding="utf-8")
    assert python_environment.find() is None


def test_the_list_of_packages_is_complete_exact_and_without_a_second_torch():
    lines = [line for line in python_environment.PACKAGES.read_text(encoding="utf-8").split("\n")
             if line and not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert f"autotrain-advanced=={python_environment.VERSION}" in lines
    names = {line.partition("==")[0].lower() for line in lines}
    assert not names & {"torch", "torchvision", "triton"}


def test_only_pytorch_is_lent(tmp_path):
    """A .pth file with the course's folder of packages would let all of them in."""
    import torch

    site = str(Path(torch.__file__).parents[1])
    finder = autotrain_torch.TorchFinder(site)
    assert finder.find_spec("torch").origin == torch.__file__
    assert finder.find_spec("transformers") is None and finder.find_spec("numpy") is None
    from importlib.metadata import DistributionFinder

    def versions(name):
        context = DistributionFinder.Context(name=name)
        return [one.version for one in finder.find_distributions(context)]

    assert versions("torch") == [torch.__version__]
    assert versions("transformers") == []


# trl sft


def test_trl_is_asked_for_the_same_training(job):
    values = yaml.safe_load(trl.config("by-trl", "recipes", job))
    assert values["num_train_epochs"] == job.epochs and values["seed"] == job.seed
    assert values["learning_rate"] == job.learning_rate and values["lora_r"] == job.lora_r
    assert values["assistant_only_loss"] is True and values["packing"] is False
    assert not os.path.isabs(values["model_name_or_path"]), "no place of one machine"


@pytest.mark.parametrize("key", ["output_dir", "dataset_name", "model_name_or_path"])
def test_a_trl_file_without_what_we_rely_on_is_told(job, key):
    lines = trl.config("by-trl", "recipes", job).splitlines()
    text = "\n".join(line for line in lines if not line.startswith(key))
    path = trl.write_config(text, "by-trl")
    with pytest.raises(LessonError, match=f"{key} is missing"):
        trl.sft(path)


# The notebook without AutoTrain


@pytest.mark.long("runs notebook 09")
def test_without_a_network_the_notebook_says_so_and_runs_the_rest(project, tmp_path, monkeypatch):
    """A learner on a train: no environment yet and no network. All cells run, those that need
    AutoTrain say that they did not, and ``trl sft`` has its row on the scoreboard."""
    from tools import notebook_run, notebooks
    from tools.notebook_rules import output_text

    for name in [name for name in os.environ if name.upper().startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("LESSON_AUTOTRAIN", str(tmp_path / "none"))
    source = project / "notebooks" / "source" / "09_tune_autotrain.py"
    notebook = notebooks.editions(source)[notebooks.notebook_of(source)]
    for cell in notebook.cells:
        cell.source = cell.source.replace("ROWS = 240", "ROWS = 12").replace(
            "QUESTIONS = 100", "QUESTIONS = 4").replace(
            'Job("by-yaml", "recipes"', 'Job("by-yaml", "recipes", epochs=1')
    work = tmp_path / "work"
    try:
        notebook_run.execute(notebook, work)
    finally:
        notebook_run.stop_practice(work)
    said = [output_text(cell) for cell in notebook.cells if cell.cell_type == "code"]
    wanting = [output_text(cell) for cell in notebook.cells
               if cell.cell_type == "code" and cell.source.startswith("if ready:")]
    assert len(wanting) > 6 and not any(wanting), "what needs AutoTrain is passed over"
    assert sum('"if ready"' in text for text in said) == 1
    assert any("No network" in text and "Connect to the internet" in text for text in said)
    rows = json.loads((work / "scoreboard.json").read_text(encoding="utf-8"))["rows"]
    assert [(row["route"], row["split"]) for row in rows] == [
        ("trl sft", "test"), ("trl sft, every token", "test")]
