"""What a model believes comes next: the probabilities at the first word of its answer.

A chat service writes token by token, and can be asked for the likeliest tokens at each place
with their log-probabilities (``logprobs`` and ``top_logprobs`` of OpenAI's chat API, at most 20
a place). We look at one place, where the first word of the answer begins. In a JSON list that is
the first name; where a model writes no list, it is whatever word it begins with. Two pictures: one
place before and after, and one word under many conditions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import openai

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure import bootstrap
from lessonlib.measure.bootstrap import Difference, Interval
from lessonlib.show import pictures
from lessonlib.show.pictures import Picture
from lessonlib.tasks.recipes import GlossaryEntry, Recipe

#: As many alternatives as the API gives.
ALTERNATIVES = 20
#: By then an answer has come to its first word.
TOKENS = 8


@dataclass(frozen=True)
class NextTokens:
    """The likeliest tokens at one place of an answer.

    Attributes:
        before: what the model had written of its answer until there.
        probabilities: each token's probability, likeliest first, as far as the service told.
        chosen: the token that was written.
    """

    before: str
    probabilities: dict[str, float]
    chosen: str

    def of(self, name: str) -> float:
        """The probability of the token that ``name`` begins with; 0.0 where it is not listed.

        Of several listed tokens that the name begins with (``s``, ``salt``) the longest is the
        one that a tokenizer would take.
        """
        begins = [token for token in self.probabilities
                  if token.strip() and name.startswith(token.strip())]
        return self.probabilities[max(begins, key=len)] if begins else 0.0

    @property
    def rest(self) -> float:
        """The probability of all tokens that are not listed, together."""
        return max(0.0, 1.0 - sum(self.probabilities.values()))


def first_word(client: openai.OpenAI, model: str, messages: list[dict]) -> NextTokens:
    """Ask, and look at the place where the first word of the answer begins.

    Raises:
        LessonError: the service gives no log-probabilities.

    Introduced in notebook 04.
    """
    response = client.chat.completions.create(
        model=model, messages=messages, max_tokens=TOKENS, temperature=0,
        logprobs=True, top_logprobs=ALTERNATIVES,
    )
    logprobs = response.choices[0].logprobs
    if not logprobs or not logprobs.content:
        raise LessonError(
            _("{model} gave no log-probabilities.").format(model=model),
            _("Choose a model and a service that can, such as the practice service."),
        )
    places = logprobs.content
    # An answer without any word is looked at where it begins.
    place = next((n for n, one in enumerate(places) if any(map(str.isalpha, one.token))), 0)
    found = {one.token: math.exp(one.logprob) for one in places[place].top_logprobs}
    before = "".join(one.token for one in places[:place])
    return NextTokens(before, found, places[place].token)


def first_words(
    client: openai.OpenAI,
    model: str,
    messages: Callable[[Recipe], list[dict]],
    examples: Sequence[Recipe],
    concurrency: int = 16,
) -> list[NextTokens]:
    """``first_word`` for each example, several at a time; in the order of the examples.

    Introduced in notebook 04.
    """
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(lambda one: first_word(client, model, messages(one)), examples))


def mean_probability(found: Sequence[NextTokens], names: Sequence[str]) -> Interval:
    """The mean probability of the right first word, with its 95 % interval.

    Args:
        found: what the model believed, for each example.
        names: the name that is right, for each example.

    Introduced in notebook 04.
    """
    rows = [(one.of(name), 1) for one, name in zip(found, names, strict=True)]
    return bootstrap.interval(np.array(rows), bootstrap.share)


def difference(
    a: Sequence[NextTokens], b: Sequence[NextTokens], names: Sequence[str]
) -> Difference:
    """How much more probable the right first word is in ``a`` than in ``b``, paired.

    Introduced in notebook 04.
    """
    rows = [np.array([(one.of(name), 1) for one, name in zip(found, names, strict=True)])
            for found in (a, b)]
    return bootstrap.difference(*rows, bootstrap.share)


def renamed_first(
    examples: Sequence[Recipe], entries: Sequence[GlossaryEntry]
) -> list[Recipe]:
    """The recipes whose first ingredient the glossary renames, with another first word.

    Only there the first word of the answer tells whether the model knows the house name.

    Introduced in notebook 04.
    """
    house = {entry.written: entry.house for entry in entries}
    chosen = []
    for example in examples:
        written = example.names[0]
        if house.get(written, written).split()[0] != written.split()[0]:
            chosen.append(example)
    return chosen


#: A token below this would be an empty bar with a 0.00 beside it.
LEAST = 0.005


def side_by_side(found: Mapping[str, NextTokens], right: str, likeliest: int = 6) -> Picture:
    """The most likely tokens under each condition, one panel each; the right one always among them.

    Args:
        found: what the model gave, by what it is to be called: ``before``, ``after``.
        right: the right name. The bar of its first token is filled, the others are hatched.
        likeliest: how many bars a panel has at most. Tokens below 0.005 get none, but the right one
            is always named: a picture that leaves it out hides what it is about.

    Introduced in notebook 04.
    """
    bars = {label: _bars(one, right, likeliest) for label, one in found.items()}
    tallest = max(map(len, bars.values()))
    fig, axes = pictures.figure(columns=len(found), width=10, height=1.2 + 0.42 * tallest,
                                squeeze=False, sharex=True)
    for panel, (label, rows) in zip(axes[0], bars.items(), strict=True):
        for place, (_token, value, is_right) in enumerate(rows):
            look = {"color": pictures.BLUE} if is_right else {
                "facecolor": "white", "edgecolor": pictures.BLUE, "hatch": "///"}
            panel.barh(place, value, **look)
            panel.text(value + 0.02, place, f"{value:.2f}" if value >= LEAST else _("under 0.01"),
                       va="center")
        panel.set(title=label, xlim=(0, 1.15), xlabel=_("probability"),
                  xticks=(0, 0.25, 0.5, 0.75, 1), ylim=(tallest - 0.4, -0.6))
        panel.set_yticks(range(len(rows)), [_shown(token) for token, *_rest in rows])
        for tick, (_token, _value, is_right) in zip(panel.get_yticklabels(), rows, strict=True):
            tick.set_fontweight("bold" if is_right else "normal")
    return pictures.render(fig, _side_by_side_in_words(found, right))


def _bars(one: NextTokens, right: str, likeliest: int) -> list[tuple[str, float, bool]]:
    """(token, probability, whether the right name begins with it), the most likely first."""
    rows = []
    for token, value in list(one.probabilities.items())[:likeliest]:
        is_right = one.of(right) == value and right.startswith(token.strip() or "\0")
        if is_right or value >= LEAST:
            rows.append((token, value, is_right))
    if not any(is_right for *_bar, is_right in rows):
        rows.append((right.split()[0], one.of(right), True))
    return rows


def _shown(token: str) -> str:
    """A token as a label: spaces and line ends made visible. matplotlib would read a $."""
    return token.replace(" ", "\u2423").replace("\n", "\u21b5").replace("$", r"\$")


def _side_by_side_in_words(found: Mapping[str, NextTokens], right: str) -> str:
    parts = []
    for label, one in found.items():
        likeliest = ", ".join(f"{token.strip() or _shown(token)} {value:.2f}"
                              for token, value in list(one.probabilities.items())[:3])
        parts.append(_("{label}: likeliest are {likeliest}; {right} has {value:.2f}.").format(
            label=label, likeliest=likeliest, right=right, value=one.of(right)))
    return _("Probabilities of the first word of the answer.") + " " + " ".join(parts)


def of_one_word(values: Mapping[str, Interval], guess: float, title: str) -> Picture:
    """The mean probability of the right word under each condition, as bars with intervals.

    Args:
        values: the conditions in order, from top to bottom.
        guess: what a model without any training gives each token; drawn as a line.

    Introduced in notebook 04.
    """
    fig, axes = pictures.figure(width=10, height=1.8 + 0.55 * len(values))
    for place, interval in enumerate(values.values()):
        error = [[interval.value - interval.low], [interval.high - interval.value]]
        axes.barh(place, interval.value, xerr=error, color=pictures.BLUE, height=0.6, capsize=4,
                  error_kw={"ecolor": pictures.BLACK})
        axes.text(interval.high + 0.02, place, str(interval), va="center")
    axes.axvline(guess, color=pictures.VERMILLION, linestyle="--",
                 label=_("a model without training: {guess:.4f}").format(guess=guess))
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.3), xlabel=_("mean probability of the right first word"), title=title,
             xticks=(0, 0.25, 0.5, 0.75, 1))
    fig.legend(loc="outside lower left")  # once it lay over the last bar's value
    told = ", ".join(f"{label} {interval}" for label, interval in values.items())
    return pictures.render(fig, f"{title} {told}. " + _(
        "A model without training would give every token {guess:.5f}.").format(guess=guess))
