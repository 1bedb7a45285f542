"""The decision: prompt, look up or tune? The guide, its evidence, the written record.

Read ``questionnaire.py`` with notebook 03: it reads the questions, and holds the rules that turn
answers into a suggestion. Notebook 10 returns to the written record (``record.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.decision.guide import DecisionGuide
    from lessonlib.decision.questionnaire import suggest

__all__ = ["DecisionGuide", "suggest"]

__getattr__, __dir__ = face(__name__, {
    "DecisionGuide": "guide",
    "suggest": "questionnaire",
})
