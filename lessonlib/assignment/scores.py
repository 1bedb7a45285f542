"""One answer of a model against the right one, for tasks that learners bring.

Three kinds of answers, three scores.

- *label*: a word or two from a small set. ``accuracy`` is the share of right ones; capitals,
  quotes and a full stop at the end do not matter. ``known_label`` is the share of answers that
  are a label at all.
- *fields*: a JSON object or list. ``micro_f1`` counts its fields (or items) over all examples
  together, as for recipes; an answer that is not JSON counts as empty.
- *text*: free text. There is no one right answer. ``nearness`` compares each answer with the
  wanted text of its own question and with those of the others (``assignment.nearness``), so that
  the same text for every question gets 0. ``form_checks`` beside it is the share of some simple
  checks that the answers pass (``assignment.forms``); it must decide nothing alone, for a text
  that suits every question may pass them all. How likely a model finds the right answers is
  measured as well: ``assignment.answer_loss``.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import ClassVar

from lessonlib.assignment import forms
from lessonlib.assignment.nearness import nearness
from lessonlib.common.i18n import _
from lessonlib.measure import bootstrap
from lessonlib.measure.rows import Answered, Metric
from lessonlib.tasks import recipes

KINDS = {"label": _("labels"), "fields": _("JSON"), "text": _("free text")}


@dataclass(frozen=True)
class OwnExample:
    """One row that a learner brought.

    Attributes:
        id: ``row-12``, the row's number in its file.
        question, answer: what goes in, and what should come out.
        kind: one of ``KINDS``.
        must: words that a right answer holds, whatever its style.
        form: a form that the answer has, see ``forms.FORMS``; "" for none.
        labels: all labels of the task; empty unless the kind is ``label``.
        beside: the wanted texts of all examples that are asked together, its own among them;
            empty unless the kind is ``text``.
    """

    id: str
    question: str
    answer: str
    kind: str = "text"
    must: tuple[str, ...] = ()
    form: str = ""
    labels: tuple[str, ...] = ()
    beside: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def row(self) -> int:
        """The row's number in its file."""
        return int(self.id.rsplit("-", 1)[1])

    def score(self, answer: dict) -> LabelRow | FieldsRow | TextRow:
        """A model's answer (see ``lessonlib.measure.asking``) against the right one."""
        text = answer["text"]
        if self.kind == "label":
            given = plain_label(text)
            known = given in {plain_label(one) for one in self.labels}
            return LabelRow(id=self.id, right=given == plain_label(self.answer), known=known,
                            **answer)
        if self.kind == "fields":
            given, wanted = as_fields(text), as_fields(self.answer) or Counter()
            counted = given or Counter()
            return FieldsRow(
                id=self.id, true_positives=(counted & wanted).total(), predicted=counted.total(),
                expected=wanted.total(), exact=given is not None and counted == wanted,
                valid_json=given is not None, **answer)
        passed = [check.passed for check in forms.look(text, self.form, self.must)]
        return TextRow(id=self.id, nearness=nearness(text, self.answer, self.beside),
                       passed=sum(passed), checks=len(passed), **answer)

    def of_kind(self, kind: str, answer: str) -> OwnExample:
        """The same example with another kind and spelling."""
        return replace(self, kind=kind, answer=answer)


@dataclass(frozen=True, kw_only=True)
class LabelRow(Answered):
    """A label and its score."""

    METRICS: ClassVar[dict[str, Metric]] = {
        "accuracy": Metric(_("accuracy"), lambda row: (row.right, 1), bootstrap.share),
        "known_label": Metric(_("known label"), lambda row: (row.known, 1), bootstrap.share),
    }

    right: bool
    known: bool


@dataclass(frozen=True, kw_only=True)
class FieldsRow(Answered):
    """A JSON answer and its score; counted as the items of a recipe are."""

    METRICS: ClassVar[dict[str, Metric]] = recipes.Row.METRICS

    true_positives: int
    predicted: int
    expected: int
    exact: bool
    valid_json: bool


@dataclass(frozen=True, kw_only=True)
class TextRow(Answered):
    """A free text: how near it is, and the checks of form that it passed, out of so many."""

    METRICS: ClassVar[dict[str, Metric]] = {
        "nearness": Metric(_("nearness"), lambda row: (row.nearness, 1), bootstrap.share),
        "form_checks": Metric(
            _("form checks"), lambda row: (row.passed, row.checks), bootstrap.share),
    }

    passed: int
    checks: int
    nearness: float = 0.0  # results that were written down before there was one have none


def plain_label(text: str) -> str:
    """A label without capitals, quotes, and a full stop at its end."""
    return " ".join(text.casefold().split()).strip(" .\"'`*")


def as_fields(text: str) -> Counter | None:
    """The fields of a JSON object, or the items of a JSON list; None for anything else.

    ``{"team": "billing", "tags": ["late", "tax"]}`` has the fields team=billing, tags=late and
    tags=tax. Texts are compared without regard to capitals.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        value = {"": value}
    if not isinstance(value, dict):
        return None
    return Counter(
        (str(name).casefold(), _plain(one))
        for name, found in value.items()
        for one in (found if isinstance(found, list) else [found]))


def _plain(value: object) -> str:
    if isinstance(value, str):
        return " ".join(value.casefold().split())
    return json.dumps(value, sort_keys=True)
