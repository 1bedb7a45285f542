"""One base model, several adapters: which of them can do which job?"""

from __future__ import annotations

from dataclasses import replace

from lessonlib.common import paths
from lessonlib.common.i18n import _
from lessonlib.measure.evaluation import Result
from lessonlib.show.tables import Table


def table(results: dict[tuple[str, str], Result]) -> Table:
    """``results[adapter, job]`` as a table, an adapter a row and a job a column.

    Introduced in notebook 08.
    """
    adapters, jobs = (list(dict.fromkeys(key[part] for key in results)) for part in (0, 1))
    head = [_("adapter")]
    for job in jobs:
        one = results[adapters[0], job]
        head.append(f"{job}: {one.rows[0].METRICS[one.main_metric].title}")
    rows = [[adapter] + [str(next(iter(results[adapter, job].metrics().values())))
                         for job in jobs] for adapter in adapters]
    return Table(head, rows, words=(0,))


def ensure(name: str, base: str, examples: int) -> None:
    """See that the recipe adapter ``name`` is there; tune it where it is not.

    So that each part of notebook 08 can be run without the one that makes the adapter.

    Introduced in notebook 08.
    """
    if (paths.ADAPTERS / name / "adapter_config.json").is_file():
        return
    from lessonlib import lora
    from lessonlib.lora import plan
    from lessonlib.tasks import recipes, training_rows

    print(_("There is no adapter {name} yet, so we tune it first.").format(name=name))
    rows = training_rows.chat_rows(recipes.load("train")[:examples])
    settings = replace(plan.make(base).settings, epochs=4)
    lora.tune(rows, name, base=base, settings=settings, show=False, merge=False)
