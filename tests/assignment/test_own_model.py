"""One's own rows on any base model: how answers end, what a run will take, and the whole way."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from transformers import AutoTokenizer, Gemma3ForCausalLM, Gemma3TextConfig

from lessonlib.assignment import best_prompt, chosen, command, endings, estimate, reading, splits
from lessonlib.assignment.answering import Answering
from lessonlib.assignment.scores import LabelRow, OwnExample
from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora.settings import LoraSettings
from lessonlib.measure.evaluation import Method, Result
from lessonlib.measure.scoreboard import Scoreboard


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Nothing of one test is there in the next."""
    monkeypatch.setattr(reading, "SET_ASIDE", tmp_path / "set_aside.csv")
    monkeypatch.setattr(command, "WORK", tmp_path / "work")


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    """A Gemma of random weights that reads pantry's tokens, in a folder of its own."""
    folder = tmp_path_factory.mktemp("models") / "tiny-gemma"
    tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=16, max_position_embeddings=4096,
        sliding_window=64, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id)
    Gemma3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def label_file(folder, count=60):
    """Questions of made-up words; a third of them are for another team."""
    path = folder / "mine.csv"
    rows = [f"alpha{n} beta{n} gamma{n},{'billing' if n % 3 else 'delivery'}"
            for n in range(count)]
    path.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    return path


# How an answer ends


@pytest.mark.parametrize(("kind", "text", "answer"), [
    ("label", "\n billing\n\nAnswer: delivery", "billing"),
    ("label", "billing", "billing"),
    ("fields", '["a", "b"]\n\nTitle: more\n["c"]', '["a", "b"]'),
    ("fields", '{"team": "x", "tags": ["a"]} and so on', '{"team": "x", "tags": ["a"]}'),
    ("fields", '["a ] b", "c \\" ]"] more', '["a ] b", "c \\" ]"]'),
    ("fields", 'Here it is: ["a"] There.', 'Here it is: ["a"]'),
    ("fields", "no list\nat all", "no list"),
    ("fields", '["cut off', '["cut off'),
    ("fields", "", ""),
])
def test_answers_are_cut_where_those_of_the_task_end(kind, text, answer):
    rule = endings.rule(kind, [])
    assert rule(text) == answer
    assert rule(rule(text)) == answer, "what has been cut is not cut again"


def test_the_end_of_an_object_is_not_that_of_the_first_list_in_it():
    rule = endings.rule("fields", [])
    assert not rule.reached('{"tags": ["a"]') and rule.reached('{"tags": ["a"]}')


@pytest.mark.parametrize(("answers", "text", "answer"), [
    (["one line"], "a joke\nanother", "a joke"),
    (["a\nb", "c"], "five\nlines\n\nAnd more", "five\nlines"),
    (["a\nb"], "two\nlines", "two\nlines"),
])
def test_free_text_ends_as_the_training_answers_do(answers, text, answer):
    assert endings.rule("text", answers)(text) == answer


def test_free_text_with_empty_lines_in_it_is_left_alone():
    assert endings.rule("text", ["a\n\nb"]) is None


# What a run will take


def asked(seconds):
    """An ``ask`` whose answers take so many seconds for each character of the prompt."""
    def ask(method, examples, progress=True):
        took = seconds * max(len(str(method.messages(one))) for one in examples) * len(examples)
        return Result(method.name, method.model, tuple(
            LabelRow(id=one.id, text="x", prompt_tokens=1, completion_tokens=1, seconds=took,
                     right=True, known=True) for one in examples))
    return ask


def test_seconds_of_an_answer_grow_with_its_prompt():
    examples = [OwnExample(f"row-{n}", "q", "a") for n in range(9)]
    ways = [Method(f"{size}", "m", lambda one, size=size: ["x" * size])
            for size in (100, 300, 500)]
    each = estimate.answering(asked(0.01), ways, examples)
    assert each["100"] == pytest.approx(1.04, rel=0.01)
    assert each["300"] == pytest.approx(3.04, rel=0.01)
    assert each["500"] == pytest.approx(5.04, rel=0.01)


@pytest.mark.parametrize(("seconds", "words"), [
    (3, "a few seconds"), (44, "about 40 s"), (125, "about 2 min"), (4000, "about 67 min")])
def test_no_time_is_told_finer_than_it_is_known(seconds, words):
    assert estimate.duration(seconds) == words


def test_two_steps_tell_how_long_training_takes_and_teach_nothing(gemma):
    rows = [{"messages": [{"role": "user", "content": f"question {n}"},
                          {"role": "assistant", "content": "billing"}]} for n in range(12)]
    settings = LoraSettings(rank=4, epochs=3, batch_size=4)
    told = estimate.training(str(gemma), rows, rows[:4], settings)
    assert (told.rows, told.epochs) == (12, 3) and told.tokens > 12 * 3
    more = estimate.training(str(gemma), rows * 20, rows[:4], settings)
    assert more.tokens == 20 * told.tokens and more.seconds > 2 * told.seconds > 0


def forecast(seconds):
    train = estimate.Training(308, 46_569, 2, seconds)
    return estimate.Forecast({"testing": estimate.Questions(2, 90, 60.0)}, train, 3_600_000_000)


def test_a_forecast_tells_rows_tokens_minutes_and_memory():
    said = str(forecast(300))
    for number in ("308 rows", "46,569 tokens", "2 epochs", "about 5 min", "2 x 90 answers",
                   "3.6 GB", "about 6 min"):
        assert number in said
    assert not forecast(300).long and forecast(600).long


# The whole way


