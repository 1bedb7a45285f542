"""Ask a model for something other than what it was tuned for: does it still listen?

A model that was tuned on one narrow form tends to answer every request in that form. The built-in
model can follow the requests here before it is tuned (its pretraining has such requests, in other
words). Each answer is judged by a rule that a program can check: the form that was asked for.
Whether the *content* is right is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lessonlib.common.i18n import _
from lessonlib.measure import bootstrap
from lessonlib.measure.asking import ask_all
from lessonlib.measure.bootstrap import Difference, Interval
from lessonlib.tasks import recipes
from lessonlib.tasks.recipes import Recipe

SYSTEM = "You answer questions about recipes."
TOKENS = 96


@dataclass(frozen=True)
class Request:
    """One request: its words, and whether an answer has the form that they ask for."""

    words: str
    follows: Callable[[str], bool]


def _bullets(text: str) -> bool:
    lines = text.strip().split("\n")
    return len(lines) > 1 and all(line.startswith("+ ") for line in lines)


def _tags(text: str) -> bool:
    """Tags one after the other; the last one may be cut off by the limit of tokens."""
    return re.match(r"\s*(<item>[^<>]*</item>\s*){2,}", text) is not None


def _stars(text: str) -> bool:
    return re.match(r"\s*\*[^*\n]+\*, \*[^*\n]+\*", text) is not None


def _semicolons(text: str) -> bool:
    return "; " in text and not re.search(r'["\n]', text.strip())


REQUESTS = (
    Request("Name the plain ingredients one per line after +.", _bullets),
    Request("List the foods in <item> tags.", _tags),
    Request("List the ingredient names between stars separated by commas.", _stars),
    Request("Write the ingredients separated by semicolons.", _semicolons),
)


@dataclass(frozen=True)
class Listening:
    """What a model made of the other requests.

    Attributes:
        model: its name.
        follows: of shape (requests, recipes): 1 where the form is the one asked for.
        json: the same: 1 where the answer is the JSON list that it was tuned to give.
        answers: the first answer to each request.
    """

    model: str
    follows: np.ndarray
    json: np.ndarray
    answers: tuple[str, ...]

    @property
    def share(self) -> Interval:
        """The share of answers in the form that was asked for."""
        return bootstrap.interval(_counts(self.follows), bootstrap.share)

    @property
    def json_share(self) -> Interval:
        """The share of answers that are a JSON list, which nobody asked for."""
        return bootstrap.interval(_counts(self.json), bootstrap.share)

    def __str__(self) -> str:
        return _("{model}: {share} in the form asked for, {json} a JSON list").format(
            model=self.model, share=self.share, json=self.json_share)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def ask(client, model: str, examples: Sequence[Recipe]) -> Listening:
    """Put every request to a model about every recipe. Answers are kept, as always.

    Introduced in notebook 10.
    """
    prompts = [_prompt(request, recipe) for request in REQUESTS for recipe in examples]
    answers, _owner = ask_all(client, model, prompts,
                              parameters={"max_tokens": TOKENS, "temperature": 0}, label=model)
    texts = [answer["text"] for answer in answers]
    grid = [texts[place : place + len(examples)] for place in range(0, len(texts), len(examples))]
    follows = [[request.follows(text) for text in row]
               for request, row in zip(REQUESTS, grid, strict=True)]
    is_json = [[recipes.parse(text).valid_json for text in row] for row in grid]
    return Listening(model, np.array(follows, int), np.array(is_json, int),
                     tuple(row[0] for row in grid))


def change(before: Listening, after: Listening) -> Difference:
    """The share in the right form after, minus that before; paired over the recipes.

    Introduced in notebook 10.
    """
    return bootstrap.difference(_counts(after.follows), _counts(before.follows), bootstrap.share)


def _prompt(request: Request, recipe: Recipe) -> list[dict]:
    lines = "\n".join(f"- {line}" for line in recipe.lines)
    return [{"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"Recipe: {recipe.title}\n{lines}\n\n{request.words}"}]


def _counts(grid: np.ndarray) -> np.ndarray:
    """Shape (recipes, 2): forms that were right, requests. Answers on one recipe are alike."""
    return np.stack([grid.sum(axis=0), np.full(grid.shape[1], grid.shape[0])], axis=1)
