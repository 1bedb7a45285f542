"""Chat training files: each mistake is found at its place, none makes the check fall over."""

import json
import subprocess
import sys
import tomllib
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lessonlib import chat_files, costs
from lessonlib.chat_files import checker
from lessonlib.chat_files.counters import counter_for
from lessonlib.chat_files.problems import ERROR, RULES, WARNING
from lessonlib.chat_files.report import SERVICE_WORDS
from lessonlib.chat_files.rules import row_problems
from lessonlib.chat_files.tokens import Tokens, TokenStatistics, training_tokens
from lessonlib.common.errors import LessonError
from lessonlib.common.facts import FOLDER, limits
from lessonlib.common.paths import BUILT_IN

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def row(number=0, **changes):
    """A sound row, different for each number; ``changes`` go into its last message."""
    user = {"role": "user", "content": f"Question {number}"}
    return {"messages": [user, {"role": "assistant", "content": f"Answer {number}", **changes}]}


def line(value):
    return json.dumps(value, ensure_ascii=False).encode()


def good(count=12, start=0):
    return [line(row(number)) for number in range(start, start + count)]


def check(content, **options):
    """The report on a file's content or lines, without counting tokens unless asked to."""
    if isinstance(content, list):
        content = b"\n".join(content) + b"\n"
    return chat_files.check(content, count_tokens=options.pop("count_tokens", False), **options)


def messages(*several):
    return line({"messages": list(several)})


USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}

#: key, a broken line, the number of the message in question.
BROKEN_LINES = [
    ("not_utf8", line(row()).replace(b"Question", b"Caf\xe9"), None),
    ("not_utf8", b"\xff", None),
    ("bom", b"\xef\xbb\xbf" + line(row()), None),
    ("not_json", b"{'messages': []}", None),
    ("not_json", "{“messages”: []}".encode(), None),
    ("not_json", b'{"messages": [', None),
    ("not_json", b"messages", None),
    ("not_json", b"{", None),
    ("not_json", b'{"messages": NaN}', None),
    ("not_json", b'{"messages": ' + b"9" * 5000 + b"}", None),
    ("not_json", b"[" * 100_000, None),
    ("not_json", line(row()) + line(row()), None),
    ("not_json", b'{"a": "\x00"}', None),
    ("trailing_comma", line(row()) + b",", None),
    ("trailing_comma", line(row())[:-1] + b",}", None),
    ("trailing_comma", line(row())[:-2] + b" , ] }", None),
    ("not_object", b"[1, 2]", None),
    ("not_object", b'"messages"', None),
    ("not_object", b"null", None),
    ("not_object", b"[" + line(row()) + b"]", None),
    ("duplicate_key", b'{"messages": [], ' + line(row())[1:], None),
    ("duplicate_key", line(row()).replace(b'"role"', b'"role": "user", "role"', 1), None),
    ("broken_text", line(row()).replace(b"Question", b"\\ud83d"), 1),
    ("no_messages", b"{}", None),
    ("no_messages", b'{"messages": []}', None),
    ("no_messages", b'{"prompt": "a", "completion": "b"}', None),
    ("no_messages", b'{"Messages": [1]}', None),
    ("wrong_type", b'{"messages": "Hi"}', None),
    ("wrong_type", b'{"messages": {"role": "user"}}', None),
    ("wrong_type", b'{"messages": null}', None),
    ("wrong_type", messages("Hi", ANSWER), 1),
    ("wrong_type", messages(USER, {"role": 7, "content": "x"}), 2),
    ("wrong_type", messages({"role": "user", "content": 5}, ANSWER), 1),
    ("wrong_type", messages(USER, {**ANSWER, "content": ["a", "b"]}), 2),
    ("wrong_type", messages({**USER, "name": None}, ANSWER), 1),
    ("unknown_key", line({**row(), "id": 3}), None),
    ("unknown_key", messages(USER, {**ANSWER, "contents": "x"}), 2),
    ("tool_calls", line({**row(), "tools": []}), None),
    ("tool_calls", line({**row(), "functions": []}), None),
    ("tool_calls", messages(USER, {"role": "assistant", "tool_calls": []}), 2),
    ("tool_calls", messages(USER, {"role": "assistant", "function_call": {}}), 2),
    ("tool_calls", messages(USER, {"role": "tool", "content": "42"}, ANSWER), 2),
    ("missing_role", messages(USER, {"content": "x"}), 2),
    ("unknown_role", messages({"role": "human", "content": "x"}, ANSWER), 1),
    ("unknown_role", messages(USER, {"role": "Assistant", "content": "x"}), 2),
    ("unknown_role", messages({"role": "developer", "content": "x"}, USER, ANSWER), 1),
    ("missing_content", messages(USER, {"role": "assistant"}), 2),
    ("missing_content", messages(USER, {"role": "assistant", "content": None}), 2),
    ("empty_content", messages(USER, {"role": "assistant", "content": ""}), 2),
    ("empty_content", messages({"role": "user", "content": " \n"}, ANSWER), 1),
    ("no_assistant_message", messages(USER), None),
    ("last_not_assistant", messages(USER, ANSWER, {**USER, "content": "Bye"}), None),
    ("nothing_to_learn", messages(USER, {**ANSWER, "weight": 0}), None),
    ("wrong_name", messages({**USER, "name": "Rosa P."}, ANSWER), 1),
    ("wrong_name", messages({**USER, "name": "r" * 65}, ANSWER), 1),
    ("wrong_name", messages({**USER, "name": ""}, ANSWER), 1),
    ("name_not_used", messages({**USER, "name": "Rosa_P-1"}, ANSWER), 1),
    ("wrong_weight", messages({**USER, "weight": 1}, ANSWER), 1),
    *[
        ("wrong_weight", messages(USER, {**ANSWER, "weight": weight}), 2)
        for weight in (2, -1, 0.5, 1.0, "1", True, None, [1])
    ],
    ("leak_from_test", messages({"role": "user", "content": " WHAT is\n this?"}, ANSWER), 1),
    ("duplicate_row", line(row(3)), None),
    ("conflicting_labels", line(row(3)).replace(b"Answer", b"Reply"), None),
]


