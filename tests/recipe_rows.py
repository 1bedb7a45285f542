"""Rows of the recipe task for tests that need a result and no model."""

from __future__ import annotations

from lessonlib.tasks.recipes import Row


def recipe_row(id: str = "r", right: int = 1, expected: int = 1, **other) -> Row:
    """An answer that names ``right`` of ``expected`` ingredients, and no wrong one unless
    ``predicted`` says so."""
    usual = {"text": "", "items": (), "valid_json": True, "predicted": right,
             "exact": right == expected, "prompt_tokens": 100, "completion_tokens": 20,
             "seconds": 0.25}
    return Row(id=id, true_positives=right, expected=expected, **(usual | other))
