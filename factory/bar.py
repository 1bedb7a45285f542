"""Does the built-in model bear out what the course says? Measures every claim.

    python -m factory.bar            all of it, about 10 minutes on two cores
    python -m factory.bar --quick    fewer recipes, fewer claims
    python -m factory.bar --only overfitting
                                     one part anew; the record keeps the others as they are

Everything goes through the course's own evaluation and the practice service. The results are
written to data/models/pantry/bar.json, from which ``factory.model_card`` writes the card.
Nothing here is a condition for the model to be shipped: what does not hold is written down.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass

import lessonlib
from factory import bar_record
from factory.bar_overfitting import checkpoint, overfitting
from lessonlib import lora
from lessonlib.common.paths import BUILT_IN
from lessonlib.lora.forgetting import general_loss
from lessonlib.measure.bootstrap import Difference
from lessonlib.measure.evaluation import Method, Result, compare, evaluate
from lessonlib.measure.scoreboard import Scoreboard
from lessonlib.tasks import prompting, recipes, training_rows
from lessonlib.tasks.retrieval import GlossaryLookup

SHOTS = (1, 2, 4)
OUTPUT = BUILT_IN / "bar.json"
#: The course's settings; a claim about another learning rate says so.
TUNED = lora.LoraSettings()


@dataclass(frozen=True)
class Claim:
    """One sentence of the bar, what was measured, whether it holds, and the function's name."""

    text: str
    measured: str
    holds: bool
    part: str = ""

    def __str__(self) -> str:
        return f"[{'holds' if self.holds else 'FAILS'}] {self.text}: {self.measured}"


class Bar:
    """Runs methods once each and keeps their results."""

    def __init__(self, questions: int | None):
        self.client = lessonlib.connect("practice")
        self.train = recipes.load("train")
        self.known = recipes.load_glossary(until=recipes.TRAINING_DATE)
        self.find = GlossaryLookup(recipes.load_glossary()).find
        self.splits = {
            name: recipes.load(name)[:questions] for name in ("test", "test_new_names", "field")
        }
        self.results: dict[tuple[str, str], Result] = {}
        self.claims: list[Claim] = []
        self.board = Scoreboard()
        self.part = ""

    # ------------------------------------------------------------ methods
    def methods(self) -> dict[str, tuple[str, Callable]]:
        """Name of the method -> (model, how it is asked)."""
        table: dict[str, tuple[str, Callable]] = {
            "bare prompt": ("pantry", prompting.bare),
            "instructions": ("pantry", prompting.instructions),
        }
        for k in SHOTS:
            table[f"few-shot, k = {k}"] = ("pantry", self._few_shot(k))
        for k in (0, 1, 2):
            table[f"RAG, k = {k}"] = ("pantry", self._retrieval(k))
        table["tuned"] = ("bar-tuned", prompting.tuned)
        table["tuned + glossary"] = ("bar-tuned-glossary", self._tuned_retrieval)
        return table

    def _few_shot(self, k: int) -> Callable:
        shots = prompting.pick_balanced(self.train, k)
        return lambda recipe: prompting.few_shot(recipe, shots)

    def _retrieval(self, k: int) -> Callable:
        shots = prompting.pick_balanced(self.train, k)
        return lambda recipe: prompting.with_glossary(recipe, self.find(recipe), shots, self.find)

    def _tuned_retrieval(self, recipe):
        return prompting.tuned_with_glossary(recipe, self.find(recipe))

    def run(self, name: str, split: str) -> Result:
        """The result of one method on one split; measured at the first call."""
        if (name, split) not in self.results:
            model, messages = self.methods()[name]
            result = evaluate(self.client, Method(name, model, messages), self.splits[split])
            self.results[name, split] = result
            self.board.add(result, split=split)
            print(f"{split:15} {result}", flush=True)
        return self.results[name, split]

    def f1(self, name: str, split: str = "test") -> float:
        """micro-F1 of one method on one split."""
        return self.run(name, split).metrics()["micro_f1"].value

    def best(self, prefix: str, split: str) -> str:
        """The method with this beginning that does best on a split."""
        names = [name for name in self.methods() if name.startswith(prefix)]
        return max(names, key=lambda name: self.f1(name, split))

    def difference(self, better: str, worse: str, split: str = "test") -> Difference:
        """Paired difference in micro-F1."""
        return compare(self.run(better, split), self.run(worse, split))

    def claim(self, text: str, measured: object, holds: bool) -> None:
        """Writes one claim down."""
        self.claims.append(Claim(text, str(measured), bool(holds), self.part))
        print(self.claims[-1], flush=True)


