"""What the learner has done, kept in ``work/progress.json``: exercises and quiz questions.

Losing this file costs nothing but a list of ticks. So nothing here ever raises: if something goes
wrong, a sentence to show comes back.
"""

from __future__ import annotations

import json
import os

from filelock import FileLock

from lessonlib.common.files import write_whole
from lessonlib.common.i18n import _
from lessonlib.common.paths import WORK

PATH = WORK / "progress.json"
#: From nothing done to done; what was once right stays right.
STATES = ("tried", "right")
SECTIONS = ("exercises", "quizzes")

#: A file says in which edition of the course it was written; one that does not is of the first.
EDITION = 3
#: With edition 2, notebook 08 became three: where its exercises and questions are now.
MOVED = {
    "exercises": {"08-1": "12-1", "08-2": "12-2", "08-3": "13-1"},
    "quizzes": {"08/adapters": "12/adapters", "08/qlora": "12/qlora", "08/memory": "12/memory",
                "08/execution": "13/execution"},
}  # fmt: skip
#: With edition 3, the order of numbers became the order of reading: the notebooks' new numbers.
RENUMBERED = {"01": "04", "02": "03", "03": "01", "04": "02"}
#: Exercises that edition 3 replaced by others under the same number; by today's numbers. Their
#: ticks would say that the new ones were done.
REPLACED = {"exercises": {"01-3", "02-2", "02-3"}}

Progress = dict[str, dict[str, str]]


def load() -> tuple[Progress, str]:
    """What is kept: section -> name -> state; and a sentence where it cannot be read, else ''."""
    empty: Progress = {section: {} for section in SECTIONS}
    try:
        kept = json.loads(PATH.read_text(encoding="utf-8"))
        edition = kept.pop("edition", 1) if isinstance(kept, dict) else None
        if _is_progress(kept):
            return _moved(empty | kept, edition), ""
    except FileNotFoundError:
        return empty, ""
    except OSError as error:
        return empty, _("Your progress cannot be read: {reason}.").format(reason=error.strerror)
    except (ValueError, RecursionError):
        pass  # not UTF-8, or not JSON
    return empty, _("{name} is damaged, so your progress starts over.").format(name=PATH.name)


def _is_progress(kept: object) -> bool:
    """A dictionary of dictionaries, whose values are states that we know."""
    return isinstance(kept, dict) and all(
        isinstance(states, dict) and all(state in STATES for state in states.values())
        for states in kept.values()
    )


def _moved(progress: Progress, edition: int) -> Progress:
    """The progress that a file of this edition holds, under the names of today."""

    def today(section: str, name: str) -> str:
        if edition < 2:
            name = MOVED.get(section, {}).get(name, name)
        if edition < 3:
            name = RENUMBERED.get(name[:2], name[:2]) + name[2:]
        return name

    moved = {
        section: {today(section, name): state for name, state in states.items()}
        for section, states in progress.items()
    }
    if edition < 3:
        for section, names in REPLACED.items():
            moved[section] = {n: s for n, s in moved[section].items() if n not in names}
    return moved


def record(section: str, name: str, state: str) -> str:
    """Keep that an exercise or a question was tried, or is right. Returns '' or a sentence."""
    try:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{PATH}.lock", timeout=10):
            progress, problem = load()
            if problem:
                aside = PATH.with_name("progress.damaged.json")
                os.replace(PATH, aside)
                problem += " " + _("The old file is kept as {name}.").format(name=aside.name)
            if progress[section].get(name) in (state, "right"):
                return problem
            progress[section][name] = state
            written = {"edition": EDITION, **progress}
            write_whole(PATH, json.dumps(written, indent=1, ensure_ascii=False))
            return problem
    except OSError as error:  # a lock that cannot be had is one of these, too
        return _("Your progress could not be kept: {reason}.").format(
            reason=error.strerror or error
        )
