"""The protocols through which the tables are shown. Routes and trainer ask here for names, words.

A view is a module with the functions and the constants in capitals of ``openai_view.py``.
"""

from __future__ import annotations

from types import ModuleType

from lessonlib.practice import azure_view, openai_view

VIEWS: dict[str, ModuleType] = {openai_view.NAME: openai_view, azure_view.NAME: azure_view}
