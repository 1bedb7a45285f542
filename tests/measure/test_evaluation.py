"""Measuring methods: scores, intervals, the cache, refusals, interruptions."""

import _thread
import signal
import sqlite3
import threading
import time
from contextlib import closing

import numpy as np
import pytest
from fake_service import FakeService, client_of, serving
from recipe_rows import recipe_row

from lessonlib.common.errors import LessonError
from lessonlib.measure import answer_cache, bootstrap
from lessonlib.measure.evaluation import Method, Result, compare, evaluate, scored
from lessonlib.tasks.prompting import bare
from lessonlib.tasks.recipes import Recipe

TOO_LONG = {
    "message": "This model's maximum context length is 1024 tokens.",
    "type": "invalid_request_error",
    "param": "messages",
    "code": "context_length_exceeded",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(answer_cache, "WORK", tmp_path)


def examples(count=4):
    return [
        Recipe(f"r{i}", f"Dish {i}", (f"1 cup food{i}", "salt"), ("x",), (f"food{i}", "salt"))
        for i in range(count)
    ]


def number_of(messages):
    return int(messages[-1]["content"].split("Dish ")[1].split()[0])


def perfect(messages):
    return f'["food{number_of(messages)}", "salt"]'


METHOD = Method("bare", "pantry", bare)


def test_a_perfect_model_scores_one_and_counts_its_tokens():
    service = FakeService(perfect)
    with serving(service) as client:
        result = evaluate(client, METHOD, examples(), progress=False)
    assert {name: m.value for name, m in result.metrics().items()} == {
        "micro_f1": 1.0,
        "exact_match": 1.0,
        "valid_json": 1.0,
    }
    assert result.rows[2].items == ("food2", "salt") and result.rows[2].id == "r2"
    assert result.prompt_tokens > 20 and result.completion_tokens == 2
    assert result.seconds > 0 and result.errors == {} and result.owner == "fake"
    assert service.asked[0]["max_tokens"] == 96 and service.asked[0]["temperature"] == 0
    assert str(result).startswith("bare on 4 examples: micro_f1 1.00 (0.51-1.00)")


def test_scores_are_those_worked_out_by_hand():
    given = {
        0: '["food0", "salt"]',  # right: 2 of 2 found
        1: '["salt", "food1"]',  # right names in another order: not exact
        2: '["salt", "salt", "egg"]',  # salt once right, its double and egg wrong
        3: 'Sure: ["food3", "salt"]',  # not JSON alone: counts as empty
    }
    with serving(FakeService(lambda messages: given[number_of(messages)])) as client:
        result = evaluate(client, METHOD, examples(), progress=False)
    counts = [(row.true_positives, row.predicted, row.expected) for row in result.rows]
    assert counts == [(2, 2, 2), (2, 2, 2), (1, 3, 2), (0, 0, 2)]
    assert [row.exact for row in result.rows] == [True, False, False, False]
    assert result.rows[3].items == ("food3", "salt") and not result.rows[3].valid_json
    metrics = result.metrics()
    assert metrics["micro_f1"].value == pytest.approx(2 * 5 / (7 + 8))
    assert metrics["exact_match"].value == 0.25 and metrics["valid_json"].value == 0.75
    assert metrics["micro_f1"].low < metrics["micro_f1"].value < metrics["micro_f1"].high


def test_requests_run_at_the_same_time_and_rows_keep_their_order():
    service = FakeService(perfect, delay=0.05)
    with serving(service) as client:
        result = evaluate(client, METHOD, examples(24), concurrency=8, progress=False)
    assert 2 <= service.most_at_once <= 8
    assert [row.id for row in result.rows] == [f"r{i}" for i in range(24)]
    assert result.metrics()["exact_match"].value == 1


def test_answers_are_kept_and_not_asked_for_again_until_the_weights_change():
    """A model tuned again under its old name must never be scored with old answers."""
    service = FakeService(perfect, created=1)
    with serving(service) as client:
        first = evaluate(client, METHOD, examples(), progress=False)
        again = evaluate(client, METHOD, examples(), progress=False)
        assert len(service.asked) == 4
        assert [row.seconds for row in again.rows] == [row.seconds for row in first.rows]
        evaluate(client, METHOD, examples(6), progress=False)
        assert len(service.asked) == 6, "only the two new examples are asked about"
        service.created = 2
        evaluate(client, METHOD, examples(), progress=False)
        assert len(service.asked) == 10
        longer = Method("bare", "pantry", bare, max_tokens=97)
        evaluate(client, longer, examples(), progress=False)
        assert len(service.asked) == 14
        evaluate(client, METHOD, examples(), progress=False, cache=False)
        assert len(service.asked) == 18


def test_the_cache_serves_the_same_model_on_another_port():
    service = FakeService(perfect)
    for _round in range(2):
        with serving(service) as client:
            evaluate(client, METHOD, examples(), progress=False)
    assert len(service.asked) == 4


def test_a_prompt_that_is_too_long_is_counted_not_raised():
    def answer(messages):
        return (400, TOO_LONG) if number_of(messages) == 1 else perfect(messages)

    with serving(FakeService(answer)) as client:
        result = evaluate(client, METHOD, examples(), progress=False)
    assert result.errors == {"context_length_exceeded": 1}
    assert result.rows[1].error_message.count("1024 tokens") == 1
    assert (result.rows[1].predicted, result.rows[1].expected) == (0, 2)
    assert result.metrics()["micro_f1"].value == pytest.approx(2 * 6 / (6 + 8))
    assert "1 refused: context_length_exceeded" in str(result)


def test_a_method_whose_every_prompt_is_too_long_scores_zero():
    with serving(FakeService(lambda messages: (400, TOO_LONG))) as client:
        result = evaluate(client, METHOD, examples(), progress=False)
    assert result.metrics()["micro_f1"].value == 0
    assert np.isnan(result.prompt_tokens) and np.isnan(result.seconds)
    assert str(result).endswith("(0.00-0.49); 4 refused: context_length_exceeded")


def test_a_method_that_the_service_cannot_read_is_an_error_not_a_zero():
    refusal = {"message": "max_tokens is not supported", "code": "unsupported_parameter"}
    with (
        serving(FakeService(lambda messages: (400, refusal))) as client,
        pytest.raises(LessonError, match="refused every request.*max_tokens is not supported"),
    ):
        evaluate(client, METHOD, examples(), progress=False)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses the key"),
        (404, "has no model 'pantry'"),
        (429, "slow down"),
        (500, "failed"),
    ],
)
def test_trouble_with_the_service_stops_the_run(status, words):
    answer = lambda messages: (status, {"message": "No.", "code": "c"})  # noqa: E731
    with serving(FakeService(answer)) as client, pytest.raises(LessonError, match=words):
        evaluate(client, METHOD, examples(), progress=False)


