"""The rubric of the assignment: it looks at what was done, and says what is missing.

    work = rubric.Work(use_case="...", needed=0.8)
    work.task = task                    # each step of notebook 11 leaves its result here
    rubric.check(work)

It never raises, whatever the fields hold, and it reads nothing but the fields, the scoreboard's
results in them, and the decision record. What it cannot judge is whether the reasons are good.
The ten criteria and their words are the course's own.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from lessonlib.common.i18n import _
from lessonlib.decision import record as decision_record
from lessonlib.measure.bootstrap import Difference
from lessonlib.measure.evaluation import Result
from lessonlib.tasks.near_duplicates import near_duplicates

#: A use case in fewer words says nothing; a reason in fewer neither.
USE_CASE_WORDS, REASON_WORDS = 5, 10
ROWS, TEST_ROWS, NOTES = 50, 20, 5
#: Free text takes longer to read, and each answer of it holds more to count.
TEXT_ROWS = 10
#: So large a share of rows set aside wants an explanation.
MOST_ASIDE = 0.1


@dataclass
class Work:
    """What a learner has done so far. All fields may be empty, or hold anything.

    Attributes:
        use_case: what the model is for, in a sentence.
        needed: how good is good enough, said before anything was measured.
        rows: what was read (``reading.Rows``).
        task: the three splits (``task.Task``).
        baselines: name -> ``Result`` on the test examples, without tuning.
        tuned: the tuned model's ``Result`` on the same examples.
        model: what was tuned (``tuning.Tuned``).
        difference: tuned against the best baseline, paired.
        losses: for free text: loss of the right answers before and after.
        cost: dollars: {"per_1000": ..., "training": ...}, or break-even.
        limits: name -> what was measured, such as {"forgetting": 0.3}.
        mistakes: id of a test example -> a note on what went wrong there.
        record: path of the decision record.
        own_rows: the rows are the learner's own. With a starter set the notebook's cells do most
            of the work by themselves, and for that there are no points.

    Introduced in notebook 11.
    """

    use_case: str = ""
    needed: float | None = None
    rows: object = None
    task: object = None
    baselines: Mapping[str, Result] = field(default_factory=dict)
    tuned: Result | None = None
    model: object = None
    difference: Difference | None = None
    losses: object = None
    cost: Mapping = field(default_factory=dict)
    limits: Mapping = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    record: object = None
    own_rows: object = True


def _use_case(work: Work) -> Iterator[str]:
    words = len(str(work.use_case or "").split())
    if words < USE_CASE_WORDS:
        yield _("say in a sentence what the model is for, and for whom (USE_CASE)")
    if not isinstance(work.needed, int | float) or isinstance(work.needed, bool):
        yield _("say how good is good enough, as a number (NEEDED)")


def _data(work: Work) -> Iterator[str]:
    if work.rows is None:
        yield _("read your rows: own_rows.read(path)")
        return
    usable, aside = len(work.rows.examples), len(work.rows.set_aside)
    if usable < ROWS:
        yield _("there are {n} usable rows; fifty are a start").format(n=usable)
    if aside > MOST_ASIDE * (usable + aside):
        yield _("{aside} of {n} rows were set aside: fix them").format(
            aside=aside, n=usable + aside)


def _splits(work: Work) -> Iterator[str]:
    if work.task is None:
        yield _("divide the rows: splits.make(rows)")
        return
    tests = {one.id for one in work.task.test}
    wanted = TEXT_ROWS if work.task.kind == "text" else TEST_ROWS
    if len(tests) < wanted:
        yield _("test on {n} examples or more; there are {found}").format(
            n=wanted, found=len(tests))
    every = [*work.task.train, *work.task.validation, *work.task.test]
    leaks = [one.id for one, other, _l in near_duplicates(every, text=lambda row: row.question)
             if (one.id in tests) != (other.id in tests)]
    if leaks:
        yield _("{n} training rows nearly repeat a test row, such as {id}").format(
            n=len(leaks), id=leaks[0])


def _baseline(work: Work) -> Iterator[str]:
    if len(work.baselines) < 2:
        yield _("measure two baselines at least: a prompt, and a way without any model")
    elif not any(result.model != "no model" for result in work.baselines.values()):
        yield _("no baseline asks the untuned model: measure it with good instructions")
    if work.task is not None:
        wanted = {one.id for one in work.task.test}
        for name, result in work.baselines.items():
            if {row.id for row in result.rows} != wanted:
                yield _("{name!r} was not measured on the test examples").format(name=name)


def _tuned(work: Work) -> Iterator[str]:
    if work.model is None:
        yield _("tune a model, by a job or by lora.tune, and keep it: work.model = model")
    if work.tuned is None:
        yield _("measure the tuned model on the test examples")
        return
    if work.task is not None:
        trained = {one.id for one in work.task.train}
        asked = {row.id for row in work.tuned.rows}
        if asked & trained:
            yield _("the tuned model was asked about examples that it was trained on")
        elif asked != {one.id for one in work.task.test}:
            yield _("the tuned model was not measured on all test examples")


def _compared(work: Work) -> Iterator[str]:
    if not hasattr(work.difference, "significant"):
        yield _("compare tuned with the best baseline, in pairs: compare(tuned, baseline)")
    told = work.losses is not None or bool(getattr(work.model, "losses", ()))
    if getattr(work.task, "kind", "") == "text" and not told:
        yield _("for free text, measure the loss of the right answers before and after")


def _costs(work: Work) -> Iterator[str]:
    if not work.cost:
        yield _("work out what 1,000 requests and the training would cost (costs)")


def _mistakes(work: Work) -> Iterator[str]:
    known = {row.id for row in work.tuned.rows} if work.tuned is not None else set()
    notes = [id for id, note in work.mistakes.items() if str(note).strip() not in ("", "...")]
    good = [id for id in notes if id in known]
    if len(good) < NOTES:
        yield _("read {n} answers that are wrong or weak, and note what went wrong; there are"
                " {found} notes (MISTAKES)").format(n=NOTES, found=len(good))
    if strange := [id for id in notes if id not in known]:
        yield _("there is no test example {id!r}").format(id=strange[0])


def _limits(work: Work) -> Iterator[str]:
    if not work.limits:
        yield _("measure one limit: forgetting, a narrow format, or what came later")


def _record(work: Work) -> Iterator[str]:
    if work.record is None:
        yield _("write your decision record: fill in your reason (BECAUSE), then guide.write(...)")
        return
    record = decision_record.read(work.record)
    if record.made < date.today():
        yield _("the decision record is of {day}: look at it again").format(day=record.made)
    if len(record.because.split()) < REASON_WORDS:
        yield _("give your reason in {n} words or more (BECAUSE)").format(n=REASON_WORDS)
    if not any(record.evidence.values()):
        yield _("the decision record holds no evidence")


#: The criteria: name -> check. A check yields a sentence for each thing that is missing.
CRITERIA: dict[str, Callable[[Work], Iterator[str]]] = {
    _("A use case, and a bar"): _use_case,
    _("Rows that can be used"): _data,
    _("Splits without leaks"): _splits,
    _("Baselines"): _baseline,
    _("A tuned model, measured"): _tuned,
    _("A fair comparison"): _compared,
    _("Costs"): _costs,
    _("Mistakes, read"): _mistakes,
    _("A limit, measured"): _limits,
    _("A decision, with its reason"): _record,
}


#: What the cells of notebook 11 do by themselves with a starter set, if one runs them all.
BY_CELLS = (_data, _splits, _baseline, _tuned, _compared, _costs, _limits)


@dataclass(frozen=True)
class Verdict:
    """What the rubric found.

    Attributes:
        lines: (criterion, what is missing; nothing means that it is met).
        by_cells: criteria that earn no point, since the notebook's cells meet them.
    """

    lines: tuple[tuple[str, tuple[str, ...]], ...]
    by_cells: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """How many points there are."""
        return len(self.lines) - len(self.by_cells)

    @property
    def met(self) -> int:
        """How many of them are earned."""
        return sum(not missing for name, missing in self.lines if name not in self.by_cells)

    @property
    def headline(self) -> str:
        """One sentence or two."""
        if self.met == self.points == len(self.lines):
            return _("All {total} criteria are met. Whether the reasons are good, a reader has to"
                     " say.").format(total=self.points)
        text = _("{met} of {total} points.").format(met=self.met, total=self.points)
        if self.by_cells:
            text += " " + _("With a starter set, the notebook's cells meet the others by"
                            " themselves; with rows of your own, all {n} earn a point.").format(
                n=len(self.lines))
        return text

    def __str__(self) -> str:
        lines = []
        for name, missing in self.lines:
            lines.append(f"[{'  ' if missing else 'ok'}] {name}")
            lines += [f"       - {sentence}" for sentence in missing]
        return "\n".join([*lines, self.headline])

    def _repr_html_(self) -> str:
        items = []
        for name, missing in self.lines:
            sign = _("missing") if missing else _("met")
            mark = "☐" if missing else "✔"
            inner = "".join(f"<li>{html.escape(one)}</li>" for one in missing)
            listed = f"<ul>{inner}</ul>" if inner else ""
            items.append(f'<li style="list-style: none"><span aria-label="{sign}">{mark}</span> '
                         f"{html.escape(name)}{listed}</li>")
        return (f'<ul style="padding-left: 0.5em">{"".join(items)}</ul>'
                f"<p><strong>{html.escape(self.headline)}</strong></p>")

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def check(work: object) -> Verdict:
    """Judge a piece of work. Never raises: what cannot be judged is said to be missing.

    Introduced in notebook 11.
    """
    lines = tuple((name, _judge(test, work)) for name, test in CRITERIA.items())
    # Compared with False itself: the field may hold anything, and telling its truth may fail.
    starter = getattr(work, "own_rows", True) is False if isinstance(work, Work) else False
    return Verdict(lines, tuple(name for name, test in CRITERIA.items()
                                if starter and test in BY_CELLS))


def _judge(test: Callable[[Work], Iterator[str]], work: object) -> tuple[str, ...]:
    found: list[str] = []
    try:
        for sentence in test(work):
            found.append(sentence)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {_words(error)}".split())
        found.append(_("this could not be judged ({reason}): run the cells above again").format(
            reason=reason[:120]))
    return tuple(found)


def _words(error: Exception) -> str:
    """An error's text, even where asking for it fails."""
    try:
        return str(error)
    except Exception:
        return "?"
