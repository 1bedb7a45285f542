"""Many callers at the same moment, as in a room where everyone presses the key at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def together(calls: list[Callable[[], None]]) -> float:
    """Make all calls at the same moment, each in a thread; seconds until the last is done."""
    barrier, failures = threading.Barrier(len(calls) + 1), []

    def one(call: Callable[[], None]) -> None:
        barrier.wait()
        try:
            call()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    barrier.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - begun
