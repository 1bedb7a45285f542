"""Baselines without any language model: what a tuned model has to beat as well.

Anyone who compares a tuned model with a bad prompt alone will always be pleased. Two simple ways
cost nothing, and are often hard to beat where answers are labels: always give the commonest label,
or give the answer of the training row that is most like the question (one nearest neighbour, by
BM25).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from lessonlib.assignment.scores import OwnExample
from lessonlib.assignment.task import Task
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Result


def commonest(task: Task) -> Result:
    """Always the commonest answer of the training rows.

    Introduced in notebook 11.
    """
    answer = Counter(one.answer for one in task.train).most_common(1)[0][0]
    return _result(task, _("always the commonest"), lambda example: answer)


def always(task: Task, text: str) -> Result:
    """The same text for every question.

    Introduced in notebook 11.
    """
    return _result(task, _("the same for every question"), lambda example: text)


def nearest(task: Task) -> Result:
    """The answer of the most similar training row; the commonest where no word agrees.

    Introduced in notebook 11.
    """
    fallback = Counter(one.answer for one in task.train).most_common(1)[0][0]

    def answer(example: OwnExample) -> str:
        found = task.most_similar(example)
        return found[-1].answer if found else fallback

    return _result(task, _("most similar training row"), answer)


def _result(task: Task, name: str, answer: Callable[[OwnExample], str]) -> Result:
    """The answers scored as those of a model are; no tokens, no seconds."""
    rows = tuple(
        one.score({"text": answer(one), "prompt_tokens": 0, "completion_tokens": 0, "seconds": 0.0})
        for one in task.test)
    return Result(name, "no model", rows, "this machine")
