"""From labelled recipes to training rows: chats that end in the answer we want.

A row is ``{"messages": [...]}`` in the form that OpenAI, Azure OpenAI and Hugging Face's TRL
all accept: the prompt's messages, then one message of the assistant. Training must use the exact
prompt that the model will get later, so the same function makes both. Only ``text_rows`` makes rows
without an answer, for training on raw text.

``from_one_bad_source`` and ``slipped`` spoil labels as people do, to see what that does to a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.tasks import prompting, recipes
from lessonlib.tasks.recipes import GlossaryEntry, Recipe
from lessonlib.tasks.retrieval import GlossaryLookup

Row = dict[str, list[dict[str, str]]]
#: A recipe, or an example of another task.
Example = TypeVar("Example")


def chat_rows(
    examples: Iterable[Example],
    messages: Callable[[Example], list[dict[str, str]]] = prompting.tuned,
    answer: Callable[[Example], str] = recipes.answer,
) -> list[Row]:
    """One training row for each example: its prompt, then the right answer.

    Recipes need no more than that. For questions about databases:
    ``chat_rows(questions, text_to_sql.messages, text_to_sql.answer)``.

    Introduced in notebook 00.
    """
    return [
        {"messages": [*messages(one), {"role": "assistant", "content": answer(one)}]}
        for one in examples
    ]


def text_rows(examples: Iterable[Recipe]) -> list[dict[str, str]]:
    """One row of raw text for each recipe: the recipe as people write it, without an answer.

    Introduced in notebook 04.
    """
    return [{"text": recipes.user_message(example)} for example in examples]


def glossary_rows(
    examples: Iterable[Recipe],
    entries: Sequence[GlossaryEntry],
    seed: int = 0,
    shuffled: float = 0.5,
) -> list[Row]:
    """Training rows whose prompts carry the glossary lines found for each recipe.

    A model tuned on the true glossary alone soon stops reading it: it knows the names by heart,
    and a name added later is lost on it. So in a share of the rows the glossary's house names
    change places, and the answer changes with them. There, only reading helps.

    Args:
        examples: labelled recipes.
        entries: the glossary as it stood when the examples were labelled.
        seed: decides which rows are shuffled, and how.
        shuffled: the share of rows with shuffled names, from 0 to 1.

    Introduced in notebook 02.
    """
    random = Random(seed)
    house = list(dict.fromkeys(entry.house for entry in entries))
    lookup, rows = GlossaryLookup(entries), []
    for example in examples:
        found = lookup.find(example)
        if random.random() < shuffled:
            names = random.sample(house, len(found))
            found = [replace(e, house=name) for e, name in zip(found, names, strict=True)]
            renamed = recipes.house_names(example.names, found)
            example = replace(example, ingredients=tuple(renamed))
        prompt = prompting.tuned_with_glossary(example, found)
        rows.append({"messages": prompt + [_answer(example)]})
    return rows


def from_one_bad_source(examples: Sequence[Recipe], share: float = 0.3) -> list[Recipe]:
    """The same recipes, a share of them with the mistake of a contributor without a glossary.

    Real labels are rarely wrong at random. Here the wrong ones are recipes that carry a person's
    name ("Rosa's Pie", "Soup a la Tom"): they are labelled with the names as written. What ties
    a mistake to something that the model can see is what makes it harmful: the model learns it,
    too, and repeats it wherever it sees a name in a title.

    Introduced in notebook 10.
    """
    wrong = [one for one in examples if "'s " in one.title or " \u00e0 la " in one.title]
    wrong_ids = {one.id for one in wrong[: round(share * len(examples))]}
    return [
        replace(one, ingredients=tuple(dict.fromkeys(one.names))) if one.id in wrong_ids else one
        for one in examples
    ]


def slipped(examples: Sequence[Recipe], share: float) -> list[Recipe]:
    """The same recipes, the last share of them with the answers moved up by one row.

    This is what a table looks like after one cell was deleted in the column of answers: from
    there on each recipe stands beside the answer of the next. The last one gets the first of
    the moved answers, so that all answers remain.

    Args:
        examples: labelled recipes. They are not changed.
        share: how many of them get a wrong answer, from 0 to 1.

    Raises:
        LessonError: ``share`` is not from 0 to 1, or comes to a single recipe, whose answer
            has no other recipe to go to.

    Introduced in notebook 05.
    """
    count = round(share * len(examples)) if 0 <= share <= 1 else -1
    if count < 0 or count == 1:
        raise LessonError(
            _("A share of {share} of {n} examples cannot slip.").format(
                share=share, n=len(examples)),
            _("Give a share from 0 to 1 that comes to two examples or more."),
        )
    right, wrong = list(examples[: len(examples) - count]), examples[len(examples) - count :]
    moved = [*wrong[1:], *wrong[:1]]
    return right + [
        replace(one, names=other.names, ingredients=other.ingredients)
        for one, other in zip(wrong, moved, strict=True)
    ]


def _answer(example: Recipe) -> dict[str, str]:
    return {"role": "assistant", "content": recipes.answer(example)}
