"""Exercises and quizzes: the feedback, the learner's progress, the quiz widget.

You need not read this. What makes an answer right is in ``checks/``, one file for each notebook, so
look there only after you have tried. (``answers.py`` reads what a learner gave; it knows no
solutions.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.exercises.feedback import check, exercise, require
    from lessonlib.exercises.quiz_widget import quiz

__all__ = ["check", "exercise", "quiz", "require"]

__getattr__, __dir__ = face(__name__, {
    "check": "feedback",
    "exercise": "feedback",
    "quiz": "quiz_widget",
    "require": "feedback",
})
