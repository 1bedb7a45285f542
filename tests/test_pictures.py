"""Pictures carry words for those who cannot see them."""

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from lessonlib import pictures
from lessonlib.errors import LessonError


def drawn():
    fig, axes = pictures.figure(width=6, height=3)
    axes.plot([1, 2, 3], [1, 4, 9])
    return fig


def test_the_image_in_a_notebook_has_its_words():
    picture = pictures.render(drawn(), 'Loss falls from 9 to 1; "good" & <steady>.')
    bundle = picture._repr_mimebundle_()
    assert (
        'alt="Loss falls from 9 to 1; &quot;good&quot; &amp; &lt;steady&gt;."'
        in bundle["text/html"]
    )
    assert bundle["text/plain"] == 'Loss falls from 9 to 1; "good" & <steady>.'
    assert bundle["text/html"].startswith('<img src="data:image/png;base64,iVBOR')
    assert "image/png" not in bundle, "JupyterLab would show it without the words"


def test_a_drawn_figure_is_closed_so_that_it_is_not_shown_twice():
    before = plt.get_fignums()
    pictures.render(drawn(), "words")
    assert plt.get_fignums() == before


def test_the_image_is_sharp_and_white(tmp_path):
    picture = pictures.render(drawn(), "words")
    picture.save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert image.width >= 1.8 * picture.width
        assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
        assert image.text["Description"] == "words"


def test_the_same_figure_gives_the_same_bytes():
    assert pictures.render(drawn(), "words").png == pictures.render(drawn(), "words").png


def test_a_picture_without_words_is_refused():
    fig = drawn()
    with pytest.raises(LessonError, match="no alternative text"):
        pictures.render(fig, "  ")
    plt.close(fig)


def test_show_displays_the_picture_once(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    pictures.show(drawn(), "words")
    assert [picture.alt for picture in shown] == ["words"]


def luminance(colour):
    """Relative luminance as WCAG 2 defines it, 0 for black to 1 for white."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [pictures.BLUE, pictures.VERMILLION, pictures.GREY])
def test_the_main_colours_stand_out_on_white(colour):
    """WCAG asks for a contrast of 3 for parts of a picture."""
    assert 1.05 / (luminance(colour) + 0.05) >= 3
