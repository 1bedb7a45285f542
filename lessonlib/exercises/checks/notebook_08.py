"""Exercises of notebook 08, tuning a real open model."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise

#: What the loss leaves out.
NOTHING = -100


@exercise(
    "08-1",
    title=_("What is learned, and what is only read"),
    difficulty=1,
    minutes=5,
    learned=_("If a tuned model repeats questions, or never stops, look at the labels first."),
)
def training_row(function):
    """function(prompt, answer, end): (tokens, labels), -100 before the answer."""
    for prompt, answer, end in (([2, 7, 9], [31, 32], 1), ([5], [40], 8), ([2, 3, 4, 5], [], 6)):
        pair = answers.items(answers.call(function, list(prompt), list(answer), end),
                             _("What your function returns"))
        if len(pair) != 2:
            yield _("Return two lists: what is read, and its labels.")
            return
        read, labels = (answers.items(one, _("Each of the two")) for one in pair)
        if said := _wrong_row(read, labels, prompt, [*answer, end]):
            yield _("Prompt {prompt}, answer {answer}, end mark {end}: ").format(
                prompt=prompt, answer=answer, end=end) + said
            return


def _wrong_row(read: list, labels: list, prompt: list, learned: list) -> str:
    """What is wrong with a row, in words; '' for a right one."""
    if read != prompt + learned:
        if read == prompt + learned[:-1]:
            return _("the model never reads the mark that ends the answer.")
        return _("what the model reads should be prompt, answer and end mark, in that order.")
    if len(labels) != len(read):
        return _("each token needs a label: {tokens} tokens, {labels} labels.").format(
            tokens=len(read), labels=len(labels))
    if labels == [NOTHING] * len(prompt) + learned:
        return ""
    if labels == read:
        return _("here the model learns to write recipes, too, not only answers.")
    if labels[-1] != learned[-1]:
        return _("the end mark has no label, so this model would never learn to stop.")
    if any(label == 0 for label in labels[: len(prompt)]):
        return _("0 is a token like any other. The loss leaves out only -100.")
    return _("the prompt should carry -100, and the answer its own tokens.")


@exercise(
    "08-2",
    title=_("Which checkpoint?"),
    difficulty=2,
    minutes=8,
    learned=_("The last step is seldom the best one, and waiting a little longer costs steps, not"
              " quality: the best checkpoint is kept all the same."),
)
def early_stopping(function):
    """function(looks, patience): (step of the end, step that is kept)."""
    falls = [(10, 0.9), (20, 0.6), (30, 0.5)]
    rises = [(10, 0.9), (20, 0.5), (30, 0.6), (40, 0.7), (50, 0.4)]
    hops = [(5, 0.8), (10, 0.9), (15, 0.7), (20, 0.8), (25, 0.75), (30, 0.6)]
    stays = [(10, 0.5), (20, 0.5), (30, 0.5), (40, 0.5)]
    cases = (
        (falls, 2, (30, 30), _("it falls to the end")),
        (rises, 2, (40, 20), _("it rises, and would have fallen again after the end")),
        (rises, 3, (50, 50), _("with more patience the late fall is still seen")),
        (hops, 2, (25, 15), _("one look that is worse is no end, and a new lowest loss starts the"
                              " count again")),
        (rises, 1, (30, 20), _("without patience the first rise ends it")),
        (stays, 2, (30, 10), _("a loss that stays as it is has not fallen")),
    )
    for looks, patience, right, what in cases:
        pair = answers.items(answers.call(function, list(looks), patience),
                             _("What your function returns"))
        if len(pair) != 2:
            yield _("Return two steps: where it ends, and which checkpoint is kept.")
            return
        if tuple(pair) == right:
            continue
        shown = _("Losses {losses}, patience {patience} ({what}): ").format(
            losses=[loss for _step, loss in looks], patience=patience, what=what)
        if tuple(reversed(pair)) == right:
            yield shown + _("the right steps, the other way round.")
        elif pair[0] != right[0]:
            yield shown + _("it doesn't end at step {step}.").format(step=pair[0])
        else:
            yield shown + _("the checkpoint of step {step} is not the one with the lowest loss so"
                            " far.").format(step=pair[1])
        return


@exercise(
    "08-3",
    title=_("An adapter for a phone"),
    difficulty=1,
    minutes=5,
    learned=_("Fewer matrices or a lower rank: both make an adapter small. What it costs in quality"
              " only a measurement can tell."),
)
def phone_adapter(config):
    """A LoraConfig: rank 16, alpha 32, q_proj and v_proj, no dropout."""
    if not hasattr(config, "target_modules") or not hasattr(config, "r"):
        yield _("This should be a LoraConfig; it is {kind}.").format(
            kind=answers.python_kind(config))
        return
    targets = config.target_modules
    targets = {targets} if isinstance(targets, str) else set(targets or ())
    if targets != {"q_proj", "v_proj"}:
        yield _("target_modules should name the two matrices, and no others.")
    weights = 18 * config.r * ((640 + 1024) + (640 + 256))
    if weights > 1_000_000:
        yield _("Rank {rank} makes {weights:,} weights, and there is room for a million.").format(
            rank=config.r, weights=weights)
    elif config.r & (config.r - 1):
        yield _("Rank {rank} isn't a power of two.").format(rank=config.r)
    elif config.r != 16:
        yield _("Rank {rank} makes {weights:,} weights. A larger one fits as well.").format(
            rank=config.r, weights=weights)
    if config.lora_alpha != 2 * config.r:
        yield _("The factor is {factor:g}. It should be 2.").format(
            factor=config.lora_alpha / config.r)
    if config.lora_dropout:
        yield _("It has dropout, and it should have none.")
    if str(getattr(config.task_type, "value", config.task_type)) != "CAUSAL_LM":
        yield _("task_type says what kind of model it is for: one that continues text, CAUSAL_LM.")