def test_a_service_that_is_not_there():
    nobody = client_of("http://127.0.0.1:9/v1")  # the discard port: nobody listens
    with pytest.raises(LessonError, match="does not answer"):
        evaluate(nobody, METHOD, examples(), progress=False)


def test_a_service_that_does_not_describe_its_models_works():
    service = FakeService(perfect)
    service.model = lambda name: (404, {"error": {"message": "no such page"}})
    with serving(service) as client:
        result = evaluate(client, METHOD, examples(), progress=False)
    assert result.metrics()["micro_f1"].value == 1 and result.owner == ""


@pytest.fixture
def ctrl_c():
    """Ctrl-C as in a terminal: a shell starts background jobs with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_after_an_interruption_a_second_run_asks_for_the_rest_only():
    """Ctrl-C in the middle: what was answered is kept, what was under way is kept as well."""
    stop_after = 6
    service = FakeService(perfect, delay=0.02)
    once = threading.Lock()

    def answer(messages):
        if len(service.asked) >= stop_after and once.acquire(blocking=False):
            service.delay = 0.5  # on a busy machine the main thread may hear of it late
            _thread.interrupt_main()  # as Ctrl-C does
            time.sleep(0.3)
        return perfect(messages)

    service.answer = answer
    with serving(service) as client:
        with pytest.raises(KeyboardInterrupt):
            evaluate(client, METHOD, examples(40), concurrency=2, progress=False)
        asked = len(service.asked)
        assert stop_after <= asked < 40
        service.answer, service.delay = perfect, 0.0
        result = evaluate(client, METHOD, examples(40), progress=False)
    assert len(service.asked) == 40, "nothing was asked twice"
    assert result.metrics()["exact_match"].value == 1


def test_the_progress_bar_can_be_hidden_for_saved_notebooks(capsys, monkeypatch):
    """A bar leaves a trace in a notebook's output, and none when all answers are known."""
    monkeypatch.delenv("LESSON_PROGRESS", raising=False)
    with serving(FakeService(perfect)) as client:
        evaluate(client, METHOD, examples(2))
        assert "bare" in capsys.readouterr().err
        evaluate(client, METHOD, examples(2))
        assert capsys.readouterr().err == "", "everything was known: no bar"
        monkeypatch.setenv("LESSON_PROGRESS", "0")
        evaluate(client, METHOD, examples(4))
        assert capsys.readouterr().err == ""


