"""Facts that age: prices, limits, dates. Each has its source and the day on which it was read.

They are kept in ``data/facts/*.toml``, and nowhere else in the course. A *fact* is a table of such
a file that has ``source`` and ``read``::

    facts.closing()                       # which services are closing, and when
    facts.ends("gpt-4.1-mini").ends       # when a model ends, with its tuned ones
    facts.limits()["file"]["bytes"]       # what a service asks of a training file
    python start.py check --facts         # how old each fact is
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from lessonlib.common import paths
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

FOLDER = paths.DATA / "facts"
#: From this age on a fact should be looked up again.
OLD_DAYS = 90
#: What names a fact in a list of them.
_NAMES = ("model", "service", "name")


@dataclass(frozen=True)
class Fact:
    """One fact. ``file`` and ``name`` say where it stands, ``read`` when it was looked up."""

    file: str
    name: str
    source: str
    read: date

    def days(self, today: date) -> int:
        """Its age."""
        return (today - self.read).days


@dataclass(frozen=True)
class ModelEnd:
    """When a hosted model ends, and all that was tuned from it. ``announced``: where known."""

    model: str
    ends: date
    source: str
    read: date
    announced: date | None = None
    note: str = ""


@dataclass(frozen=True)
class Notice:
    """What changes on a day in who may fine-tune at a service."""

    service: str
    day: date
    text: str
    source: str
    read: date


@cache
def read(name: str, folder: Path = FOLDER) -> dict:
    """One file of facts, such as ``read("prices.toml")``.

    Introduced in notebook 03.
    """
    with open(folder / name, "rb") as file:
        return tomllib.load(file)


#: The versions of the interfaces to Azure's control plane and data plane that the course speaks.
API_VERSION = read("limits.toml")["azure"]["interface"]["control_plane"]
DATA_API_VERSION = read("limits.toml")["azure"]["interface"]["data_plane"]


def everything(folder: Path = FOLDER) -> list[Fact]:
    """All facts of all files.

    Raises:
        LessonError: a table holds values, and neither it nor one around it has source and day.
    """
    return [
        fact
        for path in sorted(folder.glob("*.toml"))
        for fact in _facts(read(path.name, folder), path.name, ())
    ]


def _facts(table: dict, file: str, place: tuple[str, ...]) -> Iterator[Fact]:
    """The facts in a table and in the tables within it."""
    name = ".".join(place)
    if "read" in table and "source" in table:
        yield Fact(file, name, table["source"], table["read"])
        return
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _facts(value, file, (*place, key))
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            for number, one in enumerate(value, start=1):
                yield from _facts(one, file, (*place, key, _called(one, number)))
        else:
            raise LessonError(
                _("{file}, {place}: {key} has no source or no day on which it was read.").format(
                    file=file, place=name or "-", key=key),
                _("Add source and read to its table."),
            )


def _called(row: dict, number: int) -> str:
    """What a row of a list is called: its name and what tells it from its neighbours."""
    names = [str(row[key]) for key in _NAMES if key in row] or [str(number)]
    if row.get("tuned"):
        names.append(_("fine-tuned"))
    if "day" in row:
        names.append(str(row["day"]))
    return " ".join(names)


def limits(service: str = "openai") -> dict[str, dict]:
    """What a service asks of a training file: ``limits()["examples"]["minimum"]`` is 10.

    Raises:
        LessonError: the list does not have the service.
    """
    services = read("limits.toml")
    if service not in services:
        raise LessonError(
            _("The list of limits has no service {service!r}.").format(service=service),
            _("It has: {names}.").format(names=", ".join(services)),
        )
    return services[service]


def ends(model: str) -> ModelEnd:
    """When a hosted model ends.

    Args:
        model: such as ``gpt-4.1-mini``; a date at its end does not matter.

    Raises:
        LessonError: the list does not have it.

    Introduced in notebook 03.
    """
    known = model_ends()
    for one in sorted(known, key=lambda one: len(one.model), reverse=True):
        if model == one.model or model.startswith(one.model + "-2"):
            return one
    raise LessonError(
        _("The list of models has no {model!r}.").format(model=model),
        _("It has: {names}.").format(names=", ".join(one.model for one in known)),
    )


def model_ends() -> tuple[ModelEnd, ...]:
    """All hosted models of the list, with the day on which each ends.

    Introduced in notebook 06.
    """
    return tuple(ModelEnd(**row) for row in read("models.toml")["model"])


def closing(service: str | None = None) -> tuple[Notice, ...]:
    """How services that fine-tune are closing, in the order of the days.

    Introduced in notebook 06.
    """
    notices = [Notice(**row) for row in read("closing.toml")["notice"]]
    kept = [one for one in notices if service in (None, one.service)]
    return tuple(sorted(kept, key=lambda one: one.day))


def report(today: date | None = None, folder: Path = FOLDER) -> str:
    """How old each fact is, the oldest first; the old ones are marked, with what to do."""
    today = today or date.today()
    found = sorted(everything(folder), key=lambda fact: (fact.read, fact.file))
    lines = []
    for fact in found:
        mark = "[old]" if fact.days(today) > OLD_DAYS else "[ok]"
        age = _("{days} days").format(days=fact.days(today))
        lines.append(f"{mark:<7}{fact.read.isoformat()} {age:>9}  {fact.file}: {fact.name}")
        if mark == "[old]":
            lines.append(f"       {_('Source')}: {fact.source}")
    old = sum(fact.days(today) > OLD_DAYS for fact in found)
    lines.append(_("{count} facts, {old} of them read more than {days} days ago.").format(
        count=len(found), old=old, days=OLD_DAYS))
    if old:
        lines.append(_("Look those up at their sources, then change the value and the day in"
                       " data/facts/."))
    return "\n".join(lines)
