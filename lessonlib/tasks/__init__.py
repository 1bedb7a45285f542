"""The lessons' tasks, recipes and text-to-SQL: examples, prompts, retrieval, scores.

Read it with notebooks 03 and 04: ``recipes.py``, ``prompting.py``, ``retrieval.py``. A model's SQL
runs in ``sql_sandbox.py``.
"""
