"""Pictures carry words for those who cannot see them."""

from itertools import combinations
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from lessonlib.common.errors import LessonError
from lessonlib.show import pictures


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
    assert '<img class="lesson-picture" src="data:image/png;base64,iVBOR' in bundle["text/html"]
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


# --- curves --------------------------------------------------------------------------------


def measured(name, value, low, high, tokens):
    score = SimpleNamespace(value=value, low=low, high=high)
    return SimpleNamespace(name=name, prompt_tokens=tokens, metrics=lambda: {"micro_f1": score})


ROUTES = [measured("none", 0.4, 0.35, 0.45, 104.25), measured("four", 0.5, 0.45, 0.56, 320.0)]


def test_intervals_are_told_in_words_with_every_number():
    assert pictures.errorbars(ROUTES, x="prompt_tokens").alt == (
        "Micro-F1 by prompt tokens, with 95 % intervals. none: 0.40 (0.35 to 0.45) at 104;"
        " four: 0.50 (0.45 to 0.56) at 320.")


def test_plain_numbers_can_be_drawn_side_by_side():
    alt = pictures.errorbars({"25": (0.2, 0.1, 0.3), "50": (0.4, 0.3, 0.5)}, "accuracy",
                             title="Learning curve", xlabel="examples").alt
    assert alt == ("Learning curve, with 95 % intervals. 25: 0.20 (0.10 to 0.30);"
                   " 50: 0.40 (0.30 to 0.50).")


def drawn_by_errorbars(monkeypatch, *given, **options):
    """The axes, as they are when the picture is finished."""
    kept = []
    monkeypatch.setattr(pictures, "render", lambda fig, alt: kept.append((fig, alt)))
    pictures.errorbars(*given, **options)
    plt.close(kept[0][0])
    return kept[0][0].axes[0], kept[0][1]


def test_results_whose_names_share_a_word_are_one_line_and_levels_run_across(monkeypatch):
    results = {f"{word}, k = {k}": measured("", 0.1 * k, 0.0, 0.9, 100 * k)
               for word in ("BM25", "exact") for k in (1, 2)}
    levels = {"alone": ROUTES[0], "half": 0.5}
    axes, alt = drawn_by_errorbars(
        monkeypatch, results, x="prompt_tokens", lines=("exact", "BM25"), across=levels)
    assert len(axes.containers) == 2
    said = sorted(text.get_text() for text in axes.texts)
    assert said == sorted(["exact", "BM25", "alone", "half", *["k = 1", "k = 2"] * 2])
    assert alt.endswith("; alone: 0.40; half: 0.50.")


def test_names_do_not_lie_on_each_other(monkeypatch):
    near = [measured(f"a long name {n}", 0.5, 0.4, 0.6, 300 + n) for n in range(4)]
    axes, _alt = drawn_by_errorbars(monkeypatch, near, x="prompt_tokens")
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 4
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def crossed(axes):
    """The labels that lie on a line or on an error bar."""
    axes.figure.canvas.draw()
    ways = [line.get_transform().transform_path(line.get_path()) for line in axes.lines
            if line.get_linestyle() != "None"]
    ways += [bars.get_transform().transform_path(path)
             for bars in axes.collections for path in bars.get_paths()]
    return [text.get_text() for text in axes.texts if any(
        way.intersects_bbox(text.get_window_extent(), filled=False) for way in ways)]


