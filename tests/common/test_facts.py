"""Prices, limits and dates: each with source and day, told when old, and typed in nowhere else."""

from __future__ import annotations

import ast
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

import start
from lessonlib.common import facts
from lessonlib.common.errors import LessonError
from lessonlib.common.facts import limits
from lessonlib.costs import price_list
from lessonlib.practice.protocol import rehearse

PROJECT = Path(__file__).resolve().parents[2]
FILE = """\
[[model]]
model = "old"
ends = 2026-01-01
source = "somewhere: https://example.org"
read = 2026-06-01

[limits.size]
bytes = 7
source = "elsewhere: https://example.org"
read = 2026-09-01
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "some.toml").write_text(FILE, encoding="utf-8")
    facts.read.cache_clear()
    yield tmp_path
    facts.read.cache_clear()


def test_every_fact_has_a_source_that_can_be_opened_and_a_day_that_is_past():
    found = facts.everything()
    assert len(found) >= 30 and len({(one.file, one.name) for one in found}) == len(found)
    for one in found:
        assert "http" in one.source or "the course itself" in one.source, one
        assert date(2026, 1, 1) < one.read <= date.today(), one


def test_a_fact_turns_old_on_its_91st_day(folder):
    """With a fixed clock, or this test would itself turn old."""
    read = date(2026, 6, 1)
    young = facts.report(read + timedelta(days=90), folder)
    assert "[old]" not in young and "2 facts, 0 of them" in young and "90 days" in young
    old = facts.report(read + timedelta(days=91), folder)
    assert old.count("[old]") == 1 and "some.toml: model.old" in old
    assert "Source: somewhere: https://example.org" in old and "Look those up" in old
    assert "[ok]   2026-09-01" in old


def test_a_value_without_a_source_is_found(folder):
    (folder / "bad.toml").write_text("[a]\nprice = 3\n", encoding="utf-8")
    with pytest.raises(LessonError, match=r"bad\.toml, a: price has no source"):
        facts.everything(folder)


def test_old_facts_remind_and_do_not_fail(capsys, monkeypatch):
    class Later(date):
        @classmethod
        def today(cls):
            return cls(2030, 1, 1)

    monkeypatch.setattr(facts, "date", Later)
    assert start.main(["check", "--facts"]) == 0
    said = capsys.readouterr().out
    assert "[old]" in said and "prices.toml: model.gpt-4.1-mini fine-tuned" in said
    with pytest.raises(SystemExit):
        start.main(["rehearse", "--facts"])


def test_models_end_and_services_close_by_the_list():
    one = facts.ends("gpt-4.1-mini-2025-04-14")
    assert one.model == "gpt-4.1-mini" and one.ends > one.announced
    assert facts.ends("gpt-4.1").model == "gpt-4.1"
    with pytest.raises(LessonError, match=r"no 'gpt-9'(?s:.*)gpt-4o-mini"):
        facts.ends("gpt-9")
    days = [notice.day for notice in facts.closing("OpenAI")]
    assert len(days) >= 3 and days == sorted(days) and facts.closing("nobody") == ()


def test_the_service_and_the_costs_take_theirs_from_the_list():
    assert rehearse.shutdown_date() == facts.ends(rehearse.SHUT_DOWN_LIKE).ends.isoformat()
    assert price_list.hosting_per_hour() == facts.read("prices.toml")["hosting"]["azure-openai"][
        "per_hour"]
    assert limits()["examples"]["minimum"] == 10
    known = {one.model for one in facts.model_ends()}
    tuned = {one.model for one in price_list.prices() if one.tuned and not one.open}
    assert tuned <= known, "tuned, and no end known"


# --- nowhere else --------------------------------------------------------------------------------

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
TYPED_IN = re.compile(
    r"\b20\d\d-[04]\d-[0-3]\d\b"  # 2027-01-06
    rf"|\b(?:{MONTHS}) (?:\d{{1,2}}(?:st|nd|rd|th)?,? )?20[2-9]\d\b"  # January 2027, May 7, 2026
    r"|\$ ?\d+(?:\.\d+)?|\b\d+(?:\.\d+)? ?(?:\$|dollars\b|USD\b)"  # $1.70, 1.70 $, 3 dollars
)
#: What looks like a fact and is none: (file, text) with the reason.
NONE_OF_THEM = {
    ("recipes.py", "2026-06-01"): "the day on which the built-in glossary was frozen: our own",
    ("recipes.py", "2026-01-12"): "an example of how a day is written",
}


def strings_of(path: Path) -> list[tuple[int, str]]:
    """(line, text) of each string of a module that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [(node.lineno, node.value) for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and id(node) not in told]


def texts() -> list[tuple[Path, int, str]]:
    """Every line of the notebooks' sources, every string of lessonlib."""
    found = []
    for path in sorted((PROJECT / "notebooks" / "source").glob("*.py")):
        saw = False  # what was seen in a run, whose outputs a test of its own looks up
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            saw = "what-we-saw" in line if line.startswith("# %%") else saw
            found += [] if saw else [(path, number, line)]
    for path in sorted((PROJECT / "lessonlib").rglob("*.py")):
        found += [(path, number, text) for number, text in strings_of(path)]
    return found


def test_the_exceptions_are_still_needed():
    seen = {(path.name, match.group()) for path, _line, text in texts()
            for match in TYPED_IN.finditer(text)}
    assert set(NONE_OF_THEM) <= seen


def test_no_notebook_and_no_module_has_a_price_or_a_date_of_its_own():
    """A date in a sentence is true on the day it is written, and nobody finds it again."""
    wrong = [
        f"{path.relative_to(PROJECT)}:{line}: {match.group()}"
        for path, line, text in texts()
        for match in TYPED_IN.finditer(text)
        if (path.name, match.group()) not in NONE_OF_THEM
    ]
    assert not wrong, "put into data/facts/, read by lessonlib.common.facts:\n" + "\n".join(wrong)


@pytest.mark.parametrize("text", [
    "closed since 2026-05-07", "from January 6, 2027 on", "in May 2026", "costs $1.70 an hour",
    "1.70 $ an hour", "$ 3", "about 25 dollars"])
def test_what_is_typed_in_would_be_seen(text):
    assert TYPED_IN.search(text)


@pytest.mark.parametrize("text", ["${dollars:.2f}", "May we?", "gpt-4.1-mini", "3 epochs"])
def test_and_what_is_not_is_left_alone(text):
    assert not TYPED_IN.search(text)
