"""The two tasks of the lessons, recipes and text-to-SQL: examples, prompts, retrieval, scores.

Read it with notebooks 01 and 02: ``recipes.py``, then ``prompting.py`` and ``retrieval.py``. SQL
that a model wrote is run in ``sql_sandbox.py``, where it can do no harm.
"""