def test_any_model_goes_from_rows_to_a_verdict(gemma, tmp_path, capsys, monkeypatch):
    """``pantry`` was the only model that the command knew."""
    words = [str(label_file(tmp_path)), "--model", str(gemma), "--epochs", "1", "--rank", "4",
             "--batch-size", "4", "--choose", "3", "--name", "any"]
    assert command.main(words) == 0
    said = capsys.readouterr().out
    assert "Model tiny-gemma: rank 4" in said and "1 epochs, 4 rows a step" in said
    assert said.index("What it will take") < said.index("Best prompt:") < said.index("Tuning on")
    table = said[said.index("On the test examples") :]
    assert "tiny-gemma" in table and "own-any-tiny-gemma" in table and "(paired, 95 %)" in table
    rows = Scoreboard(tmp_path / "work" / "own" / "any" / "scoreboard.json").rows("test")
    assert [row["model"] for row in rows] == ["tiny-gemma", "own-any-tiny-gemma"]
    assert (paths.MODELS / "own-any-tiny-gemma" / "config.json").is_file()


def test_a_no_begins_nothing(gemma, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(estimate, "LONG", 0)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda question: "")
    monkeypatch.setattr("lessonlib.lora.tune", lambda *given, **more: pytest.fail("it began"))
    words = [str(label_file(tmp_path)), "--model", str(gemma), "--choose", "3", "--name", "no"]
    assert command.main(words) == 1
    told = capsys.readouterr()
    assert "What it will take" in told.out and "Best prompt" not in told.out
    assert "--rows" in told.err and "ten minutes" in told.err


@pytest.mark.parametrize(("name", "cure"), [
    ("gemma-3-270n", "gemma-3-270m"),  # the nearest name
    ("gemma-3-270m", "python start.py fetch gemma-3-270m"),  # known, but not here yet
    ("no/such/folder", "config.json")])
def test_a_model_that_is_not_here_is_told_before_the_file_is_split(name, cure, tmp_path, capsys):
    assert command.main([str(label_file(tmp_path)), "--model", name]) == 1
    told = capsys.readouterr()
    assert name in told.err and cure in told.err.partition("Cure:")[2] and told.out == ""


def task_for(base, count=60, **options):
    rows = SimpleNamespace(
        name="mine", kind="label", system="", labels=["billing", "delivery"],
        examples=[OwnExample(f"row-{n}", f"alpha{n} beta{n} gamma{n}",
                             "billing" if n % 3 else "delivery", "label") for n in range(count)])
    return splits.make(rows, base=base, **options)


def test_prompts_that_leave_no_room_are_not_tried(gemma):
    base = chosen.find(str(gemma))
    task = task_for(base, window=100)
    said = []
    kept = best_prompt.candidates(task, base, 0, said.append)
    assert [one.name for one in kept][0] == "instructions" and len(said) == 4 - len(kept) > 0
    assert "few-shot, k = 8: not tried" in " ".join(said)
    task.window = 20
    with pytest.raises(LessonError, match="No prompt leaves room"):
        best_prompt.candidates(task, base, 0, said.append)


def test_a_task_counts_tokens_as_its_model_does(gemma):
    base = chosen.find(str(gemma))
    assert (base.name, base.built_in, base.served) == ("tiny-gemma", False, False)
    assert base.window == chosen.WINDOW and task_for(base).window == chosen.WINDOW
    assert chosen.find().built_in and chosen.find().served and chosen.find().window == 1024
    assert chosen.find().settings == LoraSettings()
    assert base.settings.rank and base.settings.learning_rate < LoraSettings().learning_rate * 2


def test_what_another_model_did_on_the_same_test_examples_stays_on_the_board(gemma, tmp_path):
    """So pantry and a real model can be read in one table; another split begins a new one."""
    base, folder = chosen.find(str(gemma)), tmp_path / "own"
    task = task_for(base)
    board = command._board(folder, task, chosen.find(), "own-mine")
    for model in ("pantry", "own-mine"):
        rows = tuple(one.score({"text": "billing", "prompt_tokens": 1, "completion_tokens": 1,
                                "seconds": 0.1}) for one in task.test)
        board.add(Result("way", model, rows), "test", training_seconds=3.0)
    again = command._board(folder, task, base, "own-mine-tiny-gemma")
    assert [row["model"] for row in again.rows()] == ["pantry", "own-mine"]
    assert again.rows()[1]["training_seconds"] == 3.0
    assert command._board(folder, task, chosen.find(), "own-mine").rows() == []
    command._board(folder, task, chosen.find(), "own-mine").add(
        Result("way", "pantry", rows), "test")
    assert command._board(folder, task_for(base, seed=3), base, "x").rows() == []


def test_models_are_asked_where_they_are(gemma, monkeypatch):
    """The service has what lies in ``work/models``; any other folder is loaded here."""
    base, asked_at = chosen.find(str(gemma)), []
    monkeypatch.setattr("lessonlib.assignment.answering.evaluate",
                        lambda client, method, examples, progress: asked_at.append("service"))
    monkeypatch.setattr("lessonlib.measure.local_model.evaluate_here",
                        lambda *given: asked_at.append("here"))
    ask = Answering(None, base)
    for model in ("tiny-gemma", "own-x-tiny-gemma"):
        ask(Method("a", model, None), [])
    assert asked_at == ["here", "service"]
    monkeypatch.setattr(paths, "MODELS", gemma.parent)
    ask(Method("a", "tiny-gemma", None), [])
    assert asked_at[2:] == ["service"], "it lies where the service looks"
