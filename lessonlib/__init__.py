"""What the notebooks of this course import.

The names below are loaded when they are first used, so that ``import lessonlib`` takes no
time and a notebook that only counts tokens does not load a neural network.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lessonlib import common_known_warnings

if TYPE_CHECKING:
    from lessonlib.evaluation import Method, compare, evaluate
    from lessonlib.providers import connect
    from lessonlib.scoreboard import Scoreboard

common_known_warnings.silence()

_HOMES = {
    "connect": "lessonlib.providers",
    "evaluate": "lessonlib.evaluation",
    "Method": "lessonlib.evaluation",
    "compare": "lessonlib.evaluation",
    "Scoreboard": "lessonlib.scoreboard",
}

__all__ = ["Method", "Scoreboard", "compare", "connect", "evaluate"]


def __getattr__(name: str) -> Any:
    """Load one of the names above on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lessonlib' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
