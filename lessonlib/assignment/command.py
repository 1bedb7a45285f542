"""Your own rows from a file to a verdict: does tuning beat the best prompt?

    python -m lessonlib.assignment.command my_rows.csv

The file holds ingredient lines (columns line, name, or recipe, line, name: a line as people write
it, and the name that we want out of it), or any questions and answers that are plainly right or
wrong: labels or JSON (see ``own_rows``). Everything runs on this machine, with the built-in model;
nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lessonlib import chat_files
from lessonlib.assignment import own_recipes, own_rows, splits
from lessonlib.assignment.task import SPLITS, Task
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK
from lessonlib.lora.settings import LoraSettings
from lessonlib.measure.evaluation import Method, compare, evaluate
from lessonlib.measure.scoreboard import Scoreboard

BASE = "pantry"
SHOTS = (1, 2, 4)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m lessonlib.assignment.command",
        description=_("Make a task out of your own rows, tune the built-in model on it, and"
                      " compare it with the best prompt."))
    add = parser.add_argument
    add("file", type=Path, help=_("CSV, JSON Lines or Excel file: columns line,name or"
                                  " recipe,line,name; or question,answer"))
    add("--rows", type=_positive, help=_("use only so many rows, at random"))
    add("--test", type=_positive, help=_("examples to test on (a fifth, at most 200)"))
    add("--seed", type=int, default=0, help=_("another seed, another split (0)"))
    add("--epochs", type=_positive, help=_("times through the training examples"))
    add("--name", help=_("name of the task (the name of the file)"))
    options = parser.parse_args(argv)
    options.name = options.name or re.sub(r"[^A-Za-z0-9._-]+", "-", options.file.stem).strip("-.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", options.name):
        parser.error(_("--name may hold the letters A to Z, digits and . _ - only"))
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(_("must be 1 or more"))
    return number


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if it came to a verdict, 1 if something must be mended first."""
    options = arguments(argv)
    try:
        run(options)
    except LessonError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(_("Stopped. Answers so far are kept; run it again to go on."), file=sys.stderr)
        return 130
    return 0


def run(options: argparse.Namespace, say: Callable[[str], None] = print) -> Scoreboard:
    """Read, split, prompt, tune and compare; returns the scoreboard of the test examples."""
    task = _task(options, say)
    folder = WORK / "own" / options.name
    for split in SPLITS:
        chat_files.write(task.rows(getattr(task, split)), folder / f"{split}.jsonl")
    # Imported late: both take seconds, and a mistake in the file should be told at once.
    from lessonlib import connect, lora

    measure = partial(evaluate, connect("practice"))
    best = _best_prompt(measure, task, folder, options.seed, say)
    prompted = measure(best, task.test)

    say(_("\nTuning on {n} examples ...").format(n=len(task.train)))
    settings = LoraSettings(epochs=options.epochs) if options.epochs else LoraSettings()
    model = lora.tune(task.rows(task.train), f"own-{options.name}", settings=settings,
                      validation=task.rows(task.validation), seed=options.seed)
    method = Method(_("tuned, bare prompt"), model.name, task.bare, task.answer_tokens)
    tuned = measure(method, task.test)

    board = Scoreboard(folder / "scoreboard.json")
    board.clear()
    board.add(prompted, split="test", route=_("best prompt: {name}").format(name=best.name))
    board.add(tuned, split="test", training_seconds=model.seconds)
    say(_("\nOn the test examples, which neither prompt nor training has seen:"))
    say(str(board.table()))
    apart = compare(tuned, prompted)
    verdict = _("No difference that we could trust: {difference} {metric} (paired, 95 %).")
    if apart.significant:
        verdict = (_("The tuned model is better by {difference} {metric} (paired, 95 %).")
                   if apart.value > 0 else
                   _("The tuned model is worse by {difference} {metric} (paired, 95 %)."))
    metric = tuned.rows[0].METRICS[tuned.main_metric].title
    say(verdict.format(difference=apart, metric=metric))
    say(_("Training files and tables: {folder}").format(folder=folder))
    return board


def _task(options: argparse.Namespace, say: Callable[[str], None]) -> Task:
    """Read the file, and split its rows; tell what became of them.

    Raises:
        LessonError: it cannot be read, too few rows remain, or the answers are free text.
    """
    how = {"seed": options.seed, "name": options.name}
    if own_recipes.has_lines(options.file):
        rows = own_recipes.read_lines(options.file)
        say(str(rows))
        task = own_recipes.make_task(rows.examples, rows=options.rows, test=options.test, **how)
    else:
        rows = own_rows.read(options.file)
        say(str(rows))
        if rows.kind == "text":
            raise LessonError(
                _("The answers are free text: no program can count how many of them are right."),
                _("Notebook 11 shows what can be measured all the same."))
        if options.rows and options.rows < len(rows.examples):
            rows.examples = random.Random(options.seed).sample(rows.examples, options.rows)
        task = splits.make(rows, test_size=options.test, **how)
    say(str(task))
    return task


def _best_prompt(measure, task: Task, folder: Path, seed: int, say) -> Method:
    """The prompt for the untuned model that does best on the validation examples.

    The test examples must not choose: the best of five on the test looks better than it is.
    """
    prompts = {_("bare prompt"): task.bare, _("instructions"): task.told}
    for k in SHOTS:
        prompts[_("few-shot, k = {k}").format(k=k)] = partial(
            task.few_shot, shots=task.pick_shots(k, seed))
    board = Scoreboard(folder / "validation.json")
    board.clear()
    found = []
    for name, messages in prompts.items():
        method = Method(name, BASE, messages, task.answer_tokens)
        result = measure(method, task.validation)
        board.add(result, split="validation")
        found.append((result.metrics()[result.main_metric].value, method))
    say(_("\nPrompts for the untuned model, on the validation examples:"))
    say(str(board.table()))
    best = max(found, key=lambda one: one[0])[1]  # of equals the first, which is the shortest
    say(_("Best prompt: {name}.").format(name=best.name))
    return best


if __name__ == "__main__":
    raise SystemExit(main())
