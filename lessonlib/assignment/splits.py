"""From rows to a task: three splits without leaks, and the prompts to ask with.

Rows that nearly repeat each other go into the same split, all of them: otherwise a test asks
what training has shown. Labels are spread evenly, so that no split misses a rare one by chance.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

from lessonlib.assignment.chosen import Base
from lessonlib.assignment.reading import Aside, Rows
from lessonlib.assignment.scores import KINDS, OwnExample
from lessonlib.assignment.task import SPLITS, Task
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.tasks.near_duplicates import near_duplicates

#: Below this, neither training nor a score means anything. OpenAI's service wants 10 rows.
FEWEST = {"train": 10, "validation": 3, "test": 10}
MOST_TEST = 200
#: Tokens that the built-in model reads at once.
WINDOW = 1024
#: What a prompt says where the learner says nothing.
SYSTEM = "Answer the message."
#: Tokens kept for an answer that is longer than any in the rows.
SPARE = 8


def make(
    rows: Rows,
    system: str = "",
    instructions: str = "",
    name: str = "",
    test: Rows | None = None,
    window: int | None = None,
    seed: int = 0,
    test_size: int | None = None,
    base: Base | None = None,
    at_most: int | None = None,
) -> Task:
    """Deal the rows to three splits.

    Args:
        system: the short system message; the one in the file, else ``SYSTEM``, if not given.
        instructions: the long one; ``system`` with the labels named, if not given.
        test: rows that were kept apart from the beginning; ``test_size`` of ``rows``, a fifth of
            them, if not given.
        window: tokens that the model reads at once; longer rows are left out. What ``base``
            reads if not given.
        seed: another seed gives another deal.
        at_most: use only so many of the rows, picked at random.
        base: the model that the task is for (``chosen.find``); the built-in one if not given.

    Raises:
        LessonError: too few rows remain.

    Introduced in notebook 11.
    """
    system = system or rows.system or SYSTEM
    labels = tuple(dict.fromkeys(rows.labels + (test.labels if test else [])))
    task = Task(name or rows.name, rows.kind, system, instructions or _rules(system, labels),
                [], [], [], window=window or (base.window if base else WINDOW), base=base)
    fitting = that_fit(task, _named(rows, "", labels))
    if at_most and at_most < len(fitting):
        fitting = random.Random(seed).sample(fitting, at_most)
    random.Random(seed).shuffle(fitting)
    if test is None:
        groups = _groups(fitting)
        size = test_size or _share(len(fitting), 5, "test", MOST_TEST)
        task.test, groups = _deal(groups, size)
    else:
        if test.kind != rows.kind:
            raise LessonError(
                _("The answers of {one} are {a}, those of {other} are {b}.").format(
                    one=rows.name, a=KINDS[rows.kind], other=test.name, b=KINDS[test.kind]),
                _("Give both the same kind: own_rows.read(path, kind={kind!r})").format(
                    kind=rows.kind))
        task.test = that_fit(task, _named(test, "test-", labels))
        groups = _without_leaks(task, fitting)
    left = sum(map(len, groups))
    task.validation, groups = _deal(groups, _share(left, 8, "validation", MOST_TEST))
    task.train = sorted((one for group in groups for one in group), key=lambda one: one.row)
    _check_sizes(task)
    if task.kind == "text":
        for split in SPLITS:
            setattr(task, split, _beside_each_other(getattr(task, split)))
    return with_room(task)


def _beside_each_other(examples: list[OwnExample]) -> list[OwnExample]:
    """The examples, each with the wanted texts of all, which its answer is compared with."""
    texts = tuple(one.answer for one in examples)
    return [replace(one, beside=texts) for one in examples]


def with_room(task: Task) -> Task:
    """The task, with as much room for an answer as the longest of its answers takes."""
    every = task.rows(task.train + task.validation + task.test)
    longest = max(task.count(row["messages"]).answer for row in every)
    task.answer_tokens = min(longest + SPARE, task.window // 2)
    return task


def _rules(system: str, labels: tuple[str, ...]) -> str:
    if not labels:
        return system
    return _("{system} Answer with one of these and nothing else: {labels}.").format(
        system=system, labels=", ".join(labels))


def _named(rows: Rows, prefix: str, labels: tuple[str, ...]) -> list[OwnExample]:
    """The examples with the labels of the whole task; test rows get names of their own."""
    return [replace(one, id=prefix + one.id, labels=labels if rows.kind == "label" else ())
            for one in rows.examples]


def that_fit(task: Task, examples: list[OwnExample]) -> list[OwnExample]:
    """Those that the model can read whole; the others are told in ``left_out``."""
    kept, count = [], task.count
    for one, row in zip(examples, task.rows(examples, task.told), strict=True):
        tokens = count(row["messages"]).total
        if tokens <= task.window:
            kept.append(one)
            continue
        task.left_out.append(Aside(
            one.row, _("it has {tokens} tokens, the model reads {window}").format(
                tokens=tokens, window=task.window),
            _("shorten it, or split it into several rows"),
            {"question": one.question, "answer": one.answer}))
    return kept


def _groups(examples: list[OwnExample]) -> list[list[OwnExample]]:
    """Examples whose questions nearly repeat each other, together; in the order given."""
    leader = {one.id: one.id for one in examples}

    def find(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for one, other, _likeness in near_duplicates(examples, text=lambda row: row.question):
        leader[find(other.id)] = find(one.id)
    groups: dict[str, list[OwnExample]] = defaultdict(list)
    for one in examples:
        groups[find(one.id)].append(one)
    return list(groups.values())


def _share(total: int, part: int, split: str, most: int) -> int:
    return min(most, max(FEWEST[split], round(total / part)))


def _deal(groups: list[list[OwnExample]], size: int) -> tuple[list, list[list[OwnExample]]]:
    """Groups for one split, label after label in turn; what is left goes back."""
    by_label: dict[str, list[list[OwnExample]]] = defaultdict(list)
    for group in groups:
        one = group[0]
        by_label[one.answer if one.kind == "label" else ""].append(group)
    total = sum(map(len, groups))
    taken: list[OwnExample] = []
    left: list[list[OwnExample]] = []
    for same in by_label.values():
        # Each label gives its share, so that the split looks like the whole.
        quota = round(size * sum(map(len, same)) / total)
        given = 0
        for group in same:
            if given + len(group) <= max(quota, 1) and len(taken) + len(group) <= size:
                taken += group
                given += len(group)
            else:
                left.append(group)
    for group in list(left):  # shares are rounded; what they leave open is filled up
        if len(taken) + len(group) <= size:
            taken += group
            left.remove(group)
    return sorted(taken, key=lambda one: one.row), left


def _without_leaks(task: Task, examples: list[OwnExample]) -> list[list[OwnExample]]:
    """Groups of the rows that repeat no test row."""
    tests = {one.id for one in task.test}
    leaked = {one.id if one.id not in tests else other.id
              for one, other, _l in near_duplicates([*task.test, *examples],
                                                    text=lambda row: row.question)
              if (one.id in tests) != (other.id in tests)}
    if leaked:
        task.notes.append(_("{n} rows were taken out: they nearly repeat a test row.").format(
            n=len(leaked)))
    return _groups([one for one in examples if one.id not in leaked])


def _check_sizes(task: Task) -> None:
    for split, fewest in FEWEST.items():
        found = len(getattr(task, split))
        if found < fewest:
            raise LessonError(
                _("Too few rows: {found} are left for {split}, {fewest} are needed.").format(
                    found=found, split=split, fewest=fewest),
                _("Bring at least {least} different rows; fifty to a few hundred are a good"
                  " start.").format(least=sum(FEWEST.values()) + 7))
