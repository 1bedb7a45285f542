"""Your own ingredient lines from a file to a verdict: does tuning beat the best prompt?

    python -m lessonlib.assignment.command my_lines.csv

The file has the columns line, name (or recipe, line, name): an ingredient line as people write it,
and the name we want out of it. Everything runs on this machine, with the built-in model: nothing
is sent anywhere. Rows of another task go through notebook 11.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lessonlib import prompting
from lessonlib.assignment.own_recipes import OwnTask, make_task, read_lines
from lessonlib.errors import LessonError
from lessonlib.evaluation import Method, compare, evaluate
from lessonlib.i18n import _
from lessonlib.lora_settings import LoraSettings
from lessonlib.paths import WORK
from lessonlib.scoreboard import Scoreboard
from lessonlib.tasks import recipes
from lessonlib.training_rows import chat_rows

BASE = "pantry"
SHOTS = (1, 2, 4)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m lessonlib.assignment.command",
        description=_("Make the recipe task out of your own ingredient lines, tune the built-in"
                      " model on it, and compare it with the best prompt."))
    add = parser.add_argument
    add("file", type=Path, help=_("CSV or Excel file: columns line,name or recipe,line,name"))
    add("--rows", type=_positive, help=_("use only so many rows, at random"))
    add("--test", type=_positive, help=_("recipes to test on (a fifth, at most 200)"))
    add("--seed", type=int, default=0, help=_("another seed, another split (0)"))
    add("--epochs", type=_positive, help=_("times through the training recipes"))
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
    """Read, split, prompt, tune and compare; returns the scoreboard of the test recipes."""
    folder = WORK / "own" / options.name
    task = _prepare(options, folder, say)
    # Imported late: both take seconds, and a mistake in the file should be told at once.
    from lessonlib import connect
    from lessonlib.lora import tune

    measure = partial(evaluate, connect("practice"))
    best = _best_prompt(measure, task, folder, options.seed, say)
    prompted = measure(best, task.test)

    say(_("\nTuning on {n} recipes ...").format(n=len(task.train)))
    settings = LoraSettings(epochs=options.epochs) if options.epochs else LoraSettings()
    model = tune(chat_rows(task.train), f"own-{options.name}", settings=settings,
                 validation=chat_rows(task.validation), seed=options.seed)
    tuned = measure(Method(_("tuned, bare prompt"), model.name, prompting.tuned, best.max_tokens),
                    task.test)

    board = Scoreboard(folder / "scoreboard.json")
    board.clear()
    board.add(prompted, split="test", route=_("best prompt: {name}").format(name=best.name))
    board.add(tuned, split="test", training_seconds=model.seconds)
    say(_("\nOn the test recipes, which neither prompt nor training has seen:"))
    say(str(board.table()))
    apart = compare(tuned, prompted)
    verdict = _("No difference that we could trust: {difference} micro-F1 (paired, 95 %).")
    if apart.significant:
        verdict = (_("The tuned model is better by {difference} micro-F1 (paired, 95 %).")
                   if apart.value > 0 else
                   _("The tuned model is worse by {difference} micro-F1 (paired, 95 %)."))
    say(verdict.format(difference=apart))
    say(_("Recipes and tables: {folder}").format(folder=folder))
    return board


def _prepare(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> OwnTask:
    """Read the file, split it, write the splits down, and tell what became of the rows."""
    lines = read_lines(options.file)
    say(str(lines))
    task = make_task(lines.examples, seed=options.seed, rows=options.rows, test=options.test)
    task.write(folder)
    sizes = ", ".join(f"{len(rows)} {split}" for split, rows in task.splits().items())
    say(_("Recipes: {sizes}.").format(sizes=sizes))
    for note in task.left_out:
        say(_("Left out: {note}.").format(note=note))
    return task


def _best_prompt(measure, task: OwnTask, folder: Path, seed: int, say) -> Method:
    """The prompt for the untuned model that does best on the validation recipes.

    The test recipes must not choose: the best of five on the test looks better than it is.
    """
    board = Scoreboard(folder / "validation.json")
    board.clear()
    found = []
    for method in _prompts(task, seed):
        result = measure(method, task.validation)
        board.add(result, split="validation")
        found.append((result.metrics()["micro_f1"].value, method))
    say(_("\nPrompts for the untuned model, on the validation recipes:"))
    say(str(board.table()))
    best = max(found, key=lambda one: one[0])[1]  # of equals the first, which is the shortest
    say(_("Best prompt: {name}.").format(name=best.name))
    return best


def _prompts(task: OwnTask, seed: int) -> list[Method]:
    """The untuned model asked in five ways."""
    # An answer needs about one token for two characters; names can be long and unusual.
    longest = max(len(recipes.answer(one)) for split in task.splits().values() for one in split)
    method = partial(Method, model=BASE, max_tokens=max(96, min(256, longest // 2 + 16)))
    found = [method(name=_("bare prompt"), messages=prompting.bare),
             method(name=_("instructions"), messages=prompting.instructions)]
    for k in SHOTS:
        shots = prompting.pick_shots(task.train, k, seed)
        found.append(method(name=_("few-shot, k = {k}").format(k=k),
                            messages=partial(prompting.few_shot, shots=shots)))
    return found



if __name__ == "__main__":
    raise SystemExit(main())