@pytest.mark.parametrize(("key", "broken", "message"), BROKEN_LINES)
def test_each_broken_line_is_found_at_its_place(key, broken, message):
    """The bad line stands as number 8 among good ones, which stay free of blame."""
    lines = good(7) + [broken] + good(5, start=7)
    asked = [{"messages": [{"role": "user", "content": "what is this?"}]}]
    report = check(lines, test_rows=asked)
    assert key in report.keys, report
    assert {problem.line for problem in report.problems} == {8}, report
    assert report.of(key)[0].message == message
    assert report.of(key)[0].example == 8
    assert report.examples == 13
    assert report.sound == (12 if RULES[key].level == ERROR else 13)
    assert report.ok == (RULES[key].level == WARNING)


@pytest.mark.parametrize(("key", "broken", "message"), BROKEN_LINES)
def test_windows_line_ends_change_nothing(key, broken, message):
    lines = good(7) + [broken] + good(5, start=7)
    asked = [{"messages": [{"role": "user", "content": "what is this?"}]}]
    unix, windows = (check(end.join(lines) + end, test_rows=asked) for end in (b"\n", b"\r\n"))
    places = [[(p.key, p.line, p.message) for p in report.problems] for report in (unix, windows)]
    assert places[0] == places[1]


def test_a_sound_file_has_no_problem_with_or_without_a_last_line_end():
    for content in (b"\n".join(good()), b"\r\n".join(good()) + b"\r\n"):
        report = check(content)
        assert report.ok and not report.problems and report.examples == report.sound == 12
        assert chat_files.service_error(report) is None


def test_every_kind_of_problem_is_tested():
    of_files = {"empty_file", "too_large", "too_few_examples", "no_bom", "blank_line"}
    of_sizes = {"line_too_long", "too_long", "template_refused"}
    tested = {key for key, _broken, _message in BROKEN_LINES} | of_files | of_sizes
    assert tested == set(RULES)


def test_every_problem_says_rule_and_cure_without_holes():
    for key, broken, _message in BROKEN_LINES:
        asked = [{"messages": [{"role": "user", "content": "what is this?"}]}]
        for problem in check(good(7) + [broken], test_rows=asked).of(key):
            assert len(problem.rule) > 15 and len(problem.cure) > 15
            for text in (problem.rule, problem.cure.replace('{"messages', "")):
                assert not any(hole in text for hole in ("{name", "{reason", "{kind", "{{"))
            assert problem.where.startswith("line 8")
            assert problem.key in str(problem) and problem.cure in str(problem)


