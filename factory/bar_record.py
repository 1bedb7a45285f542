"""What ``factory.bar`` has measured, as data/models/pantry/bar.json holds it."""

from __future__ import annotations

from dataclasses import asdict

from lessonlib.measure.evaluation import Result


def record(bar, seconds: int | None, before: dict | None) -> dict:
    """What bar.json is to hold; where there is a record ``before``, it is kept but for what is new.

    The claims of a part that was measured anew take the place of its old ones.

    Args:
        bar: a ``factory.bar.Bar`` that has measured; ``bar.part`` is the last part's name.
        seconds: how long tuning took; None where nothing was tuned for all parts.
        before: the record so far, where only one part was measured.
    """
    claims = [asdict(claim) for claim in bar.claims]
    results = [_row(name, split, result) for (name, split), result in bar.results.items()]
    if before is not None:
        claims = merged(before["claims"], claims, bar.part)
        new = {(row["method"], row["split"]): row for row in results}
        results = [new.pop((row["method"], row["split"]), row) for row in before["results"]]
        results += new.values()
        seconds = before["tuning_seconds"] if seconds is None else seconds
    return dict(claims=claims, results=results, recipes=len(bar.splits["test"]),
                tuning_seconds=seconds)


def merged(old: list[dict], new: list[dict], part: str) -> list[dict]:
    """The old claims, those of one part replaced by the new ones, at the same place."""
    places = [place for place, one in enumerate(old) if one["part"] == part]
    start = places[0] if places else len(old)
    after = [one for one in old[start:] if one["part"] != part]
    return [*old[:start], *new, *after]


def _row(name: str, split: str, result: Result) -> dict:
    metrics = {
        key: [round(m.value, 4), round(m.low, 4), round(m.high, 4)]
        for key, m in result.metrics().items()
    }
    return dict(method=name, split=split, prompt_tokens=round(result.prompt_tokens, 1), **metrics)
