"""One drawing for all tables: aligned text in a terminal, HTML that a screen reader can follow."""

from __future__ import annotations

import ast
from html.parser import HTMLParser

import pytest

from lessonlib.show.tables import ShownAsTable, Table


def costs(rows, notes=(), **more):
    return Table(("route", "dollars", "remark"), rows, notes, words=(0, 2), **more)


ROWS = (("few-shot", "1,200.00", "grows with <each> request"), ("tuned", "80.50", ""))


class Reader(HTMLParser):
    """(tag, scope, style, text) of each cell, row by row. Raises where a tag is not closed."""

    def __init__(self, page: str):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(page)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        if tag in ("br", "wbr"):
            return
        self.open.append(tag)
        found = dict(attributes)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append([tag, found.get("scope"), found["style"], ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1][3] += text


def test_as_text_words_stand_left_and_numbers_right():
    assert str(costs(ROWS, ("Once.", "Prices of today."))) == """\
route      dollars  remark
--------  --------  -------------------------
few-shot  1,200.00  grows with <each> request
tuned        80.50
Once.
Prices of today."""


def test_as_html_every_cell_is_found_from_its_heading_and_its_row():
    rows = Reader(costs(ROWS)._repr_html_()).rows
    assert [cell[:2] for cell in rows[0]] == [["th", "col"]] * 3
    assert [cell[:2] for cell in rows[1]] == [["th", "row"], ["td", None], ["td", None]]
    assert rows[1][2][3] == "grows with <each> request", "escaped, so it comes back as it was"
    sides = [["right" in cell[2] for cell in row] for row in rows]
    assert sides == [[False, True, False]] * 3


def test_an_equation_in_a_name_is_not_torn_apart():
    """In a wide table "few-shot, k = 2" broke into "few-shot, k" and, beneath it, "= 2"."""
    page = costs((("few-shot, k = 2", "1.00", "a=b"),))._repr_html_()
    assert Reader(page).rows[1][0][3] == "few-shot, k\u00a0=\u00a02"
    assert "few-shot, k = 2" in str(costs((("few-shot, k = 2", "1.00", ""),)))


def test_a_table_with_a_text_of_its_own_shows_that_everywhere():
    class Told(ShownAsTable):
        def table(self):
            return costs(ROWS)

        def __str__(self):
            return "Nothing yet."

    assert repr(Told()) == "Nothing yet." and repr(costs(ROWS)) == str(costs(ROWS))
    assert Told()._repr_html_() == costs(ROWS)._repr_html_()


def test_only_a_table_with_notes_has_a_paragraph():
    assert "<small>" not in costs(ROWS)._repr_html_()
    noted = costs(ROWS, ("a < b", "c"))._repr_html_()
    assert noted.endswith("<p><small>a &lt; b<br>c</small></p>")


def test_a_table_without_rows_shows_its_heading():
    assert str(costs(())) == "route  dollars  remark\n-----  -------  ------"
    assert len(Reader(costs(())._repr_html_()).rows) == 1


def test_a_long_name_without_a_space_breaks_at_its_colons():
    """A tuned model's name once pushed the costs beyond the edge of the page."""
    name = "ft:pantry:practice:recipes:ab12"
    page = costs(((name, "1", "at: once"),))._repr_html_()
    assert "ft:<wbr>pantry:<wbr>practice" in page and "at: once" in page
    assert Reader(page).rows[1][0][3] == name, "whoever copies it gets the name as it is"


def test_where_columns_are_not_named_by_their_first_one():
    plain = costs(ROWS, named=False)
    assert [cell[0] for cell in Reader(plain._repr_html_()).rows[1]] == ["td"] * 3


#: Drawn elsewhere, for a reason each.
OWN_DRAWING = {
    "show/tables": "the drawing itself",
    "lessons/nb04_rank_lab": "stands in a widget, outside of a notebook's styles",
    "practice/web/status_page": "a page of the service, with styles of its own",
}


@pytest.mark.parametrize("found", ["<table", "<td", "<th "])
def test_no_other_module_draws_tables_of_its_own(found, project):
    """Thirteen others once did, each a little differently: some without headings that a screen
    reader can follow, some with numbers that stood left."""
    folder = project / "lessonlib"
    drawing = {
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and found in node.value
    }
    assert drawing <= set(OWN_DRAWING)
