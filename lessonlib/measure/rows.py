"""What the answers of all tasks have in common, so that any task can be measured.

For a task of your own nothing has to be changed here. Its examples have an ``id`` and a ``score``:

    @dataclass(frozen=True, kw_only=True)
    class SumRow(Answered):
        METRICS = {"right": Metric("right sums", lambda row: (row.right, 1), bootstrap.share)}
        right: bool

    @dataclass(frozen=True)
    class Sum:
        id: str
        ...
        def score(self, answer):
            return SumRow(id=self.id, right=answer["text"] == self.wanted, **answer)

``evaluate``, ``compare``, the scoreboard and the paired tests then work with it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from lessonlib.measure import bootstrap

#: The kinds of rows that are loaded, by module and name: results are read back from files by them.
KINDS: dict[tuple[str, str], type[Answered]] = {}
#: Where those kinds are whose results were written before a result named its module.
EARLIER = {
    "Row": "lessonlib.tasks.recipes",
    "SqlRow": "lessonlib.tasks.sql_scores",
    "LabelRow": "lessonlib.assignment.scores",
    "FieldsRow": "lessonlib.assignment.scores",
    "TextRow": "lessonlib.assignment.scores",
}


@dataclass(frozen=True)
class Metric:
    """A score of a task.

    Attributes:
        title: its name in tables.
        count: what of one row is summed over the rows, such as (right, 1).
        formula: from the sums to the score; see ``lessonlib.measure.bootstrap``.
    """

    title: str
    count: Callable[[Any], tuple[float, ...]]
    formula: bootstrap.Score


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One example's answer. Each task has a subclass, which adds how good the answer is.

    ``seconds`` is the time from sending the request to having the whole answer. Where the service
    refused the request, ``error`` holds its code (such as ``context_length_exceeded``),
    ``error_message`` its words, and the tokens are None. ``asked`` is the same for the same request
    to the same model (see ``asking.names_of_requests``); empty where that is not known.
    """

    #: The task's scores by name; the first is the one to compare by.
    METRICS: ClassVar[dict[str, Metric]] = {}

    id: str
    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    finish_reason: str | None = None
    error: str | None = None
    error_message: str | None = None
    asked: str = ""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        KINDS[cls.__module__, cls.__name__] = cls


class Example(Protocol):
    """A question whose right answer is known."""

    @property
    def id(self) -> str:
        """Its unique name, such as ``test-0001``."""

    def score(self, answer: dict) -> Answered:
        """An answer against the right one; its keys are those of ``asking.ask_all``."""


def kind(name: str, module: str = "") -> type[Answered] | None:
    """The kind of rows of that name; None where no such task is known here.

    Args:
        module: where it was defined when the rows were written. A module of this package is
            loaded if it has to be; a task that is defined elsewhere must have been loaded. Where
            the module has no such kind (any more), any kind of that name is taken.
    """
    module = module or EARLIER.get(name, "")
    if (module, name) not in KINDS and module.startswith("lessonlib."):
        with suppress(ImportError):
            importlib.import_module(module)
    by_name = {one: kind for (_module, one), kind in KINDS.items()}
    return KINDS.get((module, name), by_name.get(name))
