"""The preflight: each check can fail, and then says how to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest

from lessonlib.common import paths
from lessonlib.setup import environment, this_machine
from lessonlib.setup.environment import Check, preflight


def named(name):
    return next(check for check in preflight(quick=True) if check.name == name)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Data, model and work in an empty folder."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "BUILT_IN", tmp_path / "pantry")
    monkeypatch.setattr(paths, "WORK", tmp_path / "work")
    return tmp_path


def test_this_machine_passes_with_the_courses_packages():
    failed = [str(check) for check in preflight() if not check.ok]
    assert not failed


def test_every_check_has_a_cure_in_case():
    assert all(check.cure for check in preflight() if check.name not in ("Python",)
               and not check.ok)
    assert str(Check("disk", False, "1 MB free", "free some")) == (
        "[fail] disk: 1 MB free\n       Cure: free some")
    assert str(Check("disk", True, "9 GB free", "free some")) == "[ok]   disk: 9 GB free"


def test_wrong_python(monkeypatch):
    version = namedtuple("v", "major minor micro")(3, 14, 0)
    monkeypatch.setattr(sys, "version_info", version)
    assert not environment._python().ok and "python.org" in environment._python().cure


def test_a_missing_and_an_unfit_package_are_named(monkeypatch, tmp_path):
    text = "never-published-1>=1  # 00\npytest>=9999  # tests\n"
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    check = named("packages")
    assert not check.ok and check.cure == "python start.py"
    assert "never-published-1 is missing" in check.detail
    assert "does not fit >=9999" in check.detail


def test_many_missing_packages_are_counted_not_listed(monkeypatch, tmp_path):
    text = "".join(f"never-published-{n}  # 00\n" for n in range(30))
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    assert "and 26 more" in named("packages").detail


def test_an_incomplete_download_is_noticed(elsewhere):
    assert not named("built-in model").ok
    model = elsewhere / "pantry"
    model.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (model / name).write_text("x" * (name != "model.safetensors"), encoding="utf-8")
    check = named("built-in model")
    assert not check.ok and check.detail.endswith("model.safetensors"), "it is empty"
    (model / "model.safetensors").write_text("x", encoding="utf-8")
    assert named("built-in model").ok
    assert "train.jsonl" in named("recipes").detail


def test_a_work_folder_that_cannot_be_written(elsewhere):
    (elsewhere / "work").write_text("a file is in the way", encoding="utf-8")
    check = named("work folder")
    assert not check.ok and "may write" in check.cure


def test_little_disk_and_little_memory(monkeypatch):
    monkeypatch.setattr(environment, "free_disk", lambda folder: 5 * 10**8)
    monkeypatch.setattr(environment, "available_memory", lambda: 10**9)
    assert not named("disk").ok and "0.5 GB free" in named("disk").detail
    assert not named("memory").ok and "close other programs" in named("memory").cure


def test_a_proxy_that_would_swallow_calls_to_ourselves(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    check = named("connection to ourselves")
    assert not check.ok and "NO_PROXY" in check.cure
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    assert named("connection to ourselves").ok


def test_a_pytorch_that_does_not_load(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # makes the import fail
    check = environment._pytorch()
    assert not check.ok and "does not load" in check.detail and check.cure


def test_where_we_are(monkeypatch):
    for name in ("CI", "COLAB_RELEASE_TAG"):
        monkeypatch.delenv(name, raising=False)
    assert this_machine.where().value == "terminal"
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=object())))
    assert this_machine.where().value == "jupyter"
    monkeypatch.setenv("CI", "true")
    assert this_machine.where().value == "ci"
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab-1")
    assert this_machine.where().value == "colab" and this_machine.where().reason


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_a_gpu_is_named_and_a_dead_driver_is_none(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho NVIDIA T4\necho NVIDIA T4\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert this_machine.nvidia_gpu() == "NVIDIA T4"
    program.write_text("#!/bin/sh\necho could not talk to the driver\nexit 9\n", encoding="utf-8")
    assert this_machine.nvidia_gpu() == ""
    program.unlink()
    assert this_machine.nvidia_gpu() == ""


def test_the_machine_can_be_pasted_into_a_bug_report():
    found = this_machine.machine()
    assert found.cores.value >= 1 and found.disk.value > 0
    text = str(found)
    assert repr(found) == text, "a notebook shows the same"
    for name in ("where", "python", "cores", "memory", "gpu", "torch"):
        assert name in text
    assert found.device.value and found.device.reason and found.threads.reason
    assert this_machine.machine(quick=True).device.value is None
    assert text.isascii()


def test_on_the_command_line_the_exit_status_tells(project, tmp_path):
    command = [sys.executable, "-m", "lessonlib.setup.environment", "--quick"]
    asked = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert asked.returncode == 0 and "[fail]" not in asked.stdout, asked.stdout
    env = dict(os.environ, LESSON_BUILT_IN=str(tmp_path / "nothing"))
    asked = subprocess.run([*command, "--failures"], cwd=project, env=env, capture_output=True,
                           text=True)
    assert asked.returncode == 1
    assert asked.stdout.startswith("[fail] built-in model"), "only the failures are shown"
