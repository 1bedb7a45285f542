"""Exercises of notebook 13, text-to-SQL."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.tasks import text_to_sql


@exercise(
    "13-1",
    title=_("The same answer?"),
    difficulty=2,
    minutes=7,
    learned=_("Without ORDER BY, SQL promises no order, so a fair score must not ask for one."),
)
def same_answer(function):
    """function(rows, wanted, ordered): whether two lists of rows are the same answer."""
    one, two, none = (1, "a"), (2, "b"), (None, "c")
    cases = (
        ([one, two], [one, two], True, True, _("equal lists")),
        ([two, one], [one, two], True, False, _("a different order where the order counts")),
        ([two, one], [one, two], False, True, _("a different order where it doesn't count")),
        ([one], [one, two], False, False, _("a row that is missing")),
        ([one, one], [one], False, False, _("a row that occurs twice, wanted once")),
        ([none, one], [one, none], False, True, _("a missing value next to a number")),
        ([], [], False, True, _("no rows at all")),
    )
    for rows, wanted, ordered, right, what in cases:
        found = answers.call(function, list(rows), list(wanted), ordered)
        if not isinstance(found, bool):
            yield _("Return True or False.")
            return
        if found != right:
            said = _("the same") if found else _("not the same")
            yield _("{what}: your function says {said}.").format(what=what, said=said)


@exercise(
    "13-2",
    title=_("Two questions, one chat"),
    difficulty=2,
    minutes=6,
    learned=_("The schema is read once, and both answers are learned."),
)
def one_chat(function):
    """function(first, second): a training row with both questions; the schema stands in it once."""
    questions = text_to_sql.load("train")
    first, second, *_others = (one for one in questions if one.database == questions[0].database)
    row = answers.call(function, first, second)
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        yield _('A training row is {"messages": [...]}, a list of dictionaries.')
        return
    roles = [one.get("role") for one in messages]
    if roles != ["system", "user", "assistant", "user", "assistant"]:
        yield _("The roles are {roles}. After the system message user and assistant take"
                " turns.").format(roles=", ".join(map(str, roles)))
        return
    said = [str(one.get("content")) for one in messages]
    for place, one in ((2, first), (4, second)):
        if said[place] != text_to_sql.answer(one):
            yield _("Message {place} should be the right query for its question, and nothing"
                    " else.").format(place=place + 1)
    if said[1] != text_to_sql.user_message(first):
        yield _("The first question is asked as it will be asked later, with its schema.")
    if "CREATE TABLE" in said[3]:
        yield _("The schema is in there twice.")
    elif second.question not in said[3]:
        yield _("The second question is missing.")


@exercise(
    "13-3",
    title=_("An honest split"),
    difficulty=2,
    minutes=6,
    learned=_("A split by questions measures these tables; a split by databases measures SQL."),
)
def honest_split(function):
    """function(questions, share): (to tune on, to validate on), no database in both."""
    questions = text_to_sql.load("train")[:400]
    names = {one.database for one in questions}
    for share in (0.2, 0.5):
        halves = answers.items(answers.call(function, list(questions), share),
                               _("What your function returns"))
        if len(halves) != 2:
            yield _("Return two lists: to tune on, and to validate on.")
            return
        train, held = (answers.items(half, _("Each of the two")) for half in halves)
        if sorted(one.id for one in train + held) != sorted(one.id for one in questions):
            yield _("Each question belongs in exactly one of the two lists.")
            return
        both = {one.database for one in train} & {one.database for one in held}
        if both:
            yield _("Questions about {name} are in both lists.").format(name=min(both))
            return
        wanted = round(share * len(names))
        if (found := len({one.database for one in held})) != wanted:
            yield _("With share={share} {wanted} of {all} databases are to be held back; these are"
                    " {found}.").format(share=share, wanted=wanted, all=len(names), found=found)
            return