# The file as a whole


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_an_example_is_empty(content):
    report = check(content)
    assert "empty_file" in report.keys and "too_few_examples" not in report.keys
    code, message, param = chat_files.service_error(check(b""))
    assert (code, param) == ("invalid_n_examples", "training_file")
    assert message == "Training file has 0 example(s), but must have at least 10 examples"


def test_too_few_examples_in_the_words_of_the_service():
    report = check(good(7))
    assert report.keys == ["too_few_examples"] and report.sound == 7
    assert chat_files.service_error(report) == (
        "invalid_n_examples",
        "Training file has 7 example(s), but must have at least 10 examples",
        "training_file",
    )
    assert check(good(10)).ok
    assert check(good(7), minimum=1).ok


def test_blank_lines_between_examples_are_errors_and_at_the_end_a_warning():
    report = check(good(3) + [b"", b"  "] + good(9, start=3) + [b"", b"\t", b""])
    first, last = report.of("blank_line")
    assert (first.line, first.last, first.level) == (4, 5, ERROR)
    assert (last.line, last.last, last.level) == (15, 17, WARNING)
    assert "lines 4 to 5" in str(report) and report.examples == 12


def test_an_example_is_numbered_without_the_blank_lines_before_it():
    report = check(good(2) + [b""] + [b"oops"])
    problem = report.of("not_json")[0]
    assert (problem.line, problem.example) == (4, 3)


def test_utf16_is_told_once_not_line_by_line():
    content = b"\n".join(good()).decode()
    for encoding in ("utf-16", "utf-16-le"):
        report = check(content.encode(encoding))
        assert report.keys == ["not_utf8"] and len(report.problems) == 1
        assert "utf-16" in str(report)


def test_too_large_a_file_is_told_and_still_read(monkeypatch):
    monkeypatch.setitem(limits()["file"], "bytes", 50)
    report = check(good())
    assert report.keys == ["too_large"] and report.sound == 12


def test_a_line_without_end_is_not_read_into_memory(monkeypatch):
    monkeypatch.setattr("lessonlib.chat_files.lines.LONGEST_LINE", 300)
    monkeypatch.setattr(checker, "LONGEST_LINE", 300)
    # A byte too long with its end, or without; far too long; just right; a long last line.
    for broken in (b"x" * 300, b"x" * 301, b"x" * 5000):
        report = check(good(3) + [broken] + good(3, start=3), minimum=1)
        assert [(p.key, p.line) for p in report.problems] == [("line_too_long", 4)]
        assert report.examples == 7 and report.sound == 6
    exact = line(row())[:-1].ljust(298) + b"}"  # 300 with its end
    assert check(good(3, start=1) + [exact] + good(3, start=4), minimum=1).sound == 7
    assert check(b"y" * 10_000, minimum=1).keys == ["line_too_long"]


def test_a_byte_order_mark_is_an_error_for_openai_and_asked_for_by_azure():
    plain, marked = b"\n".join(good()), b"\xef\xbb\xbf" + b"\n".join(good())
    assert check(marked).keys == ["bom"] and check(marked).sound == 11
    assert check(marked, service="azure").keys == []
    assert check(plain, service="azure").keys == ["no_bom"]
    assert check(plain, service="azure").ok
    with pytest.raises(LessonError, match="no service 'azrue'.*\n.*openai, azure"):
        check(plain, service="azrue")


# Copies, contradictions, leaks


def test_copies_and_contradictions_name_the_first_line():
    again, other = line(row(1)), line(row(1)).replace(b"Answer", b"Reply")
    report = check(good(10) + [again, other, other])
    assert [(p.key, p.line, p.details["first"]) for p in report.problems] == [
        ("duplicate_row", 11, 2),
        ("conflicting_labels", 12, 2),
        ("duplicate_row", 13, 12),
    ]
    assert report.ok and report.sound == 13


def test_another_system_message_makes_another_prompt():
    system = [
        messages({"role": "system", "content": f"Be {how}."}, USER, {**ANSWER, "content": how})
        for how in ("brief", "kind")
    ]
    assert check(good(10) + system).problems == []