def test_names_do_not_lie_on_a_line(monkeypatch):
    """In notebook 01 the words "bare prompt" stood above their point, on the line that rises from
    it; in notebook 02 "BM25" stood on the line of the embeddings.
    """
    points = {"bare prompt": (131, 0.02, 0.00, 0.04), "instructions": (219, 0.42, 0.39, 0.46),
              "few-shot, k = 1": (351, 0.44, 0.40, 0.48), "k = 4": (730, 0.49, 0.45, 0.54)}
    routes = [measured(name, *score, tokens) for name, (tokens, *score) in points.items()]
    for some in (routes, routes[::-1], [measured("none", 0.0, 0.0, 0.0, 131), *routes[1:]]):
        axes, _alt = drawn_by_errorbars(monkeypatch, some, x="prompt_tokens")
        assert crossed(axes) == [] and len(axes.texts) == 4

    searches = {"RAG, exact": (264, 0.77, 0.71, 0.82), "BM25, 2": (261, 0.63, 0.58, 0.69),
                "BM25, 4": (273, 0.72, 0.67, 0.77), "BM25, 16": (302, 0.68, 0.62, 0.73),
                "embeddings, 4": (274, 0.71, 0.66, 0.76), "embeddings, 16": (357, 0.65, 0.58, 0.71)}
    routes = [measured(name, *score, tokens) for name, (tokens, *score) in searches.items()]
    axes, _alt = drawn_by_errorbars(monkeypatch, routes, x="prompt_tokens",
                                    lines=("exact", "BM25", "embeddings"), across={"alone": 0.43})
    said = [text.get_text() for text in axes.texts]
    assert crossed(axes) == [] and len(said) == 4 + 5, "and each point of a line says which it is"
    assert {"2", "4", "16"} < set(said)


def test_tokens_begin_at_zero_and_what_stands_side_by_side_is_not_joined(monkeypatch):
    """264 and 357 tokens looked as far apart as 0 and 300."""
    axes, _alt = drawn_by_errorbars(monkeypatch, ROUTES, x="prompt_tokens")
    assert axes.get_xlim()[0] == 0 and axes.get_ylim()[0] == 0
    axes, _alt = drawn_by_errorbars(monkeypatch, ROUTES)
    assert axes.containers[0].lines[0].get_linestyle() == "None"


def test_what_cannot_be_drawn_is_told_in_words():
    """A metric of another task was told as KeyError; of two results of one name one was lost."""
    with pytest.raises(LessonError, match="Choose one of: micro_f1"):
        pictures.errorbars(ROUTES, "accuracy")
    with pytest.raises(LessonError, match="Two results are called 'none'"):
        pictures.errorbars([*ROUTES, ROUTES[0]], x="prompt_tokens")


def test_what_was_refused_altogether_has_no_place(monkeypatch):
    refused = measured("refused", 0.0, 0.0, 0.0, float("nan"))
    assert "refused" not in pictures.errorbars([*ROUTES, refused], x="prompt_tokens").alt
    for nothing in ([], [refused]):
        with pytest.raises(LessonError, match="nothing to draw"):
            pictures.errorbars(nothing, x="prompt_tokens")


def test_a_training_is_told_with_the_place_where_validation_is_best():
    alt = pictures.loss_curve([0, 1, 2, 3], [None, 2.0, 1.0, 0.5], [2.5, 1.5, 1.25, 1.75],
                              title="Loss of mine", x="epoch").alt
    assert alt == ("Loss of mine: loss per token by epoch. Training: from 2.00 to 0.50."
                   " Validation: 2.50, 1.50, 1.25, 1.75; lowest at epoch 2.")
    alt = pictures.loss_curve([1, 2], [0.5, 0.6], [0.4, 0.7], y="accuracy", best="highest").alt
    assert alt.endswith("Validation: 0.40, 0.70; highest at step 2.")


def test_a_training_without_validation_or_not_begun_is_drawn_all_the_same():
    assert pictures.loss_curve([1, 2], [2.0, 1.0]).alt.endswith("Training: from 2.00 to 1.00.")
    assert pictures.loss_curve([1, 2], [2.0, 1.0], [None, None]).alt.endswith("to 1.00.")
    assert pictures.loss_curve([], []).alt == "Loss: loss per token by step."


