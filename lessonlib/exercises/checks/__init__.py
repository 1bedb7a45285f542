"""What makes an answer right: a file for each notebook. ``exercises/feedback.py`` explains how."""
