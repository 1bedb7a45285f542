"""The dress rehearsal tells every trouble in one line, and goes on with the next notebook."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import rehearse


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
