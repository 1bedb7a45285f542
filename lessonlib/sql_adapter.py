"""How notebook 08 teaches the built-in model SQL: rows and settings, chosen on validation.

A schema is long and a query is short: in a row for each question, most of what training reads is
schemas, again and again. So a row is a chat about one database, with the schema once and
``TOGETHER`` questions after it. Every answer of a chat is learned, and each question costs less
than half as many tokens. Execution accuracy on the 100 validation questions, with 0.73 million
trained tokens each: 0.46 (0.36-0.55), against 0.21 (0.13-0.29) with a row for each question
(4 epochs, 16 rows a step, learning rate 0.005); measured once each, on 25 November 2026.
"""

from __future__ import annotations

from random import Random

from lessonlib.lora_settings import LoraSettings
from lessonlib.tasks import text_to_sql
from lessonlib.tasks.text_to_sql import Question

SETTINGS = LoraSettings(epochs=4, batch_size=4)
#: Questions in one chat, and how often all questions are shared out among chats anew.
TOGETHER, TURNS = 5, 2


def rows(questions: list[Question] | None = None) -> list[dict]:
    """Chats about one database each; every question stands in ``TURNS`` of them.

    Args:
        questions: those of the training set if not given.
    """
    questions = text_to_sql.load("train") if questions is None else questions
    return [row for turn in range(TURNS) for row in _chats(questions, Random(turn))]


def _chats(questions: list[Question], random: Random) -> list[dict]:
    """All questions once, shuffled, those about one database together."""
    by_database: dict[str, list[Question]] = {}
    for one in questions:
        by_database.setdefault(one.database, []).append(one)
    chats = []
    for group in by_database.values():
        random.shuffle(group)
        chats += [_chat(group[at : at + TOGETHER]) for at in range(0, len(group), TOGETHER)]
    random.shuffle(chats)
    return chats


def _chat(questions: list[Question]) -> dict:
    """The first question as it will be asked later, the others without the schema."""
    first, *others = questions
    chat = [*text_to_sql.messages(first), _answer(first)]
    for one in others:
        chat += [{"role": "user", "content": f"Question: {one.question}"}, _answer(one)]
    return {"messages": chat}


def _answer(question: Question) -> dict[str, str]:
    return {"role": "assistant", "content": text_to_sql.answer(question)}


def settings(model: str) -> LoraSettings:
    """Those chosen for ``pantry``; for a larger model what fits this machine."""
    from lessonlib import lora_plan

    return SETTINGS if model == "pantry" else lora_plan.make(model, tokens=512).settings
