"""A task made of rows: three splits, and the prompts to ask with."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from lessonlib.assignment import endings
from lessonlib.assignment.chosen import Base
from lessonlib.assignment.reading import Aside, listed
from lessonlib.assignment.scores import KINDS, OwnExample
from lessonlib.chat_files.counters import Tokens, counter_for
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Until
from lessonlib.models.chat_template import ask_ids
from lessonlib.tasks.retrieval import Bm25Texts

#: From an example to the messages of its prompt.
Prompt = Callable[[OwnExample], list[dict]]
SPLITS = ("train", "validation", "test")
#: Characters that a prompt has beside the question and what is looked up.
AROUND = 200


@dataclass
class Task:
    """Examples in three splits, and how they are asked.

    Attributes:
        name: a few words.
        kind: ``label``, ``fields`` or ``text``.
        system: the short system message, which the tuned model gets.
        instructions: the long one, with all rules in words, for the baseline.
        left_out: rows that were set aside on the way, with reasons.
        notes: what else happened.
        answer_tokens: room that an answer gets.
        shown: how many of the most similar training rows ``looked_up`` puts into a prompt.
        window: tokens that the model reads at once.
        base: the model that the task is made for (``chosen.Base``); the built-in one if None.

    Introduced in notebook 11.
    """

    name: str
    kind: str
    system: str
    instructions: str
    train: list[OwnExample]
    validation: list[OwnExample]
    test: list[OwnExample]
    left_out: list[Aside] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    answer_tokens: int = 96
    shown: int = 3
    window: int = 1024
    base: Base | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels; empty unless the kind is ``label``."""
        return self.train[0].labels

    @cached_property
    def ending(self) -> Until | None:
        """Where an answer ends; the same for all models and prompts (``assignment.endings``)."""
        return endings.rule(self.kind, [one.answer for one in self.train])

    @property
    def count(self) -> Callable[[list[dict]], Tokens]:
        """Counts the tokens of a chat, as the task's model reads them."""
        return (self.base.counter if self.base else counter_for(None)).count

    def prompt_tokens(self, messages: Sequence[dict]) -> int:
        """The length of a prompt, with the words of the template round it."""
        counter = self.base.counter if self.base else counter_for(None)
        return len(ask_ids(counter.tokenizer, messages))

    def bare(self, example: OwnExample) -> list[dict]:
        """The short prompt: what a tuned model is trained and asked with."""
        return self._chat(self.system, example)

    def told(self, example: OwnExample) -> list[dict]:
        """The prompt with all the rules in words."""
        return self._chat(self.instructions, example)

    def few_shot(self, example: OwnExample, shots: Sequence[OwnExample]) -> list[dict]:
        """The rules, solved examples, and the question."""
        return self._chat(self.instructions, example, shots)

    def looked_up(self, example: OwnExample) -> list[dict]:
        """Retrieval: the short prompt, with the most similar training rows and their answers.

        A training row is never shown to itself: a model would learn to copy it, and nothing else.
        """
        lines = "\n".join(f"- {one.question} -> {one.answer}" for one in self.most_similar(example))
        question = f"Solved before:\n{lines}\n\n{example.question}" if lines else example.question
        return self._chat(self.system, replace(example, question=question))

    def most_similar(self, example: OwnExample, count: int | None = None) -> list[OwnExample]:
        """The training rows that share the rarest words with it, the most similar last: ``count``
        of them, ``shown`` if not given.

        Fewer where they are long: together with the question they must fit into the window. A
        token has one character at least, so characters are counted, which is on the safe side.
        """
        room = self.window - len(example.question) - len(example.answer) - AROUND
        found: list[OwnExample] = []
        count = self.shown if count is None else count
        for place in self._index.ranked(example.question):
            one = self.train[place]
            size = len(one.question) + len(one.answer)
            if one.id != example.id and size <= room and len(found) < count:
                found.append(one)
                room -= size
        return found[::-1]

    @cached_property
    def _index(self) -> Bm25Texts:
        return Bm25Texts([one.question for one in self.train])

    def pick_shots(self, k: int, seed: int = 0) -> list[OwnExample]:
        """``k`` training examples; of labels, as many different ones as possible."""
        pool = random.Random(seed).sample(self.train, len(self.train))
        groups = defaultdict(list)
        for one in pool:
            groups[one.answer if self.kind == "label" else one.id].append(one)
        chosen: list[OwnExample] = []
        while len(chosen) < min(k, len(pool)):
            for group in groups.values():
                if group and len(chosen) < k:
                    chosen.append(group.pop())
        return chosen

    def rows(self, examples: Sequence[OwnExample], prompt: Prompt | None = None) -> list[dict]:
        """Training rows: the prompt (the short one if not given) and the right answer of each."""
        prompt = prompt or self.bare
        return [{"messages": [*prompt(one), {"role": "assistant", "content": one.answer}]}
                for one in examples]

    def _chat(self, system: str, example: OwnExample,
              shots: Sequence[OwnExample] = ()) -> list[dict]:
        messages = [{"role": "system", "content": system}]
        for shot in shots:
            messages.append({"role": "user", "content": shot.question})
            messages.append({"role": "assistant", "content": shot.answer})
        return [*messages, {"role": "user", "content": example.question}]

    def __str__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, split))} {split}" for split in SPLITS)
        lines = [_("{name}: {sizes}; answers are {kind}.").format(
            name=self.name, sizes=sizes, kind=KINDS[self.kind])]
        if self.labels:
            lines.append(_("  - labels: {labels}").format(labels=", ".join(self.labels)))
        lines += [f"  - {note}" for note in self.notes]
        return "\n".join(lines + listed(self.left_out))

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))