def test_a_failing_service_does_not_keep_us_waiting_for_its_other_answers(monkeypatch):
    """Seen with a service that hung after an error: the error came two minutes late."""
    monkeypatch.setattr("lessonlib.measure.asking.GRACE_SECONDS", 0.2)
    released = threading.Event()

    def answer(messages):
        if number_of(messages) == 0:
            return 500, {"message": "broken"}
        released.wait(30)
        return perfect(messages)

    started = time.perf_counter()
    with serving(FakeService(answer)) as client:
        with pytest.raises(LessonError, match="failed: .*broken"):
            evaluate(client, METHOD, examples(8), concurrency=4, progress=False)
        assert time.perf_counter() - started < 10
        released.set()


def rows_in_cache():
    with closing(sqlite3.connect(answer_cache.WORK / "cache" / "answers.sqlite")) as table:
        return table.execute("SELECT count(*) FROM answers").fetchone()[0]


def test_an_answer_that_comes_after_the_run_was_given_up_is_kept(monkeypatch):
    """The cache was closed after the seconds of grace; what came later was paid for and lost."""
    monkeypatch.setattr("lessonlib.measure.asking.GRACE_SECONDS", 0.1)
    released, service = threading.Event(), FakeService(perfect)

    def answer(messages):
        if number_of(messages) == 0:
            return 500, {"message": "broken"}
        released.wait(30)
        return perfect(messages)

    service.answer = answer
    with serving(service) as client:
        with pytest.raises(LessonError, match="broken"):
            evaluate(client, METHOD, examples(4), concurrency=4, progress=False)
        released.set()
        end = time.monotonic() + 20
        while (kept := rows_in_cache()) < 3 and time.monotonic() < end:
            time.sleep(0.05)
        assert kept == 3
        service.answer = perfect
        asked = len(service.asked)
        result = evaluate(client, METHOD, examples(4), progress=False)
    assert len(service.asked) == asked + 1, "only the one that failed is asked again"
    assert result.metrics()["exact_match"].value == 1


def test_no_examples_is_an_error():
    with serving(FakeService(perfect)) as client, pytest.raises(LessonError, match="no examples"):
        evaluate(client, METHOD, [], progress=False)


def test_a_broken_cache_file_is_named(tmp_path):
    path = tmp_path / "cache" / "answers.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"this is no database, whatever its name says" * 30)
    with serving(FakeService(perfect)) as client, pytest.raises(LessonError, match="Delete that"):
        evaluate(client, METHOD, examples(), progress=False)


def result_of(name, hits, total=10):
    """A result whose example i has hits[i] of ``total`` names right and no wrong ones."""
    rows = [
        recipe_row(f"r{i}", hit, total)
        for i, hit in enumerate(hits)
    ]
    return Result(name, "m", tuple(rows))


