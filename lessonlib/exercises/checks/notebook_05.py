"""Exercises of notebook 05, the training data."""

from __future__ import annotations

import math

from lessonlib import chat_files
from lessonlib.chat_files.rules import row_problems
from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.tasks import recipes
from lessonlib.tasks.recipes import Recipe

EXAMPLES = 800


@exercise(
    "05-1",
    title=_("A row for the file"),
    difficulty=1,
    minutes=4,
    learned=_("Whatever your data look like, each example ends up in this form."),
)
def as_row(function):
    """function(question, answer): a row with a system, a user and an assistant message."""
    for question, answer in (("- 2 c. flour", '["flour"]'), ("- 3 eggs", '["eggs"]')):
        row = answers.call(function, question, answer)
        problems = list(row_problems(row, line=1, example=1))
        for problem in problems:
            where = _("The row") if problem.message is None else _("Message {n}").format(
                n=problem.message)
            yield f"{where}: {problem.rule}."
        if problems:
            return
        messages = row["messages"]
        roles = [message["role"] for message in messages]
        if roles != ["system", "user", "assistant"]:
            yield _("The roles are {roles}. We want three messages: who sets the job, who asks,"
                    " who answers.").format(roles=", ".join(roles))
            return
        wanted = ((_("system"), recipes.SYSTEM_BARE), (_("user"), question),
                  (_("assistant"), answer))
        for message, (who, text) in zip(messages, wanted, strict=True):
            if message["content"] != text:
                yield _("The text of the {who} message is not what it should be.").format(who=who)


@exercise(
    "05-2",
    title=_("What would it cost?"),
    difficulty=1,
    minutes=4,
    learned=_("Every token is paid for once in each epoch."),
)
def cost_of_training(dollars, tokens, price):
    """dollars: of all epochs. tokens: of one epoch. price: dollars for a million tokens."""
    dollars = answers.number(dollars, "dollars")
    if answers.number(tokens, "tokens") <= 0 or answers.number(price, "price") <= 0:
        yield _("Keep the tokens and the price as the cell above gives them.")
        return
    epochs = chat_files.epochs(EXAMPLES)
    right = tokens * epochs * price / 1_000_000
    if math.isclose(dollars, right, rel_tol=0.01) or abs(dollars - right) < 0.006:
        return
    if math.isclose(dollars, right / epochs, rel_tol=0.01):
        yield _("That is one epoch. How often will training go through the file?")
    elif any(math.isclose(dollars, right * factor, rel_tol=0.01) for factor in (1e6, 1e3)):
        yield _("The price is for a million tokens.")
    elif any(math.isclose(dollars, right / factor, rel_tol=0.01) for factor in (1e6, 1e3)):
        yield _("Divided once too often: the price is for a million tokens.")
    elif math.isclose(dollars, tokens * epochs, rel_tol=0.01):
        yield _("That is the number of tokens. What does each of them cost?")
    else:
        yield _("That is not it. Three numbers are needed: tokens, epochs, and the price.")


def _recipe(id: str, lines: tuple[str, ...], *names: str) -> Recipe:
    return Recipe(id, id, lines, names, names)


#: Named by what makes each of them a trap.
RIGHT = _recipe("right", ("2 c. flour", "salt to taste"), "flour", "salt")
CAPITALS = _recipe("capitals", ("2 c. FLOUR",), "flour")
ONE_OF_TWO = _recipe("one of two", ("3 scallions", "1 tsp. salt"), "green onion", "salt")
SLIPPED = _recipe("slipped", ("2 c. flour", "salt to taste"), "leeks", "butter")
LATER = _recipe("slipped, too", ("4 leeks",), "rice")


@exercise(
    "05-3",
    title=_("Labels that have slipped"),
    difficulty=2,
    minutes=8,
    learned=_("A simple test of meaning finds what no check of the form can see."),
)
def suspicious(function):
    """function(examples): the recipes of which no ingredient stands in the lines."""
    what = _("What your function returns")
    cases = (
        ([RIGHT, SLIPPED, ONE_OF_TWO], [SLIPPED]),
        ([CAPITALS, LATER], [LATER]),
        ([RIGHT], []),
        ([SLIPPED, LATER], [SLIPPED, LATER]),
    )
    for examples, right in cases:
        found = answers.items(answers.call(function, list(examples)), what)
        if any(not isinstance(one, Recipe) for one in found):
            yield _("The list should hold whole recipes, as they stand in examples.")
            return
        if any(one not in found for one in right):
            yield _("A recipe was not found though none of its names stands in its lines.")
        if RIGHT in found:
            yield _("A recipe was suspected though all of its names stand in its lines.")
        if ONE_OF_TWO in found:
            yield _("A recipe was suspected though one of its names stands in its lines. House"
                    " names often do not; one name found is enough.")
        if CAPITALS in found:
            yield _("A recipe was suspected whose line is written in capitals.")
        if any(found.count(one) > 1 for one in found):
            yield _("A recipe is in the list twice.")
        if found != right:
            return
