"""Ask for a yes before something costs money. No answer is a no."""

from __future__ import annotations

from lessonlib.i18n import _


def yes(question: str) -> bool | None:
    """Whether somebody typed yes; None where nobody is there to be asked.

    A program that runs a notebook, or a script without a terminal, cannot answer. Enter alone,
    or any other word, is a no.
    """
    try:
        answer = input(question)
    except (EOFError, OSError, NotImplementedError):  # no terminal, or a notebook without stdin
        return None
    return answer.strip().lower() in (_("yes"), "yes")
