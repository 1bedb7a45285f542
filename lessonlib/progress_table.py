"""The learner's own progress, as a table for a notebook or a terminal."""

from __future__ import annotations

import html
from dataclasses import dataclass

from lessonlib import progress_file, quizzes
from lessonlib.exercises import all_exercises
from lessonlib.i18n import _

STATE = {"right": _("right"), "tried": _("tried"), "": _("not yet")}


@dataclass(frozen=True)
class ProgressTable:
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

    def __str__(self) -> str:
        rows, problem = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        ]
        if not rows:
            lines = [_("There are no exercises in notebook {name}.").format(name=self.notebook)]
        return "\n".join(lines + [problem] * bool(problem))

    def _repr_html_(self) -> str:
        rows, problem = self.rows()
        heading = (_("number"), _("title"), _("effort"), _("state"))
        lines = [_line(heading, 'th scope="col"'), *(_line(row, "td") for row in rows)]
        note = f"<p>{html.escape(problem)}</p>" if problem else ""
        return f"<table>\n{chr(10).join(lines)}\n</table>{note}"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def _line(cells: tuple[str, ...], tag: str) -> str:
    inner = "".join(
        f'<{tag} style="text-align: left">{html.escape(cell)}</{tag.split()[0]}>' for cell in cells
    )
    return f"<tr>{inner}</tr>"
