"""The one kind of error that lessonlib raises on purpose, and other errors told in one line."""

from __future__ import annotations


class LessonError(Exception):
    """Something the learner can mend. The text says what is wrong, where, and the cure.

    In a notebook only the text is shown, without a traceback: the traceback would
    point into lessonlib, and the mistake is never there.
    """

    def __init__(self, problem: str, cure: str = ""):
        self.problem = problem
        self.cure = cure
        super().__init__(f"{problem}\n  Cure: {cure}" if cure else problem)

    def _render_traceback_(self) -> list[str]:
        """IPython asks this for the lines to show in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def first_line(error: Exception) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
