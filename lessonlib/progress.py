"""One progress bar for everything that takes a while."""

from __future__ import annotations

import os

from tqdm.auto import tqdm


def bar(total: int, label: str, unit: str, initial: int = 0, show: bool = True) -> tqdm:
    """A progress bar that is gone when the work is done: a widget in a notebook, else text.

    ``LESSON_PROGRESS=0`` in the environment hides all bars. The saved notebooks are made and
    tested that way: a bar leaves its first state behind in the file, and whether there is one at
    all depends on what the cache already holds.
    """
    hidden = os.environ.get("LESSON_PROGRESS", "1") == "0"
    return tqdm(
        total=total,
        desc=label,
        unit=f" {unit}",
        initial=initial,
        leave=False,
        disable=hidden or not show,
    )
