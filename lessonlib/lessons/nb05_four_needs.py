"""The four things that tuning needs, looked up on this machine.

A pretrained model, data, a place to train and a place to serve the result: these are the four
needs of the lesson. ``look()`` says for each what this machine has, by the checks of
``lessonlib.setup.environment``, and what a hosted service offers instead.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from safetensors import SafetensorError, safe_open

from lessonlib.common import paths
from lessonlib.common.i18n import _
from lessonlib.common.memory_left import available_memory
from lessonlib.setup import environment
from lessonlib.setup.environment import Check
from lessonlib.setup.this_machine import versions
from lessonlib.show.tables import ShownAsTable, Table


@dataclass(frozen=True)
class Need:
    """One of the four.

    Attributes:
        name: what is needed.
        here: what this machine has.
        checks: what was looked at; the need is met where all are ok.
        hosted: what a hosted service brings.
    """

    name: str
    here: str
    checks: tuple[Check, ...]
    hosted: str

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def state(self) -> str:
        """``yes``, or ``no`` with what is missing and the cure."""
        wrong = [check for check in self.checks if not check.ok]
        told = [f"{one.name}: {one.detail}. {_('Cure')}: {one.cure}." for one in wrong]
        return " ".join([_("no."), *told]) if wrong else _("yes")


@dataclass(frozen=True, repr=False)
class FourNeeds(ShownAsTable):
    """All four. Shown as a table where the place allows one."""

    needs: tuple[Need, ...]

    @property
    def ok(self) -> bool:
        return all(need.ok for need in self.needs)

    def __str__(self) -> str:
        blocks = [
            f"{need.name}\n  {_('here')}: {need.here}\n  {_('ready')}: {need.state}\n"
            f"  {_('hosted')}: {need.hosted}"
            for need in self.needs
        ]
        return "\n".join(blocks)

    def table(self) -> Table:
        return Table(
            (_("what tuning needs"), _("this machine"), _("ready"), _("a hosted service brings")),
            [(need.name, need.here, need.state, need.hosted) for need in self.needs])


def look() -> FourNeeds:
    """What this machine has of the four. Takes about three seconds; changes nothing.

    Introduced in notebook 05.
    """
    checks = {check.name: check for check in environment.preflight()}

    def those(*names: str) -> tuple[Check, ...]:
        return tuple(checks[name] for name in names)

    return FourNeeds((
        Need(_("a pretrained model"), _model(), those(_("built-in model")),
             _("one of its own models, if it lets you tune it")),
        Need(_("data"), _data(), those(_("recipes")),
             _("nothing: the data are yours to bring, in the same file as here")),
        Need(_("a place to train"), _training(checks["PyTorch"]),
             those("Python", _("packages"), "PyTorch", _("memory"), _("disk")),
             _("its machines, paid for by the token")),
        Need(_("a place to serve the tuned model"), _hosting(),
             those(_("connection to ourselves"), _("work folder")),
             _("its machines, paid for by the token, or by the hour that the model stands ready")),
    ))


def _model() -> str:
    """Size and context window, from the files of the built-in model."""
    try:
        config = json.loads((paths.BUILT_IN / "config.json").read_text(encoding="utf-8"))
        parameters = _parameters()
    except (OSError, ValueError, KeyError, SafetensorError):
        return _("none that can be read")
    text = _("pantry, a practice model: {millions:.1f} million parameters, reads {window:,}"
             " tokens at once")
    return text.format(millions=parameters / 1e6, window=config["max_position_embeddings"])


def _parameters() -> int:
    """Numbers in the model's weights. Only the shapes are read."""
    with safe_open(paths.BUILT_IN / "model.safetensors", framework="np") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())


def _data() -> str:
    counts = []
    for split in environment.SPLITS[:3]:
        path = paths.DATA / "recipes" / f"{split}.jsonl"
        try:
            lines = path.read_text(encoding="utf-8").count("\n")
        except OSError:
            lines = 0
        counts.append(f"{lines:,} {split}")
    return _("labelled recipes: {counts}").format(counts=", ".join(counts))


def _training(pytorch: Check) -> str:
    if not pytorch.ok:
        return _("PyTorch does not load here")
    from lessonlib.models.device import choose_device

    found = versions(("torch", "peft"))
    text = _("PyTorch {torch} and PEFT {peft} on {device}").format(
        torch=found.get("torch", "?"), peft=found.get("peft", "?"), device=choose_device().value)
    memory = available_memory()
    if memory is None:
        return text
    return text + _("; {memory:.1f} GB of memory available").format(memory=memory / 1e9)


def _hosting() -> str:
    tuned = sum(1 for path in paths.MODELS.glob("*/config.json"))
    return _("the practice service, on this machine only; it serves {tuned} models tuned here"
             ).format(tuned=tuned)
