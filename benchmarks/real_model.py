"""Is it true of a real model? What the lessons measure on ``pantry``, measured on another one.

    python -m benchmarks.real_model                    gemma-3-270m, all of it (hours on a CPU)
    python -m benchmarks.real_model --list             what it consists of, and what is there
    python -m benchmarks.real_model --only prompts     a part of it
    python -m benchmarks.real_model --share 2/4        every fourth part: four processes on one GPU
    python -m benchmarks.real_model --try              few examples and steps, into work/ only

The record is ``data/real_runs/<model>.jsonl``: the first line says what was measured how, and
each other line holds the answers of one route on one split, one training, or one loss. It is
written line by line. Stop it when you like: what is there is not measured again. The lessons read
it by ``lessonlib.lessons.real_runs``, which also says what is in a line.

One rule ends the answers of all routes, because a pretrained model does not know when to stop: an
answer ends after its first closing bracket, or after its first line where it has none. (A query
ends after its first semicolon.)

Every training takes ``STEPS`` steps, whatever the number of its examples, so that a learning curve
compares examples and not hours of training. Of each, the epoch with the lowest validation loss is
asked, and on the test recipes the last one as well.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import math
import platform
import resource
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import torch

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.lora import base as lora_base
from lessonlib.lora import loop
from lessonlib.lora import rows as lora_rows
from lessonlib.lora.forgetting import HELD_OUT
from lessonlib.lora.loss import mean_loss
from lessonlib.lora.settings import LoraSettings
from lessonlib.measure.evaluation import Method, Result, Until
from lessonlib.measure.local_model import evaluate_here
from lessonlib.models import catalogue, folders
from lessonlib.models.device import choose_device
from lessonlib.models.peft import get_peft_model_state_dict, set_peft_model_state_dict
from lessonlib.models.quiet import quiet
from lessonlib.tasks import prompting, recipes, text_to_sql, training_rows
from lessonlib.tasks.retrieval import Bm25Examples, Bm25Glossary, GlossaryLookup

MODEL = "gemma-3-270m"
RECORDS = paths.DATA / "real_runs"
#: Examples of each split that are asked; the field recipes are 80.
EXAMPLES = 100
STEPS = 200
SETTINGS = LoraSettings(rank=16, learning_rate=5e-4, batch_size=8)
SIZES = (25, 50, 100, 200, 400, 800)
SHOTS = (1, 2, 4, 8)
SPLITS = ("test", "test_new_names", "field")
#: After so many epochs on 25 examples the score is taken, to see whether it falls again.
LOOKS = (1, 2, 4, 8, 16, 32, 50)
PACKAGES = ("torch", "transformers", "peft")
RULE = ("an answer ends after its first closing bracket (a query after its first semicolon), or"
        " after its first line where it has none")


@dataclass(frozen=True)
class Part:
    """One thing to measure. ``key``: its group, a slash, and its name; unique."""

    key: str
    measure: Callable[[Bench], Iterator[dict]]


class Bench:
    """A model on a device, and how much is asked of it.

    Args:
        name: as in ``models.folders.find_base``.
        small: few examples and steps, to see that everything runs.
    """

    def __init__(self, name: str, small: bool = False):
        self.name, self.small = name, small
        self.base = folders.find_base(name)
        self.device = choose_device().value
        self.on_gpu = self.device.startswith("cuda")
        self.together = 100 if self.on_gpu else 15
        self.examples, self.steps = (4, 4) if small else (EXAMPLES, STEPS)
        self._untuned = None

    def untuned(self):
        """The model as it comes, and its tokenizer; loaded once."""
        if self._untuned is None:
            with quiet():
                model, tokenizer = lora_base.load_base(self.base, self.device)
            self._untuned = model.to(self.device.split("-")[0]).eval(), tokenizer
        return self._untuned

    def split(self, name: str) -> list:
        return recipes.load(name)[: self.examples]

    def ask(self, model, tokenizer, method: Method, examples: Sequence) -> tuple[Result, float]:
        """The answers, and the seconds that all of them took."""
        began = time.perf_counter()
        with quiet(), _as_it_answers(model):
            result = evaluate_here(
                model, tokenizer, method, examples, self.together, progress=False
            )
        return result, time.perf_counter() - began

    def answers(
        self, route: str, messages, splits=SPLITS, model=None, then=None, **more
    ) -> Iterator[dict]:
        """One line of answers for each split; ``more`` goes into the lines.

        Args:
            then: what is done with each answer before it is kept and scored.
        """
        loaded = model or self.untuned()
        for split in splits:
            method = Method(route, self.name, messages, max_tokens=96, ending=Until(), then=then)
            result, seconds = self.ask(*loaded, method, self.split(split))
            yield answer_line(route, split, result, seconds, **more)

    def peak_memory(self) -> int:
        """Bytes: of this training's tensors on a GPU, or of the whole process on a processor."""
        if self.on_gpu:
            return torch.cuda.max_memory_allocated()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextlib.contextmanager
