"""Rows that learners bring: what is mended and told, what is set aside, what cannot be read."""

from __future__ import annotations

import csv
import datetime
import io
import json
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonlib.assignment import encodings, own_rows, reading, splits
from lessonlib.assignment.excel import as_text
from lessonlib.common import files
from lessonlib.common.errors import LessonError
from lessonlib.common.paths import DATA

GOOD = "question,answer\nWhere is it?,delivery\nWhere is the bill?,billing\nMy parcel?,delivery\n"


@pytest.fixture(autouse=True)
def aside(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "SET_ASIDE", tmp_path / "work" / "set_aside.csv")
    return tmp_path / "work" / "set_aside.csv"


def file(tmp_path, content, name="rows.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read(tmp_path, content, name="rows.csv", **options):
    return own_rows.read(file(tmp_path, content, name), **options)


def sheet(tmp_path, rows, title="Sheet"):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "rows.xlsx")
    return tmp_path / "rows.xlsx"


# --- what is mended ---


def test_plain_rows(tmp_path):
    rows = read(tmp_path, GOOD)
    assert [(one.id, one.question, one.answer) for one in rows.examples] == [
        ("row-2", "Where is it?", "delivery"), ("row-3", "Where is the bill?", "billing"),
        ("row-4", "My parcel?", "delivery")]
    assert rows.notes == [] and rows.set_aside == [] and rows.kind == "label"


@pytest.mark.parametrize("content", [
    GOOD.encode("utf-8-sig"),
    GOOD.encode("utf-16"),
    GOOD.replace(",", ";").encode(),
    GOOD.replace(",", "\t").encode(),
    GOOD.replace("\n", "\r\n").encode(),
    GOOD.replace("question,answer", " Prompt , COMPLETION ").encode(),
    GOOD.replace("question,answer", "Question,Answer").encode(),
    GOOD.replace("question,answer", "text,label").encode(),
    ("\n\n" + GOOD + ",\n\n").encode(),
], ids=["byte order mark", "utf-16", "semicolons", "tabs", "windows lines", "old spelling",
        "capitals", "text and label", "blank rows"])
def test_every_way_to_save_the_same_rows_gives_the_same_examples(tmp_path, content):
    wanted = [(one.question, one.answer) for one in read(tmp_path, GOOD).examples]
    rows = read(tmp_path, content, "other.csv")
    assert [(one.question, one.answer) for one in rows.examples] == wanted


def test_central_european_windows_letters_are_recognised_and_told(tmp_path):
    """cp1250 read as cp1252 gives 'ø' for 'ř': a file that looks read, and is not."""
    text = "question,answer\nKde je můj balík?,doručení\nProč nefunguje účet?,účet\n"
    rows = read(tmp_path, text.encode("cp1250"))
    assert rows.examples[0].question == "Kde je můj balík?"
    assert "cp1250" in rows.notes[0] and "guess" in rows.notes[0] and "line 2" in rows.notes[0]


def test_the_advice_on_a_wrong_guess_names_another_encoding(tmp_path):
    """Hungarian was read as cp1252, and the advice was to say encoding="cp1252"."""
    rows = read(tmp_path, "question,answer\nÉvszám,hány\n".encode("cp1250"))
    assert "read as cp1252" in rows.notes[0] and 'encoding="cp1250"' in rows.notes[0]


@pytest.mark.parametrize(("text", "encoding"), [
    ("½ cup purée, à point", "cp1252"), ("2 lžíce čočky, vařené", "cp1250"),
    ("mąka pszenna, świeża", "cp1250"), ("grüne Äpfel", "cp1252"), ("salt and ½ egg", "utf-16")])
