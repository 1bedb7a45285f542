"""``python -m benchmarks.lora_speed``: who computes when, and what is written where."""

import threading
import time

import pytest

from benchmarks import lora_speed_parts, lora_speed_turns
from benchmarks.lora_speed_turns import Step, Turns


def training(turns, way, steps, computing, seconds=0.0):
    def train():
        for _step in range(steps):
            turns.begin(way, 1)
            computing.append(way)
            time.sleep(seconds)
            assert computing[-1] == way, "another one computed meanwhile"
            turns.end(way)

    return train


def test_one_computes_at_a_time_in_turn_whichever_is_faster():
    told, computing = [], []
    turns = Turns("abc", lambda way, step: told.append(way))
    turns.run({way: training(turns, way, 3, computing, seconds)
               for way, seconds in [("b", 0.0), ("c", 0.02), ("a", 0.01)]})
    assert "".join(computing) == "".join(told) == "abcabcabc"
    assert [len(steps) for steps in turns.took.values()] == [3, 3, 3]
    assert all(step.wall >= 0.02 for step in turns.took["c"])


def test_where_one_fails_the_others_do_not_wait_for_it_forever():
    turns, computing = Turns("ab"), []

    def broken():
        turns.begin("a", 1)
        raise ValueError("out of memory")

    trainings = {"a": broken, "b": training(turns, "b", 2, computing)}
    with pytest.raises(ValueError, match="out of memory"):
        turns.run(trainings)
    assert not computing and threading.active_count() < 20


def test_the_first_step_of_each_way_is_not_counted():
    took = {
        "TRL": [Step(100.0, 100.0, 900), Step(8.0, 16.0, 1000), Step(12.0, 24.0, 5000)],
        "ours": [Step(50.0, 50.0, 2000), Step(1.0, 2.0, 1500), Step(3.0, 3.0, 1500)],
    }
    _heading, theirs, ours = lora_speed_turns.report(took, {"TRL": 0.5, "ours": 0.4}, tokens=1000)
    assert theirs == ("TRL", "100", "10.00", "1.00x", "1.00x", "5.0 GB", "0.500")
    assert ours == ("ours", "500", "2.00", "5.00x", "8.00x", "2.0 GB", "0.400")


def test_a_record_replaces_its_own_section_and_no_other(tmp_path, monkeypatch):
    """The record of one model must not throw away that of another."""
    path = tmp_path / "LORA_SPEED.md"
    path.write_text("# Speed\n\n## One\n\nold one\n\n## Two\n\nold two\n")
    monkeypatch.setattr(lora_speed_parts, "__file__", str(tmp_path / "parts.py"))
    table = [("", "tokens/s"), ("TRL", "10")]
    lora_speed_parts.record(lora_speed_parts.section("One", table, "two threads", "the end."))
    text = path.read_text()
    assert "old one" not in text and "old two" in text and "| TRL | 10 |" in text
    lora_speed_parts.record(lora_speed_parts.section("Three", table, "two threads", "the end."))
    assert path.read_text().startswith(text.rstrip("\n") + "\n\n## Three\n")
