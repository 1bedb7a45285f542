"""Google Colab: the cells that the build adds, the badges, and what the first cell does there.

Colab itself is not here. What it brings is played: its module ``google.colab``, its packages
with their versions (``constraints/colab.txt``), and pip.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from PIL import Image

from lessonlib.common.errors import LessonError
from lessonlib.setup import colab
from tools import colab_cell, colab_set, notebooks

SAVED = sorted(notebooks.NOTEBOOKS.rglob("*.ipynb"))
PROJECT = notebooks.PROJECT


def colabs_packages() -> dict[str, str]:
    text = (PROJECT / "constraints" / "colab.txt").read_text(encoding="utf-8")
    return dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))


# --- the cells ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_notebook_has_todays_cells_for_colab_behind_its_title(path):
    cells = nbformat.read(path, as_version=4).cells
    wanted = colab_cell.cells(path.relative_to(PROJECT).as_posix())
    assert cells[0].source.startswith("# ")
    cure = "python start.py build --badges"
    assert [cell.source for cell in cells[1:3]] == [cell.source for cell in wanted], cure
    assert cells[1].attachments == wanted[0].attachments, cure
    assert sum(map(colab_cell.is_generated, cells)) == 2
    assert not cells[2].outputs, "outside of Colab it does nothing and says nothing"


def test_no_source_and_no_other_cell_names_the_address():
    for path in (notebooks.NOTEBOOKS / "source").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert colab_cell.address() not in text and "colab.research" not in text, path.name
    for path in SAVED:
        for cell in colab_cell.without_cells(nbformat.read(path, as_version=4)).cells:
            assert "colab.research" not in cell.source, path.name


def test_the_readme_has_the_badge_of_every_notebook():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert colab_cell.with_badges(text) == text, "python start.py build --badges"
    badges = colab_cell.README_BADGE.findall(text)
    there = [path.relative_to(PROJECT).as_posix() for path in SAVED
             if path.parent == notebooks.NOTEBOOKS]
    assert badges == there


def test_the_tag_is_the_version():
    assert re.fullmatch(r"v\d+\.\d+\.\d+", colab_cell.tag())
    url = colab_cell.colab_url("notebooks/x.ipynb")
    assert url.endswith(f"/blob/{colab_cell.tag()}/notebooks/x.ipynb")


def test_a_wrong_badge_is_mended_and_a_missing_one_is_added():
    good = colab_cell.readme_badge("notebooks/00_x.ipynb")
    text = "| 00 | [X](notebooks/00_x.ipynb) | 10 | {} |"
    old = text.format(good.replace(colab_cell.tag(), "v0.0.1"))
    assert colab_cell.with_badges(old) == text.format(good)
    assert colab_cell.with_badges("| 00 | [X](notebooks/00_x.ipynb) | 10 |") == text.format(good)
    assert colab_cell.with_badges("no table") == "no table"


def test_new_addresses_are_written_without_running_a_notebook(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    path = folder / "00_x.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell("# X"),
        nbformat.v4.new_code_cell("1", execution_count=1, outputs=[
            nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=1)])])
    nbformat.write(notebook, path)
    readme = tmp_path / "README.md"
    readme.write_text("| 00 | [X](notebooks/00_x.ipynb) | 10 |\n", encoding="utf-8")
    assert notebooks.badges(readme, folder) == [readme, path]
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.get("execution_count") for cell in cells] == [None, None, 1, 2]
    assert cells[3].outputs[0].execution_count == 2
    assert notebooks.badges(readme, folder) == [], "a second time there is nothing to do"


def test_the_badge_is_a_small_picture():
    with Image.open(colab_cell.BADGE) as image:
        assert image.size == (120, 24)
    assert colab_cell.BADGE.stat().st_size < 4000


# --- what the code cell does ----------------------------------------------------------------


@pytest.mark.parametrize("path", ["notebooks/00_x.ipynb", "notebooks/solutions/00_x.ipynb"])
def test_outside_of_colab_the_cell_does_nothing(path, tmp_path):
    code = colab_cell.cells(path)[1].source
    before = "import sys, os; where, what = os.getcwd(), list(sys.path)\n"
    after = "\nassert (where, what) == (os.getcwd(), sys.path) and not os.listdir()"
    asked = subprocess.run([sys.executable, "-c", before + code + after], cwd=tmp_path,
                           capture_output=True, text=True)
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "")


@pytest.mark.parametrize("place", ["notebooks", "notebooks/solutions"])
def test_in_colab_the_cell_fetches_the_course_once_at_its_tag(place, tmp_path):
    """A repository of our own stands at the address; the cell runs as in a fresh Colab."""
    course = tmp_path / "origin"
    (course / place).mkdir(parents=True)
    (course / place / "x.ipynb").write_text("{}", encoding="utf-8")
    (course / "lessonlib" / "setup").mkdir(parents=True)
    for package in ("", "setup"):
        (course / "lessonlib" / package / "__init__.py").write_text("", encoding="utf-8")
    (course / "lessonlib" / "setup" / "colab.py").write_text(
        "def prepare():\n    print('prepared')\n", encoding="utf-8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["tag", colab_cell.tag()]):
        subprocess.run(git + words, cwd=course, check=True)
    code = colab_cell.cells(f"{place}/x.ipynb")[1].source
    folder = colab_cell.address().rsplit("/", 1)[-1]
    code = f"import sys; sys.modules['google.colab'] = sys\n{code}\nprint(os.getcwd())\n"
    env = {**os.environ, "GIT_CONFIG_COUNT": "1", "PYTHONPATH": "",
           "GIT_CONFIG_KEY_0": f"url.{course.as_uri()}.insteadOf",
           "GIT_CONFIG_VALUE_0": colab_cell.address()}
    room = tmp_path / "content"
    room.mkdir()
    for start in (room, room, room / folder / place):  # new; after a restart; a second time
        asked = subprocess.run([sys.executable, "-c", code], cwd=start, env=env,
                               capture_output=True, text=True)
        assert asked.stdout.split() == ["prepared", str(room / folder / place)], asked.stderr


def test_the_cell_fits_on_a_screen_and_is_plain_python():
    for path in ("notebooks/00_x.ipynb", "notebooks/solutions/00_x.ipynb"):
        text = colab_cell.cells(path)[1].source
        ast.parse(text)
        assert len(text.splitlines()) <= 10 and max(map(len, text.splitlines())) <= 100


# --- what is installed there ----------------------------------------------------------------


@pytest.fixture
def in_colab(monkeypatch):
    """Colab's packages and a pip that only writes down what it is asked. Gives its calls."""
    packages, calls = colabs_packages(), []

    class Part:
        def __init__(self, name, version):
            self.metadata, self.version = {"Name": name}, version

    def version(name):
        if name not in packages:
            raise PackageNotFoundError(name)
        return packages[name]

    def run(command, **_options):
        words = command[3:]
        if "--constraint" in words:
            with open(words[words.index("--constraint") + 1], encoding="utf-8") as file:
                words.append(file.read())
        calls.append(words)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setattr(colab.importlib.metadata, "version", version)
    monkeypatch.setattr(colab.importlib.metadata, "distributions",
                        lambda: [Part(*pair) for pair in packages.items()])
    monkeypatch.setattr(colab.subprocess, "run", run)
    packages |= {"torch": "2.11.0+cu126", "psutil": "5.9.5"}
    return packages, calls


