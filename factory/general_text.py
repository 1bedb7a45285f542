"""Writes data/general_text/held_out.jsonl: text like that of pretraining, never trained on.

    python -m factory.general_text

The course measures on it what a model forgets when it is tuned.
"""

from __future__ import annotations

import json
from random import Random

from factory.corpus import Phase, document
from lessonlib.common.paths import DATA

TARGET = DATA / "general_text" / "held_out.jsonl"
DOCUMENTS = 150


def text() -> str:
    """The file's text: one JSON object with kind and text a line."""
    rng = Random("held out")
    rows = []
    for _ in range(DOCUMENTS):
        kind, segments = document(rng, Phase(512))
        rows.append({"kind": kind, "text": "".join(part for part, _ in segments)})
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(text().encode("utf-8"))
    print(f"{TARGET.name}: {DOCUMENTS} documents")
