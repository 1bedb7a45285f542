"""A model's licence: shown in plain words, agreed to once, and the yes kept beside the model."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lessonlib.common import consent, facts
from lessonlib.common.errors import LessonError
from lessonlib.common.files import write_whole
from lessonlib.common.i18n import _

#: Where the yes is kept, in the model's folder.
FILE = "licence.json"


@dataclass(frozen=True)
class Licence:
    """``asks``: what it asks, in plain words; empty where the course has not read it."""

    name: str
    address: str
    asks: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [_("Licence: {name}, {address}").format(name=self.name, address=self.address)]
        if self.asks:
            lines.append(_("In plain words (what counts is the text itself):"))
            for text in self.asks:
                lines += textwrap.wrap(text, 88, initial_indent="  - ", subsequent_indent="    ",
                                       break_long_words=False, break_on_hyphens=False)
        else:
            lines.append(_("The course has no summary of it; please read it there."))
        return "\n".join(lines)


def find(name: str, page: str = "") -> Licence:
    """The licence of that name. ``page``: where to read one that the course does not know."""
    known = facts.read("open_models.toml")["licences"].get(name)
    if known is None:
        return Licence(name, page)
    return Licence(name, known["address"], tuple(known["asks"]))


def agree(model: str, licence: Licence, folder: Path, agreed: bool = False) -> None:
    """Show the licence and go on only after a yes. A yes in ``folder`` is not asked for again.

    Args:
        model: its short name.
        agreed: True is a yes, for scripts and builds; the licence is shown all the same.

    Raises:
        LessonError: a no, or nobody is there to be asked.
    """
    if _agreed(folder, licence):
        return
    print(licence, flush=True)
    again = _("python start.py fetch {model} --yes").format(model=model)
    consent.agree(
        _("Do you agree to it? Type yes or no, then Enter: "),
        True if agreed else None,
        nobody=LessonError(
            _("{model} is fetched only after a yes to its licence, and nobody is here to be"
              " asked.").format(model=model),
            _("Read the licence. If you agree: {command}, or fetch({model!r}, agreed=True).")
            .format(command=again, model=model)),
        refused=LessonError(
            _("You did not agree to the licence, so {model} was not fetched.").format(model=model),
            _("If you change your mind, run this again. Without it, the course goes on with its"
              " built-in model.")),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    said = {"model": model, "licence": licence.name, "address": licence.address,
            "agreed": date.today().isoformat()}
    write_whole(folder / FILE, json.dumps(said, indent=1) + "\n")


def _agreed(folder: Path, licence: Licence) -> bool:
    try:
        return json.loads((folder / FILE).read_text(encoding="utf-8"))["licence"] == licence.name
    except (OSError, ValueError, LookupError, TypeError):
        return False