def _as_it_answers(model) -> Iterator[None]:
    """The attention of training reads whole rows only, and cannot write token by token."""
    model = getattr(model, "get_base_model", lambda: model)()
    before = model.config._attn_implementation
    model.set_attn_implementation("sdpa")
    yield
    model.set_attn_implementation(before)


def answer_line(route: str, split: str, result: Result, seconds: float, **more) -> dict:
    """What is kept of a result: enough to score it again, and to compare it in pairs."""
    answers = [[row.text, row.prompt_tokens, row.completion_tokens] for row in result.rows]
    scores = {name: [round(value, 4) for value in (one.value, one.low, one.high)]
              for name, one in result.metrics().items()}  # fmt: skip
    return {"kind": "answers", "route": route, "split": split, **more, "scores": scores,
            "seconds": round(seconds, 2), "ids": [row.id for row in result.rows],
            "answers": answers}  # fmt: skip


# --- prompts


def prompts() -> list[Part]:
    """The untuned model, asked in every way that costs no training."""
    train = recipes.load("train")
    today = recipes.load_glossary()
    lookup, bm25 = GlossaryLookup(today), Bm25Glossary(today, whole=True)
    shots = {k: prompting.pick_balanced(train, k) for k in (*SHOTS, 16)}
    similar, fixed = Bm25Examples(train[:200]), prompting.pick_balanced(train[:200], 2)

    def glossary(find, k=0):
        return lambda one: prompting.with_glossary(one, find(one), shots.get(k, ()), find)

    def bare_with_examples(one):
        told = prompting.few_shot(one, shots[4])
        return [{"role": "system", "content": recipes.SYSTEM_BARE}, *told[1:]]

    ways = {
        "bare prompt": prompting.bare,
        "instructions": prompting.instructions,
        **{f"few-shot, k = {k}": lambda one, k=k: prompting.few_shot(one, shots[k])
           for k in SHOTS},
        "whole glossary": lambda one: prompting.with_glossary(one, today),
        "whole glossary, k = 4": lambda one: prompting.with_glossary(
            one, today, shots[4], lambda shot: ()),
        **{f"RAG, exact lookup, k = {k}": glossary(lookup.find, k) for k in (0, 2, 4)},
    }  # fmt: skip
    on_test = {
        "bare prompt, k = 4": bare_with_examples,
        "few-shot, k = 16": lambda one: prompting.few_shot(one, shots[16]),
        "few-shot, 2 fixed of 200": lambda one: prompting.few_shot(one, fixed),
        "few-shot, 2 most similar of 200": lambda one: prompting.few_shot(
            one, similar.find(one, 2)[::-1]),
        **{f"RAG, BM25, {n} lines, k = 4": glossary(lambda one, n=n: bm25.find(one, n), 4)
           for n in (4, 16)},
    }  # fmt: skip
    parts = [
        Part(f"prompts/{route}", lambda bench, route=route, how=how, splits=splits:
             bench.answers(route, how, splits))
        for group, splits in ((ways, SPLITS), (on_test, ("test",)))
        for route, how in group.items()
    ]  # fmt: skip
    # The names as the recipe writes them; the house names come in afterwards, by code.
    renamed = "plain names, k = 4, renamed in code"
    parts.append(Part(f"prompts/{renamed}", lambda bench: bench.answers(
        renamed, lambda one: prompting.plain_names(one, shots[4]),
        then=lambda text: recipes.rename(text, today))))
    return parts


