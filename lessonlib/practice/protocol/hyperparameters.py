"""What a fine-tuning job can be told, and what "auto" means here.

* ``n_epochs``: OpenAI's published rule (``chat_files.epochs``): three, but more for a small file
  and fewer for a large one.
* ``batch_size``: the number of examples divided by 12, from 1 to 16. OpenAI's own rule is not
  published; this one is ours: it gives a small file enough steps to learn in.
* ``learning_rate_multiplier``: 1. It multiplies the learning rate that suits the model: 0.003 for
  the course's small ones (``LoraSettings.learning_rate``), less for large ones (``lora.plan``).
  It has nothing to do with OpenAI's. A product above 1 is refused: no model learns in such steps.
"""

from __future__ import annotations

from typing import Any

from lessonlib import chat_files
from lessonlib.common.facts import limits
from lessonlib.lora.settings import LoraSettings
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.fields import Fields, invalid_type, unknown

AUTO = "auto"
MOST_EPOCHS, MOST_BATCH = limits()["job"]["most_epochs"], limits()["job"]["largest_batch"]
MOST_MULTIPLIER = int(1 / LoraSettings().learning_rate)
LARGEST_AUTO_BATCH, EXAMPLES_FOR_EACH = 16, 12


def read(value: Any, where: str) -> dict[str, Any]:
    """The three values that were asked for; ``auto`` for what was left out.

    Args:
        value: the JSON object, or None.
        where: what it is called in the request.

    Raises:
        ApiError: 400, with the parameter that is wrong.
    """
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise invalid_type(where, "an object", value)
    fields = Fields({f"{where}.{name}": one for name, one in value.items()})
    asked = {
        "n_epochs": _whole(fields, f"{where}.n_epochs", MOST_EPOCHS),
        "batch_size": _whole(fields, f"{where}.batch_size", MOST_BATCH),
        "learning_rate_multiplier": _multiplier(fields, f"{where}.learning_rate_multiplier"),
    }
    for name in fields.left:
        raise unknown(name)
    return asked


def _whole(fields: Fields, name: str, most: int) -> int | str:
    if fields.left.get(name) == AUTO:
        fields.take(name)
    return fields.integer(name, AUTO, low=1, high=most)


def _multiplier(fields: Fields, name: str) -> float | str:
    if fields.left.get(name) == AUTO:
        fields.take(name)
    if name not in fields.left:
        return AUTO
    value = fields.number(name, 1.0, low=0, high=MOST_MULTIPLIER)
    if value == 0:
        raise ApiError(
            f"Invalid '{name}': decimal below minimum value. Expected a value > 0, but got 0.",
            param=name,
            code="decimal_below_min_value",
        )
    return value


def choose(asked: dict[str, Any], examples: int) -> dict[str, Any]:
    """The values as numbers, "auto" resolved for a file of so many examples."""
    auto = {
        "n_epochs": chat_files.epochs(examples),
        "batch_size": max(1, min(LARGEST_AUTO_BATCH, examples // EXAMPLES_FOR_EACH)),
        "learning_rate_multiplier": 1.0,
    }
    return {name: auto[name] if value == AUTO else value for name, value in asked.items()}
