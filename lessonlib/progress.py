"""The old name of ``show_live``'s bar, until its last user has moved."""

from lessonlib.show_live import bar, tqdm  # noqa: F401
