"""Your own rows from a file to a verdict: does tuning beat the best prompt?

    python -m lessonlib.assignment.command my_rows.csv
    python -m lessonlib.assignment.command my_rows.csv --model gemma-3-270m

The file holds ingredient lines (columns line, name, or recipe, line, name: a line as people write
it, and the name that we want out of it), or any questions and answers that are plainly right or
wrong: labels or JSON (see ``own_rows``). Everything runs on this machine; nothing is sent anywhere.
Before it begins it says how many minutes it will take.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lessonlib import chat_files
from lessonlib.assignment import best_prompt, chosen, own_recipes, own_rows, splits
from lessonlib.assignment.chosen import Base
from lessonlib.assignment.task import SPLITS, Task
from lessonlib.common import consent
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK
from lessonlib.lora.settings import LoraSettings
from lessonlib.measure.evaluation import Method, Result, compare
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.measure.verdicts import BETTER, CANNOT_TELL, WORSE


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m lessonlib.assignment.command",
        description=_("Make a task out of your own rows, tune a model on it, and compare it with"
                      " the best prompt."))
    add = parser.add_argument
    add("file", type=Path, help=_("CSV, JSON Lines or Excel file: columns line,name or"
                                  " recipe,line,name; or question,answer"))
    add("--model", help=_("a short name such as gemma-3-270m, a folder, or a name on the hub (the"
                          " built-in pantry)"))
    add("--rows", type=_positive, help=_("use only so many rows, at random"))
    add("--test", type=_positive, help=_("examples to test on (a fifth, at most 200)"))
    add("--choose", type=_positive, help=_("validation examples that the prompt is chosen by (all"
                                           " of them; {n} for a real model)").format(
        n=best_prompt.CHOOSE_BY))
    add("--seed", type=int, default=0, help=_("another seed, another split (0)"))
    add("--epochs", type=_positive, help=_("times through the training examples"))
    add("--rank", type=_positive, help=_("of the adapter"))
    add("--learning-rate", type=float, help=_("how far each step goes"))
    add("--batch-size", type=_positive, help=_("rows that are learned from in one step"))
    add("--name", help=_("name of the task (the name of the file)"))
    add("--yes", action="store_true", help=_("begin, however long it will take"))
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
    base = chosen.find(options.model)
    task = _task(options, base, say)
    if base.built_in:
        say(chosen.offer())
    settings = _settings(options, base)
    say(_("\nModel {name}: rank {rank}, learning rate {rate:g}, {epochs} epochs, {rows} rows a"
          " step.").format(name=base.name, rank=settings.rank, rate=settings.learning_rate,
                           epochs=settings.epochs,
                           rows=settings.batch_size * settings.accumulate))
    folder = WORK / "own" / options.name
    name = f"own-{options.name}" + ("" if base.built_in else f"-{base.name}")
    # Imported late: both take seconds, and a mistake in the file should be told at once.
    from lessonlib import connect, lora
    from lessonlib.assignment.answering import Answering

    ask = Answering(connect("practice"), base)
    prompts = best_prompt.candidates(task, base, options.seed, say)
    by = task.validation[: options.choose or (None if base.built_in else best_prompt.CHOOSE_BY)]
    _foretell(ask, base, task, settings, prompts, by, options, say)

    board = _board(folder, task, base, name)
    best = best_prompt.choose(ask, prompts, by, folder / f"validation-{base.name}.json", say)
    prompted = ask(best, task.test)
    ask.release()
    say(_("\nTuning on {n} examples ...").format(n=len(task.train)))
    model = lora.tune(task.rows(task.train), name, base=None if base.built_in else base.folder,
                      settings=settings, validation=task.rows(task.validation), seed=options.seed)
    tuned = Method(_("tuned, bare prompt"), name, task.bare, task.answer_tokens, task.ending)
    result = ask(tuned, task.test)
    board.add(prompted, split="test", route=_("best prompt: {name}").format(name=best.name))
    board.add(result, split="test", training_seconds=model.seconds)
    _verdict(result, prompted, board, folder, say)
    return board


def _task(options: argparse.Namespace, base: Base, say: Callable[[str], None]) -> Task:
    """Read the file, and split its rows; tell what became of them.

    Raises:
        LessonError: it cannot be read, too few rows remain, or the answers are free text.
    """
    how = {"seed": options.seed, "name": options.name, "base": base}
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
        task = splits.make(rows, test_size=options.test, at_most=options.rows, **how)
    say(str(task))
    return task


def _settings(options: argparse.Namespace, base: Base) -> LoraSettings:
    """What suits the model, with what was said on the command line in its place."""
    said = {"epochs": options.epochs, "rank": options.rank, "batch_size": options.batch_size,
            "learning_rate": options.learning_rate}
    if options.batch_size:
        said["accumulate"] = 1
    return replace(base.settings, **{name: value for name, value in said.items() if value})


def _board(folder: Path, task: Task, base: Base, name: str) -> Scoreboard:
    """The task's files, and its board with what other models did on the same test examples."""
    test = folder / "test.jsonl"
    before = test.read_bytes() if test.is_file() else b""
    for split in SPLITS:
        chat_files.write(task.rows(getattr(task, split)), folder / f"{split}.jsonl")
    board = Scoreboard(folder / "scoreboard.json")
    kept = []
    if test.read_bytes() == before:
        kept = [(row, result) for row in board.rows() if row["model"] not in (base.name, name)
                and (result := board.result(row)) is not None]
    board.clear()
    for row, result in kept:
        board.add(result, row["split"], row["route"], row["training_seconds"])
    return board




