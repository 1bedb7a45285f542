"""Exercises of notebook 05, the training data."""

from __future__ import annotations

import json

from lessonlib.chat_files.rules import row_problems
from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.tasks import recipes
from lessonlib.tasks.recipes import Recipe

#: A cell of the spreadsheet, and the names that it holds.
CELLS = {
    "flour": ["flour"],
    "Flour;  salt ;flour": ["flour", "salt"],
    "Brown Sugar; eggs;; ": ["brown sugar", "eggs"],
    "cr\u00e8me fra\u00eeche;Salt;SALT; pepper": ["cr\u00e8me fra\u00eeche", "salt", "pepper"],
}


@exercise(
    "05-1",
    title=_("A row for the file"),
    difficulty=2,
    minutes=6,
    learned=_("Whatever your data look like, each example ends up in this form, with one spelling"
              " for one thing."),
)
def as_row(function):
    """function(question, cell): a row with a system, a user and an assistant message."""
    for number, (cell, names) in enumerate(CELLS.items(), start=1):
        question = f"- {number} handfuls of food"
        row = answers.call(function, question, cell)
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
        wanted = ((_("system"), recipes.SYSTEM_BARE), (_("user"), question))
        for message, (who, text) in zip(messages[:2], wanted, strict=True):
            if message["content"] != text:
                yield _("The text of the {who} message is not what it should be.").format(who=who)
        if said := _label_problem(messages[-1]["content"], cell, names):
            yield said
            return


def _label_problem(text: str, cell: str, names: list[str]) -> str:
    """What is wrong with the label of a cell; empty where nothing is."""
    where = _("The label of {cell!r}").format(cell=cell)
    try:
        label = json.loads(text)
    except ValueError:
        return _("{where} is {text!r}, which is not JSON. `json.dumps` writes a list.").format(
            where=where, text=text)
    if label == names:
        return ""
    if not isinstance(label, list):
        return _("{where} is no list.").format(where=where)
    if any(not str(name).strip() for name in label):
        return _("{where} holds a name of nothing.").format(where=where)
    if any(name != str(name).strip() for name in label):
        return _("{where} has blanks around a name.").format(where=where)
    if any(name != name.lower() for name in label):
        return _("{where} has capitals.").format(where=where)
    if len(set(label)) < len(label):
        return _("{where} names something twice.").format(where=where)
    if sorted(label) == sorted(names):
        return _("{where} has another order than the cell.").format(where=where)
    return _("{where} is {label}.").format(where=where, label=label)


def _by(*authors: str) -> list[dict]:
    return [{"id": number, "author": author} for number, author in enumerate(authors, start=1)]


#: Authors in order, the share wanted, and the ids that belong to the test.
DEALT = (
    (("Ann", "Ben", "Cem", "Dora"), 0.25, {1}),
    (("Ann", "Ben", "Ann", "Cem", "Ben", "Ann", "Dora", "Cem"), 0.5, {1, 2, 3, 5, 6}),
    (("Ann", "Ann", "Ann", "Ben"), 0.1, {1, 2, 3}),
    (("Ann", "Ben"), 0, set()),
)


@exercise(
    "05-2",
    title=_("Divide by source"),
    difficulty=2,
    minutes=8,
    learned=_("The test then asks about people whom training has not met, as life will."),
)
def split_by_author(function):
    """function(examples, share): a list to train on, and a list to test on."""
    for authors, share, right in DEALT:
        examples = _by(*authors)
        made = answers.items(answers.call(function, list(examples), share),
                             _("What your function returns"))
        if len(made) != 2:
            yield _("Return two lists: training, then test.")
            return
        train, test = (answers.items(part, _("Each of the two")) for part in made)
        if sorted(one["id"] for one in train + test) != [one["id"] for one in examples]:
            text = _("Each example belongs on one side, once. From {n} examples you made {m}.")
            yield text.format(n=len(examples), m=len(train + test))
            return
        both = sorted({one["author"] for one in train} & {one["author"] for one in test})
        case = _("Authors {authors}, share {share:g}").format(
            authors=", ".join(authors), share=share)
        if both:
            yield _("{case}: {names} is on both sides.").format(case=case, names=", ".join(both))
            return
        given = {one["id"] for one in test}
        if given == right:
            continue
        if given == {one["id"] for one in examples} - right:
            yield _("{case}: training and test have changed places.").format(case=case)
        elif len(given) < share * len(examples):
            yield _("{case}: the test holds {n} of {of}, which is less than asked for.").format(
                case=case, n=len(given), of=len(examples))
        elif len(given) > len(right):
            yield _("{case}: the test was large enough before its last author.").format(case=case)
        else:
            yield _("{case}: take the authors in the order in which they first come.").format(
                case=case)
        return


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