def test_the_interval_is_that_of_a_plain_loop():
    """The vectorised bootstrap against the textbook's loop, drawn from other random numbers."""
    rng = np.random.default_rng(7)
    hits = rng.binomial(10, 0.7, size=60)
    measured = result_of("a", hits).metrics()["micro_f1"]
    scores = []
    for _draw in range(4000):
        drawn = hits[rng.integers(0, 60, size=60)]
        scores.append(2 * drawn.sum() / (drawn.sum() + 600))
    assert measured.value == pytest.approx(2 * hits.sum() / (hits.sum() + 600))
    assert [measured.low, measured.high] == pytest.approx(
        np.quantile(scores, [0.025, 0.975]), abs=0.004
    )


def test_the_interval_of_a_share_is_near_the_binomial_one():
    result = result_of("a", [10] * 140 + [0] * 60)
    exact = result.metrics()["exact_match"]
    half = 1.96 * np.sqrt(0.7 * 0.3 / 200)
    assert exact.value == 0.7
    assert [exact.low, exact.high] == pytest.approx([0.7 - half, 0.7 + half], abs=0.01)
    assert exact == result_of("b", [10] * 140 + [0] * 60).metrics()["exact_match"]


def test_pairing_finds_a_small_steady_difference_that_the_intervals_hide():
    rng = np.random.default_rng(3)
    worse = rng.integers(0, 9, size=60)
    a, b = result_of("a", worse + 1), result_of("b", worse)
    apart = compare(a, b)
    one, other = a.metrics()["micro_f1"], b.metrics()["micro_f1"]
    assert one.low < other.high, "the two intervals overlap"
    assert apart.significant and apart.low > 0
    assert compare(b, a).value == -apart.value
    assert str(apart).startswith("+0.") and " to +0." in str(apart)


def test_no_difference_is_not_the_same():
    """Two routes with equal scores on four recipes were called the same, by an interval that was
    a point at 0: four recipes cannot show that."""
    a = result_of("a", [5, 7, 9, 3])
    same = compare(a, a)
    assert (same.value, same.significant, same.verdict) == (0, False, "cannot tell")
    assert same.low < -0.4 and same.high > 0.4
    assert same.examples_to_tell() is None
    assert compare(a, a, metric="exact_match").value == 0
    with pytest.raises(LessonError, match="no metric 'rouge'"):
        compare(a, a, metric="rouge")


def test_results_on_different_examples_cannot_be_compared():
    with pytest.raises(LessonError, match="same examples"):
        compare(result_of("a", [1, 2]), result_of("b", [1, 2, 3]))


def test_micro_f1_of_nothing_is_zero():
    assert bootstrap.micro_f1(np.zeros(3)) == 0


def test_a_cache_that_is_damaged_in_its_middle_is_told_with_a_cure(tmp_path):
    """A power cut can leave this behind. The file opens, as its first page is whole; reading an
    answer ended in a bare "database disk image is malformed", at every run.
    """
    path = tmp_path / "answers.sqlite"
    with closing(answer_cache.AnswerCache(path)) as cache:
        for number in range(50):
            cache.put(f"{number:064}", {"text": "x" * 500})
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with closing(answer_cache.AnswerCache(path)) as cache:
        for use in (lambda: cache.get(f"{7:064}"), lambda: cache.put("new", {})):
            with pytest.raises(LessonError, match="cache of answers cannot be used") as told:
                use()
            assert "Delete that file" in told.value.cure
    with pytest.raises(LessonError, match="cache of answers cannot be used"):
        answer_cache.AnswerCache(tmp_path)


def test_thinking_is_left_out_before_any_task_scores_an_answer():
    """A task of one's own that compares texts needs no rule for it."""
    from lessonlib.measure.rows import Answered

    class Exact:
        id = "one"

        def score(self, answer):
            return Answered(id=self.id, **answer)

    answer = {"prompt_tokens": 1, "completion_tokens": 9, "seconds": 0.1, "finish_reason": "stop"}
    thought = [answer | {"text": "<think>\nhm\n</think>\n\nyes"}]
    result = scored(Method("m", "m", bare), [Exact()], thought, "")
    assert [row.text for row in result.rows] == ["yes"]
    assert thought[0]["text"].startswith("<think>"), "what was answered stays as it was"
