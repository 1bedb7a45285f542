"""What A1 shows: a curve that grows, and training text with marks on what is learned."""

from __future__ import annotations

import pytest

from lessonlib.lessons.a1_learned_text import LearnedText
from lessonlib.show import live
from lessonlib.show.live import LiveCurve, LivePicture


class Page:
    """Stands for a place on the page that can be drawn anew."""

    def __init__(self):
        self.shown = []

    def update(self, what):
        self.shown.append(what)


@pytest.fixture
def page(monkeypatch):
    """A notebook that shows progress."""
    import IPython.display

    page = Page()
    monkeypatch.setenv("LESSON_PROGRESS", "1")
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr(live, "PAUSE", 0.0)
    monkeypatch.setattr(live, "SHARE", float("inf"))
    monkeypatch.setattr(IPython.display, "display", lambda *_a, **_k: page)
    return page


def test_the_curve_is_drawn_while_it_grows_and_taken_away_at_the_end(page):
    with LiveCurve(30, "tokens", "loss", "Trying") as curve:
        for step in range(1, 4):
            curve.add(10 * step, 9 / step)
    alts = [one.alt for one in page.shown if hasattr(one, "alt")]
    assert len(alts) == 2, "one point makes no curve"
    assert alts[-1] == "Trying: loss by tokens. Training: from 9.00 to 3.00."
    assert page.shown[-1]._repr_html_() == "<span></span>"
    assert curve.picture().alt == alts[-1] and curve.seconds > 0


def test_a_bar_that_ends_a_little_early_is_not_left_behind(page):
    """Batches do not always fill the budget; the bar stayed on the page at 99 %, in red."""
    with LiveCurve(30, "tokens", "loss") as curve:
        curve.add(28, 1.0)
    assert curve.bar.total == curve.bar.n == 28


def test_saved_notebooks_have_no_live_picture(page, monkeypatch):
    monkeypatch.setenv("LESSON_PROGRESS", "0")
    with LiveCurve(10, "tokens", "loss") as curve:
        curve.add(10, 1.0)
    assert page.shown == [] and curve.points == [(10, 1.0)]


def test_the_page_is_cleared_when_training_fails(page):
    with pytest.raises(ZeroDivisionError), LiveCurve(10, "tokens", "loss") as curve:
        curve.add(1, 1 / 0)
    assert page.shown[-1]._repr_html_() == "<span></span>" and curve.points == []


def test_a_live_picture_takes_its_share_of_the_time_and_no_more(page, monkeypatch):
    clock = iter(range(100))  # a second goes by between two looks at the clock
    monkeypatch.setattr(live, "SHARE", 0.5)
    monkeypatch.setattr(live.time, "perf_counter", lambda: next(clock))
    drawn = iter([None, "first", "second"])
    picture = LivePicture(lambda: next(drawn))
    for _time in range(3):
        picture.update()
    assert page.shown == ["first"], "nothing new is not shown, and a drawing is paid for by a rest"
    picture.update()
    picture.close()
    assert page.shown[1] == "second" and page.shown[-1]._repr_html_() == "<span></span>"


def test_outside_of_a_notebook_nothing_is_drawn(monkeypatch):
    monkeypatch.setattr(live, "in_notebook", lambda: False)
    picture = LivePicture(lambda: pytest.fail("drawn"))
    picture.update()
    picture.close()


PIECES = [("<|user|>1 c. rice\n", 0.0), ("ri", 0.1), ("ce", 1.0), ("orzo", 3.0), (" end\n", 0.0)]


def test_what_is_learned_is_marked_and_what_is_given_is_not():
    text = LearnedText("ask", PIECES)
    assert str(text) == "--- ask\n<|user|>1 c. rice\n{ri}[ce][[orzo]] end\n"
    page = text._repr_html_()
    assert "&lt;|user|&gt;1 c. rice" in page and page.count("<span") == 3
    assert "double" in page and "dotted" in page
    assert "background" not in page and "; color" not in page, "it must fit light and dark"
