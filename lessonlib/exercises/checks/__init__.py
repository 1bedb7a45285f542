"""What makes the answers right: one module for each notebook. See ``exercises/feedback.py``."""
