"""Where an answer ends, by the rows of a task: the same rule for every model and every prompt.

A model that was only pretrained does not know when to stop: it goes on with another question and
another answer. Whoever counted that against it would measure whether it knows when to stop, and
nothing else. So a task says how its right answers end, and all answers are cut by that rule, those
of a tuned model as well:

- a *label* is one line,
- *fields* are one JSON object or list, up to its closing bracket,
- *free text* is one line where every training answer is; one paragraph where none of them has an
  empty line within; and else it is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lessonlib.measure.evaluation import Until

LINE = Until("\n")
BRACKETS = {"[": "]", "{": "}"}


@dataclass(frozen=True)
class Paragraph(Until):
    """The end of the first paragraph; several lines may stand in one."""

    mark: str = "\n\n"

    def __call__(self, text: str) -> str:
        return text.strip().partition(self.mark)[0].rstrip()


@dataclass(frozen=True)
class WholeValue(Until):
    """The end of the first JSON object or list; the first line where none begins.

    The first closing bracket would do for a list of names. It would cut ``{"tags": ["a"], ...}``
    in two.
    """

    def reached(self, text: str) -> bool:
        return self._end(text.strip()) is not None

    def __call__(self, text: str) -> str:
        text = text.strip()
        if (end := self._end(text)) is not None:
            return text[:end]
        begun = any(bracket in text for bracket in BRACKETS)
        return text if begun else LINE(text)

    def _end(self, text: str) -> int | None:
        """The place after the bracket that closes the first one; None where it stays open."""
        depth, quoted, escaped = 0, False, False
        for place, character in enumerate(text):
            if quoted:
                quoted = escaped or character != '"'
                escaped = character == "\\" and not escaped
            elif character in BRACKETS:
                depth += 1
            elif depth and character == '"':
                quoted = True
            elif depth and character in BRACKETS.values():
                depth -= 1
                if not depth:
                    return place + 1
        return None


def rule(kind: str, answers: Sequence[str]) -> Until | None:
    """How answers of this kind end; ``answers`` are right ones, to tell by for free text.

    Args:
        kind: see ``lessonlib.assignment.scores``.
    """
    if kind == "label":
        return LINE
    if kind == "fields":
        return WholeValue()
    whole = [answer.strip() for answer in answers]
    if not any("\n" in answer for answer in whole):
        return LINE
    return None if any("\n\n" in answer for answer in whole) else Paragraph()
