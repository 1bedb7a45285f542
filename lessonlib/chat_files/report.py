"""What a check of a chat training file has found: told to people, and in a service's words."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from lessonlib.chat_files.problems import ERROR, RULES, WARNING, Problem
from lessonlib.chat_files.tokens import TokenStatistics
from lessonlib.common.facts import limits
from lessonlib.common.i18n import _
from lessonlib.show.tables import Table

#: Problems that are kept in full. All are counted; a file that breaks a rule more often than
#: this is broken in one way all over, and further examples of it would only fill the memory.
KEPT = 100_000
#: How many places of one kind a table shows, and how many more lines it then names.
SHOWN, NAMED = 3, 8
_PLACES = {key: place for place, key in enumerate(RULES)}
#: Found by checks that no service makes; a file with these is still trained.
NOT_SEEN_BY_SERVICES = ("leak_from_test",)


@dataclass
class Report:
    """The result of ``chat_files.check``.

    Attributes:
        name: the file's name.
        examples: lines that are not empty, sound or not.
        sound: examples without an error.
        bytes: size of what was read.
        problems: all problems, in the order of the file; the first 100,000 of them in a file
            that is broken all over. ``counts`` has all.
        counts: how often each (key, level) was found.
        tokens: lengths of the sound examples; None where tokens were not counted.
        limit: the most tokens an example may have; None where that was not checked.
        stopped_at: the line after which no more was read, as the caller wished.
    """

    name: str
    examples: int = 0
    sound: int = 0
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list, repr=False)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    tokens: TokenStatistics | None = field(default=None, repr=False)
    limit: int | None = None
    stopped_at: int | None = None

    def add(self, problem: Problem) -> None:
        self.counts[problem.key, problem.level] += 1
        if len(self.problems) < KEPT:
            self.problems.append(problem)

    @property
    def errors(self) -> int:
        return sum(n for (_key, level), n in self.counts.items() if level == ERROR)

    @property
    def warnings(self) -> int:
        return sum(n for (_key, level), n in self.counts.items() if level == WARNING)

    @property
    def ok(self) -> bool:
        """True if there is no error; there may be warnings."""
        return self.errors == 0

    @property
    def keys(self) -> list[str]:
        """The kinds of problems that were found, in the order of the rules."""
        found = {key for key, _level in self.counts}
        return [key for key in RULES if key in found]

    def of(self, key: str) -> list[Problem]:
        """All problems of one kind."""
        return [problem for problem in self.problems if problem.key == key]

    def headline(self) -> str:
        """The result in a sentence or two."""
        text = _("{name}: examples: {examples:,}, errors: {errors:,}, warnings: {warnings:,}.")
        text = text.format(name=self.name, examples=self.examples, errors=self.errors,
                           warnings=self.warnings)
        if not self.counts:
            return f"{text} {_('No problem found.')}"
        end = _("Fix the errors before you train.") if self.errors else _("It can be trained.")
        return f"{text} {end}"

    def notes(self) -> list[str]:
        """What the reader should know besides: what was not checked or not kept."""
        notes = []
        dropped = sum(self.counts.values()) - len(self.problems)
        if dropped:
            text = _("{count:,} more problems were counted, but not kept one by one.")
            notes.append(text.format(count=dropped))
        if self.stopped_at:
            text = _("Checking stopped at line {line}; what follows was not looked at.")
            notes.append(text.format(line=self.stopped_at))
        if self.tokens is not None and self.limit is None:
            notes.append(_("The model's limit is not known, so no length was checked."))
        return notes

    def lines(self) -> Iterator[tuple[str, str, str, str, str]]:
        """What is shown, kind by kind: (level, key, where, rule, cure); errors first.

        Of each kind the first few places are shown, then the lines of some more are named.
        """
        problems = sorted(self.problems, key=_order)  # stable: places stay in order
        for (_level, key), group in groupby(problems, key=_order):
            alike = list(group)
            level, key = alike[0].level, alike[0].key
            for problem in alike[:SHOWN]:
                yield level, key, problem.where or _("file"), problem.rule, problem.cure
            more = self.counts[key, level] - SHOWN
            if more > 0:
                yield level, key, _more_lines(alike), _("{n:,} more of these").format(n=more), ""

    def __str__(self) -> str:
        parts = [self.headline()]
        for level, key, where, rule, cure in self.lines():
            parts.append(f"[{level}] {where}: {rule}. ({key})")
            if cure:
                parts.append(f"  {_('Cure')}: {cure}")
        return "\n".join(parts + self.notes())

    def _repr_html_(self) -> str:
        """Plain HTML without colours of its own, so that light and dark themes both fit."""
        parts = [f"<p>{html.escape(self.headline())}</p>"]
        rows = list(self.lines())
        if rows:
            head = (_("level"), _("key"), _("where"), _("what is wrong"), _("cure"))
            parts.append(Table(head, rows, named=False)._repr_html_())
        parts += [f"<p><small>{html.escape(note)}</small></p>" for note in self.notes()]
        return "\n".join(parts)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def _order(problem: Problem) -> tuple[bool, int]:
    return problem.level != ERROR, _PLACES[problem.key]


def _more_lines(alike: list[Problem]) -> str:
    """The lines behind those that are shown, as far as there is room."""
    numbers = [str(problem.line) for problem in alike[SHOWN:] if problem.line is not None]
    numbers = list(dict.fromkeys(numbers))
    dots = ", …" if len(numbers) > NAMED else ""
    return _("lines {numbers}").format(numbers=", ".join(numbers[:NAMED]) + dots)


#: What OpenAI's service says to each kind of problem, in English always: it is the protocol's
#: text, not ours to translate. The first four wordings are real ones, as people have quoted them
#: from failed jobs since 2023. The others are ours, made after their pattern.
SERVICE_WORDS = {
    "not_json": "Example {n} cannot be parsed. Error: line contains invalid json: {parser} "
    "(line {line})",
    "unknown_key": 'Example {n}{m_if_any} contains an extra "{bare_name}".',
    "missing_role": "Example {n}, message {m} Discriminator 'role' is missing in value",
    "no_messages": "Example {n} is missing key 'messages'",
    # From here on, our own.
    "unknown_role": "Example {n}, message {m} No match for discriminator 'role' and value {role} "
    "(allowed values: 'system', 'user', 'assistant')",
    "bom": "Example {n} begins with a byte order mark (line {line})",
    "not_utf8": "Example {n} is not valid UTF-8 (line {line})",
    "blank_line": "Line {line} is empty",
    "line_too_long": "Example {n} is longer than {limit} bytes (line {line})",
    "trailing_comma": "Example {n} cannot be parsed. Error: line contains invalid json: "
    "useless comma: line 1 column {place} (line {line})",
    "not_object": "Example {n} is not a JSON object",
    "broken_text": "Example {n}, message {m} content contains a lone surrogate",
    "wrong_type": "Example {n}{m_if_any} has a value of the wrong type",
    "tool_calls": "Example {n}{m_if_any} uses {name}, which this practice service does not train",
    "no_assistant_message": "Example {n} has no message of the role 'assistant'",
    "nothing_to_learn": "Example {n} has no assistant message with weight 1",
    "missing_content": "Example {n}, message {m} is missing key 'content'",
    "empty_content": "Example {n}, message {m} content is empty",
    "wrong_name": "Example {n}, message {m} name does not match '^[a-zA-Z0-9_-]+$'",
    "wrong_weight": "Example {n}, message {m} weight must be 0 or 1, on assistant messages only",
    "too_long": "Example {n} has {tokens} tokens, more than the {limit} of the model",
    "template_refused": "Example {n} cannot be written by the model's chat template",
    "too_large": "The file has {bytes} bytes, more than {limit}",
}


def service_error(report: Report, param: str = "training_file") -> tuple[str, str, str] | None:
    """What a fine-tuning job says when it fails on this file: (code, message, param).

    Like OpenAI's service this names the first error of the file only. Format comes before
    number: a broken example is told before a lack of examples.

    Args:
        param: ``training_file`` or ``validation_file``.

    Returns:
        None if a service would train on the file.

    Introduced in notebook 05.
    """
    kind = param.removesuffix("_file")
    told_later = ("too_few_examples", "empty_file", *NOT_SEEN_BY_SERVICES)
    first = next((problem for problem in report.problems
                  if problem.level == ERROR and problem.key not in told_later), None)
    if first is not None:
        text = f"The job failed due to an invalid {kind} file. Invalid file format. {_say(first)}"
        return f"invalid_{param}", text, param
    minimum = limits()["examples"]["minimum"]
    if "too_few_examples" in report.keys or "empty_file" in report.keys:
        text = f"{kind.capitalize()} file has {report.examples} example(s), but must have at "
        return "invalid_n_examples", f"{text}least {minimum} examples", param
    return None


def _say(problem: Problem) -> str:
    """One problem in the service's words."""
    message = "" if problem.message is None else f", message {problem.message}"
    return SERVICE_WORDS[problem.key].format(
        n=problem.example,
        m=problem.message,
        m_if_any=message,
        bare_name=str(problem.details.get("name", ""))[1:-1],  # without its quotes
        line=problem.line,
        **problem.details,
    )
