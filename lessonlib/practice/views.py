"""The protocols through which the tables are shown. The trainer asks here for names and words.

A view is a module with ``new_file_id``, ``checkpoint_name``, ``result_content`` and
``RESULTS_NAME``; see ``openai_view.py``.
"""

from __future__ import annotations

from types import ModuleType

from lessonlib.practice import openai_view

VIEWS: dict[str, ModuleType] = {openai_view.NAME: openai_view}