def test_a_leak_is_seen_in_every_turn_and_whatever_the_system_message():
    test_rows = [
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Crêpes 1"}]}
    ]
    chat = messages(USER, ANSWER, {"role": "user", "content": "CRE\u0302PES  1"}, ANSWER)
    report = check(good(10) + [chat], test_rows=test_rows)
    assert [(p.key, p.line, p.message) for p in report.problems] == [("leak_from_test", 11, 3)]
    assert chat_files.service_error(report) is None, "no service knows our test"
    with pytest.raises(LessonError, match="Test row 1 has no user message"):
        check(good(10), test_rows=[{"messages": []}])


# Hypothesis

texts = st.text(min_size=1, max_size=30).filter(lambda text: bool(text.strip()))
chats = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), texts), max_size=4
).map(lambda turns: [{"role": role, "content": text} for role, text in turns])
rows_that_are_sound = st.tuples(chats, texts).map(
    lambda parts: {"messages": [*parts[0], {"role": "assistant", "content": parts[1]}]}
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "role", "content", "name", "weight", "tools", "x"]),
            inner | st.sampled_from(["user", "assistant", 0, 1]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


def examined(report):
    """All ways to look at a report work."""
    assert report.headline() in str(report)
    assert report._repr_html_().count("<table>") == (1 if report.problems else 0)
    refused = chat_files.service_error(report)
    assert report.ok <= (refused is None)
    if refused:
        assert json.dumps(refused).encode("utf-8")
    str(report).encode("utf-8")
    assert sum(report.counts.values()) == len(report.problems)
    return report


@few
@given(st.binary(max_size=200))
def test_no_bytes_make_the_check_fall_over(content):
    examined(check(content))


@few
@given(st.lists(anything, max_size=5))
def test_no_json_makes_the_check_fall_over(values):
    examined(check([json.dumps(value).encode() for value in values]))
    for value in values:
        list(row_problems(value, line=1, example=1))


@few
@given(st.lists(rows_that_are_sound, min_size=1, max_size=6), st.booleans())
def test_sound_rows_come_back_as_they_were_written(tmp_path_factory, rows, bom):
    path = chat_files.write(rows, tmp_path_factory.mktemp("rows") / "train.jsonl", bom)
    report = chat_files.check(
        path, minimum=1, count_tokens=False, service="azure" if bom else "openai"
    )
    assert report.ok and report.sound == len(rows)
    assert set(report.keys) <= {"duplicate_row", "conflicting_labels"}
    assert chat_files.read(path) == rows
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") == bom


@pytest.mark.parametrize("place", [0, 6, 12])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_service_names_the_first_bad_example(place, end):
    """Each mistake at the start, in the middle and at the end: more than 300 broken files."""
    files = 0
    for key, broken, _message in BROKEN_LINES:
        if RULES[key].level == WARNING or key == "leak_from_test":
            continue  # a service lets these pass
        lines = good()
        lines.insert(place, broken)
        report = examined(check(end.join([*lines, b"also bad"])))
        first = next(problem for problem in report.problems if problem.level == ERROR)
        assert first.line == place + 1
        code, text, param = chat_files.service_error(report)
        assert (code, param) == ("invalid_training_file", "training_file")
        assert text.startswith(
            "The job failed due to an invalid training file. Invalid file format. "
        )
        assert f"Example {place + 1}" in text
        files += 1
    assert files > 50


def test_the_words_of_the_service_where_they_are_known():
    """As people have quoted them from failed jobs of the real service."""
    start = "The job failed due to an invalid training file. Invalid file format. "

    def said(broken):
        return chat_files.service_error(check(good(10) + [broken]))[1].removeprefix(start)

    assert said(line({**row(), "tools": []})).startswith("Example 11 uses 'tools'")
    assert said(line({**row(), "id": 1})) == 'Example 11 contains an extra "id".'
    assert said(messages(USER, {"content": "x"})) == (
        "Example 11, message 2 Discriminator 'role' is missing in value"
    )
    assert said(b"{}") == "Example 11 is missing key 'messages'"
    assert said(b'{"messages": 1 2}') == (
        "Example 11 cannot be parsed. Error: line contains invalid json: "
        "Expecting ',' delimiter: line 1 column 16 (char 15) (line 11)"
    )
    code, text, param = chat_files.service_error(check(b"{}"), param="validation_file")
    assert (code, param) == ("invalid_validation_file", "validation_file")
    assert text.startswith("The job failed due to an invalid validation file. ")


def test_every_error_has_words_of_the_service():
    errors = {key for key, rule in RULES.items() if rule.level == ERROR}
    without = {"empty_file", "too_few_examples", "leak_from_test"}
    assert errors - without == set(SERVICE_WORDS)


# The report


def test_a_report_shows_few_of_each_kind_and_keeps_all():
    report = check(good(5) + [b"oops"] * 50 + [line(row(1))])
    assert len(report.of("not_json")) == 50 and report.errors == 50 and report.warnings == 1
    text = str(report)
    assert text.count("[error]") == 4 and "47 more of these" in text
    assert "lines 9, 10, 11, 12, 13, 14, 15, 16, …" in text
    assert text.index("[error]") < text.index("[warning]")
    assert report._repr_html_().count("<tr>") == 6


def test_a_file_broken_all_over_is_counted_but_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr("lessonlib.chat_files.report.KEPT", 10)
    report = check([b"oops"] * 30)
    assert len(report.problems) == 10 and report.errors == 30
    assert "20 more problems were counted" in str(report)


def test_a_service_can_stop_at_the_first_error():
    report = check(good(3) + [b"oops", b"oops"] + good(3), stop_after=1)
    assert (report.errors, report.examples, report.stopped_at) == (1, 4, 4)
    assert report.keys == ["not_json"] and "stopped at line 4" in str(report)
    full = check(good(3) + [b"oops", b"oops"] + good(3))
    assert chat_files.service_error(report) == chat_files.service_error(full)
    assert check(good(7), stop_after=1).keys == ["too_few_examples"]


def test_what_stands_in_the_file_is_shown_short_and_harmless():
    report = check(
        [
            line({"<script>alert(1)</script>": 1}),
            line({"x" * 1000: 1}),
            b'{"\\ud800\\u001b[31m": 1}',
            b'{"messages": [{"role": "<b>", "content": "x"}]}',
        ]
    )
    page, text = report._repr_html_(), str(report)
    assert "<script>" not in page and "<b>" not in page and "&lt;b&gt;" in page
    assert "\x1b" not in text and "x" * 60 not in text
    text.encode("utf-8")


def test_hints_guess_what_happened():
    def cure(broken, key):
        return check([broken]).of(key)[0].cure

    assert "double quotes" in cure(b"{'messages': []}", "not_json")
    assert "straight ones" in cure("{“messages”: []}".encode(), "not_json")
    assert "several lines" in cure(b"{", "not_json")
    assert "older models" in cure(b'{"prompt": "", "completion": ""}', "no_messages")
    assert "exactly 'messages'" in cure(b'{"mesages": []}', "no_messages")
    assert "Did you mean 'content'" in cure(messages({"contnet": "x"}), "unknown_key")
    assert "should be 'user'" in cure(messages({"role": "Human"}), "unknown_role")
    assert "outer list" in cure(b"[{}]", "not_object")


# Rows and files


def test_rows_can_be_checked_before_they_are_written():
    rows = [row(number) for number in range(10)]
    assert chat_files.check(rows, count_tokens=False).ok
    rows[4]["messages"][1]["content"] = 4
    report = chat_files.check(rows, count_tokens=False)
    assert [(p.key, p.line, p.message) for p in report.problems] == [("wrong_type", 5, 2)]
    assert chat_files.check([("a", "tuple")], count_tokens=False).of("not_object")


def test_writing_is_all_or_nothing(tmp_path):
    path = tmp_path / "new" / "train.jsonl"
    chat_files.write([row(1)], path)
    before = path.read_bytes()
    assert before == line(row(1)) + b"\n", "no \\r on Windows, no escapes"
    for bad in ({"a": {1, 2}}, ["no dictionary"], {"a": float("nan")}, {"a": "\ud800"}):
        with pytest.raises(LessonError, match="Row 2 cannot be written as JSON"):
            chat_files.write([row(2), bad], path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["train.jsonl"]


def test_reading_refuses_what_training_would(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"\n".join([*good(3), b'{"messages": []}']))
    with pytest.raises(LessonError, match=r"train.jsonl, line 4: the example has no messages"):
        chat_files.read(path)
    with pytest.raises(LessonError, match="nothing.jsonl cannot be read: No such file"):
        chat_files.check(tmp_path / "nothing.jsonl", count_tokens=False)
    with pytest.raises(LessonError, match="cannot be read"):
        chat_files.check(tmp_path, count_tokens=False)


def test_a_line_of_text_may_hold_the_characters_at_which_python_cuts(tmp_path):
    """str.splitlines cuts at U+2028 and U+0085; a carriage return may stand between tokens."""
    odd = row(content="one\u2028two\u0085three")
    path = chat_files.write([odd], tmp_path / "odd.jsonl")
    path.write_bytes(path.read_bytes() + line(row(2)).replace(b": [", b":\r["))
    assert chat_files.read(path) == [odd, row(2)]


# Tokens


def test_tokens_are_those_that_training_sees():
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(BUILT_IN)
    chat = [{"role": "system", "content": "Be kind."}, USER, ANSWER]
    whole = tokenizer.apply_chat_template(chat, tokenize=False)
    learned = whole[whole.index("Hello") : whole.index("<|end|>", whole.index("Hello")) + 7]
    expected = [len(tokenizer.encode(text, add_special_tokens=False)) for text in (whole, learned)]
    tokens = counter_for().count(chat)
    assert [tokens.total, tokens.answer] == expected
    assert counter_for(tokenizer).count(chat) == tokens
    assert counter_for(BUILT_IN).context == 1024


def test_an_answer_of_weight_0_is_given_not_learned():
    count = counter_for().count
    both = count([USER, ANSWER, USER, {**ANSWER, "content": "Hello again"}])
    second = count([USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "content": "Hello again"}])
    assert second.total == both.total
    assert 0 < second.answer < both.answer
    assert second.answer == count([USER, {**ANSWER, "content": "Hello again"}]).answer


def test_a_template_that_marks_no_answers_is_counted_as_it_is_trained():
    """The report once counted what the last answer adds; training learns all of a chat's."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(BUILT_IN)
    marked = counter_for(tokenizer).count([USER, ANSWER])
    both = counter_for(tokenizer).count([USER, ANSWER, USER, ANSWER])
    template = tokenizer.chat_template
    tokenizer.chat_template = template.replace("{% generation %}", "").replace(
        "{% endgeneration %}", ""
    )
    assert counter_for(tokenizer).count([USER, ANSWER]) == marked
    assert counter_for(tokenizer).count([USER, ANSWER, USER, ANSWER]) == both
    tokenizer.chat_template = "{{ raise_exception('take turns') }}"
    report = check(good(10), tokenizer=tokenizer, count_tokens=True)
    assert report.keys == ["template_refused"] and report.errors == 10
    assert "take turns" in str(report)


class Words:
    """Counts words: 3 for a chat, and for each message 4 more than its words."""

    name, context = "words", None

    def count(self, messages):
        total = 3 + sum(4 + len(message["content"].split()) for message in messages)
        answer = sum(len(m["content"].split()) for m in messages if m["role"] == "assistant")
        return Tokens(total - answer, answer)


def test_a_counter_of_ones_own_and_things_that_count_nothing():
    report = check(good(10), tokenizer=Words(), count_tokens=True)
    assert report.ok and report.limit is None and "no length was checked" in str(report)
    for thing in (7, str.split, []):
        with pytest.raises(LessonError, match="is not a tokenizer"):
            counter_for(thing)
    with pytest.raises(LessonError, match="No tokenizer can be loaded from"):
        counter_for("no-such-folder")


def test_a_long_example_is_told_with_its_tokens():
    long = line(row(99, content="word " * 30))
    report = check(good(10) + [long], tokenizer=Words(), count_tokens=True, model_context=40)
    assert report.keys == ["too_long"]
    problem = report.of("too_long")[0]
    assert (problem.line, problem.details) == (11, {"tokens": 43, "limit": 40})
    assert "has 43 tokens, the model reads 40 at most" in str(report)
    assert report.tokens.over_limit() == 1 and len(report.tokens) == 11
    assert "Example 11 has 43 tokens" in chat_files.service_error(report)[1]
    exactly = line(row(99, content="word " * 27))
    assert check(good(10) + [exactly], tokenizer=Words(), count_tokens=True, model_context=40).ok


def test_by_default_the_built_in_model_sets_the_limit():
    report = check(good(10) + [line(row(99, content="1 " * 1500))], count_tokens=True)
    assert report.keys == ["too_long"] and report.limit == 1024


def statistics(*pairs, limit=None):
    made = TokenStatistics("pantry", limit)
    for pair in pairs:
        made.add(Tokens(*pair))
    return made


def test_the_table_of_tokens():
    made = statistics(*[(10 * n, n) for n in range(1, 102)], limit=1000)
    cells = {name: numbers for name, *numbers in made.table().rows}
    assert cells["shortest"] == ["10", "1", "11"] and cells["longest"] == ["1,010", "101", "1,111"]
    assert cells["median"] == ["510", "51", "561"]
    assert cells["sum"] == ["51,510", "5,151", "56,661"]
    assert made.over_limit() == 11 and made.over_limit(0) == 101
    assert "Longer than 1,000 tokens: 11." in str(made)
    assert made._repr_html_().count("<tr>") == 7
    assert "No valid example" in str(statistics()) and "No valid" in statistics()._repr_html_()


def test_statistics_of_rows_agree_with_the_check():
    rows = [row(number) for number in range(10)]
    of_rows = chat_files.token_statistics(rows)
    of_file = chat_files.check(rows).tokens
    assert of_rows == of_file and len(of_rows) == 10


@pytest.mark.parametrize(
    ("pairs", "limit", "words"),
    [
        ([(n, 5) for n in range(50, 90)], 70, "The limit is 70 tokens; 24 examples are longer."),
        ([(n, 5) for n in range(50, 90)], 65_536, "65,536 tokens; 0 examples are longer"),
        ([(50, 5)], 1024, "1 examples in tokens: from 55 to 55"),
        ([(50, 5)] * 9, None, "half of them up to 55, 95 % up to 55."),
    ],
)
def test_the_picture_says_its_numbers(monkeypatch, pairs, limit, words):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    statistics(*pairs, limit=limit).picture()
    assert words in shown[0].alt


def test_no_bar_stands_on_both_sides_of_the_limit():
    from matplotlib import pyplot

    from lessonlib.chat_files.picture import build

    fig, _alt = build(list(range(3, 400)), 211)
    bars = fig.axes[0].patches
    over = [bar for bar in bars if bar.get_hatch()]
    assert over and min(bar.get_x() for bar in over) == 212
    assert sum(bar.get_height() for bar in over) == 399 - 211
    assert sum(bar.get_height() for bar in bars) == 397
    pyplot.close(fig)
    with pytest.raises(LessonError, match="nothing to draw"):
        build([], None)


# Limits, epochs, costs


@pytest.mark.parametrize(
    ("examples", "expected"),
    [(1, 25), (3, 25), (4, 25), (5, 20), (7, 14), (10, 10), (33, 3), (34, 3), (100, 3),
     (8333, 3), (8334, 2), (12_500, 2), (12_501, 1), (25_000, 1), (10**6, 1)],
)  # fmt: skip
def test_epochs_follow_the_published_rule(examples, expected):
    assert chat_files.epochs(examples) == expected


def test_no_examples_no_epochs():
    with pytest.raises(LessonError, match="for 0 examples"):
        chat_files.epochs(0)
    with pytest.raises(LessonError, match="for 0 examples"):
        chat_files.estimate(statistics())


def test_training_tokens_and_what_they_cost():
    """50 examples of 100 tokens, 3 epochs: 15,000 tokens; at $5 a million 7.5 cents."""
    made = statistics(*[(80, 20)] * 50)
    assert training_tokens(made) == 15_000
    assert training_tokens(made, 1) == 5_000
    estimated = chat_files.estimate(made)
    assert (estimated.n_epochs, estimated.tokens) == (3, 15_000)
    assert estimated.dollars == pytest.approx(0.075)
    price = costs.price("gpt-4.1-mini", tuned=True)
    assert f"read {price.read}" in str(estimated) and "$0.07" in str(estimated)
    assert chat_files.estimate(made, "gpt-4o-mini", 2).dollars == pytest.approx(0.03)


def test_every_limit_has_a_source_and_a_day():
    with open(FOLDER / "limits.toml", "rb") as file:
        for service in tomllib.load(file).values():
            for limit in service.values():
                assert "http" in limit["source"]
                assert date(2026, 1, 1) < limit["read"] <= date.today()


def test_checking_loads_no_neural_network(tmp_path):
    """The practice service imports this at its start, and counts with it in every job."""
    path = chat_files.write([row(number) for number in range(10)], tmp_path / "train.jsonl")
    code = (
        "import sys; from lessonlib import chat_files\n"
        "heavy = {'torch', 'transformers', 'openai', 'matplotlib', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        f"assert chat_files.check({str(path)!r}).ok\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
