"""What a simple look can tell about a free text, and no more.

A program can count lines. It cannot tell whether a verse scans, whether a joke is one, or whether
a sentence is true. So these checks find what is plainly wrong, and passing them all proves little:
read the answers yourself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lessonlib.common.i18n import _

#: Fewer words are no answer in full sentences.
FEWEST_WORDS = 5
#: A run of so many words that comes more than ``MOST_REPEATS`` times: the model goes in circles.
RUN, MOST_REPEATS = 3, 2


@dataclass(frozen=True)
class Check:
    """One check: what was looked for, and whether it was found."""

    what: str
    passed: bool


def look(text: str, form: str = "", must: tuple[str, ...] = ()) -> list[Check]:
    """All checks for one answer.

    Args:
        form: a key of ``FORMS``; anything else has the common checks alone.
        must: words that have to be in it, in any capitals; ``a/b`` means a or b.

    Introduced in notebook 11.
    """
    checks = [
        Check(_("has {n} words or more").format(n=FEWEST_WORDS),
              len(_words(text)) >= FEWEST_WORDS),
        Check(_("ends like a sentence"), bool(re.search(r"[.!?][\"')\]]*\s*$", text))),
        Check(_("does not go in circles"), not _circles(text)),
    ]
    checks += [Check(what, test(text)) for what, test in FORMS.get(form, {}).items()]
    checks += [Check(_("says {word}").format(word=word),
                     any(_holds(text, one) for one in word.split("/"))) for word in must]
    return checks


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _circles(text: str) -> bool:
    words = _words(text)
    runs = Counter(zip(*(words[start:] for start in range(RUN)), strict=False))
    return any(count > MOST_REPEATS for count in runs.values())


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word.strip().casefold())}(?!\w)",
                     text.casefold()) is not None


def lines(text: str) -> list[str]:
    """The lines of a verse that hold something."""
    return [line.strip() for line in text.strip().split("\n") if line.strip()]


def _short_middle(text: str) -> bool:
    """Lines 3 and 4 are shorter than the others are on average, as in a limerick."""
    sizes = [len(line) for line in lines(text)]
    return len(sizes) == 5 and max(sizes[2:4]) < (sizes[0] + sizes[1] + sizes[4]) / 3


#: Forms by name: what is looked for -> how.
FORMS: dict[str, dict[str, Callable[[str], bool]]] = {
    "limerick": {
        _("has five lines"): lambda text: len(lines(text)) == 5,
        _("lines 3 and 4 are the short ones"): _short_middle,
    },
    "two or three sentences": {
        _("has two sentences or three"): lambda text: len(
            re.findall(r"[.!?](?=\s|$)", text)) in (2, 3),
    },
}
