"""Pictures of probabilities: one place before and after, and one word under many conditions."""

from __future__ import annotations

from collections.abc import Mapping

from lessonlib import pictures
from lessonlib.bootstrap import Interval
from lessonlib.i18n import _
from lessonlib.next_tokens import NextTokens
from lessonlib.pictures import Picture


def side_by_side(found: Mapping[str, NextTokens], right: str, likeliest: int = 8) -> Picture:
    """The likeliest tokens under each condition, one panel each.

    Args:
        found: what the model believed, by what it is to be called: ``before``, ``after``.
        right: the right name. The bar of its first token is filled, the others are hatched.
        likeliest: how many bars a panel has.
    """
    fig, axes = pictures.figure(columns=len(found), width=10, height=0.8 + 0.42 * likeliest,
                                squeeze=False, sharex=True)
    for panel, (label, one) in zip(axes[0], found.items(), strict=True):
        tokens = list(one.probabilities)[:likeliest]
        for place, token in enumerate(tokens):
            is_right = one.of(right) == one.probabilities[token] and right.startswith(token.strip())
            look = {"color": pictures.BLUE} if is_right else {
                "facecolor": "white", "edgecolor": pictures.BLUE, "hatch": "///"}
            panel.barh(place, one.probabilities[token], **look)
            panel.text(one.probabilities[token] + 0.02, place, f"{one.probabilities[token]:.2f}",
                       va="center")
        panel.set(title=label, xlim=(0, 1.15), xlabel=_("probability"),
                  xticks=(0, 0.25, 0.5, 0.75, 1))
        panel.set_yticks(range(len(tokens)), [_shown(token) for token in tokens])
        panel.invert_yaxis()
    return pictures.render(fig, _side_by_side_in_words(found, right))


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
    """
    fig, axes = pictures.figure(width=10, height=1.4 + 0.55 * len(values))
    for place, interval in enumerate(values.values()):
        error = [[interval.value - interval.low], [interval.high - interval.value]]
        axes.barh(place, interval.value, xerr=error, color=pictures.BLUE, height=0.6, capsize=4,
                  error_kw={"ecolor": pictures.BLACK})
        axes.text(interval.high + 0.02, place, f"{interval.value:.2f}", va="center")
    axes.axvline(guess, color=pictures.VERMILLION, linestyle="--", label=_("untrained: a guess"))
    axes.set_yticks(range(len(values)), list(values))
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.12), xlabel=_("mean probability of the right first word"), title=title,
             xticks=(0, 0.25, 0.5, 0.75, 1))
    axes.legend(loc="lower right")
    told = ", ".join(f"{label} {interval}" for label, interval in values.items())
    return pictures.render(fig, f"{title} {told}. " + _(
        "A model without training would give every token {guess:.5f}.").format(guess=guess))
