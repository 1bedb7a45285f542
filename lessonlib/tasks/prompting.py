"""The prompts that the course compares. Each function returns the messages of one chat.

A *prompt* is everything that a model is given with a request: the system message, perhaps solved
examples (*shots*), perhaps looked-up knowledge, and the question. Nothing here trains anything.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.tasks import recipes
from lessonlib.tasks.recipes import GlossaryEntry, Recipe

Messages = list[dict[str, str]]
#: Looks up the glossary lines that a recipe should carry; see ``lessonlib.tasks.retrieval``.
EntriesFor = Callable[[Recipe], Iterable[GlossaryEntry]]


def bare(recipe: Recipe) -> Messages:
    """Zero-shot: the tutorial's short system prompt and the recipe. Introduced in notebook 00."""
    return _chat(recipes.SYSTEM_BARE, recipe)


def instructions(recipe: Recipe) -> Messages:
    """Zero-shot, with the format and the rules of the answer in words.

    Introduced in notebook 00.
    """
    return _chat(recipes.SYSTEM_INSTRUCTIONS, recipe)


def few_shot(
    recipe: Recipe,
    shots: Sequence[Recipe],
    entries_for: EntriesFor | None = None,
    system: str = recipes.SYSTEM_INSTRUCTIONS,
) -> Messages:
    """The instructions, then solved examples as earlier turns of the chat, then the recipe.

    Args:
        shots: the solved examples, in the order in which the model reads them.
        entries_for: looks up glossary lines for each example, where the examples should show
            how glossary lines are used.
        system: the system message, where it is not to be the instructions.

    Introduced in notebook 01.
    """
    return _chat(system, recipe, (), shots, entries_for)


def with_glossary(
    recipe: Recipe,
    entries: Iterable[GlossaryEntry],
    shots: Sequence[Recipe] = (),
    entries_for: EntriesFor | None = None,
) -> Messages:
    """Retrieval-augmented: glossary lines that were looked up for this recipe go before it.

    Args:
        entries: the glossary lines for ``recipe``; may be empty.
        shots: solved examples, as in ``few_shot``.
        entries_for: looks up the glossary lines of each example.

    Introduced in notebook 02.
    """
    return _chat(recipes.SYSTEM_GLOSSARY, recipe, entries, shots, entries_for)


def whole_glossary(
    recipe: Recipe, entries: Iterable[GlossaryEntry], shots: Sequence[Recipe] = ()
) -> Messages:
    """Nothing is looked up: the instructions, and below them every line of the glossary.

    All of it stands in the system message, the same in each request, so that a service that keeps
    the beginnings of prompts need not read it again.

    Introduced in notebook 01.
    """
    system = f"{recipes.SYSTEM_GLOSSARY}\n\n{recipes.glossary_lines(entries)}"
    return _chat(system, recipe, (), shots)


def plain_names(recipe: Recipe, shots: Sequence[Recipe] = ()) -> Messages:
    """Instructions that ask for the names as the recipe writes them.

    The house names come in afterwards, by code: see ``recipes.rename``.

    Args:
        shots: solved examples; their answers show plain names, too.

    Introduced in notebook 02.
    """
    return _chat(recipes.SYSTEM_PLAIN, recipe, (), [_as_written(shot) for shot in shots])


def _as_written(recipe: Recipe) -> Recipe:
    """The same example, with the names as written for its answer."""
    return replace(recipe, ingredients=tuple(dict.fromkeys(recipe.names)))


def tuned(recipe: Recipe) -> Messages:
    """What a tuned model gets: the bare prompt. The rest is in its weights.

    Introduced in notebook 05.
    """
    return bare(recipe)


def tuned_with_glossary(recipe: Recipe, entries: Iterable[GlossaryEntry]) -> Messages:
    """The bare prompt with glossary lines, for a model tuned with such prompts.

    Introduced in notebook 02.
    """
    return _chat(recipes.SYSTEM_BARE, recipe, entries)


def _chat(
    system: str,
    recipe: Recipe,
    entries: Iterable[GlossaryEntry] = (),
    shots: Iterable[Recipe] = (),
    entries_for: EntriesFor | None = None,
) -> Messages:
    """System message, a question and an answer for each shot, and the question."""
    messages = [{"role": "system", "content": system}]
    for shot in shots:
        shown = entries_for(shot) if entries_for else ()
        messages.append({"role": "user", "content": recipes.user_message(shot, shown)})
        messages.append({"role": "assistant", "content": recipes.answer(shot)})
    messages.append({"role": "user", "content": recipes.user_message(recipe, entries)})
    return messages


def pick_shots(pool: Sequence[Recipe], k: int, seed: int | str = 0) -> list[Recipe]:
    """``k`` examples at random, the same ones each time for the same ``seed``.

    A larger ``k`` keeps the examples of a smaller one and adds to them, so that a curve over
    ``k`` shows the number of examples and not another draw. Pass a text that differs from
    recipe to recipe (``seed=recipe.id``) to draw afresh for each request.

    Introduced in notebook 01.
    """
    _check_size(pool, k)
    return random.Random(seed).sample(pool, len(pool))[:k]


def pick_balanced(pool: Sequence[Recipe], k: int, seed: int | str = 0) -> list[Recipe]:
    """``k`` examples that together show as many house names as they can.

    A random draw shows the common names again and again. Here each next example is the one
    that adds most: a renamed ingredient that no chosen example shows yet counts as often as the
    pool needs it. (Greedy maximum coverage; Nemhauser, Wolsey and Fisher 1978 prove that it
    gets at least 63 % of the best possible.) Where the pool renames nothing, all names count.
    Ties are broken by ``seed``; as in ``pick_shots`` a larger ``k`` keeps the earlier choice.

    Introduced in notebook 01.
    """
    _check_size(pool, k)
    left = random.Random(seed).sample(pool, len(pool))
    needed = Counter(name for recipe in pool for name in _renamed(recipe))
    shows = _renamed if needed else (lambda recipe: set(recipe.names))
    needed = needed or Counter(name for recipe in pool for name in recipe.names)
    chosen: list[Recipe] = []
    shown: set[str] = set()
    for _step in range(k):
        best = max(left, key=lambda recipe: sum(needed[name] for name in shows(recipe) - shown))
        left.remove(best)
        chosen.append(best)
        shown |= shows(best)
    return chosen


def _renamed(recipe: Recipe) -> set[str]:
    """The names as written that the right answer calls by another name."""
    return set(recipe.names) - set(recipe.ingredients)


def _check_size(pool: Sequence[Recipe], k: int) -> None:
    if not 0 <= k <= len(pool):
        raise LessonError(
            _("{k} examples were asked for; there are {size} to pick from.").format(
                k=k, size=len(pool)
            ),
            _("Choose a k from 0 to {size}.").format(size=len(pool)),
        )
