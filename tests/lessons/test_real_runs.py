"""The record of a real model: how it is read, and that the lessons say what it holds."""

import json
import re

import pytest

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lessons import real_runs
from lessonlib.measure.evaluation import compare
from lessonlib.tasks import recipes

SOURCES = paths.PROJECT / "notebooks" / "source"
NOTEBOOKS = ("00", "01", "02", "04", "05", "06", "08", "10", "13")


@pytest.fixture(scope="module")
def record():
    return real_runs.load()


def f1(record, route, split="test", **which):
    return record.result(route, split, **which).metrics()["micro_f1"].value


def best_epoch(record, route):
    """The epoch that was asked, which is the one with the lowest validation loss, and the last."""
    training = record.training(route)
    _epochs, _training, checks = training.epochs()
    assert checks[training.best_epoch - 1] == min(checks)
    return training.best_epoch, training.settings["epochs"]


def test_scores_are_taken_from_the_answers(record):
    """The record keeps answers, and a changed score of the course changes its numbers, too."""
    for line in record._of("answers"):
        result = record._scored(line)
        for name, (value, low, high) in line["scores"].items():
            metric = result.metrics()[name]
            assert (metric.value, metric.low, metric.high) == pytest.approx(
                (value, low, high), abs=6e-4), (line["route"], line["split"], name)  # fmt: skip


def test_the_record_says_how_it_was_made(record):
    about = record.about
    assert about["model"]["parameters"] == 268098176
    assert about["machine"] and about["measured"] and about["versions"]["torch"]
    assert "first closing bracket" in about["rule"]
    assert "no measure" in about["note"] or "little about it" in about["note"]
    assert about["settings"]["rank"] == 16 and about["settings"]["learning_rate"] == 5e-4
    trained = {(line["rows"], line["seed"]) for line in record._of("training")}
    assert {(400, 0), (400, 1), (400, 2)} <= trained, "the run of 400 rows has three seeds"
    assert all(190 <= line["steps"] <= 210 for line in record._of("training"))


def test_every_answer_follows_the_one_rule(record):
    for line in record._of("answers"):
        if line.get("task") == "text_to_sql":
            continue
        for text, _prompt, _completion in line["answers"]:
            assert "]" not in text[:-1], "nothing may follow the first closing bracket"


def test_an_unknown_route_is_told_with_those_that_are_there(record):
    with pytest.raises(LessonError, match="few-shot, k = 4"):
        record.result("few-shot, k = 3")
    with pytest.raises(LessonError, match="gemma-3-270m"):
        real_runs.load("gemma-4-270m")
    with pytest.raises(LessonError, match="tuned on 400"):
        record.training("tuned on 401")


def test_what_is_folded_says_all_in_words():
    """In the page it opens on a click; a screen reader and a test get the whole text."""
    shown = real_runs.show({"four": "few-shot, k = 4", "tuned": "tuned on 400"})
    made = shown._repr_mimebundle_()
    assert made["text/html"].startswith("<details><summary>")
    for text in (made["text/plain"], made["text/html"]):
        assert "tuned" in text and "0.96" in text and "268 million weights" in text
    assert "tuned: 0.96 (0.93 to 0.97)" in shown.picture.alt
    losses = real_runs.show_losses("tuned on 25, again and again")
    assert [row[0] for row in losses.table.rows] == ["1", "2", "4", "8", "16", "32", "50"]
    assert "lowest at epoch 5" in losses.picture.alt


def test_answers_on_the_same_recipes_can_be_compared_in_pairs(record):
    for split in ("test", "test_new_names", "field"):
        ids = [row.id for row in record.result("tuned on 400", split).rows]
        assert ids == [one.id for one in recipes.load(split)[:100]]


