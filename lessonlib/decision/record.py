"""Decision records: what was decided, and on what evidence, in a file for people and programs.

A record is a Markdown file in ``work/decisions/``, one for each use case. Its form is fixed, so
that it can be read back (``read``) and revisited, as notebook 10 does (``last``, ``changes``):

- the title is ``# Decision record: <use case>``, and below it stand ``- Date:``, ``- Decision:``,
  ``- Because:`` and ``- The guide suggests:``;
- each answered question is a heading ``### <question> (`id`)`` with ``- Answer: <text> (`id`)``
  and ``- Evidence: <sentence>`` below it, as many as there are;
- ``## Earlier decisions`` lists what stood there before: ``- <date>: <text> (`id`): <because>``.

Each value takes one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from lessonlib.common.errors import LessonError
from lessonlib.common.files import read_text, write_whole
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK
from lessonlib.decision import questionnaire

FOLDER = WORK / "decisions"
ID = re.compile(r"\(`(\w+)`\)$")
#: An editor may take the space away that stands at the end where there is no reason.
EARLIER = re.compile(r"- (\d{4}-\d\d-\d\d): [^`]*\(`(\w+)`\):(?: (.*))?")
#: The words of the form. Not translated: programs read them.
TITLE, FORM = "# Decision record: ", "<!-- form: 1 -->"


@dataclass(frozen=True)
class Record:
    """One decision.

    Attributes:
        use_case: what it is about, in a few words.
        made: the day.
        decided: a key of ``questionnaire.VERDICTS``.
        because: the learner's reason; may be empty.
        suggested: what the guide suggested; None where an answer was missing.
        answers: question id -> ids of the chosen options.
        evidence: question id -> sentences, as they stood on that day.
        earlier: (day, decided, because) of what this record replaced, oldest first.
    """

    use_case: str
    made: date
    decided: str
    because: str = ""
    suggested: str | None = None
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    earlier: tuple[tuple[date, str, str], ...] = ()

    def __str__(self) -> str:
        verdict = questionnaire.VERDICTS[self.decided]
        suggestion = f"{questionnaire.VERDICTS[self.suggested]} (`{self.suggested}`)" \
            if self.suggested else "nothing yet"
        lines = [
            TITLE + one_line(self.use_case), "", FORM, "",
            f"- Date: {self.made.isoformat()}",
            f"- Decision: {verdict} (`{self.decided}`)",
            f"- Because: {one_line(self.because)}".rstrip(),
            f"- The guide suggests: {suggestion}",
        ]
        for group, heading in questionnaire.GROUPS.items():
            asked = [one for one in questionnaire.questions() if one.group == group]
            answered = [one for one in asked if one.id in self.answers]
            lines += ["", f"## {heading}"] if answered else []
            for one in answered:
                lines += ["", f"### {one.text} (`{one.id}`)", ""]
                options = [one.option(id) for id in self.answers[one.id]]
                lines += [f"- Answer: {option.text} (`{option.id}`)" for option in options]
                lines += [f"- Evidence: {one_line(text)}" for text in self.evidence.get(one.id, ())]
        if self.earlier:
            lines += ["", "## Earlier decisions", ""]
            lines += [f"- {day.isoformat()}: {questionnaire.VERDICTS[id]} (`{id}`): {one_line(why)}"
                      for day, id, why in self.earlier]
        return "\n".join(lines) + "\n"

    def _repr_markdown_(self) -> str:
        """In a notebook: without a title of the first level, of which a page has one, and without
        the ids, which only programs need."""
        text = re.sub(r"(?m)^#", "###", str(self)).replace(FORM, "")
        return re.sub(r" \(`\w+`\)(?=$|:)", "", text, flags=re.MULTILINE)

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        """Where only text is shown: as the file has it."""
        printer.text(str(self))


def one_line(words: str) -> str:
    """The words without line breaks or runs of spaces."""
    return " ".join(words.split())


def path_of(use_case: str) -> Path:
    """The file of a use case: ``work/decisions/recipe-assistant.md``.

    Raises:
        LessonError: the name holds no letter or digit.
    """
    name = re.sub(r"[\W_]+", "-", use_case.lower()).strip("-")[:60].strip("-")
    if not name:
        raise LessonError(_("The decision has no name."),
                          _("Say in a few words what it is about, such as 'recipe assistant'."))
    return FOLDER / f"{name}.md"


def write(record: Record) -> Path:
    """Write a record. An earlier decision on the same use case is kept at the end of the file.

    Raises:
        LessonError: the record has no name, or the file that is there is no decision record.
    """
    path = path_of(record.use_case)
    earlier = record.earlier
    if path.exists():
        before = read(path)
        last = (before.made, before.decided, one_line(before.because))
        same = last[1:] == (record.decided, one_line(record.because))
        earlier = before.earlier if same else (*before.earlier, last)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = str(Record(**{**vars(record), "earlier": tuple(earlier)}))
    write_whole(path, text)
    return path


def read(path: str | Path) -> Record:
    """A record from its file, whatever was added between its lines.

    Raises:
        LessonError: the file is missing, or breaks the form. The text names file and line.
    """
    values: dict[str, str] = {}
    answers: dict[str, list[str]] = {}
    evidence: dict[str, list[str]] = {}
    earlier, asked = [], ""
    for number, text in enumerate(read_text(path).splitlines(), start=1):
        if text.startswith("## "):
            asked = ""
        elif text.startswith("### "):
            asked = _id(path, number, text)
        elif asked and text.startswith("- Answer: "):
            answers.setdefault(asked, []).append(_id(path, number, text))
        elif asked and text.startswith("- Evidence: "):
            evidence.setdefault(asked, []).append(text.removeprefix("- Evidence: "))
        elif match := EARLIER.fullmatch(text):
            earlier.append((match[1], match[2], match[3] or ""))
        elif text.startswith(TITLE):
            values.setdefault("title", text.removeprefix(TITLE))
        elif not asked and (match := re.fullmatch(r"- ([A-Z][\w ]*):(?: (.*))?", text)):
            values.setdefault(match[1], match[2] or "")
    suggested = ID.search(values.get("The guide suggests", ""))
    try:
        return Record(
            values["title"], date.fromisoformat(values["Date"]),
            _known(ID.search(values["Decision"])[1]), values.get("Because", ""),
            suggested and _known(suggested[1]), questionnaire.checked(answers),
            {id: tuple(texts) for id, texts in evidence.items()},
            tuple((date.fromisoformat(day), _known(id), why) for day, id, why in earlier),
        )
    except (KeyError, TypeError, ValueError):
        raise LessonError(
            _("{path} is no decision record: its title, a date or a decision cannot be"
              " read.").format(path=path),
            _("The form is described in lessonlib/decision/record.py. Fix the file, or delete it"
              " and decide again."),
        ) from None


def _known(verdict: str) -> str:
    if verdict not in questionnaire.VERDICTS:
        raise ValueError(verdict)
    return verdict


def _id(path: str | Path, number: int, text: str) -> str:
    """The id in brackets at the end of a line."""
    match = ID.search(text)
    if match:
        return match[1]
    raise LessonError(
        _("{path}, line {number}: the id in brackets is missing at the end.").format(
            path=path, number=number),
        _("Write it back: it stands in data/decisions/guide.toml."),
    )


def last(use_case: str) -> Record | None:
    """The record that was written before; None where there is none yet.

    Raises:
        LessonError: there is a file, and it is no decision record.

    Introduced in notebook 03.
    """
    path = path_of(use_case)
    return read(path) if path.exists() else None


def changes(before: Record | None, after: Record) -> list[str]:
    """Sentences on what is different: the decision, the answers, the evidence.

    Introduced in notebook 10.
    """
    if before is None:
        return [_("There was no record on {use_case!r} yet: this is the first.").format(
            use_case=after.use_case)]
    said = []
    if before.decided == after.decided:
        said.append(_("The decision stands: {decided}.").format(
            decided=questionnaire.VERDICTS[after.decided]))
    else:
        said.append(_("The decision has changed, from {before!r} to {after!r}.").format(
            before=questionnaire.VERDICTS[before.decided],
            after=questionnaire.VERDICTS[after.decided]))
    for one in questionnaire.questions():
        old, new = before.answers.get(one.id, ()), after.answers.get(one.id, ())
        if old != new:
            said.append(_("{question} Before: {old}. Now: {new}.").format(
                question=one.text, old=_texts(one, old), new=_texts(one, new)))
    fresh = [id for id, texts in after.evidence.items() if texts != before.evidence.get(id, ())]
    if fresh:
        said.append(_("There is new evidence on: {ids}.").format(ids=", ".join(fresh)))
    return said


def _texts(question: questionnaire.Question, ids: tuple[str, ...]) -> str:
    return " and ".join(f"'{question.option(id).text}'" for id in ids) or _("no answer")
