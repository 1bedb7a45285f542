"""The dress rehearsal tells every trouble in one line, and goes on with the next notebook."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import rehearse
from tools.terminal import Stop


def test_a_kernel_that_dies_is_one_line_and_the_next_notebook_runs(tmp_path, capsys):
    """Found on a machine that ran out of memory: a page of traceback, and no notebook after it."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, code in (("00_dies", "import os\nos._exit(1)"), ("01_goes", "1")):
        cells = [new_markdown_cell("# T"), new_code_cell(code)]
        nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
    assert rehearse.rehearse(folder, tmp_path / "rehearsal") == 1
    said = capsys.readouterr().out
    assert "[fail] 00_dies: " in said and "[ok]   01_goes" in said
    assert (tmp_path / "rehearsal" / "01_goes.html").is_file()


@pytest.mark.parametrize("names, wanted", [
    ([], ["00_a", "02_b", "03_c"]),
    (["03", "00"], ["03_c", "00_a"]),
    (["0", "02"], ["00_a", "02_b", "03_c"]),
])
def test_the_notebooks_of_a_plan_are_run_in_its_order(tmp_path, names, wanted):
    for name in ("03_c", "00_a", "02_b"):
        (tmp_path / f"{name}.ipynb").touch()
    assert [path.stem for path in rehearse._paths(tmp_path, names)] == wanted


def test_a_notebook_that_is_not_there_is_told_before_anything_runs(tmp_path):
    (tmp_path / "00_a.ipynb").touch()
    (tmp_path / "rehearsal").mkdir()
    (tmp_path / "rehearsal" / "kept.html").touch()
    with pytest.raises(Stop, match="no notebook 7"):
        rehearse.rehearse(tmp_path, tmp_path / "rehearsal", ["7"])
    assert (tmp_path / "rehearsal" / "kept.html").is_file()
