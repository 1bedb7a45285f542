"""Exercises of notebook 01, the first alternative: examples in the prompt."""

from __future__ import annotations

import math

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.tasks.recipes import Recipe

REQUESTS = 1000


@exercise(
    "01-1",
    title=_("The price of examples"),
    difficulty=1,
    minutes=3,
    learned=_("The examples are sent again, and paid again, with every request."),
)
def price_of_examples(extra, without, with_examples):
    """extra: tokens that the examples add to 1,000 requests. The other two are Results."""
    extra = answers.number(extra, "extra")
    added = with_examples.prompt_tokens - without.prompt_tokens
    if math.isclose(extra, REQUESTS * added, rel_tol=0.01):
        return
    if math.isclose(extra, -REQUESTS * added, rel_tol=0.01):
        yield _("The size is right. Do the examples make the prompt shorter?")
    elif math.isclose(extra, added, rel_tol=0.02):
        yield _("That is what they add to one request. We asked for {n:,}.").format(n=REQUESTS)
    elif math.isclose(extra, REQUESTS * with_examples.prompt_tokens, rel_tol=0.01):
        yield _("That counts the whole prompts. We asked what the examples add to them.")
    elif math.isclose(extra, REQUESTS * without.prompt_tokens, rel_tol=0.01):
        yield _("That counts the prompts without examples.")
    else:
        yield _("That is not it. Two numbers are needed: the mean prompt tokens of a request"
                " with the examples, and without.")


#: window, instructions, example, answer, and how many examples fit.
WINDOWS = (
    (1000, 100, 100, 100, 8),  # fits exactly
    (1050, 100, 100, 100, 8),  # half an example is none
    (1000, 100, 100, 190, 7),  # the answer needs its room
    (150, 100, 100, 60, 0),  # not even without examples
)


@exercise(
    "01-2",
    title=_("How many examples fit?"),
    difficulty=2,
    minutes=5,
    learned=_("The window holds the prompt and the answer: what examples take, nothing else has."),
)
def most_examples(function):
    """function(window, instructions, example, answer): all in tokens; gives a whole number."""
    what = _("What your function returns")
    for window, instructions, example, answer, right in WINDOWS:
        given = answers.number(
            answers.call(function, window, instructions, example, answer), what
        )
        case = _("With a window of {window}, {instructions} for the instructions, {example} for"
                 " each example and {answer} for the answer").format(
            window=window, instructions=instructions, example=example, answer=answer
        )
        if given == right:
            continue
        if given < 0:
            yield _("{case}: there cannot be fewer than no examples.").format(case=case)
        elif given != int(given):
            yield _("{case}: no part of an example can be sent, only whole ones.").format(case=case)
        elif given > right:
            yield _("{case}: that many do not fit. Did everything get its room?").format(case=case)
        else:
            yield _("{case}: there is room for more.").format(case=case)
        return


def _recipe(id: str, *names: str) -> Recipe:
    return Recipe(id, id, names, names, names)


@exercise(
    "01-3",
    title=_("What stays unknown?"),
    difficulty=2,
    minutes=6,
    learned=_("Examples teach the names that occur in them. Tuning and retrieval can do more."),
)
def stays_unknown(function):
    """function(recipe, shots, glossary): the recipe's glossary names that no shot shows.

    glossary: a set of names as people write them.
    """
    glossary = {"scallions", "stock", "cilantro"}
    recipe = _recipe("Soup", "salt", "scallions", "stock")
    onion, soup = _recipe("Onions", "scallions", "flour"), _recipe("Broth", "stock", "salt")
    what = _("What your function returns")
    for shots, right in (([onion], ["stock"]), ([onion, soup], []), ([], ["scallions", "stock"])):
        given = answers.call(function, recipe, list(shots), set(glossary))
        given = list(given) if isinstance(given, set) else answers.items(given, what)
        if "salt" in given:
            yield _("A name was listed that is not in the glossary. It only needs to be copied.")
        if "cilantro" in given:
            yield _("A name was listed that this recipe does not hold.")
        if any(name in given for name in {"scallions", "stock"} - set(right)):
            yield _("With {n} examples: a name was listed that one of them shows.").format(
                n=len(shots)
            )
        if any(name not in given for name in right):
            yield _("With {n} examples: a name is missing that none of them shows.").format(
                n=len(shots)
            )
        if sorted(map(str, given)) != sorted(right):
            if set(given) <= set(right):
                yield _("A name is in the list twice.")
            return
