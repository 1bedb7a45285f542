"""What makes the answers right: one module for each notebook. See ``lessonlib.exercises``."""
