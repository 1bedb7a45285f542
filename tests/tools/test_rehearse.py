"""The dress rehearsal tells every trouble in one line, and goes on with the next notebook."""

from __future__ import annotations

import json
import re

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


def test_the_scores_fit_into_a_terminal_and_leave_out_what_a_task_does_not_have(tmp_path, capsys):
    """All tasks stood in one table, 250 letters wide: on a terminal, a heap of words."""
    score = [0.5, 0.4, 0.6]
    row = {"model": "pantry", "owner": "practice", "prompt_tokens": 131, "completion_tokens": 9,
           "price": None, "training_seconds": 30}
    rows = [
        row | {"route": "bare prompt", "split": "test", "examples": 50, "micro_f1": score},
        row | {"route": "tuned", "split": "test", "examples": 100, "micro_f1": [0.8, 0.7, 0.9],
               "exact_match": score},
        row | {"route": "tuned", "model": "decide", "split": "test", "examples": 60,
               "micro_f1": score},
        row | {"route": "tuned with bare prompts, asked with bare prompt", "split": "test",
               "model": "ft:pantry:practice:assignment:9P2WdmSl", "examples": 50,
               "micro_f1": score},
        row | {"route": "adapter", "split": "sql test", "examples": 80,
               "execution_accuracy": score, "valid_sql": score},
    ]
    board = tmp_path / "scoreboard.json"
    rehearse.print_scores(board)
    assert capsys.readouterr().out == "", "nothing was measured, nothing is said"
    board.write_text(json.dumps({"rows": rows}), encoding="utf-8")
    rehearse.print_scores(board)
    said = capsys.readouterr().out
    assert "Scores on 50 to 100 examples of test" in said
    assert "Scores on 80 examples of sql test" in said
    of_test, of_sql = said.split("of sql test")
    assert re.search(r" tuned \(pantry\) +0\.80 \(0\.70-0\.90\) +131\n", of_test)
    assert re.search(r" tuned \(decide\) +0\.50 \(0\.40-0\.60\) +131\n", of_test)
    assert "micro-F1" in of_test and "execution accuracy" not in of_test
    assert "execution accuracy" in of_sql and "micro-F1" not in of_sql
    assert max(map(len, said.splitlines())) <= 100
