"""The ruler: ask a model, score its answers, say how sure the score is, and keep it.

Read this first, with notebook 00: ``evaluation.py``, then ``bootstrap.py`` and ``paired.py``. The
ruler does not know what it measures: the answers of each task know their own scores (``rows.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.measure.evaluation import Method, compare, evaluate
    from lessonlib.measure.scoreboard import Scoreboard

__all__ = ["Method", "Scoreboard", "compare", "evaluate"]

__getattr__, __dir__ = face(__name__, {
    "Method": "evaluation",
    "Scoreboard": "scoreboard",
    "compare": "evaluation",
    "evaluate": "evaluation",
})
