"""What the notebooks of this course import.

It has sixteen rooms. CONTRIBUTING.md lists them, says which are worth reading with which notebook,
and where to look for what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common import known_warnings
from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.measure.evaluation import Method, compare, evaluate
    from lessonlib.measure.scoreboard import Scoreboard
    from lessonlib.services.clients import connect

known_warnings.silence()

__all__ = ["Method", "Scoreboard", "compare", "connect", "evaluate"]

__getattr__, __dir__ = face(__name__, {
    "Method": "measure.evaluation",
    "Scoreboard": "measure.scoreboard",
    "compare": "measure.evaluation",
    "connect": "services.clients",
    "evaluate": "measure.evaluation",
})
