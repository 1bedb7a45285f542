"""Exercises of notebook 12, serving a tuned model, and what fits where."""

from __future__ import annotations

from dataclasses import replace

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.lora import memory as lora_memory
from lessonlib.lora.settings import LoraSettings

#: Exercise 12-3: what the card can spare, in bytes, and what must stay as it is.
ROOM, ROWS, RANK = 7.5e9, 16, 16


@exercise(
    "12-1",
    title=_("The same step on less memory"),
    difficulty=1,
    minutes=4,
    learned=_("This number is called gradient_accumulation_steps. It costs time and no quality."),
)
def batches_to_add_up(function):
    """function(step, fits, gpus): step / (fits * gpus), rounded up."""
    cases = ((16, 4, 1, 4), (16, 4, 2, 2), (64, 2, 8, 4), (16, 16, 1, 1), (16, 32, 1, 1),
             (10, 4, 1, 3), (16, 5, 2, 2))  # fmt: skip
    for step, fits, gpus, right in cases:
        found = answers.number(answers.call(function, step, fits, gpus), _("The result"))
        if found == right:
            continue
        shown = _("{step} rows in a step, {fits} fit, {gpus} GPUs: ").format(
            step=step, fits=fits, gpus=gpus)
        if gpus > 1 and found == -(-step // fits):
            yield shown + _("that is for a single GPU. The others take their share.")
        elif found < 1:
            yield shown + _("at least one batch is learned from.")
        elif found == step // (fits * gpus) or found != int(found):
            yield shown + _("the remaining rows need a batch of their own: round up.")
        else:
            yield shown + _("that isn't the number. How many rows are read at once?")
        return


@exercise(
    "12-2",
    title=_("Which card holds it?"),
    difficulty=1,
    minutes=4,
    learned=_("The weights are only the minimum. Training needs more: the estimate counts"
              " the rest."),
)
def cards_that_hold(function):
    """function(parameters, bits, cards): names of the cards with memory for the weights."""
    cards = {"large": 24e9, "T4": 15.8e9, "small": 8e9}
    cases = (
        (7_000_000_000, 16, cards, ["large", "T4"]),
        (7_000_000_000, 4, cards, ["large", "T4", "small"]),
        (7_000_000_000, 32, cards, []),
        (1_000, 8, {"exact": 1_000, "short": 999}, ["exact"]),
    )
    for parameters, bits, given, right in cases:
        result = answers.call(function, parameters, bits, dict(given))
        found = answers.items(result, _("What your function returns"))
        if found == right:
            continue
        shown = _("{parameters:,} weights of {bits} bits: ").format(
            parameters=parameters, bits=bits)
        if sorted(map(str, found)) == sorted(right):
            yield shown + _("the right cards, but not in the order given.")
        elif "short" in found or set(found) > set(right):
            yield shown + _("the list has a card that can't hold the weights.")
        elif "exact" in right and "exact" not in found:
            yield shown + _("a card whose memory is just enough is enough.")
        else:
            yield shown + _("a card that can hold the weights is missing. How many bytes are so"
                            " many bits?")
        return


@exercise(
    "12-3",
    title=_("Make it fit"),
    difficulty=2,
    minutes=6,
    learned=_("The same step, on a card that couldn't even hold the weights in 16 bits."),
)
def make_it_fit(small_card, large):
    """small_card: LoraSettings for the model ``large``; see ``ROOM``, ``ROWS`` and ``RANK``."""
    if not isinstance(small_card, LoraSettings):
        yield _("Give settings: lora.LoraSettings(rank=16, ...). This is {kind}.").format(
            kind=answers.python_kind(small_card))
        return
    step = small_card.batch_size * small_card.accumulate
    if small_card.rank != RANK:
        yield _("The rank is {rank}; it was to stay {wanted}.").format(
            rank=small_card.rank, wanted=RANK)
    if step != ROWS:
        yield _("A step learns from {size} x {times} = {step} rows; they were to stay"
                " {wanted}.").format(size=small_card.batch_size, times=small_card.accumulate,
                                     step=step, wanted=ROWS)
    needs = _memory(large, small_card)
    if needs > ROOM:
        yield _("By the estimate that takes {needs}.").format(needs=lora_memory.gigabytes(needs))
    elif step == ROWS and small_card.batch_size < _most_rows(large):
        yield _("That fits. But the card has room for more than {size} rows at a time.").format(
            size=small_card.batch_size)


def _memory(large, settings: LoraSettings) -> int:
    return lora_memory.estimate(large, settings, "cuda-bf16").total


def _most_rows(large) -> int:
    """The most rows at a time that fit, with all that saves memory; 0 if none do."""
    thrifty = LoraSettings(rank=RANK, four_bit=True, recompute=True)
    sizes = (size for size in range(ROWS, 0, -1) if ROWS % size == 0)
    return next((size for size in sizes if _memory(large, replace(
        thrifty, batch_size=size, accumulate=ROWS // size)) <= ROOM), 0)