# --- trainings


@dataclass
class Training:
    """A training, and the adapter at its lowest validation loss."""

    learner: loop.Learner
    tokenizer: object
    curve: list[list]
    best: dict
    best_epoch: int
    seconds: float
    tokens: int
    steps: int


def train(
    bench: Bench, rows: Sequence[dict], settings: LoraSettings, seed: int = 0, look=None,
    messages=prompting.tuned,
) -> Training:  # fmt: skip
    """Train for ``bench.steps`` steps, measuring the validation loss after each epoch.

    Args:
        look: called with the training's model, tokenizer and epoch after each epoch.
        messages: the prompt of the validation rows.
    """
    each = settings.batch_size * settings.accumulate
    epochs = max(1, round(bench.steps / math.ceil(len(rows) / each)))
    settings = replace(settings, epochs=epochs)
    held_out = recipes.load("validation")[: bench.examples]
    with quiet():
        model, tokenizer = lora_base.load(bench.base, settings, bench.device, seed)
    data = lora_rows.tokenise(rows, tokenizer, 10**6, "Training")
    checks = lora_rows.tokenise(
        training_rows.chat_rows(held_out, messages), tokenizer, 10**6, "Validation")
    learner = loop.Learner(model, settings, bench.device)
    made = Training(learner, tokenizer, [], {}, 0, 0.0, epochs * sum(
        len(row["input_ids"]) for row in data), loop.steps(data, settings))  # fmt: skip
    lowest = math.inf

    def watch(point, epoch_is_over) -> None:
        nonlocal lowest
        numbers = (point.train_loss, point.validation_loss)
        made.curve.append([point.step, round(point.epoch, 3), *(
            None if one is None else round(one, 4) for one in numbers)])
        if epoch_is_over and point.validation_loss < lowest:
            lowest, made.best_epoch = point.validation_loss, round(point.epoch)
            made.best = {name: weight.detach().cpu().clone()
                         for name, weight in get_peft_model_state_dict(model).items()}
        if epoch_is_over and look:
            look(model, tokenizer, round(point.epoch))

    if bench.on_gpu:
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    with learner.at_work():
        made.curve.append([0, 0.0, None, round(learner.measure(checks)[0], 4)])
        loop.train(learner, data, checks, seed, watch)
    made.seconds = time.perf_counter() - began
    return made


def training_line(bench: Bench, route: str, made: Training, rows: int, seed: int) -> dict:
    settings = made.learner.settings
    return {
        "kind": "training", "route": route, "rows": rows, "seed": seed,
        "settings": {name: value for name, value in asdict(settings).items()
                     if name in ("rank", "learning_rate", "batch_size", "epochs")},
        "steps": made.steps, "tokens": made.tokens, "seconds": round(made.seconds, 1),
        "tokens_per_second": round(made.tokens / made.seconds),
        "peak_memory": bench.peak_memory(), "best_epoch": made.best_epoch, "curve": made.curve,
    }  # fmt: skip


def tuned(
    bench: Bench, route: str, rows: Sequence[dict], asked: dict, seed: int = 0,
    settings: LoraSettings = SETTINGS, last: bool = True, losses: bool = False, look=None,
    messages=prompting.tuned, examples: int | None = None,
) -> Iterator[dict]:  # fmt: skip
    """Train, ask the last epoch and the best one, and give all lines.

    Args:
        asked: for each route's name how it is asked, and on which splits.
        losses: measure the loss on other text, too.
    """
    made = train(bench, rows, settings, seed, look, messages)
    model = made.learner.model.eval()
    more = {"rows": examples or len(rows), "seed": seed}
    yield training_line(bench, route, made, **more)
    epochs = made.learner.settings.epochs
    if last and made.best_epoch != epochs:
        how, _splits = asked[route]
        yield from bench.answers(f"{route}, last epoch", how, ("test",),
                                 (model, made.tokenizer), **more, epoch=epochs)
    set_peft_model_state_dict(model, made.best)
    for name, (how, splits) in asked.items():
        yield from bench.answers(name, how, splits, (model, made.tokenizer), **more,
                                 epoch=made.best_epoch)
    if losses:
        yield from _other_losses(bench, route, model.get_base_model(), made.tokenizer)
    del made, model
    if bench.on_gpu:
        torch.cuda.empty_cache()


