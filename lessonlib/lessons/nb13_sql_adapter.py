"""How notebook 13 teaches the built-in model SQL: rows and settings, chosen on validation.

A schema is long and a query is short: with a row for each question, most of what training reads
would be schemas, again and again. So a row is a chat about one database, with the schema once and
``TOGETHER`` questions after it. Every answer of a chat is learned, and each question costs less
than half as many tokens.

The embeddings get an adapter, too. A tenth of the tokens in these chats occurred less than a
thousand times in the base's pretraining (estimated from 0.6 million tokens written by
``factory.corpus``), so its embeddings of them say little.

Execution accuracy on the 100 validation questions, each measured once, in November 2026:

    trained tokens               0.37 million       0.55 million       0.73 million
    a row for each question                                            0.21 (0.13-0.29)
    five questions in a chat     0.12 (0.06-0.19)                      0.46 (0.36-0.55)
    and the embeddings           0.37 (0.28-0.46)   0.63 (0.54-0.72)

Tried and not better, with the embeddings and 0.37 million tokens: learning rates of 0.002 (0.29)
and 0.005 (0.19), rank 128 (0.23), two chats a step (0.35), and the embeddings of SQL's tokens
trained themselves instead of by an adapter (0.19). With 0.55 million: ten questions in one chat
(0.43).
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from lessonlib.lora.record import TunedModel
from lessonlib.lora.settings import LoraSettings
from lessonlib.tasks import text_to_sql
from lessonlib.tasks.text_to_sql import Question

#: All matrices of the layers, as ``all-linear`` has them, and the embeddings.
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
           "embed_tokens")  # fmt: skip
SETTINGS = LoraSettings(epochs=3, batch_size=4, targets=TARGETS)
#: Questions in one chat, and how often all questions are shared out among chats anew.
TOGETHER, TURNS = 5, 2


def rows(questions: list[Question] | None = None) -> list[dict]:
    """Chats about one database each; every question stands in ``TURNS`` of them.

    Args:
        questions: those of the training set if not given.

    Introduced in notebook 13.
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


def row(question: Question) -> dict:
    """One question as a training row, asked as it will be later: with its schema.

    Introduced in notebook 13.
    """
    return {"messages": [*text_to_sql.messages(question), _answer(question)]}


def settings(model: str) -> LoraSettings:
    """Those chosen for ``pantry``; for a larger model what fits this machine. The adapter of each
    epoch is kept.

    Introduced in notebook 13.
    """
    from lessonlib.lora import plan

    chosen = SETTINGS if model == "pantry" else plan.make(model, tokens=512).settings
    return replace(chosen, keep_checkpoints=True)


def losses_by_epoch(tuned: TunedModel, questions: list[Question]) -> list[float]:
    """The loss on some questions' answers, in nats a token: of the base, then after each epoch.

    Args:
        tuned: with the adapter of each epoch kept (``keep_checkpoints=True``).

    Raises:
        LessonError: the base is no longer there.

    Introduced in notebook 13.
    """
    from lessonlib.lora import base as lora_base
    from lessonlib.lora import rows as lora_rows
    from lessonlib.lora.loss import mean_loss
    from lessonlib.models.peft import read_beside
    from lessonlib.models.quiet import quiet

    losses, beside = [], None
    with quiet():
        model, tokenizer = lora_base.load_base(tuned.base, "cpu-fp32")
        data = lora_rows.tokenise([row(one) for one in questions], tokenizer, 10**9, "Test")
        losses.append(mean_loss(model.eval(), data))
        for number in range(1, tuned.settings.epochs + 1):
            folder = tuned.adapter_folder / f"epoch-{number}"
            if beside is None:
                beside = read_beside(model, folder)
            else:
                beside.load_adapter(str(folder), adapter_name=folder.name)
                beside.set_adapter(folder.name)
            losses.append(mean_loss(beside.get_base_model().eval(), data))
    return losses
