"""Writes data/models/pantry/README.md, the built-in model's card, from measured records.

    python -m factory.model_card

Numbers come from training_record.json (written by ``factory.pretrain``) and bar.json (written by
``factory.bar``); this file holds only the words around them.
"""

from __future__ import annotations

import json
from pathlib import Path

from transformers import AutoModelForCausalLM

from factory import architecture as shape
from factory import batches, corpus, pretrain, tokenizer
from lessonlib.common.paths import BUILT_IN

_INTRODUCTION = """\
# pantry: the built-in practice model

`pantry` is a language model of {parameters:.2f} million parameters that was made for this course.
It reads recipes, follows simple requests about them, copies, and uses a renaming that its prompt
shows. Beside that it has read some kitchen notes and a little SQL, as text, and knows nothing
else: it is a model to practise *methods* on, not to rely on. Its scores say how prompting,
retrieval and tuning compare on it; a large model's scores would differ.

| | |
|---|---|
| type | Llama with attention biases (`AutoModelForCausalLM`), tied embeddings |
| shape | {layers} layers, width {width}, {heads} heads of {head_width} |
| start | random, but for heads that look back and heads that match (`factory/architecture.py`) |
| context window | {context} tokens |
| tokenizer | byte-level BPE, {vocabulary} tokens, letters, digits and all else kept apart |
| files | bfloat16, {megabytes:.1f} MB; licence MIT, like the course |
| trained on | {tokens:.1f} million tokens of generated text, nothing else |
| training time | {hours:.1f} hours on two shared processor cores, without a GPU |
| rebuild | `python -m factory.pretrain --tokens {budget} --processes 2` |

## What it was trained on

All text was written by `factory/corpus.py`: no web page, no book, no private data. Shares of the
kinds of document by phase:

{mix}

Kept out, and tested (`tests/factory/test_factory.py`): the course's prompts, its layout of a
recipe, and every pair of the house glossary, in either direction. JSON lists and recipes are in it.
"""

_CURVES = """\
## How the skills grew

Next-token accuracy on fixed held-out documents: on the answers of each kind, and on the first
token of names whose renaming stood earlier in the same text ("recalled").

{curves}
"""

_BAR = """\
## What the course says of it, measured

`python -m factory.bar` on up to {recipes} recipes of each split; paired differences in micro-F1
with 95 % intervals. {holds} of {all} hold.

{claims}

## All results

micro-F1 (multiset, invalid JSON counts as empty) with 95 % intervals, and mean prompt tokens.

{results}
"""

_LIMITS = """\
## Known weaknesses

- It speaks no language. Outside recipes and lists it writes nonsense, fluently.
- It names a food now and then that the recipe does not hold, or the same one twice.
- Words that it never met are cut into many tokens, and are copied less surely.
- Its tokens are not those of any hosted model; costs computed from them are rough guides.
- It was trained once, with one seed. How much two trainings differ is not known.
"""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mix() -> str:
    rows = []
    for start, phase in pretrain.PHASES:
        name = f"from {start / 1e6:.1f} M tokens, context {phase.room}"
        name += ", focused" if phase.focused else ""
        rows.append([name, *(f"{share:.0%}" if share else "" for share in phase.mix)])
    return _table(["phase", *corpus.KINDS], rows)


def _curves(curve: list[dict]) -> str:
    every = max(1, len(curve) // 12)
    kept = [point for place, point in enumerate(curve) if place % every == 0 or point is curve[-1]]
    names = [name for name in curve[-1] if name not in ("tokens", "loss")]
    rows = [
        [f"{point['tokens'] / 1e6:.1f} M", *(f"{point.get(n, float('nan')):.2f}" for n in names)]
        for point in kept
    ]
    return _table(["tokens", *(n.replace("_", " ") for n in names)], rows)


def _bar(folder: Path) -> str:
    record = json.loads((folder / "bar.json").read_text(encoding="utf-8"))
    claims = [
        [claim["text"], claim["measured"], "yes" if claim["holds"] else "**no**"]
        for claim in record["claims"]
    ]
    results = []
    for row in record["results"]:
        value, low, high = row["micro_f1"]
        scores = f"{value:.3f} ({low:.3f}-{high:.3f})"
        others = [f"{row[key][0]:.2f}" for key in ("exact_match", "valid_json")]
        results.append(
            [row["split"], row["method"], scores, *others, f"{row['prompt_tokens']:.0f}"]
        )
    head = ["split", "method", "micro-F1", "exact match", "valid JSON", "prompt tokens"]
    return _BAR.format(
        holds=sum(claim["holds"] for claim in record["claims"]),
        all=len(claims),
        recipes=record["recipes"],
        claims=_table(["claim", "measured", "holds"], claims),
        results=_table(head, sorted(results, key=lambda row: row[0] != "test")),
    )


def card(folder: Path = BUILT_IN) -> str:
    """The card's text for the model in ``folder``."""
    record = json.loads((folder / "training_record.json").read_text(encoding="utf-8"))
    model = AutoModelForCausalLM.from_pretrained(folder)
    weights = (folder / "model.safetensors").stat().st_size
    parts = [
        _INTRODUCTION.format(
            parameters=sum(p.numel() for p in model.parameters()) / 1e6,
            layers=shape.LAYERS,
            width=shape.WIDTH,
            heads=shape.HEADS,
            head_width=shape.HEAD_WIDTH,
            context=tokenizer.CONTEXT,
            vocabulary=tokenizer.VOCABULARY,
            megabytes=weights / 1e6,
            tokens=record["steps"] * batches.BATCH_TOKENS / 1e6,
            hours=record["seconds"] / 3600,
            budget=record["plan"]["tokens"],
            mix=_mix(),
        ),
        _CURVES.format(curves=_curves(record["curve"])),
        _bar(folder) if (folder / "bar.json").exists() else "",
        _LIMITS,
    ]
    return "\n".join(part for part in parts if part)


if __name__ == "__main__":
    (BUILT_IN / "README.md").write_text(card(), encoding="utf-8")
    print(f"model card written to {BUILT_IN.name}/README.md")