def trainings() -> list[Part]:
    """One model for each number of examples, some of them more than once."""
    train_set = recipes.load("train")
    today, then = recipes.load_glossary(), recipes.load_glossary(until=recipes.TRAINING_DATE)
    lookup = GlossaryLookup(today)
    bare, all_splits, chats = prompting.tuned, SPLITS, training_rows.chat_rows

    def with_glossary(one):
        return prompting.tuned_with_glossary(one, lookup.find(one))

    parts = []

    def add(key, route, examples, asked=None, make=chats, **how):
        examples = list(examples)
        asked = asked or {route: (bare, ("test",))}
        parts.append(Part(f"trainings/{key}", lambda bench: tuned(
            bench, route, make(examples[:8] if bench.small else examples), asked,
            examples=len(examples), **how)))

    for size in SIZES:
        route = f"tuned on {size}"
        for seed in (0, 1, 2):
            asked = {route: (bare, all_splits if size == 400 or not seed else ("test",))}
            if (size, seed) == (400, 0):
                asked["tuned on bare prompts, asked with the glossary"] = (
                    with_glossary, all_splits)
            add(f"{size} rows, seed {seed}", route, train_set[:size], asked, seed=seed,
                last=not seed, losses=(size, seed) == (400, 0))
    add("glossary", "tuned + glossary", train_set[:400],
        {"tuned + glossary": (with_glossary, all_splits),
         "tuned with the glossary, asked bare": (bare, all_splits)},
        lambda rows: training_rows.glossary_rows(rows, then), last=False, messages=with_glossary)
    few = train_set[:200]
    for rank in (1, 4, 64):
        add(f"rank {rank}", f"rank {rank}", few, settings=replace(SETTINGS, rank=rank))
    for rate in (2e-5, 2e-4, 3e-3):
        add(f"rate {rate:g}", f"learning rate {rate:g}", few,
            settings=replace(SETTINGS, learning_rate=rate))
    for share in (0.1, 0.3):
        add(f"slipped {share}", f"{share:.0%} of labels slipped",
            training_rows.slipped(few, share))
    add("one bad source", "one bad source", training_rows.from_one_bad_source(train_set[:400]))
    add("raw text", "raw text", train_set[:400], make=training_rows.text_rows, last=False,
        losses=True)
    parts.append(Part("trainings/too long", too_long))
    return parts


def too_long(bench: Bench) -> Iterator[dict]:
    """25 clean examples, again and again: both losses after each epoch, and now and then the
    score, on the validation recipes and on the test recipes."""
    looked: list[dict] = []

    def look(model, tokenizer, epoch) -> None:
        if epoch in LOOKS:
            looked.extend(bench.answers("tuned on 25, again and again", prompting.tuned,
                                        ("validation", "test"), (model, tokenizer),
                                        rows=25, seed=0, epoch=epoch))

    rows = training_rows.chat_rows(recipes.load("train")[: 8 if bench.small else 25])
    made = train(bench, rows, replace(SETTINGS, learning_rate=1e-3), look=look)
    yield training_line(bench, "tuned on 25, again and again", made, 25, 0)
    yield from looked


# --- what it knew before


def losses() -> list[Part]:
    """The untuned model's loss on other text, and how probable it finds the house names."""
    return [Part("losses/untuned", lambda bench: _other_losses(
        bench, "not tuned", *bench.untuned()))]


def _other_losses(bench: Bench, route: str, model, tokenizer) -> Iterator[dict]:
    """Mean loss per token, in nats, on texts that no training showed."""
    texts = {
        "prose": prose(),
        "course": [json.loads(line)["text"] for line in HELD_OUT.read_text("utf-8").splitlines()],
        "recipes": [row["text"] for row in training_rows.text_rows(recipes.load("validation"))],
    }
    for name, some in texts.items():
        some = some[: 4 if bench.small else None]
        data = lora_rows.tokenise([{"text": one} for one in some], tokenizer, 10**6, "Test")
        with torch.no_grad():
            value = mean_loss(model.eval(), data)
        yield {"kind": "loss", "route": route, "text": name, "texts": len(some),
               "value": round(value, 4)}  # fmt: skip


