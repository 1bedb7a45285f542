"""The course's own tools: setting up, building notebooks, the rehearsal.

``start.py`` is their front door. No notebook and no lessonlib module imports them.
"""
