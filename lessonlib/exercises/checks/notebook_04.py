"""Exercises of notebook 04, what fine-tuning is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.measure.verdicts import BETTER, CANNOT_TELL, WORSE

if TYPE_CHECKING:
    from lessonlib.models.catalogue import OpenModel

SMALL, LARGE, HEART = "rate too small", "rate too large", "overfitting"
#: What each of the three pictures shows, and what tells it from the others.
CURVES = {
    "A": (LARGE, _("the training loss itself never becomes small, and the first validation loss is"
                   " far above that of an untuned model")),
    "B": (SMALL, _("both losses go down side by side, and have hardly moved")),
    "C": (HEART, _("the training loss goes to zero while the other one turns and rises")),
}
#: The job of exercise 04-3.
MODEL, CARD, SHARE = "CodeLlama-7b", "T4", 0.01


@exercise(
    "04-1",
    title=_("Read three loss curves"),
    difficulty=1,
    minutes=4,
    learned=_("The training loss says whether anything is learned, the validation loss whether it"
              " is of use elsewhere. You need both."),
)
def diagnosis(given):
    """given: {picture: what is wrong with that training}."""
    if not isinstance(given, dict):
        yield _("diagnosis should be a dictionary; it is {kind}.").format(
            kind=answers.python_kind(given))
        return
    for name, (right, sign) in CURVES.items():
        if name not in given:
            yield _("{name} is missing.").format(name=name)
            continue
        word = " ".join(str(given[name]).lower().split())
        if word not in (SMALL, LARGE, HEART):
            yield _("{name}: {word!r} is none of the three: {words}.").format(
                name=name, word=given[name], words=", ".join((SMALL, LARGE, HEART)))
        elif word != right:
            yield _("{name}: look again: {sign}.").format(name=name, sign=sign)


@exercise(
    "04-2",
    title=_("Predict, then measure"),
    difficulty=1,
    minutes=3,
    learned=_("A prediction that you wrote down is how you find out what you had wrong."),
)
def prediction(guess, difference):
    """guess: the verdict that was expected. difference: what was measured."""
    words = (BETTER, WORSE, CANNOT_TELL)
    guess = " ".join(str(guess).lower().split())
    if guess not in words:
        yield _("Write one of these: {words}.").format(words=", ".join(map(repr, words)))
    elif guess != difference.verdict:
        yield _("You expected {guess!r}. Measured: {difference}. What might explain that?").format(
            guess=guess, difference=difference)


@exercise(
    "04-3",
    title=_("A configuration for seven billion weights"),
    difficulty=2,
    minutes=6,
    learned=_("What fills a card is the frozen model. Keep that in few bits, and the adapter's rank"
              " costs little."),
)
def configuration(config, four_bits):
    """config: peft.LoraConfig. four_bits: whether the frozen model is kept in 4 bits."""
    from lessonlib.models import catalogue
    from lessonlib.models.peft import LoraConfig

    if not isinstance(config, LoraConfig):
        yield _("config should be a LoraConfig, as in section 2; it is {kind}.").format(
            kind=answers.python_kind(config))
        return
    if not isinstance(four_bits, bool):
        yield _("four_bits should be True or False; it is {kind}.").format(
            kind=answers.python_kind(four_bits))
        return
    if not isinstance(config.r, int) or config.r < 1:
        yield _("r is the rank: a whole number, at least 1.")
        return
    model = catalogue.find(MODEL)
    yield from _targets(config.target_modules, model)
    yield from _strength(config)
    yield from _room(config, four_bits, model)


def _targets(chosen: str | set[str] | None, model: OpenModel):
    every = {name.rpartition(".")[2] for name in model.counted.layers}
    if chosen == "all-linear":
        return
    if not chosen or isinstance(chosen, str):
        yield _("target_modules does not say that all matrices get an adapter.")
    elif missing := sorted(every - set(chosen)):
        yield _("These matrices get no adapter: {names}.").format(names=", ".join(missing))


def _strength(config):
    factor = config.lora_alpha / config.r
    if not 0.5 <= factor <= 4:
        yield _("With this alpha, B A counts {factor:g} times. Usual is alpha / r from 1 to 2."
                ).format(factor=factor)


def _room(config, four_bits: bool, model: OpenModel):
    """How much memory it takes, and how large the adapter is."""
    from lessonlib.lora import memory
    from lessonlib.lora.settings import LoraSettings
    from lessonlib.models import catalogue

    share = model.adapter_weights(config.r) / model.parameters
    if share > SHARE:
        yield _("The adapter has {share:.1%} of the model's weights.").format(share=share)
    card = catalogue.card(CARD)
    settings = LoraSettings(rank=min(config.r, 1024), batch_size=4, four_bit=four_bits,
                            recompute=True)
    needed = memory.estimate(model, settings, "cuda-fp16")
    if needed.total > card.memory:
        text = _("That takes about {needed}, {model} of it for the frozen model; the card has"
                 " {there}.")
        yield text.format(needed=memory.gigabytes(needed.total),
                          model=memory.gigabytes(needed.weights),
                          there=memory.gigabytes(card.memory))


@exercise(
    "04-4",
    title=_("Merge an adapter"),
    difficulty=2,
    minutes=5,
    learned=_("After merging, a tuned model is as large and as fast as the one before."),
)
def merged(function):
    """function(W, B, A, alpha, rank): W with the adapter added in, of the shape of W."""
    random = np.random.default_rng(1)
    for rows, columns, rank, alpha in ((4, 3, 2, 4), (3, 3, 1, 3)):
        w, b, a = (random.normal(size=size) for size in ((rows, columns), (rows, rank),
                                                         (rank, columns)))
        given = answers.call(function, w.copy(), b.copy(), a.copy(), alpha, rank)
        try:
            given = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            yield _("Your function should return a matrix; it is {kind}.").format(
                kind=answers.python_kind(given)
            )
            return
        if given.shape != w.shape:
            yield _("W has the shape {wanted}, and what comes back has {shape}. The sum of W and"
                    " the adapter has the shape of W.").format(wanted=w.shape, shape=given.shape)
            return
        if np.allclose(given, w + alpha / rank * (b @ a)):
            continue
        if np.allclose(given, w + b @ a):
            yield _("Nearly: the factor before B A is missing.")
        elif np.allclose(given, w + alpha * (b @ a)):
            yield _("Nearly: alpha is not the whole factor.")
        elif np.allclose(given, alpha / rank * (b @ a)):
            yield _("That is what the adapter adds. What does it add to?")
        elif np.allclose(given, w):
            yield _("That is W as it was.")
        else:
            yield _("That is not the sum from the picture.")
        return
