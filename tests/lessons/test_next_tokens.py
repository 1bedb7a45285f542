"""Probabilities at the first word of an answer: read rightly, averaged, drawn with words."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

import lessonlib
from lessonlib.common.errors import LessonError
from lessonlib.lessons import nb04_next_tokens
from lessonlib.lessons.nb04_next_tokens import NextTokens, of_one_word, side_by_side
from lessonlib.tasks import prompting, recipes

SOME = NextTokens('["', {"green": 0.5, "g": 0.2, "salt": 0.1}, "green")


def test_a_name_is_found_by_the_token_that_it_begins_with():
    assert SOME.of("green onion") == 0.5
    assert SOME.of("garlic") == 0.2, "its first letter alone is listed"
    assert SOME.of("pepper") == 0.0
    assert SOME.rest == pytest.approx(0.2)


def test_a_space_before_a_token_is_no_other_word():
    """Most large models' tokens carry the space before them."""
    assert NextTokens("", {" green": 0.4, " ": 0.3}, " green").of("green onion") == 0.4


def answering(*places):
    """A client whose answer has these (token, {alternative: probability}) places."""
    content = [
        SimpleNamespace(token=token, top_logprobs=[
            SimpleNamespace(token=other, logprob=math.log(p)) for other, p in others.items()])
        for token, others in places
    ]
    choice = SimpleNamespace(logprobs=SimpleNamespace(content=content))
    completions = SimpleNamespace(create=lambda **_asked: SimpleNamespace(choices=[choice]))
    return SimpleNamespace(chat=SimpleNamespace(completions=completions))


def test_the_first_word_is_the_first_token_with_a_letter():
    client = answering(('["', {'["': 0.9}), ("salt", {"salt": 0.6, "kosher": 0.3}), ('"]', {}))
    found = nb04_next_tokens.first_word(client, "any", [])
    assert (found.before, found.chosen) == ('["', "salt")
    assert found.of("salt") == pytest.approx(0.6)


def test_an_answer_without_a_word_is_looked_at_where_it_begins():
    found = nb04_next_tokens.first_word(answering(("[]", {"[]": 0.7, '["': 0.2})), "any", [])
    assert (found.before, found.chosen) == ("", "[]") and found.of("salt") == 0.0


def test_a_service_without_log_probabilities_is_told():
    client = answering()
    with pytest.raises(LessonError, match="gave no log-probabilities"):
        nb04_next_tokens.first_word(client, "any", [])


def test_the_practice_service_gives_probabilities():
    client = lessonlib.connect("practice")
    examples = recipes.load("test")[:3]
    found = nb04_next_tokens.first_words(client, "pantry", prompting.bare, examples)
    for one in found:
        values = list(one.probabilities.values())
        assert len(values) == nb04_next_tokens.ALTERNATIVES
        assert values == sorted(values, reverse=True)
        assert sum(values) + one.rest == pytest.approx(1)
        assert one.chosen == next(iter(one.probabilities)), "the likeliest is written"
    assert nb04_next_tokens.first_word(client, "pantry", prompting.bare(examples[0])).of(
        found[0].chosen) == pytest.approx(found[0].of(found[0].chosen), abs=1e-3)


def test_the_mean_and_the_difference():
    sure, unsure = NextTokens("", {"salt": 0.8}, "salt"), NextTokens("", {"salt": 0.2}, "salt")
    mean = nb04_next_tokens.mean_probability([sure, unsure], ["salt", "salt"])
    assert mean.value == pytest.approx(0.5) and mean.low <= 0.5 <= mean.high
    gain = nb04_next_tokens.difference([sure] * 8, [unsure] * 8, ["salt"] * 8)
    assert gain.value == pytest.approx(0.6) and gain.significant


def test_only_names_with_another_first_word_can_tell():
    """kosher salt is salt here, but garlic cloves are garlic: the first word tells nothing."""
    def recipe(name):
        return recipes.Recipe(name, name, (name,), (name,), (name,))

    entries = [recipes.GlossaryEntry(a, b, None)
               for a, b in (("kosher salt", "salt"), ("garlic cloves", "garlic"))]
    asked = [recipe("kosher salt"), recipe("garlic cloves"), recipe("rice")]
    assert [one.id for one in nb04_next_tokens.renamed_first(asked, entries)] == ["kosher salt"]


def test_pictures_say_in_words_what_they_show():
    after = NextTokens('["', {"salt": 0.9, "$": 0.05, " \n": 0.01}, "salt")
    alt = side_by_side({"before": SOME, "after": after}, "salt").alt
    assert "before: likeliest are green 0.50" in alt and "salt has 0.90" in alt
    mean = nb04_next_tokens.mean_probability([SOME, after], ["salt", "salt"])
    alt = of_one_word({"bare": mean, "tuned": mean}, 1 / 3000, "How probable?").alt
    assert alt.startswith("How probable? bare 0.50")
    assert "0.00033" in alt


def test_the_right_name_is_shown_even_where_it_is_not_among_the_likely():
    """The picture before tuning held six bars of 0.00, and not the house name that it is about."""
    bars = nb04_next_tokens._bars(SOME, "pepper", 6)
    assert bars[-1] == ("pepper", 0.0, True) and sum(right for *_bar, right in bars) == 1
    assert all(value >= nb04_next_tokens.LEAST for _token, value, right in bars if not right)
