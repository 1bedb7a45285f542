"""The best prompt for the untuned model, against which a tuned one has to stand.

Whoever compares tuning with a bad prompt will always be pleased. So several are tried, from plain
instructions to solved examples that are looked up for each question, and the validation examples
choose among them. The test examples must not: the best of five on the test looks better than it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from lessonlib.assignment.chosen import Base
from lessonlib.assignment.scores import OwnExample
from lessonlib.assignment.task import Task
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Method, Result
from lessonlib.measure.scoreboard import Scoreboard

#: Solved examples in the prompts that are tried, and how many validation examples choose among
#: them. A real model answers slowly, but gets something out of eight examples.
SHOTS, SHOTS_OF_REAL = (1, 2, 4), (2, 8)
SIMILAR = 4
CHOOSE_BY = 20


def candidates(
    task: Task, base: Base, seed: int, say: Callable[[str], None] = print
) -> list[Method]:
    """The prompts for the untuned model that are tried, from short to long.

    Raises:
        LessonError: none of them leaves room for an answer.
    """
    ways = {_("bare prompt"): task.bare} if base.built_in else {}
    ways[_("instructions")] = task.told
    for k in SHOTS if base.built_in else SHOTS_OF_REAL:
        ways[_("few-shot, k = {k}").format(k=k)] = partial(
            task.few_shot, shots=task.pick_shots(k, seed))
    task.shown = SIMILAR
    ways[_("few-shot, the {k} most similar").format(k=SIMILAR)] = (
        lambda one: task.few_shot(one, task.most_similar(one)))
    kept = []
    for name, messages in ways.items():
        method = Method(name, base.name, messages, task.answer_tokens, task.ending)
        longest = max(map(task.prompt_tokens, map(method.messages, task.validation + task.test)))
        if longest + task.answer_tokens <= task.window:
            kept.append(method)
        else:
            say(_("{prompt}: not tried, as it has up to {tokens} tokens, and {window} is the"
                  " limit.").format(prompt=method.name, tokens=longest, window=task.window))
    if not kept:
        raise LessonError(
            _("No prompt leaves room for an answer of {tokens} tokens.").format(
                tokens=task.answer_tokens),
            _("Shorten the longest rows, or leave them out."))
    return kept


def choose(
    ask: Callable[..., Result],
    prompts: Sequence[Method],
    validation: Sequence[OwnExample],
    path: Path,
    say: Callable[[str], None],
) -> Method:
    """The prompt that does best on the validation examples; their table goes to ``path``."""
    board = Scoreboard(path)
    board.clear()
    found = []
    for method in prompts:
        result = ask(method, validation)
        board.add(result, split="validation")
        found.append((result.metrics()[result.main_metric].value, method))
    say(_("\nPrompts for the untuned model, on the validation examples:"))
    say(str(board.table()))
    best = max(found, key=lambda one: one[0])[1]  # of equals the first, which is the shortest
    say(_("Best prompt: {name}.").format(name=best.name))
    return best
