"""The oldest packages that requirements.txt allows."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from lessonlib.setup.environment import requirement_lines
from tools import package_sets
from tools.own_environment import constraints
from tools.terminal import Stop

LINES = requirement_lines(package_sets.PROJECT / "requirements.txt")


def test_oldest_means_the_lower_bound_of_each():
    made = package_sets.oldest(["a>=1.14,<2", "b_c>=0.0.20,<0.1", "torch>=2.11"], "torch==2.13.0")
    assert made == ["torch==2.13.0", "a==1.14.*,>=1.14", "b_c==0.0.*,>=0.0.20"]


@pytest.mark.parametrize("text", LINES, ids=lambda text: Requirement(text).name)
def test_a_requirement_has_a_lower_bound_that_is_not_above_the_tested_version(text):
    wanted = Requirement(text)
    assert any(one.operator == ">=" for one in wanted.specifier), f"{text}: from which version on?"
    exact = dict(row.split("==") for row in constraints().read_text("utf-8").split()
                 if "==" in row)
    assert wanted.specifier.contains(exact[wanted.name.lower().replace("_", "-")])


def test_the_lower_bounds_leave_room_for_one_another():
    """safetensors>=0.5 stood in the list, and transformers>=5.15 wants 0.8: no set could hold both
    lower bounds, so nobody can ever have tried the older one."""
    bounds = {Requirement(text).name: Requirement(text).specifier for text in LINES}
    assert not bounds["safetensors"].contains("0.5.0")


def test_other_words_are_refused(capsys):
    assert package_sets.main(["older"]) == 2
    assert "oldest | newest" in capsys.readouterr().err


def test_a_set_that_cannot_be_made_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(package_sets, "LOGS", tmp_path)
    monkeypatch.setattr(package_sets, "run", lambda *a, **k: (1, "ERROR: ResolutionImpossible"))
    with pytest.raises(Stop, match="do not fit"):
        package_sets.make("oldest")
