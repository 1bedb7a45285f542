"""The learner's own progress, as a table for a notebook or a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from lessonlib import progress_file, quizzes
from lessonlib.exercises import all_exercises
from lessonlib.i18n import _
from lessonlib.tables import ShownAsTable, Table

STATE = {"right": _("right"), "tried": _("tried"), "": _("not yet")}


@dataclass(frozen=True, repr=False)
class ProgressTable(ShownAsTable):
    """Exercises and quizzes of one notebook ("03"), or of all (""), and how far each is."""

    notebook: str = ""

    def rows(self) -> tuple[list[tuple[str, str, str, str]], str]:
        """Number, title, effort, state; and a sentence where the progress cannot be read."""
        kept, problem = progress_file.load()
        rows = [
            (one.id, one.title, one.effort, STATE[kept["exercises"].get(one.id, "")])
            for one in all_exercises(self.notebook)
        ]
        for number in quizzes.numbers():
            if self.notebook in ("", number):
                quiz = quizzes.load(number)
                done = sum(
                    kept["quizzes"].get(question.key) == "right" for question in quiz.questions
                )
                state = _("{done} of {all} questions").format(done=done, all=len(quiz.questions))
                rows.append((number, quiz.title, _("Quiz."), state))
        # A quiz stands behind the exercises of its notebook.
        rows.sort(key=lambda row: row[0] if "-" in row[0] else f"{row[0]}-~")
        return rows, problem

    def table(self) -> Table:
        rows, problem = self.rows()
        none = _("There are no exercises in notebook {name}.").format(name=self.notebook)
        notes = [none] * (not rows) + [problem] * bool(problem)
        return Table((_("number"), _("title"), _("effort"), _("state")), rows, notes)
