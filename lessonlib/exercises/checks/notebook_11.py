"""Exercises of notebook 11: the simplest baseline, leaks, what is mixed up, a reason."""

from __future__ import annotations

import math
import re

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: training labels, test labels, and the share that is right.
SHARES = (
    (["a", "b", "b"], ["b", "a", "b", "b"], 0.75),
    (["b", "a", "a", "a"], ["b", "b"], 0.0),
    (["x", "y", "y"], ["x", "x", "x", "y"], 0.25),
)


@exercise(
    "11-1",
    title=_("The simplest baseline"),
    difficulty=1,
    minutes=4,
    learned=_("A model that does no better than this has learned nothing of the task."),
)
def commonest_share(function):
    """function(train_answers, test_answers): share right when always the commonest is said."""
    for train, test, right in SHARES:
        given = answers.number(answers.call(function, list(train), list(test)),
                               _("What your function returns"))
        if math.isclose(given, right, abs_tol=1e-9):
            continue
        case = _("With {train} to train on and {test} to test on").format(train=train, test=test)
        best_of_test = max(map(test.count, test)) / len(test)
        if math.isclose(given, right * len(test)):
            yield _("{case}: that is how many are right. We asked for the share.").format(case=case)
        elif math.isclose(given, best_of_test):
            yield _("{case}: the label must be chosen by the training answers; the test is not"
                    " looked at.").format(case=case)
        elif math.isclose(given, max(map(train.count, train)) / len(train)):
            yield _("{case}: that is the share in training. How many of the test are right?"
                    ).format(case=case)
        else:
            yield _("{case}: the share is not that.").format(case=case)
        return


TRAIN = ("Where is my parcel?", "I want  my money back", "Hello")
#: test questions, and those that leak.
TESTS = (
    (["Where is my parcel?", "Another one"], ["Where is my parcel?"]),
    (["WHERE is my parcel?"], ["WHERE is my parcel?"]),
    ([" I want my   money back "], [" I want my   money back "]),
    (["Hello there", "parcel"], []),
)


@exercise(
    "11-2",
    title=_("Find the leaks"),
    difficulty=2,
    minutes=6,
    learned=_("A copy with another capital is a copy. Changed words take a measure of likeness."),
)
def leaks(function):
    """function(train_questions, test_questions): the test questions that stand in training."""
    for test, right in TESTS:
        given = answers.items(answers.call(function, list(TRAIN), list(test)),
                              _("What your function returns"))
        if given == right:
            continue
        missed = [one for one in right if one not in given]
        if not right:
            yield _("A question is no leak because it holds the words of another one.")
        elif missed and missed[0] in TRAIN:
            yield _("A question that stands in training to the letter is missing.")
        elif any(one not in test for one in given):
            yield _("Return the test questions as they are written in the test.")
        elif missed and " ".join(missed[0].split()) == missed[0]:
            yield _("Capitals should not matter.")
        elif missed:
            yield _("Spaces should not matter, between words and around them.")
        else:
            yield _("A question was named that is no leak.")
        return


#: pairs of (right, given), and the commonest mistake.
PAIRS = (
    ([("a", "a"), ("a", "b"), ("a", "b"), ("b", "a"), ("a", "a"), ("a", "a")], ("a", "b")),
    ([("b", "a"), ("b", "a"), ("a", "b")], ("b", "a")),
    ([("a", "a"), ("b", "b")], "none"),
)


@exercise(
    "11-3",
    title=_("What is mixed up?"),
    difficulty=2,
    minutes=6,
    learned=_("Two labels that are mixed up often: are they clearly different in your rows?"),
)
def most_confused(function):
    """function(pairs): the commonest (right, given) in which both differ, or "none"."""
    for pairs, right in PAIRS:
        given = answers.call(function, list(pairs))
        given = tuple(given) if isinstance(given, list) else given
        if given == right:
            continue
        case = _("For {pairs}").format(pairs=pairs)
        if right == "none":
            yield _('{case}: nothing is wrong there. Say "none".').format(case=case)
        elif isinstance(given, tuple) and len(given) == 2 and given[0] == given[1]:
            yield _("{case}: that pair is no mistake.").format(case=case)
        elif isinstance(given, tuple) and given == right[::-1]:
            yield _("{case}: it matters which one is right: (right, given).").format(case=case)
        else:
            yield _("{case}: another mistake is commoner, or it is no pair of two labels.").format(
                case=case)
        return


#: Words by which one way of doing the job is recognised, each group one way.
WAYS = (
    ("prompt", "instruction", "few-shot"), ("search", "retriev", "rag", "looked up", "look up"),
    ("tuned", "tune", "tuning"), ("commonest", "by hand", "person", "people", "nothing yet"),
)
#: Words that say when to look again.
WHEN = r"\b(day|week|month|quarter|year|spring|summer|autumn|winter|january|february|march|april" \
       r"|may|june|july|august|september|october|november|december|\d{4}-\d\d-\d\d)s?\b"
FEWEST_WORDS, FEWEST_NUMBERS = 20, 2


@exercise(
    "11-4",
    title=_("A reason that holds"),
    difficulty=2,
    minutes=12,
    learned=_("Whoever reads this in a year knows what was weighed, on what numbers, and until"
              " when."),
)
def reason(text):
    """text: the reason for a decision, in the learner's words."""
    if not isinstance(text, str):
        raise answers.NotYet(_("The reason should be a text; it is {kind}.").format(
            kind=answers.python_kind(text)))
    words, low = len(text.split()), text.casefold()
    if words < FEWEST_WORDS:
        yield _("That is {n} words. Say a little more: {least} or so.").format(
            n=words, least=FEWEST_WORDS)
    if sum(any(word in low for word in way) for way in WAYS) < 2:
        yield _("Which two ways did you weigh against each other? Name both: a prompt, a search, a"
                " tuned model, people.")
    if len(re.findall(r"\d+(?:[.,]\d+)?", text)) < FEWEST_NUMBERS:
        yield _("Give two numbers at least: what each of the two ways reached.")
    if not re.search(WHEN, low):
        yield _("When will you look again? Name a day, or a number of weeks or months.")