def test_the_printed_cure_for_an_encoding_keeps_every_letter(tmp_path, monkeypatch, text, encoding):
    """For a Czech file it wrote 'èoèka' into the new one, which then passed for sound."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    with pytest.raises(LessonError, match=f"looks like {encoding}") as caught:
        files.read_text("a.txt")
    exec("from pathlib import Path\n" + caught.value.cure.split("In Python: ")[1])
    assert files.read_text("new.csv") == text


def test_western_windows_letters_are_recognised(tmp_path):
    text = "question,answer\nOù est le colis? À quelle adresse?,voilà\nC'est à moi,été\n"
    assert read(tmp_path, text.encode("cp1252")).examples[0].question.startswith("Où est")


def test_the_encoding_can_be_said(tmp_path):
    rows = read(tmp_path, "question,answer\nřeka,a\n".encode("cp1250"), encoding="cp1250")
    assert rows.examples[0].question == "řeka"
    with pytest.raises(LessonError, match="cannot be read as ascii"):
        read(tmp_path, "question,answer\nřeka,a\n", encoding="ascii")


def test_other_columns_are_left_alone_and_named(tmp_path):
    rows = read(tmp_path, "date,question,who,answer\n1.5.,Where?,Ana,delivery\n")
    assert "date, who" in rows.notes[0] and rows.examples[0].answer == "delivery"


def test_repeats_are_dropped_and_counted(tmp_path):
    rows = read(tmp_path, GOOD + "WHERE  is it?,Delivery\n")
    assert len(rows.examples) == 3 and "1 rows that repeat" in rows.notes[0]


def test_labels_get_one_spelling(tmp_path):
    rows = read(tmp_path, GOOD + "And now?,DELIVERY\n")
    assert rows.labels == ["delivery", "billing"] and "capitals" in rows.notes[0]


def test_rows_of_json_lines_in_three_forms(tmp_path):
    lines = [
        {"question": "a", "answer": {"team": "x"}},
        {"Question": "b", "ANSWER": '{"team": "y"}', "note": 3},
        {"messages": [{"role": "system", "content": "Sort it."}, {"role": "user", "content": "c"},
                      {"role": "assistant", "content": '{"team": "x"}'}]},
    ]
    rows = read(tmp_path, "\n".join(map(json.dumps, lines)), "rows.jsonl")
    assert [one.question for one in rows.examples] == ["a", "b", "c"]
    assert rows.kind == "fields" and rows.system == "Sort it."


def test_dates_and_numbers_of_excel_become_text():
    assert as_text(datetime.datetime(2026, 5, 18)) == "2026-05-18"
    assert as_text(datetime.datetime(2026, 5, 18, 9, 30)) == "2026-05-18 09:30"
    assert as_text(12.0) == "12" and as_text(1.5) == "1.5" and as_text(True) == "true"
    assert as_text(None) == ""


def test_an_excel_workbook(tmp_path):
    path = sheet(tmp_path, [("Question", "Answer", "When"), ("Where?", "delivery", 3),
                            (None, None, None), ("When?", datetime.date(2026, 5, 18), 4.0)])
    rows = own_rows.read(path)
    assert [(one.id, one.answer) for one in rows.examples] == [
        ("row-2", "delivery"), ("row-4", "2026-05-18")]
    assert "'Sheet'" in rows.notes[0] and "when" in rows.notes[1]


def test_the_first_sheet_that_holds_something_is_taken(tmp_path):
    path = sheet(tmp_path, [], "empty")
    book = openpyxl.load_workbook(path)
    for row in (("question", "answer"), ("a", "b")):
        if "data" not in book.sheetnames:
            book.create_sheet("data")
        book["data"].append(row)
    book.save(path)
    assert "'data'" in own_rows.read(path).notes[0]
    with pytest.raises(LessonError, match="no sheet 'other'.*\n.*empty, data"):
        own_rows.read(path, sheet="other")


@pytest.mark.parametrize("content", [
    "sep=;\r\n" + GOOD.replace(",", ";"),
    GOOD.replace(",", ";").replace("\n", "\r").replace("bill?", "bill, or the letter, or both?"),
    GOOD.replace(",", ";").replace("question", '"id (internal,\nnot yours)";question').replace(
        "\n", "\n1;").replace("\n1;not", "\nnot").removesuffix("1;"),
    GOOD.replace(",", ";").replace("question", "question, as written", 1),
], ids=["Excel says the separator", "lines end as on an old Mac", "a header over two lines",
        "a comma in the header"])
def test_the_separator_is_that_of_the_header(tmp_path, content):
    """Each of these was "no columns for questions and answers": signs were counted in the wrong
    place."""
    columns = ("question, as written", "answer") if "written" in content else None
    rows = read(tmp_path, content, columns=columns)
    assert [one.answer for one in rows.examples] == ["delivery", "billing", "delivery"]
    assert rows.set_aside == [] and "';'" in "".join(rows.notes)


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(tmp_path):
    """A cell over three lines is one row there; we said the number of its last line."""
    rows = read(tmp_path, 'question,answer\n"one\ntwo\nthree",a\nWhere?,b\nWhat?,\n')
    assert [one.id for one in rows.examples] == ["row-2", "row-3"]
    assert [one.number for one in rows.set_aside] == [4]


def test_two_columns_of_one_name_matter_only_where_one_is_needed(tmp_path):
    rows = read(tmp_path, "note,question,answer,note\nx,a,b,y\n")
    assert rows.examples[0].answer == "b"
    with pytest.raises(LessonError, match="two columns are called 'answer'"):
        read(tmp_path, "answer,question,answer\nx,a,b\n")


# --- what is set aside ---


def test_a_stray_quotation_mark_costs_its_own_row_alone(tmp_path):
    """One at row 3 and one at row 7 made a single example of all rows from 3 to 7, unsaid."""
    lines = [f"number {n} is here,{'ab'[n % 2]}" for n in range(10)]
    for at in (1, 5):
        lines[at] = '"' + lines[at]
    rows = read(tmp_path, "question,answer\n" + "\n".join(lines) + "\n")
    assert [one.number for one in rows.set_aside] == [3, 7] and len(rows.examples) == 8
    assert all("quotation mark" in one.rule and one.cure for one in rows.set_aside)


@pytest.mark.parametrize(("line", "words"), [
    (f"{'x' * 140_000},a", "131,072 characters"),
    ('"She said \\"no, never\\" to it",b', r'written \"'),
])
def test_a_row_that_is_no_row_does_not_end_the_reading(tmp_path, line, words):
    rows = read(tmp_path, f"{GOOD}{line}\nAnd this?,billing\n")
    (one,) = rows.set_aside
    assert one.number == 5 and words in one.rule and len(rows.examples) == 4


def test_where_no_row_can_be_read_the_first_reason_is_told(tmp_path):
    """A file of long chats was said to have no columns; that each is too long was not said."""
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}] * 2
    with pytest.raises(LessonError, match="no chat of one question and one answer"):
        read(tmp_path, json.dumps({"messages": said}), "rows.jsonl")


@pytest.mark.parametrize(("line", "rule"), [
    ("Where?,", "'answer' is empty"),
    (",delivery", "'question' is empty"),
    ("Where?,delivery,more", "3 cells, but the first row names 2 columns"),
    ("Where?,#REF!", "no text"),
    ("Wh\x07ere?,delivery", "no text"),
])
def test_a_row_that_cannot_be_used_is_named_with_rule_and_cure(tmp_path, aside, line, rule):
    rows = read(tmp_path, f"{GOOD}{line}\n")
    (one,) = rows.set_aside
    assert one.number == 5 and rule in one.rule and one.cure
    assert "row 5" in str(rows) and len(rows.examples) == 3
    kept = list(csv.reader(io.StringIO(aside.read_text(encoding="utf-8-sig"))))
    assert kept[1][0] == "5", "nothing is lost"


def test_one_question_with_two_answers_is_set_aside_whole(tmp_path):
    rows = read(tmp_path, GOOD + "where is IT?,billing\n")
    assert [one.number for one in rows.set_aside] == [2, 5]
    assert "same question as row 5" in rows.set_aside[0].rule


def test_lines_that_are_no_json(tmp_path):
    good = '{"question": "a", "answer": "b"}\n'
    rows = read(tmp_path, good + "{'question': 1}\n[1]\n" + '{"messages": []}\n', "rows.jsonl")
    assert [one.number for one in rows.set_aside] == [2, 3, 4] and len(rows.examples) == 1


def test_broken_json_among_json_answers_is_set_aside(tmp_path):
    text = '{"question": "a", "answer": {"t": 1}}\n{"question": "b", "answer": "oops"}\n'
    rows = read(tmp_path, text, "rows.jsonl", kind="fields")
    assert [one.number for one in rows.set_aside] == [2]


def test_half_a_letter_is_no_text(tmp_path, aside):
    """JSON can write half of a surrogate pair, as a program does that cuts a text off in an emoji.
    The row was used, and counting its tokens ended in a TypeError; where it was set aside for
    another reason, the file of such rows could not be written.
    """
    lines = [{"question": f"Question {n}?", "answer": "yes" if n % 2 else "no"} for n in range(8)]
    lines[2]["question"] += " \ud83d"
    lines[3] |= {"answer": "", "note": "\ud83d"}
    rows = read(tmp_path, "\n".join(map(json.dumps, lines)), "rows.jsonl")
    assert len(rows.examples) == 6
    assert [(one.number, one.rule) for one in rows.set_aside] == [
        (3, "the cell 'question' holds something that is no text"),
        (4, "the cell 'answer' is empty")]
    assert "ud83d" in aside.read_text(encoding="utf-8-sig")


def test_rows_are_set_aside_into_a_file_that_another_program_holds(tmp_path, monkeypatch):
    """On Windows Excel locks what it shows, and a learner looks there at what was set aside. To
    read the mended rows ended in a bare PermissionError.
    """
    def held(path, content):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(reading, "write_whole", held)
    with pytest.raises(LessonError, match="set_aside.csv cannot be written: Permission") as told:
        read(tmp_path, GOOD)
    assert "Excel, close it there" in told.value.cure


def test_a_file_of_column_names_alone_asks_for_rows(tmp_path):
    """It asked to mend "the rows that are named", and named none."""
    with pytest.raises(LessonError, match="no row can be used") as told:
        read(tmp_path, "question,answer\n")
    assert told.value.cure == "Put your rows below the names of the columns."


# --- what cannot be read ---


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml",
                                  "[Content_Types].xml", "all"])
def test_a_workbook_that_is_damaged_is_told_in_words(tmp_path, part):
    """A download that broke off, a stick that was pulled out: what the readers of XML and ZIP say
    (ParseError, zlib.error) came up bare; and a file that Excel holds was called no workbook.
    """
    good = sheet(tmp_path, [("question", "answer"), ("Where is it?", "delivery")] * 20)
    bad = tmp_path / "bad.xlsx"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[: len(content) // 2] if name == part else content)
    if part == "all":
        content = bytearray(bad.read_bytes())
        content[len(content) // 4: len(content) // 3] = b"\xff" * (
            len(content) // 3 - len(content) // 4)
        bad.write_bytes(content)
    with pytest.raises(LessonError, match="bad.xlsx is no Excel workbook that we can read"):
        own_rows.read(bad)


def test_a_workbook_that_excel_holds_is_told_as_that(tmp_path, monkeypatch):
    def held(*_given, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(openpyxl, "load_workbook", held)
    with pytest.raises(LessonError, match="cannot be read: Permission denied") as told:
        own_rows.read(tmp_path / "rows.xlsx")
    assert "close it in other programs" in told.value.cure


@pytest.mark.parametrize(("content", "name", "words"), [
    (b"", "rows.csv", "nothing in it"),
    (b"one,two\na,b\n", "rows.csv", "no columns for questions and answers; it has: one, two"),
    (b"question,answer,prompt,completion\na,b,c,d\n", "rows.csv", "which pair is meant"),
    (b"question,question,answer\na,b,c\n", "rows.csv", "two columns are called 'question'"),
    (b"question,answer\n,\na,\n", "rows.csv", "no row can be used"),
    (b'[{"question": "a", "answer": "b"}]', "rows.json", "one JSON list"),
    (b"PK\x03\x04 broken", "rows.xlsx", "no Excel workbook"),
    (b"anything", "rows.xls", "not read here"),
    (b"\x00\x01\x02\x03", "rows.csv", "no text file"),
    (b'question,answer\n"open,b\n', "rows.csv", "no row can be used"),
])
def test_a_file_that_cannot_be_read_says_why_and_what_to_do(tmp_path, content, name, words):
    with pytest.raises(LessonError, match=words) as caught:
        read(tmp_path, content, name)
    assert caught.value.cure


def test_a_missing_file_and_a_wrong_wish(tmp_path):
    with pytest.raises(LessonError, match="No such file"):
        own_rows.read(tmp_path / "none.xlsx")
    with pytest.raises(LessonError, match="No such file"):
        own_rows.read(tmp_path / "none.csv")
    with pytest.raises(LessonError, match="no column 'frage'"):
        read(tmp_path, GOOD, columns=("Frage", "answer"))
    with pytest.raises(LessonError, match="no kind of answer 'number'"):
        read(tmp_path, GOOD, kind="number")
    assert read(tmp_path, "Frage,Antwort\na,b\n", columns=("frage", "ANTWORT")).examples


def test_the_messy_file_of_the_notebook():
    rows = own_rows.read(DATA / "assignment" / "messy.csv", kind="label")
    assert rows.examples[0].question == "Dobrý den, kde najdu fakturu za květen?"
    assert [one.number for one in rows.set_aside] == [3, 6, 7, 8]
    assert rows.labels == ["billing", "returns", "delivery"] or len(rows.labels) == 3


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_file_whatever_it_holds_ends_in_anything_but_a_lesson_error(tmp_path_factory, content):
    for name in ("any.csv", "any.jsonl", "any.xlsx"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(content)
        try:
            own_rows.read(path)
        except LessonError as error:
            assert error.cure


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=8))
@settings(max_examples=80, deadline=None)
def test_every_row_is_used_or_set_aside_or_a_repeat(tmp_path_factory, pairs):
    """Nothing is lost in silence, whatever people type."""
    path = tmp_path_factory.getbasetemp() / "typed.jsonl"
    with open(path, "w", encoding="utf-8", newline="\n") as target:
        for question, answer in pairs:
            target.write(json.dumps({"question": question, "answer": answer}) + "\n")
    try:
        rows = own_rows.read(path)
    except LessonError:
        return
    told = sum(int(note.split()[0]) for note in rows.notes if "repeat" in note)
    assert len(rows.examples) + len(rows.set_aside) + told == len(pairs)


@given(st.text(alphabet="abcěščřžýáíéúůťďň ,\n", max_size=80))
def test_utf8_is_never_taken_for_something_else(text):
    assert encodings.decode(text.encode("utf-8"), "x") == (text, "")


# --- splits ---


def many(count, label=lambda number: "ab"[number % 2]):
    """Rows whose questions share no three words."""
    lines = [f"alpha{number} beta{number} gamma{number} delta{number},{label(number)}"
             for number in range(count)]
    return "question,answer\n" + "\n".join(lines) + "\n"


def test_each_row_goes_to_one_split_and_labels_are_spread(tmp_path):
    task = splits.make(read(tmp_path, many(100)))
    every = [one.id for part in (task.train, task.validation, task.test) for one in part]
    assert len(every) == len(set(every)) == 100 and len(task.test) == 20
    assert sum(one.answer == "a" for one in task.test) == 10
    assert set(task.labels) == {"a", "b"} and task.test[0].labels == task.labels
    assert "a, b" in task.instructions


def test_rows_that_nearly_repeat_each_other_stay_together(tmp_path):
    """A customer sends the same letter with another order number: a leak if they are parted."""
    lines = [f"where is my order it has not come yet since last week number {n},a"
             if n < 30 else f"alpha{n} beta{n} gamma{n} delta{n},b" for n in range(100)]
    rows = read(tmp_path, "question,answer\n" + "\n".join(lines) + "\n")
    for seed in range(5):
        task = splits.make(rows, seed=seed)
        homes = {split for split in ("train", "validation", "test")
                 for one in getattr(task, split) if "my order" in one.question}
        assert len(homes) == 1, homes


def test_a_row_that_is_too_long_is_left_out_by_name(tmp_path):
    rows = read(tmp_path, many(60) + f"{'very long ' * 2000},a\n")
    task = splits.make(rows)
    (one,) = task.left_out
    assert one.number == 62 and "the model reads 1024" in one.rule and "row 62" in str(task)


def test_a_test_set_of_its_own_is_kept_free_of_leaks(tmp_path):
    rows = read(tmp_path, many(60))
    test = own_rows.read(file(tmp_path, many(20), "test.csv"))
    task = splits.make(rows, test=test)
    assert len(task.test) == 20 and "20 rows were taken out" in task.notes[0]
    assert not {one.question for one in task.test} & {one.question for one in task.train}


def test_too_few_rows(tmp_path):
    with pytest.raises(LessonError, match="Too few rows"):
        splits.make(read(tmp_path, many(15)))


def test_shots_show_every_label(tmp_path):
    task = splits.make(read(tmp_path, many(90, lambda number: "abc"[number % 3])))
    assert {one.answer for one in task.pick_shots(3)} == {"a", "b", "c"}
    assert len(task.pick_shots(7)) == 7


@given(st.integers(30, 80), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_no_deal_loses_a_row_or_uses_one_twice(tmp_path_factory, count, labels, seed):
    path = tmp_path_factory.getbasetemp() / "deal.csv"
    path.write_text(many(count, lambda number: "abcd"[number % labels]), encoding="utf-8")
    task = splits.make(own_rows.read(path, kind="label"), seed=seed)
    every = [one.id for part in (task.train, task.validation, task.test) for one in part]
    assert len(every) == len(set(every)) == count
