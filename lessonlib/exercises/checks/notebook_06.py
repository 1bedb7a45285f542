"""Exercises of notebook 06, a job at a training service."""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise
from lessonlib.services.job_results import Step
from lessonlib.services.watch import Run


def _steps(*losses: float | None) -> list[Step]:
    """Steps with these losses on all validation rows; between two of them, a few rows always look
    better than any, and the training loss always falls."""
    return [
        Step(number, len(losses), 2.0 - number / 10, 0.5, 0.125 if loss is None else None, None,
             loss, None if loss is None else 0.5)
        for number, loss in enumerate(losses, start=1)
    ]


#: Steps, and the number of the right one.
RUNS = (
    (_steps(None, 1.5, None, 1.125, None, 1.25), 4),
    (_steps(None, None, 0.5, None, None, 0.75), 3),
    (_steps(1.5, None, 1.25, 1.0), 4),
    (_steps(None, 0.0, 0.25, 0.5), 2),
)


@exercise(
    "06-1",
    title=_("Where was it best?"),
    difficulty=1,
    minutes=5,
    learned=_("The loss on all validation rows tells where to stop. The training loss falls to the"
              " end."),
)
def best_step(function):
    """function(steps): the number of the step with the lowest loss on all validation rows."""
    for steps, right in RUNS:
        found = answers.call(function, list(steps))
        if isinstance(found, Step):
            yield _("Your function returns the whole step. We want its number, one.step.")
            return
        found = answers.number(found, _("What your function returns"))
        if found == right:
            continue
        losses = [one.full_valid_loss for one in steps]
        known = [loss for loss in losses if loss is not None]
        few = [one.step for one in steps if one.valid_loss is not None]
        if found in known and found not in few:
            yield _("That is the lowest loss. We want the number of the step that has it.")
        elif found in few and found != len(steps):
            yield _("At that step only a few rows were looked at: valid_loss. Compare the losses on"
                    " all rows, full_valid_loss.")
        elif found == losses.index(min(known)):
            yield _("That is its place in the list, which begins with 0. Steps begin with 1, and"
                    " know their number: one.step.")
        elif found == losses.index(max(known)) + 1:
            yield _("That step has the highest loss.")
        elif found == len(steps):
            yield _("That is the last step. There, the training loss is lowest.")
        else:
            yield _("For losses {losses} on all rows it should be step {right}.").format(
                losses=losses, right=right)
        return


def _last_loss(run: Run) -> float | None:
    """The loss on all validation rows at the end of a job."""
    known = [one.full_valid_loss for one in run.steps if one.full_valid_loss is not None]
    return known[-1] if known else None


@exercise(
    "06-2",
    title=_("A better job"),
    difficulty=2,
    minutes=8,
    learned=_("A curve is read to decide something: here, how long the next job trains, and in what"
              " steps."),
)
def better_job(mine, longer):
    """mine: a job that was followed, with a lower validation loss at its end than ``longer``."""
    if not isinstance(mine, Run):
        yield _("Follow your job to its end, and keep what that returns:"
                " mine = jobs.follow(client, train_further(..., \"mine\"))")
        return
    if mine.job.id == longer.job.id:
        yield _("That is the job of section 8. Order one of your own.")
    elif mine.job.status != "succeeded":
        yield _("Your job is {status}. Follow it until it has succeeded.").format(
            status=mine.job.status)
    elif mine.job.model != longer.job.model:
        yield _("Your job starts from {model}. train_further starts from the model that we had"
                " before.").format(model=mine.job.model)
    elif _last_loss(mine) is None:
        yield _("Your job tells no loss on all validation rows: has it a validation file?")
    elif _last_loss(mine) >= _last_loss(longer):
        yield _("Its loss on all validation rows ends at {mine:.2f}, not below the {longer:.2f} of"
                " section 8. Try fewer epochs, or a smaller learning rate multiplier.").format(
            mine=_last_loss(mine), longer=_last_loss(longer))


#: Code of an error -> what to do.
WAYS = {
    "invalid_training_file": "fix",
    "invalid_n_examples": "fix",
    "rate_limit_exceeded": "wait",
    "insufficient_quota": "pay",
    "training_not_available": "elsewhere",
    "server_error": "read",
    "model_not_available": "read",
}


@exercise(
    "06-3",
    title=_("What now?"),
    difficulty=2,
    minutes=5,
    learned=_("The code of an error says who has to act: you, the clock, whoever pays, or another"
              " service."),
)
def what_now(function):
    """function(code): fix, wait, pay, elsewhere or read."""
    words = sorted(set(WAYS.values()))
    for code, right in WAYS.items():
        found = answers.call(function, code)
        if found not in words:
            yield _("For {code} your function returns {found!r}. It should be one of: {words}."
                    ).format(code=code, found=found, words=", ".join(words))
            return
        if found == right:
            continue
        if right == "read":
            yield _("{code} is none of the codes that you know. Then read what its message says."
                    ).format(code=code)
        elif code == "training_not_available":
            yield _("At a 403, you may not. Would that change if you did what you return?")
        elif code == "insufficient_quota":
            yield _("insufficient_quota is a 429 that does not pass by itself: the money is used"
                    " up.")
        elif code == "rate_limit_exceeded":
            yield _("A rate limit is over after some seconds. What is to be done until then?")
        else:
            yield _("{code} is about the training file, and the file is yours.").format(code=code)
        return