def test_only_what_is_missing_or_too_old_is_installed_and_the_rest_is_held(in_colab, capsys):
    packages, calls = in_colab
    colab.prepare()
    assert calls[0][:3] == ["uninstall", "--yes", "torchao"]
    install = next(words for words in calls if words[0] == "install")
    asked = {re.split(r"[><=]", word)[0] for word in install[3:] if ">=" in word}
    assert {"trl", "bm25s"} <= asked
    assert "datasets" in asked, "Colab's 4.0 is older than trl can work with"
    assert not {"torch", "transformers", "peft", "openai", "ipywidgets", "numpy"} & asked
    assert not {"pytest", "ruff", "jupytext", "jupyterlab", "nbval", "playwright"} & asked
    held = install[-1].split()
    assert f"transformers=={packages['transformers']}" in held
    assert not any(line.startswith(("datasets", "torch==")) for line in held)
    said = capsys.readouterr().out
    assert "Removed torchao 0.10.0" in said and "trl" in said
    assert "(found 4.0.0)" in said, "it says which version was not good enough"


def test_a_second_time_there_is_nothing_to_do(in_colab, capsys):
    packages, calls = in_colab
    for one in colab.missing():
        packages[one.name] = re.search(r">=([\d.]+)", one.requirement)[1]
    del packages["torchao"]
    colab.prepare()
    assert not calls and "nothing was installed" in capsys.readouterr().out


def test_a_newer_package_and_a_mended_torchao_are_left_alone(in_colab):
    packages, calls = in_colab
    packages |= {"torchao": "0.16.0", "transformers": "99.0"}
    assert "transformers" not in {one.name for one in colab.missing()}
    colab.prepare()
    assert not any(words[0] == "uninstall" for words in calls)


def test_what_pip_says_is_told_with_a_cure(in_colab, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "a\nERROR: No matching distribution\n")
    monkeypatch.setattr(colab.subprocess, "run", lambda *_words, **_options: failed)
    with pytest.raises(LessonError, match="No matching distribution") as told:
        colab.prepare()
    assert "Disconnect and delete runtime" in str(told.value)


def test_elsewhere_nothing_is_ever_installed(monkeypatch):
    monkeypatch.setattr(colab.subprocess, "run", lambda *_words, **_options: pytest.fail("pip"))
    with pytest.raises(LessonError, match="not Google Colab"):
        colab.prepare()


# --- the notebooks with Colab's packages ------------------------------------------------------


def test_what_cannot_be_matched_here_is_told_with_its_reason():
    told = colab_set.unmatched("3.11")
    assert told["Python"] == f"Colab has {colab_set.python_of_colab()}, this is 3.11"
    assert "takes it away" in told["torchao"] and "does not fit datasets" in told["datasets"]
    assert set(told) == {"Python", "torchao", "datasets"}, "all else is held as in Colab"
    assert "Python" not in colab_set.unmatched(colab_set.python_of_colab())


def test_in_the_trial_stands_what_learners_need_and_not_what_maintainers_do():
    names = {one.name for one in colab_set.wanted()}
    assert {"torch", "trl", "openai", "ipywidgets"} <= names
    assert not {"pytest", "jupyterlab", "playwright", "ruff"} & names


def test_a_notebook_that_fails_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(colab_set, "PLACE", tmp_path)
    monkeypatch.setattr(colab_set, "LOG", tmp_path / "log")
    cells = [nbformat.v4.new_code_cell("1 + 1"), nbformat.v4.new_code_cell("1 / 0")]
    for name, some in (("good", cells[:1]), ("bad", cells)):
        notebook = nbformat.v4.new_notebook(cells=some)
        notebook.metadata = nbformat.from_dict(notebooks.NOTEBOOK_METADATA)
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    assert colab_set.try_notebook(tmp_path / "good.ipynb", Path(sys.executable)) == ""
    problem = colab_set.try_notebook(tmp_path / "bad.ipynb", Path(sys.executable))
    assert "ZeroDivisionError: division by zero" in problem
