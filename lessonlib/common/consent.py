"""Ask for a yes before something costs money. No answer is a no."""

from __future__ import annotations

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _


def yes(question: str) -> bool | None:
    """Whether somebody typed yes; None where nobody is there to be asked.

    A program that runs a notebook, or a script without a terminal, cannot answer. Enter alone,
    or any other word, is a no.
    """
    try:
        answer = input(question)
    except (EOFError, OSError, RuntimeError, ValueError):
        # No terminal, none any more (a RuntimeError), or a notebook without stdin (one, too).
        return None
    return answer.strip().lower() in (_("yes"), "yes")


def agree(question: str, confirm: bool | None, nobody: LessonError, refused: LessonError) -> None:
    """Go on only after a yes.

    Args:
        confirm: True is a yes, for scripts; False a no; None asks.
        nobody: what is raised where nobody is there to be asked.
        refused: what is raised after a no.
    """
    answer = yes(question) if confirm is None else confirm
    if answer is None:
        raise nobody
    if not answer:
        raise refused