def _foretell(ask, base, task, settings, prompts, validation, options, say) -> None:
    """Say what it will take; where that is long and somebody is there, ask before it begins.

    Raises:
        LessonError: it was said that this is too long.
    """
    from lessonlib.assignment import estimate

    say(_("\nTwo training steps and a few answers, to see how fast this machine is ..."))
    bare = Method(_("tuned, bare prompt"), base.name, task.bare, task.answer_tokens, task.ending)
    forecast = estimate.make(ask, base, task, settings, {
        _("choosing"): (prompts, validation),
        # Which prompt will be the best is not known yet: the last one is among the longest.
        _("testing"): ([prompts[-1], bare], task.test)})
    say(str(forecast))
    if forecast.long and not options.yes and sys.stdin.isatty():
        fewer = max(1, round(len(task.train) * estimate.LONG / forecast.seconds))
        consent.agree(
            _("Type yes to begin: "), None,
            nobody=LessonError(_("Nothing was begun."), _("Add --yes.")),
            refused=LessonError(
                _("Nothing was begun."),
                _("Use fewer rows (--rows), fewer test examples (--test) or fewer epochs"
                  " (--epochs 1). About {n} training examples would be done in ten minutes.")
                .format(n=fewer)))



def _verdict(tuned: Result, prompted: Result, board: Scoreboard, folder: Path, say) -> None:
    """The table, and in a sentence whether the tuned model is better."""
    say(_("\nOn the test examples, which neither prompt nor training has seen:"))
    say(str(board.table()))
    apart = compare(tuned, prompted)
    verdict = {
        BETTER: _("The tuned model is better by {difference} {metric} (paired, 95 %)."),
        WORSE: _("The tuned model is worse by {difference} {metric} (paired, 95 %)."),
        CANNOT_TELL: _("We cannot tell which is better: {difference} {metric} (paired, 95 %)."),
    }[apart.verdict]
    metric = tuned.rows[0].METRICS[tuned.main_metric].title
    say(verdict.format(difference=apart.numbers, metric=metric))
    if apart.verdict == CANNOT_TELL:
        say(apart.what_would_decide())
    say(_("Training files and tables: {folder}").format(folder=folder))


if __name__ == "__main__":
    raise SystemExit(main())
