"""One base model, several adapters: which of them can do which job?"""

from __future__ import annotations

from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Result
from lessonlib.show.tables import Table


def table(results: dict[tuple[str, str], Result]) -> Table:
    """``results[adapter, job]`` as a table, an adapter a row and a job a column.

    Introduced in notebook 13.
    """
    adapters, jobs = (list(dict.fromkeys(key[part] for key in results)) for part in (0, 1))
    head = [_("adapter")]
    for job in jobs:
        one = results[adapters[0], job]
        head.append(f"{job}: {one.rows[0].METRICS[one.main_metric].title}")
    rows = [[adapter] + [str(next(iter(results[adapter, job].metrics().values())))
                         for job in jobs] for adapter in adapters]
    return Table(head, rows, words=(0,))
