"""Links to other sites: their form is checked here; the sites themselves are asked by hand only."""

from __future__ import annotations

import http.server
import re
import threading

import nbformat
import pytest

from tools import links, outside_links
from tools.notebooks import PROJECT

PAPERS = sorted(PROJECT.glob("*.md"))
RESOURCES = PROJECT / "RESOURCES.md"


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_addresses_are_written_well(path):
    assert not outside_links.lint(path)


def test_no_resource_is_listed_twice():
    assert not outside_links.lint(RESOURCES, once=True)


@pytest.mark.parametrize(("text", "said"), [
    ("[a](https://example.org/x) [b](https://example.org/y)", ""),
    ("[a](http://example.org)", "is not https"),
    ("[a](https://examp_le/x)", "no proper host"),
    ("[a](https://example.org/x?utm_source=mail)", "tells on the reader: utm_source"),
    ("[a](https://example.org/x?WT.mc_id=academic-1)", "tells on the reader: WT.mc_id"),
    ("[a](https://example.org/x.)", "ends in punctuation"),
    ("[here](https://example.org/x)", "does not say where"),
    ("[a](https://example.org/x) [b](https://www.example.org/x/)", "stands in line 1 already"),
    ("[a](https://example.org/x/y)\n\n[b](https://example.org/en-us/x/y)", "line 1 already"),
])
def test_a_badly_written_address_is_told(tmp_path, text, said):
    paper = tmp_path / "PAPER.md"
    paper.write_text(text, encoding="utf-8")
    found = outside_links.lint(paper, once=True)
    # An address in two spellings on one line is one place, and so no complaint of its own.
    if text.count("\n") == 0 and "already" in said:
        paper.write_text(text.replace(") [", ")\n\n["), encoding="utf-8")
        found = outside_links.lint(paper, once=True)
    assert len(found) == bool(said) and all(said in line for line in found), found


class Site(http.server.BaseHTTPRequestHandler):
    """A site with a page, a page that moved, one that is gone, and one that refuses machines."""

    def do_GET(self):
        code = {"/there": 200, "/moved": 301, "/gone": 404, "/closed": 403}.get(self.path, 200)
        self.send_response(code)
        if code == 301:
            self.send_header("Location", "/there")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(("page", "kind"), [
    ("/there#part", "ok"), ("/moved", "moved"), ("/gone", "gone"), ("/closed", "unsure")])
def test_a_site_is_asked(site, page, kind, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert outside_links.look(site + page, 5).kind == kind


def test_a_site_that_does_not_answer_leaves_us_unsure():
    assert outside_links.look("http://127.0.0.1:9/", 2).kind == "unsure"


def test_a_check_names_the_places_and_fails_for_what_is_gone(tmp_path):
    (tmp_path / "A.md").write_text("[a](https://a.org/1) [b](https://a.org/2)", "utf-8")
    (tmp_path / "f.toml").write_text('source = "Page: https://a.org/1; other"\n', "utf-8")
    nbformat.write(nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell("[c](https://a.org/3) [d](https://example.org/4)")]),
        tmp_path / "n.ipynb")
    asked, said = [], []

    def ask(address):
        asked.append(address)
        return outside_links.Answer("gone" if address.endswith("1") else "ok", "HTTP 404")

    paths = [tmp_path / name for name in ("A.md", "f.toml", "n.ipynb")]
    assert outside_links.check(paths, tmp_path, said.append, ask) == 1
    assert sorted(asked) == [f"https://a.org/{n}" for n in (1, 2, 3)], "example.org is no site"
    assert said == ["[gone]   https://a.org/1: HTTP 404", "         A.md, line 1; f.toml, line 1",
                    "3 addresses: 2 answer, 0 moved, 0 unsure, 1 gone"]


def test_the_offline_check_asks_nobody(monkeypatch):
    monkeypatch.setattr(outside_links, "look", lambda *a: pytest.fail("asked a site"))
    assert links.main([]) == 0


def glossary() -> list[tuple[str, str, str]]:
    """(term, in short, cell with the notebook) of each row of the glossary."""
    text = RESOURCES.read_text(encoding="utf-8").split("## Glossary")[1]
    rows = re.findall(r"(?m)^\| (.+?) \| (.+?) \| (.+?) \|$", text)
    return [row for row in rows if row[0] != "term"]


def test_the_glossary_is_in_order_and_without_doubles():
    terms = [term.lower() for term, _short, _where in glossary()]
    assert len(terms) > 30
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("row", glossary(), ids=lambda row: row[0])
def test_the_named_notebook_speaks_of_the_term(row):
    """A glossary that sends a reader to a notebook without the word is worse than none."""
    term, _short, where = row
    notebooks = re.findall(r"\]\((notebooks/[^)]+\.ipynb)\)", where)
    assert notebooks, f"{term}: no link to a notebook"
    for name in notebooks:
        cells = nbformat.read(PROJECT / name, as_version=4).cells
        text = re.sub(r"[\s*_`]+", " ", " ".join(cell.source for cell in cells)).lower()
        for word in term.lower().split(", "):
            assert word in text, f"{name} does not speak of {word}"
