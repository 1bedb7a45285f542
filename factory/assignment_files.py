"""Writes the template for learners' own rows, as CSV and as an Excel workbook, and a messy file.

    python -m factory.assignment_files

The messy file holds what people really send: Windows letters (cp1250), semicolons, columns with
other names, a date, empty cells, a row twice, one question with two answers.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import datetime

import openpyxl

from lessonlib.common.paths import DATA

FOLDER = DATA / "assignment"
HEADING = ("question", "answer")
ROWS = (
    ("Where do I find the invoice for my last order?", "billing"),
    ("My parcel should have come on Tuesday.", "delivery"),
    ("(Replace these rows by your own: one question and its right answer a row.)", "advice"),
)
MESSY = """\
Datum;Prompt;Completion;Kdo
18.05.2026;"Dobrý den, kde najdu fakturu za květen?";billing;Řehoř
18.05.2026;  Můj balík nedorazil; the tracking has not moved.;delivery;Jiří
19.05.2026;"The shade is broken, please send a new one.";Returns;Ana
19.05.2026;"The shade is broken, please send a new one.";returns;Ana
20.05.2026;I cannot log in any more.;account;Ana
20.05.2026;I cannot log in any more.;billing;Petr
21.05.2026;Which bulb fits into the lamp?;;Petr
;;;
22.05.2026;How do I get my money back?;billing;Petr
22.05.2026;Is the parcel on its way?;delivery;Petr
"""
#: The time that stands in the workbook, so that each run writes the same bytes.
STAMP = datetime(2026, 11, 25)


def template_csv() -> bytes:
    """The template as CSV. It is plain ASCII, which every spreadsheet program opens rightly."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([HEADING, *ROWS])
    return text.getvalue().encode("ascii")


def template_xlsx() -> bytes:
    """The template as a workbook, with a second sheet that says what to do."""
    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = STAMP
    sheet = book.active
    sheet.title = "rows"
    for row in (HEADING, *ROWS):
        sheet.append(row)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 70, 30
    sheet.freeze_panes = "A2"
    note = book.create_sheet("read me")
    for line in (
        "One row for each example: what goes in, and the answer that you would have liked.",
        "Fifty rows are a start, two hundred are better. Keep the names in the first row.",
        "Answers may be a label (one to four words), JSON, or free text. Do not mix them.",
        "No personal data: what you train on can come out again.",
    ):
        note.append([line])
    file = io.BytesIO()
    book.save(file)
    return _same_times(file.getvalue())


def _same_times(raw: bytes) -> bytes:
    """The same workbook with one time on all of its parts; openpyxl writes the time of day."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _with_stamp(content)
            info = zipfile.ZipInfo(name, STAMP.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, content)
    return made.getvalue()


def _with_stamp(content: bytes) -> bytes:
    """openpyxl puts the time of saving into the properties, whatever they say."""
    stamp = STAMP.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)


def messy_csv() -> bytes:
    """The messy file. One row has a separator in its text that nobody quoted."""
    return MESSY.encode("cp1250")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in (("template.csv", template_csv()), ("template.xlsx", template_xlsx()),
                          ("messy.csv", messy_csv())):
        (FOLDER / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")
