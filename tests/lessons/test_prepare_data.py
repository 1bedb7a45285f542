"""What notebook 05 stands on: the checklist of needs, spoiled labels, its exercises."""

from __future__ import annotations

import json

import pytest

from lessonlib import chat_files
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.exercises import feedback, progress_file
from lessonlib.lessons import nb05_four_needs
from lessonlib.lessons.nb05_four_needs import FourNeeds, Need
from lessonlib.setup.environment import Check
from lessonlib.tasks import recipes, training_rows

TRAIN = recipes.load("train")[:20]


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """A work folder of its own."""
    monkeypatch.setattr(progress_file, "PATH", tmp_path / "progress.json")


# --- the four needs -----------------------------------------------------------------------


def test_this_machine_has_all_four_and_says_what():
    found = nb05_four_needs.look()
    assert [need.name for need in found.needs] == [
        "a pretrained model", "data", "a place to train", "a place to serve the tuned model"]
    assert found.ok, str(found)
    model, data, training, _serving = (need.here for need in found.needs)
    assert "million parameters" in model and "tokens at once" in model
    assert "800 train, 100 validation, 200 test" in data
    assert "PyTorch 2." in training and "PEFT 0." in training
    assert any(device in training for device in ("cpu", "cuda", "mps"))


def test_the_size_of_the_model_is_counted_in_its_file():
    from safetensors.torch import load_file

    weights = load_file(paths.BUILT_IN / "model.safetensors")
    assert nb05_four_needs._parameters() == sum(tensor.numel() for tensor in weights.values())


def test_what_is_missing_is_told_with_its_cure_and_without_colour():
    bad = Check("disk", False, "0.1 GB free", "free at least 1 GB")
    needs = FourNeeds((Need("data", "some <b>", (Check("a", True, "x"),), "none"),
                       Need("a place to train", "here", (bad,), "theirs")))
    assert not needs.ok
    assert "ready: no. disk: 0.1 GB free. Cure: free at least 1 GB." in str(needs)
    table = needs._repr_html_()
    assert "no. disk: 0.1 GB free" in table and ">yes<" in table and "some &lt;b&gt;" in table
    assert "color" not in table, "light and dark themes both fit"
    assert table.count('scope="row"') == 2


def test_a_missing_model_is_said_not_raised(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "BUILT_IN", tmp_path)
    found = nb05_four_needs.look()
    assert found.needs[0].here == "none that can be read" and not found.needs[0].ok
    assert "fetch the course again" in found.needs[0].state


# --- labels that slip -----------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.1, 0.3, 1])
def test_the_last_share_has_the_answers_of_the_next_row(share):
    spoiled = training_rows.slipped(TRAIN, share)
    kept_right = 20 - round(20 * share)
    assert spoiled[:kept_right] == TRAIN[:kept_right]
    for place in range(kept_right, 19):
        assert spoiled[place].lines == TRAIN[place].lines
        assert spoiled[place].ingredients == TRAIN[place + 1].ingredients
    assert spoiled[-1].ingredients == TRAIN[kept_right].ingredients
    assert sorted(one.ingredients for one in spoiled) == sorted(one.ingredients for one in TRAIN)


def test_nothing_slips_where_nothing_shall():
    assert training_rows.slipped(TRAIN, 0) == TRAIN


@pytest.mark.parametrize("share", [-0.1, 1.1, 0.05, float("nan")])
def test_a_share_that_cannot_slip_is_refused(share):
    with pytest.raises(LessonError, match="cannot slip"):
        training_rows.slipped(TRAIN, share)


# --- the file that was typed by hand ---------------------------------------------------------


def test_the_typed_file_has_one_problem_of_each_of_ten_kinds():
    report = chat_files.check(paths.DATA / "training_files" / "typed_by_hand.jsonl")
    assert (report.errors, report.warnings) == (8, 2)
    assert len(report.keys) == len(report.problems) == 10
    assert report.sound == 3, "the first line and the two that repeat it"


# --- exercises --------------------------------------------------------------------------------


def said(id, *given):
    return str(feedback._feedback(id, given))


def row(question, label):
    return {"messages": [{"role": "system", "content": recipes.SYSTEM_BARE},
                         {"role": "user", "content": question},
                         {"role": "assistant", "content": label}]}


def good_row(question, cell):
    names = [name.strip().lower() for name in cell.split(";")]
    return row(question, json.dumps(list(dict.fromkeys(name for name in names if name))))


