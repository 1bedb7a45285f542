"""Exercises of notebook 01, the first alternative: examples in the prompt."""

from __future__ import annotations

import math

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.tasks import recipes

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


#: What a prompt has to reach on the validation set, and how many tokens it may take.
GOAL, BUDGET = 0.50, 400


@exercise(
    "01-3",
    title=_("A prompt that beats a score"),
    difficulty=2,
    minutes=10,
    learned=_("A prompt is measured like a model. Short examples, and no words that they make"
              " superfluous: the same score for fewer tokens."),
)
def own_prompt(function, measure):
    """function(recipe): a list of messages. measure(function): its Result on validation."""
    held_out = recipes.load("validation")
    what = _("What your function returns")
    for recipe in held_out:
        messages = answers.items(answers.call(function, recipe), what)
        if not all(isinstance(one, dict) and {"role", "content"} <= set(one) for one in messages):
            yield _("Each message should be a dictionary with a role and a content.")
            return
        if not messages or not any(recipe.lines[0] in str(one["content"]) for one in messages):
            yield _("The recipe itself is missing: its lines should be in the last message.")
            return
        if any(recipes.answer(recipe) in str(one["content"]) for one in messages):
            yield _("The right answer of a recipe stands in its own prompt. Take the examples from"
                    " train.")
            return
    result = measure(function)
    score, tokens = result.metrics()["micro_f1"].value, result.prompt_tokens
    if any(not row.id.startswith("validation") for row in result.rows):
        yield _("This was not measured on the validation set.")
    elif not result.prompt_tokens <= BUDGET:  # nan where every request was refused
        yield _("micro-F1 {score:.2f}, with {tokens:.0f} tokens: more than {budget}.").format(
            score=score, tokens=tokens, budget=BUDGET)
    elif score < GOAL:
        yield _("micro-F1 {score:.3f}, with {tokens:.0f} tokens: {goal:.2f} is wanted.").format(
            score=score, tokens=tokens, goal=GOAL)