def ladder(bar: Bar) -> None:
    """bare < instructions < few-shot < RAG < tuned, each step significant."""
    steps = ["bare prompt", "instructions", bar.best("few-shot", "test"), bar.best("RAG", "test"),
             "tuned"]  # fmt: skip
    for worse, better in zip(steps, steps[1:], strict=False):
        gain = bar.difference(better, worse)
        bar.claim(f"{better} beats {worse} on test", gain, gain.low > 0)
    gain = bar.difference("few-shot, k = 4", "few-shot, k = 1")
    bar.claim("few-shot goes on gaining from k = 1 to k = 4", gain, gain.low > 0)
    tuned = bar.run("tuned", "test").metrics()["micro_f1"]
    measured = f"{tuned.value:.3f} ({tuned.low:.3f}-{tuned.high:.3f})"
    bar.claim("tuned reaches 0.95 on test", measured, tuned.value >= 0.95)
    gain = bar.difference("tuned + glossary", "tuned")
    bar.claim("a glossary in tuned prompts does no harm on test", gain, gain.high >= 0)


def new_names(bar: Bar) -> None:
    """Names added after training are known to retrieval alone."""
    split = "test_new_names"
    rag = bar.best("RAG", split)
    gain = bar.difference(rag, "tuned", split)
    bar.claim(f"{rag} beats tuned by 0.15 on new names", gain, gain.value >= 0.15 and gain.low > 0)
    for other in (rag, "tuned"):
        gain = bar.difference("tuned + glossary", other, split)
        bar.claim(f"tuned + glossary beats {other} on new names", gain, gain.low > 0)


def field(bar: Bar) -> None:
    """Text that no grammar wrote."""
    untuned = [name for name, (model, _) in bar.methods().items() if model == "pantry"]
    best = max(untuned, key=lambda name: bar.f1(name, "field"))
    gain = bar.difference("tuned", best, "field")
    bar.claim(f"tuned beats the best untuned prompt ({best}) by 0.1 on field", gain,
              gain.value >= 0.1 and gain.low > 0)  # fmt: skip


def bad_labels(bar: Bar) -> None:
    """A systematic mistake in 30 % of the examples."""
    spoilt = training_rows.from_one_bad_source(bar.train, share=0.3)
    lora.tune(training_rows.chat_rows(spoilt), "bar-bad-labels", settings=TUNED)
    method = Method("tuned on bad labels", "bar-bad-labels", prompting.tuned)
    result = evaluate(bar.client, method, bar.splits["test"])
    bar.results[method.name, "test"] = result
    loss = compare(bar.run("tuned", "test"), result)
    bar.claim("one bad source (30 % of the examples) costs 0.1", loss,
              loss.value >= 0.1 and loss.low > 0)  # fmt: skip


def forgetting(bar: Bar) -> None:
    """General held-out loss before and after, at the course's rate and at ten times it."""
    fast = lora.LoraSettings(learning_rate=10 * TUNED.learning_rate)
    rows = training_rows.chat_rows(bar.train)
    hasty = lora.tune(rows, "bar-ten-times", settings=fast)
    tuned_folder = hasty.folder.parent / "bar-tuned"
    before, after, much = (general_loss(f) for f in (BUILT_IN, tuned_folder, hasty.folder))
    measured = f"{before:.2f} before, {after:.2f} after, {much:.2f} at ten times the rate"
    bar.claim("general loss rises measurably, and badly at ten times the rate", measured,
              after - before > 0.02 and much - before > 3 * (after - before))  # fmt: skip


PARTS = (ladder, new_names, field, bad_labels, overfitting, checkpoint, forgetting)
#: Parts that need neither of the two models that ``tune_both`` makes.
ALONE = (overfitting, checkpoint)


def tune_both(bar: Bar) -> int:
    """The two tuned models that most parts measure; seconds that the first one took."""
    seconds = lora.tune(training_rows.chat_rows(bar.train), "bar-tuned", settings=TUNED).seconds
    rows = training_rows.glossary_rows(bar.train, bar.known)
    lora.tune(rows, "bar-tuned-glossary", settings=TUNED)
    return round(seconds)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m factory.bar",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="60 recipes, without the slow claims")
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS], help="one part anew")
    parser.add_argument("--no-record", action="store_true", help="print only, write nothing")
    arguments = parser.parse_args()
    quick = arguments.quick
    bar = Bar(60 if quick else None)
    parts = PARTS[:3] if quick else PARTS
    if arguments.only:
        parts = [part for part in PARTS if part.__name__ == arguments.only]
    seconds = None if set(parts) <= set(ALONE) else tune_both(bar)
    for part in parts:
        bar.part = part.__name__
        part(bar)
    if not quick and not arguments.only:
        for split in bar.splits:
            for name in bar.methods():
                bar.run(name, split)
    if not arguments.no_record:
        before = json.loads(OUTPUT.read_text(encoding="utf-8")) if arguments.only else None
        record = bar_record.record(bar, seconds, before)
        text = json.dumps(record, indent=1, ensure_ascii=False)
        OUTPUT.write_text(text + "\n", encoding="utf-8")
    failed = sum(not claim.holds for claim in bar.claims)
    print(f"{len(bar.claims) - failed} of {len(bar.claims)} claims hold")


if __name__ == "__main__":
    main()