def prose(most: int = 100) -> list[str]:
    """Plain English that no model has read: paragraphs of this course's own lessons."""
    found = []
    for source in sorted((paths.PROJECT / "notebooks" / "source").glob("0[3467]_*.py")):
        text = "\n".join(line.removeprefix("#").strip() for line in source.read_text("utf-8")
                         .splitlines() if line.startswith("#"))  # fmt: skip
        found += [" ".join(one.split()) for one in text.split("\n\n")
                  if len(one) > 200 and "|" not in one and "%%" not in one]  # fmt: skip
    return found[:: max(1, len(found) // most)][:most]


# --- the second task


def sql() -> list[Part]:
    """Text-to-SQL: untuned with and without examples, and tuned, on known and on new tables."""
    return [Part("sql/prompts", sql_prompts), Part("sql/tuned", sql_tuned)]


def _sql_splits(bench: Bench) -> dict[str, list]:
    test, field = text_to_sql.load("test"), text_to_sql.load("field")
    splits = {"known tables": [one for one in test if one.seen],
              "new tables": [one for one in test if not one.seen], "by hand": field}  # fmt: skip
    return {name: some[: bench.examples] for name, some in splits.items()}


def _sql_lines(bench: Bench, route: str, messages, model, **more) -> Iterator[dict]:
    for split, examples in _sql_splits(bench).items():
        method = Method(route, bench.name, messages, max_tokens=96, ending=Until(";"))
        result, seconds = bench.ask(*model, method, examples)
        yield answer_line(route, split, result, seconds, **more, task="text_to_sql")


def sql_prompts(bench: Bench) -> Iterator[dict]:
    pool = text_to_sql.load("train")
    some = [one for place, one in enumerate(pool) if place in (0, 200, 400, 600)]
    for k in (0, 4):
        yield from _sql_lines(bench, f"SQL, k = {k}",
                              lambda one, k=k: text_to_sql.messages(one, some[:k]),
                              bench.untuned())


def sql_tuned(bench: Bench) -> Iterator[dict]:
    from lessonlib.lessons import nb13_sql_adapter

    rows = nb13_sql_adapter.rows()[: 8 if bench.small else None]
    settings = replace(SETTINGS, batch_size=4, epochs=2)
    with quiet():
        model, tokenizer = lora_base.load(bench.base, settings, bench.device, 0)
    data = lora_rows.tokenise(rows, tokenizer, 10**6, "Training")
    checks = training_rows.chat_rows(text_to_sql.load("validation")[: bench.examples],
                                     text_to_sql.messages, text_to_sql.answer)
    checks = lora_rows.tokenise(checks, tokenizer, 10**6, "Validation")
    learner = loop.Learner(model, settings, bench.device)
    made = Training(learner, tokenizer, [], {}, settings.epochs, 0.0, settings.epochs * sum(
        len(row["input_ids"]) for row in data), loop.steps(data, settings))  # fmt: skip
    began = time.perf_counter()
    with learner.at_work():
        loop.train(learner, data, checks, 0, lambda point, _over: made.curve.append(
            [point.step, round(point.epoch, 3), round(point.train_loss, 4),
             None if point.validation_loss is None else round(point.validation_loss, 4)]))
    made.seconds = time.perf_counter() - began
    yield training_line(bench, "SQL, tuned", made, len(rows), 0) | {"task": "text_to_sql"}
    yield from _sql_lines(bench, "SQL, tuned", text_to_sql.messages, (model.eval(), tokenizer),
                          rows=len(rows), seed=0)


# --- the record


def all_parts() -> list[Part]:
    return [*prompts(), *losses(), *trainings(), *sql()]


def head(bench: Bench) -> dict:
    """The first line of a record: what was measured, how, on what."""
    try:
        known = catalogue.find(bench.name)
        model = {"name": known.name, "hub_id": known.hub_id, "licence": known.licence,
                 "parameters": known.parameters}  # fmt: skip
    except LessonError:
        model = {"name": bench.name, "parameters": catalogue.counted(bench.base)[2]}
    machine = torch.cuda.get_device_name() if bench.on_gpu else _processor()
    return {
        "kind": "about", "model": model, "machine": machine, "device": bench.device,
        "measured": date.today().isoformat(), "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "rule": RULE, "examples": bench.examples, "steps": bench.steps,
        "settings": {"rank": SETTINGS.rank, "alpha": 2 * SETTINGS.rank,
                     "learning_rate": SETTINGS.learning_rate, "batch_size": SETTINGS.batch_size,
                     "schedule": SETTINGS.schedule, "targets": SETTINGS.targets},
    }  # fmt: skip


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path(
            "/proc/cpuinfo").exists() else ():  # fmt: skip
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def lines_of(path: Path) -> list[dict]:
    """The lines of a record; one that was cut off when the run was stopped is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def done_in(path: Path) -> set[str]:
    """Keys of the parts that a record holds completely."""
    return {line["part"] for line in lines_of(path) if line.get("kind") == "done"}


def run(bench: Bench, parts: Sequence[Part], path: Path) -> None:
    """Measure what is missing, and write each part at once when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(json.dumps(head(bench)) + "\n", encoding="utf-8")
    missing = [part for part in parts if part.key not in done_in(path)]
    print(f"{len(parts) - len(missing)} of {len(parts)} parts are there already.", flush=True)
    failed: list[str] = []
    for number, part in enumerate(missing, start=1):
        began = time.perf_counter()
        try:
            made = [line | {"part": part.key} for line in part.measure(bench)]
        except Exception:  # the others take hours: they are not lost by one that fails
            print(f"{number}/{len(missing)}  {part.key} failed", flush=True)
            traceback.print_exc()
            failed.append(part.key)
            continue
        made.append({"kind": "done", "part": part.key,
                     "seconds": round(time.perf_counter() - began, 1)})  # fmt: skip
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in made)
        print(f"{number}/{len(missing)}  {part.key}  {made[-1]['seconds']:.0f} s  "
              + _in_short(made), flush=True)  # fmt: skip
    if failed:
        raise LessonError(f"{len(failed)} parts failed: {', '.join(failed)}.",
                          "Mend what the messages above say, and run it again: it goes on.")


def _in_short(lines: Sequence[dict]) -> str:
    return "  ".join(f"{line['split']} {next(iter(line['scores'].values()))[0]:.2f}"
                     for line in lines if line["kind"] == "answers")  # fmt: skip


def merge(pieces: Sequence[Path], path: Path) -> None:
    """Join the files of several processes into one record, in the order of the parts."""
    lines = [line for piece in pieces for line in lines_of(piece)]
    about = next(line for line in lines if line["kind"] == "about")
    order = {part.key: place for place, part in enumerate(all_parts())}
    rest = [line for line in lines if line["kind"] != "about"]
    complete = {line["part"] for line in rest if line["kind"] == "done"}
    rest = sorted((line for line in rest if line["part"] in complete),
                  key=lambda line: order.get(line["part"], len(order)))  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for line in (about, *rest):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("model", nargs="?", default=MODEL, help="a model's name or folder")
    add("--only", default="", help="parts whose key begins so: prompts, trainings, losses, sql")
    add("--share", default="1/1", help="2/4: the second of four processes")
    add("--out", type=Path, help="the record's file")
    add("--list", action="store_true", help="say what there is to measure, and what is done")
    add("--try", dest="small", action="store_true", help="few examples and steps, into work/")
    add("--merge", nargs="+", type=Path, help="join the files of several processes")
    options = parser.parse_args(arguments)
    name = Path(options.model).name
    folder = paths.WORK / "real_runs" if options.small else RECORDS
    path = options.out or folder / f"{name}.jsonl"
    if options.merge:
        merge(options.merge, path)
        return
    share, of = map(int, options.share.split("/"))
    parts = [part for part in all_parts() if part.key.startswith(options.only)][share - 1 :: of]
    if options.list:
        done = done_in(path)
        print("\n".join(f"{'done' if part.key in done else '    '} {part.key}" for part in parts))
        return
    run(Bench(options.model, options.small), parts, path)


if __name__ == "__main__":
    try:
        main()
    except LessonError as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise SystemExit("Stopped. What was measured is kept; run it again to go on.") from None
