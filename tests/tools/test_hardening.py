"""The matrix of hard conditions: does it notice what it is there to notice? On tiny notebooks."""

from __future__ import annotations

import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import hardening
from tools.hardening import Result

needs_namespace = pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run(["unshare", "--map-root-user", "--net", "true"]).returncode != 0,
    reason="needs Linux with user namespaces: unshare")


def small_course(tmp_path, monkeypatch, *code: str):
    """The course's tools around one notebook with these cells."""
    course = tmp_path / "small"
    for name in ("tools", "lessonlib"):
        shutil.copytree(hardening.PROJECT / name, course / name, ignore=hardening.kit.LEFT_OUT)
    (course / "notebooks").mkdir()
    (course / "data").mkdir()
    cells = [new_markdown_cell("# T"), *map(new_code_cell, code)]
    nbformat.write(new_notebook(cells=cells), course / "notebooks" / "00_small.ipynb")
    monkeypatch.setattr(hardening.kit, "PROJECT", course)
    copy = hardening.kit.copy_course
    monkeypatch.setattr(hardening.kit, "copy_course", lambda target: copy(target, course))
    return course


def test_an_untidy_notebook_is_found_out(tmp_path, monkeypatch):
    """It writes to data/, to the home and temporary folders, and cannot be run twice."""
    small_course(
        tmp_path, monkeypatch,
        "import os, tempfile\nfrom pathlib import Path\nPath('../data/mine.txt').write_text('x')",
        "Path.home().joinpath('mine.txt').write_text('x')",
        "open(tempfile.mkstemp(suffix='.mine')[1], 'w').write('x')",
        "Path(os.environ['LESSON_WORK'], 'd').mkdir()")
    found = hardening.harden("00_small", ("alone", "outside", "twice"), sys.executable)
    assert found["alone"].good
    outside = found["outside"].why.split(", ")
    assert [name.split("/")[0] for name in outside] == ["course", "home", "tmp"], outside
    assert "FileExistsError" in found["twice"].why


@needs_namespace
def test_hard_conditions_are_really_in_force(tmp_path, monkeypatch):
    """A notebook that needs the network, and one that writes to data/, must each fail there."""
    small_course(tmp_path, monkeypatch,
                 "import socket\nfrom pathlib import Path\n"
                 "assert 'kůň' in str(Path.cwd()), Path.cwd()\n"
                 "names = [name for _n, name in socket.if_nameindex()]\n"
                 "assert names == ['lo'], names\n"
                 "try:\n    Path('../data/x').write_text('x')\n"
                 "except OSError:\n    pass\nelse:\n    raise AssertionError('data was writable')")
    found = hardening.harden("00_small", hardening.TOGETHER, sys.executable)
    assert all(one.good for one in found.values()), found


@needs_namespace
def test_what_fails_together_is_tried_one_by_one(tmp_path, monkeypatch):
    small_course(tmp_path, monkeypatch,
                 "from pathlib import Path\nPath('../data/x').write_text('')")
    found = hardening.harden("00_small", ("read-only", "odd-path"), sys.executable)
    assert not found["read-only"].good and "Read-only" in found["read-only"].why
    assert found["odd-path"].good


def test_an_interrupted_notebook_must_run_again_from_the_top(tmp_path, monkeypatch):
    code = ("import os, time\nfrom pathlib import Path\n"
            "mark = Path(os.environ['LESSON_WORK'], 'half-done')\n"
            "assert not mark.exists(), 'a half-made file was taken for a whole one'\n"
            "mark.touch()\ntime.sleep(4)\nmark.unlink()")
    small_course(tmp_path, monkeypatch, code)
    found = hardening.harden("00_small", ("alone", "outside", "memory", "interrupt"),
                             sys.executable)
    assert all(found[name].good for name in ("alone", "outside", "memory")), found
    assert found["memory"].words.endswith(" GB")
    assert "half-made" in found["interrupt"].why


def test_the_matrix_shows_every_trouble():
    table = hardening.matrix({"01_x": {"alone": Result("ok 5 s"), "twice": Result("FAILS", "Boom")},
                              "00_start": {"alone": Result("ok 4 s")}}, ("alone", "twice"))
    assert table.splitlines() == ["notebook  alone   twice", "01_x      ok 5 s  FAILS",
                                  "00_start  ok 4 s", "01_x, twice: Boom"]