def test_losses_may_be_arrays_and_nan_is_not_the_lowest():
    """Arrays were told as "The truth value of an array is ambiguous"; of a training that ran away
    the words said "lowest at step 1", where the loss was nan.
    """
    alt = pictures.loss_curve(np.arange(1, 4), np.array([3.0, 2.0, 1.0]),
                              np.array([np.nan, 1.5, 2.0])).alt
    assert alt.endswith("Validation: nan, 1.50, 2.00; lowest at step 2.")
    assert "lowest" not in pictures.loss_curve([1, 2], [1.0, np.nan], [np.nan, np.nan]).alt


# --- colours, on light pages and on dark ones ------------------------------------------------

#: The pages of JupyterLab's two themes.
LIGHT, DARK = "#FFFFFF", "#111111"
EVERY = {name: value for name, value in vars(pictures).items()
         if isinstance(value, str) and value.startswith("#")}
#: Severe colour vision deficiency, for linear RGB: Machado, Oliveira and Fernandes, "A
#: Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, table 1.
EYES = {
    "all colours": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}
#: hue-rotate(180deg) as the Filter Effects specification of W3C defines it.
HALF_TURN = np.array([[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]])


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def as_shown(colour, dark):
    """The colour on the screen, RGB from 0 to 1."""
    shown = rgb(colour)
    if dark:
        shown = HALF_TURN @ (shown * (1 - 2 * pictures.INVERT) + pictures.INVERT)
    return np.clip(shown, 0, 1)


def linear(shown):
    return np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2: 1 for the same brightness, 21 for black on white."""
    weak, strong = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (strong + 0.05) / (weak + 0.05)


def lab(shown, eyes):
    """CIE 1976 L*a*b* of what such eyes see."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722],
                       [0.0193, 0.1192, 0.9505]])
    x = to_xyz @ np.clip(EYES[eyes] @ linear(shown), 0, 1) / (0.9505, 1, 1.089)
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_the_filter_that_is_tested_is_the_one_that_is_shown():
    html = pictures.render(drawn(), "words")._repr_mimebundle_()["text/html"]
    assert f"filter: invert({pictures.INVERT}) hue-rotate(180deg)" in html
    assert html.count(".lesson-picture") == len(pictures.DARK_PAGES) == 3


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["BLUE", "VERMILLION", "GREEN", "PURPLE", "BLACK", "GREY"])
def test_lines_and_words_stand_out(name, dark):
    """WCAG asks for a contrast of 3 for parts of a picture, of 4.5 for text: black and grey."""
    colour, wanted = EVERY[name], 4.5 if name in ("BLACK", "GREY") else 3
    paper = as_shown(LIGHT, dark)
    assert contrast(as_shown(colour, dark), paper) >= wanted
    if dark:  # what shows through, should a page have another dark than ours
        assert contrast(as_shown(colour, dark), rgb(DARK)) >= wanted


def test_every_colour_is_for_lines_or_for_fills_and_no_line_is_drawn_in_a_pale_one():
    assert set(pictures.COLOURS) | set(pictures.FILLS) | {pictures.GREY} == set(EVERY.values())
    for colour in pictures.FILLS:
        assert contrast(rgb(colour), rgb(LIGHT)) < 3, "it could be used for lines"


def test_on_a_dark_page_the_paper_is_as_dark_as_the_page():
    assert contrast(as_shown(LIGHT, True), rgb(DARK)) < 1.05


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_line_colours_can_be_told_apart_by_everyone(dark, eyes):
    """A difference (CIE 1976) of 2.3 is just seen; lines must differ by five times as much."""
    for one, other in combinations(pictures.COLOURS, 2):
        seen = [lab(as_shown(colour, dark), eyes) for colour in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) >= 11.5, (one, other)


def test_a_pictures_style_uses_the_line_colours_and_large_letters():
    pictures.figure(width=4, height=2)
    cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert tuple(cycle) == pictures.COLOURS
    # 13 points at 80 dots an inch are 14 pixels on the page; a projector shows the page.
    assert plt.rcParams["font.size"] >= 13
    plt.close("all")
