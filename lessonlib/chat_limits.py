"""What hosted services ask of a training file, and the epochs that they choose themselves.

The numbers stand in ``data/facts/limits.toml``, each with its source and the day it was read.
"""

from __future__ import annotations

from lessonlib import facts
from lessonlib.errors import LessonError
from lessonlib.i18n import _

LIMITS = facts.FOLDER / "limits.toml"


def limits(service: str = "openai") -> dict[str, dict]:
    """All limits of one service, by subject: ``limits()["examples"]["minimum"]`` is 10."""
    services = facts.read(LIMITS.name)
    if service not in services:
        raise LessonError(
            _("The list of limits has no service {service!r}.").format(service=service),
            _("It has: {names}.").format(names=", ".join(services)),
        )
    return services[service]


def example_tokens(model: str) -> int:
    """The most tokens that one training example may have for a hosted OpenAI model.

    Args:
        model: such as ``gpt-4.1-mini``; a date at its end (``-2025-04-14``) does not matter.
    """
    known = {name: n for name, n in limits()["example_tokens"].items() if isinstance(n, int)}
    # The longest name first: "gpt-4.1-mini-2025-04-14" begins with "gpt-4.1", too.
    for name in sorted(known, key=len, reverse=True):
        if model == name or model.startswith(name + "-"):
            return known[name]
    raise LessonError(
        _("The list of limits has no model {model!r}.").format(model=model),
        _("It has: {names}.").format(names=", ".join(known)),
    )


def epochs(examples: int) -> int:
    """How often training goes through the file when the number of epochs is left to OpenAI.

    The rule is published in OpenAI's cookbook ("Data preparation and analysis for chat model
    fine-tuning"): three epochs, but more for a small file, so that the model sees at least 100
    examples, and fewer for a large one, so that it sees 25,000 at most.

    Args:
        examples: the number of training examples, at least 1.

    Returns:
        From 1 to 25.
    """
    if examples < 1:
        raise LessonError(
            _("Epochs cannot be chosen for {examples} examples.").format(examples=examples),
            _("Count the examples of a file that holds some."),
        )
    rule = limits()["epochs"]
    passes = examples * rule["target"]
    if passes < rule["fewest_passes"]:
        return min(rule["most"], rule["fewest_passes"] // examples)
    if passes > rule["most_passes"]:
        return max(rule["fewest"], rule["most_passes"] // examples)
    return rule["target"]
