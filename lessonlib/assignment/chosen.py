"""The model that an assignment is done with: what is loaded, who answers, what suits it.

    base = chosen.find("gemma-3-270m")     # a short name, a folder, a hub id, a model tuned here
    base.settings                          # LoraSettings that suit a model of its size
    base.window                            # tokens that its rows and prompts may have
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lessonlib.chat_files.counters import ModelCounter, counter_for
from lessonlib.common import paths
from lessonlib.common.i18n import _
from lessonlib.costs import price_list
from lessonlib.costs.price_list import ModelPrice
from lessonlib.lora import plan as lora_plan
from lessonlib.lora.settings import LoraSettings
from lessonlib.models import catalogue, folders
from lessonlib.models.catalogue import OpenModel
from lessonlib.models.hub_errors import hub_errors
from lessonlib.models.quiet import quiet
from lessonlib.services import guard

#: A real model for this computer that needs no account.
REAL = "gemma-3-270m"
#: Rows and prompts are kept to so many tokens, however many a model reads at once: on a processor
#: longer ones take very long.
WINDOW = 2048


@dataclass(frozen=True)
class Base:
    """A base model.

    Attributes:
        name: short; a service has it by this name, and tables call it so.
        folder: what is loaded, a folder or hub name.
    """

    name: str
    folder: str

    @property
    def built_in(self) -> bool:
        """Whether it is pantry, the practice model that comes with the course."""
        return Path(self.folder).resolve() == paths.BUILT_IN.resolve()

    @property
    def served(self) -> bool:
        """Whether the practice service has it: pantry, and what lies in ``work/models``."""
        here = paths.MODELS / self.name
        return self.built_in or here.is_dir() and here.resolve() == Path(self.folder).resolve()

    @cached_property
    def counter(self) -> ModelCounter:
        """Counts tokens as this model reads them.

        Raises:
            LessonError: its tokenizer cannot be had.
        """
        if self.built_in:
            return counter_for(None)
        from transformers import AutoTokenizer

        from lessonlib.models.chat_template import use_training_template

        with quiet(), hub_errors(self.folder):
            tokenizer = AutoTokenizer.from_pretrained(
                self.folder, **catalogue.pinned(self.folder))
        use_training_template(tokenizer)
        return counter_for(tokenizer)

    @cached_property
    def shape(self) -> OpenModel:
        """Its size, layers and context, as its own files tell them."""
        return catalogue.find(self.name if self.built_in else self.folder)

    @property
    def window(self) -> int:
        """Tokens that a row or a prompt may have."""
        return min(self.shape.context, WINDOW)

    @cached_property
    def settings(self) -> LoraSettings:
        """Rank, learning rate, epochs and batch that suit a model of its size on this machine.

        Raises:
            LessonError: it does not fit into the memory.
        """
        if self.built_in:
            return LoraSettings()
        return lora_plan.make(self.folder).settings


def find(name: str | None = None) -> Base:
    """The base model of that name.

    Args:
        name: as for ``lora.tune(base=...)``; pantry if not given.

    Raises:
        LessonError: there is none, or it has to be fetched first; the text says how.

    Introduced in notebook 11.
    """
    folder = folders.find_base(name)
    if Path(folder).resolve() == paths.BUILT_IN.resolve():
        return Base(catalogue.BUILT_IN_NAME, folder)
    short = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(str(name)).name).strip("-._")
    return Base(short or "model", folder)


def offer(how: str = "--model {name}") -> str:
    """What to say to somebody who has pantry: a real model is here, or how to get it.

    Args:
        how: how to choose a model here.

    Introduced in notebook 11.
    """
    how = how.format(name=REAL)
    if (paths.MODELS / REAL / "config.json").is_file():
        return _("A real language model is on this computer, too: {how}").format(how=how)
    return _("No real language model is on this computer yet. To get one (a download of 240 MB, no"
             " account):\n    python start.py fetch {name}\nand then {how}").format(
        name=REAL, how=how)


def price(model: str, tuned: bool = False) -> ModelPrice | None:
    """What the tokens of a hosted model cost; None for a model that nobody charges for.

    Args:
        model: as a service calls it; a model that was tuned there has the price list's name in it.
        tuned: the price of a model that was tuned from it.

    Introduced in notebook 11.
    """
    known = guard.base_of(model)
    return price_list.price(known, tuned) if known else None
