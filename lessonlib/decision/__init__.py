"""The decision: prompt, look up or tune? The guide, its evidence, the written record.

Read ``rules.py`` with notebook 03: it turns answers into a suggestion. The questions are read by
``questionnaire.py``. Notebook 10 returns to the written record (``record.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.decision.guide import DecisionGuide
    from lessonlib.decision.measured import against, reached
    from lessonlib.decision.rules import suggest

__all__ = ["DecisionGuide", "against", "reached", "suggest"]

__getattr__, __dir__ = face(__name__, {
    "DecisionGuide": "guide",
    "against": "measured",
    "reached": "measured",
    "suggest": "rules",
})