def test_the_claims_of_the_lessons_hold_for_the_real_model(record):
    """Each is told in a notebook as something that holds for the real model, too."""
    def better(one, other, split="test"):
        difference = compare(record.result(one, split), record.result(other, split))
        return "better" if difference.low > 0 else "worse" if difference.high < 0 else "cannot tell"

    # 00, 10: instructions < few-shot < retrieval < tuned
    assert better("few-shot, k = 4", "instructions") == "better"
    assert better("RAG, exact lookup, k = 4", "few-shot, k = 4") == "better"
    assert better("tuned on 400", "RAG, exact lookup, k = 4") == "better"
    for split in ("test", "test_new_names", "field"):
        assert better("tuned on 400", "few-shot, k = 8", split) == "better"
    # 04: labels teach the job, raw text does not; ranks
    assert better("tuned on 400", "raw text") == "better"
    assert record.loss("raw text", "recipes") < record.loss("not tuned", "recipes")
    assert record.loss("raw text", "prose") > record.loss("not tuned", "prose")
    assert better("rank 4", "rank 1") == "better"
    assert better("tuned on 200", "rank 4") == better("rank 64", "tuned on 200") == "cannot tell"
    assert better("tuned on 200", "learning rate 2e-05") == "better"
    assert better("learning rate 0.0002", "tuned on 200") == "cannot tell"
    assert best_epoch(record, "learning rate 2e-05") == (8, 8)
    last = "{}, last epoch".format
    assert better(last("tuned on 200"), last("rank 4")) == "better"
    for rank in ("tuned on 200", "rank 4"):
        assert better(last("rank 64"), last(rank)) == "cannot tell"
    # 01: not as pantry: words bring nothing, examples the form
    assert better("few-shot, k = 4", "bare prompt, k = 4") == "cannot tell"
    assert better("few-shot, k = 2", "few-shot, k = 1") == "better"
    assert better("few-shot, k = 4", "few-shot, k = 2") == "cannot tell"
    # 02: not as pantry: more lines do no harm; as pantry: tuned to read beats both
    lines = "RAG, BM25, {} lines, k = 4"
    assert better(lines.format(16), lines.format(4)) == "cannot tell"
    assert better(lines.format(16), "RAG, exact lookup, k = 4") == "worse"
    assert better("few-shot, 2 most similar of 200", "few-shot, 2 fixed of 200") == "cannot tell"
    assert better("few-shot, 2 fixed of 200", "few-shot, k = 2") == "better"
    assert better("whole glossary, k = 4", "few-shot, k = 4") == "worse"
    new = "test_new_names"
    assert better("tuned + glossary", "tuned on 400", new) == "better"
    assert better("tuned + glossary", "RAG, exact lookup, k = 4", new) == "better"
    asked = "tuned on bare prompts, asked with the glossary"
    assert better(asked, "tuned on 400", new) == "worse"
    plain = "plain names, k = 4, renamed in code"
    assert better(plain, "RAG, exact lookup, k = 4") == "better"
    assert better(plain, "tuned on 400") == "worse"
    assert better(plain, "tuned on 400", new) == "cannot tell"
    # 05: more examples, until there are enough
    sizes = [f"tuned on {size}" for size in (25, 50, 100, 200, 400, 800)]
    steps = [better(more, fewer) for fewer, more in zip(sizes, sizes[1:], strict=False)]
    assert steps == ["better"] * 4 + ["cannot tell"]
    steps = [better(last(more), last(fewer))
             for fewer, more in zip(sizes[:4], sizes[1:5], strict=True)]  # fmt: skip
    assert steps == ["better"] * 4, "so does the curve of equal training"
    assert best_epoch(record, "tuned on 25") == (6, 50)
    assert best_epoch(record, "tuned on 800") == (2, 2), "its last epoch is the one that was asked"
    assert better(asked, "tuned on 400") == "worse"
    # 08: on recipes written by hand, 800 rows against 400 (the text gives the interval)
    more = compare(record.result(sizes[-1], "field"), record.result(sizes[-2], "field"))
    assert f"{more.value:+.2f} ({more.low:+.2f} to {more.high:+.2f})" == "+0.02 (-0.01 to +0.04)"
    # 10: what it forgets, overfitting in the loss and not in the answers, a bad habit
    assert record.loss("tuned on 400", "prose") > record.loss("not tuned", "prose")
    _epochs, _training, checks = record.training("tuned on 25, again and again").epochs()
    assert checks.index(min(checks)) + 1 == 5 and checks[-1] > min(checks) + 0.4
    again = [record.result("tuned on 25, again and again", epoch=epoch) for epoch in (4, 50)]
    assert compare(again[1], again[0]).low > 0
    chosen = [record.result("tuned on 25, again and again", "validation", epoch=epoch)
              for epoch in (4, 50)]  # fmt: skip
    assert compare(chosen[1], chosen[0]).low > 0, "and on the recipes that choose a checkpoint"
    assert better("one bad source", "tuned on 400") == "worse"
    # 13: it carries over to new tables
    queries = [record.result("SQL, tuned", split).metrics()["execution_accuracy"]
               for split in ("known tables", "new tables", "by hand")]  # fmt: skip
    assert queries[0].low > 0.9 and queries[1].low > 0.5 and queries[2].high < 0.5


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_numbers_in_the_text_are_those_of_the_record(number, record):
    """Text that quotes a number of the record, and the record, must not drift apart. Each paragraph
    that names Gemma or the real model, and each text right after a cell that shows the record, may
    only quote numbers that the record gives, or a saved output of that notebook."""
    (source,) = SOURCES.glob(f"{number}_*.py")
    known = set()
    for line in record._of("answers"):
        values = next(iter(line["scores"].values()))
        known |= {f"{value:.2f}" for value in values}
    known |= {f"{line['value']:.2f}" for line in record._of("loss")}
    for line in record._of("training"):
        checks = [step[3] for step in line["curve"] if step[3] is not None]
        known |= {f"{one:.2f}" for one in (min(checks), checks[-1])}
    (saved,) = (paths.PROJECT / "notebooks").glob(f"{number}_*.ipynb")
    cells = json.loads(saved.read_text("utf-8"))["cells"]  # what its own cells have printed
    printed = [str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
               for cell in cells for output in cell.get("outputs", [])]  # fmt: skip
    known |= set(re.findall(r"\d\.\d\d", " ".join(printed)))
    told, after_record = 0, False
    for cell in re.split(r"(?m)^# %%", source.read_text("utf-8")):
        if not cell.startswith(" [markdown]"):
            after_record = "real_runs." in cell and "import" not in cell
            continue
        for place, paragraph in enumerate(re.split(r"\n#\n", cell)):
            if re.search(r"Gemma|real model", paragraph) or (after_record and place == 0):
                quoted = set(re.findall(r"(?<![\d.])\d\.\d\d(?!\d)", paragraph))
                told += len(quoted)
                assert quoted <= known, (number, sorted(quoted - known))
    assert told, "a notebook that shows the record says what it shows"
