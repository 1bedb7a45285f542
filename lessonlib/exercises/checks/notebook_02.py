"""Exercises of notebook 02, the second alternative: retrieval."""

from __future__ import annotations

import math

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: found, needed, recall.
RECALLS = (
    (["salt", "pepper"], ["salt", "pepper"], 1),
    (["salt", "flour", "milk"], ["salt", "pepper"], 0.5),
    (["pepper", "salt", "salt"], ["salt", "pepper", "milk", "flour"], 0.5),
    ([], ["salt"], 0),
    (["salt"], [], 1),
)


@exercise(
    "02-1",
    title=_("Recall of one search"),
    difficulty=1,
    minutes=3,
    learned=_("Recall asks what was missed. What was found beside it costs tokens, not recall."),
)
def recall(function):
    """function(found, needed): lists of texts; gives a share from 0 to 1."""
    what = _("What your function returns")
    for found, needed, right in RECALLS:
        given = answers.number(answers.call(function, list(found), list(needed)), what)
        if math.isclose(given, right, abs_tol=1e-9):
            continue
        case = _("found: {found}; needed: {needed}").format(found=found, needed=needed)
        if not needed:
            yield _("{case}: nothing is needed, so nothing is missed.").format(case=case)
        elif len(found) == len(set(found)) and found and math.isclose(
                given, len(set(found) & set(needed)) / len(found)):
            yield _("{case}: that is the share of the found ones that are needed. We asked for the"
                    " share of the needed ones that are found.").format(case=case)
        elif len(found) > len(set(found)):
            yield _("{case}: found twice is found once.").format(case=case)
        else:
            yield _("{case}: the share is not {given:g}.").format(case=case, given=given)
        return


#: needed, found, used, the weaker half.
HALVES = (
    (10, 9, 3, "reading"),
    (10, 3, 3, "search"),
    (10, 10, 9, "reading"),
    (10, 5, 5, "search"),
    (100, 60, 40, "search"),
    (100, 40, 30, "search"),  # used / needed is less, but says nothing about the reading
    (10, 0, 0, "search"),  # nothing found
    (16, 8, 4, "search"),  # equally well
)


@exercise(
    "02-2",
    title=_("Which half fails?"),
    difficulty=1,
    minutes=4,
    learned=_("Mend the weaker half first: finding more does not help a model that does not"
              " read."),
)
def weaker_half(function):
    """function(needed, found, used): counts; gives "search" or "reading"."""
    for needed, found, used, right in HALVES:
        given = answers.call(function, needed, found, used)
        case = _("needed {needed}, found {found}, used {used}").format(
            needed=needed, found=found, used=used)
        if given not in ("search", "reading"):
            yield _('{case}: your function returns {given!r}; we asked for "search" or "reading".'
                    ).format(case=case, given=given)
            return
        if given == right:
            continue
        if found == 0:
            yield _("{case}: nothing was found, so nothing could be read.").format(case=case)
        elif found * found == needed * used:
            yield _("{case}: both do equally well.").format(case=case)
        else:
            yield _("{case}: compare found with needed, and used with found.").format(case=case)
        return


#: line, keys, and those that should be found.
LINES = (
    ("2 tsp ground black pepper", ["pepper", "black pepper", "ground black pepper"],
     ["ground black pepper"]),
    ("2 cups flour", ["pepper", "plain flour"], []),
    ("salt and black pepper", ["pepper", "salt", "black pepper"], ["black pepper", "salt"]),
    ("black pepper, then a red pepper", ["pepper", "black pepper"], ["black pepper", "pepper"]),
    ("icing sugar", [], []),
)


@exercise(
    "02-3",
    title=_("A lookup of your own"),
    difficulty=3,
    minutes=8,
    learned=_("Longest first, and what is covered is out of play: so works"
              " lessonlib.tasks.retrieval."),
)
def keys_in(function):
    """function(line, keys): the keys that stand in the line, longest first where they overlap."""
    what = _("What your function returns")
    for line, keys, right in LINES:
        given = answers.call(function, line, list(keys))
        given = list(given) if isinstance(given, set) else answers.items(given, what)
        case = _("In {line!r}, with the keys {keys}").format(line=line, keys=keys)
        if len(set(given)) < len(given):
            yield _("{case}: a key is named twice.").format(case=case)
        elif sorted(map(str, given)) == sorted(right):
            continue
        elif any(key not in keys or key not in line for key in given):
            yield _("{case}: something is named that is no key, or does not stand there.").format(
                case=case)
        elif set(right) - set(given):
            yield _("{case}: a key is missing.").format(case=case)
        else:
            yield _("{case}: a key is named that is only part of a longer one.").format(case=case)
        return
