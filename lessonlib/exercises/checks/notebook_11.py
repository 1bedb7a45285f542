"""Exercises of notebook 11: choosing on validation rows, leaks, what is mixed up, a reason."""

from __future__ import annotations

import re

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: Numbers of rows that are to be tried.
NUMBERS = (1, 3, 5)


@exercise(
    "11-1",
    title=_("Choose on validation rows"),
    difficulty=2,
    minutes=6,
    learned=_("Validation rows choose, and the test is looked at once: so it stays honest."),
)
def chosen_number(tried, best, task):
    """tried: number of rows shown -> result on the validation rows; best: the number to take."""
    if not isinstance(tried, dict) or not all(
            hasattr(one, "rows") and hasattr(one, "metrics") for one in tried.values()):
        yield _("tried should be a dictionary: a number of rows, and the result of asking with as"
                " many.")
        return
    missing = [number for number in NUMBERS if number not in tried]
    if missing:
        yield _("Nothing was measured with {numbers} rows.").format(
            numbers=", ".join(map(str, missing)))
        return
    wanted, tests = {one.id for one in task.validation}, {one.id for one in task.test}
    for number, result in tried.items():
        asked = {row.id for row in result.rows}
        if asked & tests:
            yield _("With {number} rows you have asked about the test examples. If they choose,"
                    " they can no longer judge: ask about task.validation.").format(number=number)
            return
        if asked != wanted:
            yield _("With {number} rows not all of task.validation was asked about.").format(
                number=number)
            return
    scores = {number: result.metrics()[result.main_metric].value
              for number, result in tried.items()}
    if best not in tried:
        yield _("best should be one of the numbers that you tried.")
    elif scores[best] < max(scores.values()):
        yield _("{best} rows score {score:.2f} on the validation rows. Another number does"
                " better.").format(best=best, score=scores[best])


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
    learned=_("A copy with other capitals is still a copy. For changed words you need a measure of"
              " likeness."),
)
def leaks(function):
    """function(train_questions, test_questions): the test questions that are in training, too."""
    for test, right in TESTS:
        given = answers.items(answers.call(function, list(TRAIN), list(test)),
                              _("What your function returns"))
        if given == right:
            continue
        missed = [one for one in right if one not in given]
        if not right:
            yield _("A question is not a leak just because it contains the words of another one.")
        elif missed and missed[0] in TRAIN:
            yield _("A question that is in training to the letter is missing.")
        elif any(one not in test for one in given):
            yield _("Return the test questions as they are written in the test.")
        elif missed and " ".join(missed[0].split()) == missed[0]:
            yield _("Capitals should not matter.")
        elif missed:
            yield _("Spaces should not matter, between words and around them.")
        else:
            yield _("You named a question that is not a leak.")
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
            yield _("{case}: that pair is not a mistake.").format(case=case)
        elif isinstance(given, tuple) and given == right[::-1]:
            yield _("{case}: it matters which one is right: (right, given).").format(case=case)
        else:
            yield _("{case}: another mistake is more common, or this is not a pair of two labels."
                    ).format(case=case)
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
    learned=_("Whoever reads this in a year will know what was weighed, on what numbers, and when"
              " to look again."),
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
        yield _("Give at least two numbers: what each of the two ways reached.")
    if not re.search(WHEN, low):
        yield _("When will you look again? Name a day, or a number of weeks or months.")