def with_name(question, cell):
    made = good_row(question, cell)
    made["messages"][1]["name"] = "ann"
    return made


def labelled(label):
    """A row whose label is what ``label`` makes of the names in a cell."""
    return lambda question, cell: row(question, label(cell.split(";")))


def clean(names):
    return [name.strip().lower() for name in names if name.strip()]


@pytest.mark.parametrize(("function", "words"), [
    (good_row, "[ok]"),
    (lambda question, cell: good_row("- eggs", cell),
     "The text of the user message is not what it should be."),
    (lambda question, cell: {"messages": good_row(question, cell)["messages"][1:]},
     "The roles are user, assistant."),
    (with_name, "Message 2: the message has a name"),
    (lambda question, cell: [question, cell], "The row: the line holds a list"),
    (lambda question, cell: {"messages": []}, "has no messages"),
    (lambda question, cell: {"messages": [{"role": "human", "content": question}]},
     "Message 1: the role is 'human'"),
    (labelled(";".join), "which is not JSON"),
    (labelled(lambda names: json.dumps(clean(names)[0])), "is no list"),
    (labelled(lambda names: json.dumps(list(dict.fromkeys(n.strip().lower() for n in names)))),
     "holds a name of nothing"),
    (labelled(lambda names: json.dumps([n.lower() for n in names if n.strip()])), "has blanks"),
    (labelled(lambda names: json.dumps([n.strip() for n in names if n.strip()])), "has capitals"),
    (labelled(lambda names: json.dumps(clean(names))), "names something twice"),
    (labelled(lambda names: json.dumps(sorted(set(clean(names)), reverse=True))), "another order"),
    (labelled(lambda names: json.dumps(clean(names)[:1])), "The label of 'Flour;  salt ;flour' is"),
    (lambda question, cell: ..., "[..]"),
    (len, "len stops with TypeError"),
])
def test_the_row(function, words):
    assert words in said("05-1", function)


def good_split(examples, share):
    chosen, count = [], 0
    for one in examples:
        if one["author"] not in chosen and count < share * len(examples):
            chosen.append(one["author"])
            count += sum(other["author"] == one["author"] for other in examples)
    return ([one for one in examples if one["author"] not in chosen],
            [one for one in examples if one["author"] in chosen])


def cut(examples, share):
    size = round(share * len(examples))
    return examples[size:], examples[:size]


def from_the_end(examples, share):
    train, test = good_split(examples[::-1], share)
    return train[::-1], test[::-1]


@pytest.mark.parametrize(("function", "words"), [
    (good_split, "[ok]"),
    (cut, "is on both sides"),
    (lambda examples, share: good_split(examples, share)[::-1], "changed places"),
    (lambda examples, share: good_split(examples, share + 0.3), "before its last author"),
    (from_the_end, "in which they first come"),
    (lambda examples, share: (examples, []), "less than asked for"),
    (lambda examples, share: (examples, examples), "From 4 examples you made 8"),
    (lambda examples, share: examples, "Return two lists"),
    (lambda examples, share: ..., "[..]"),
])
def test_the_split_by_source(function, words):
    assert words in said("05-2", function)


def right(examples):
    return [one for one in examples
            if not any(n in " ".join(one.lines).lower() for n in one.ingredients)]


@pytest.mark.parametrize(("function", "words"), [
    (right, "[ok]"),
    (lambda examples: [], "was not found"),
    (lambda examples: list(examples), "though all of its names"),
    (lambda examples: [one for one in examples
                       if not all(n in " ".join(one.lines).lower() for n in one.ingredients)],
     "though one of its names"),
    (lambda examples: [one for one in examples
                       if not any(n in " ".join(one.lines) for n in one.ingredients)],
     "written in capitals"),
    (lambda examples: right(examples) * 2, "in the list twice"),
    (lambda examples: [one.id for one in right(examples)], "whole recipes"),
    (lambda examples: ..., "[..]"),
])
def test_slipped_labels(function, words):
    assert words in said("05-3", function)


def test_the_simple_test_of_meaning_finds_many_slipped_labels_and_few_right_ones():
    train = recipes.load("train")[:200]
    spoiled = training_rows.slipped(train, 0.3)
    assert len(right(spoiled[140:])) >= 20 and len(right(spoiled[:140])) <= 3
