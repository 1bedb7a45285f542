"""Everything that a learner reads goes through here: a translation needs no change of code.

The course is written in English. A translation is a gettext catalogue in
``lessonlib/locale/<language>/LC_MESSAGES/lessonlib.mo``; the environment variable
``LESSON_LANGUAGE`` (for example ``cs``) picks it. Without one, English is used.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path

_LOCALE = Path(__file__).resolve().parents[1] / "locale"


def _load() -> gettext.NullTranslations:
    """The catalogue for ``LESSON_LANGUAGE``, or English where there is none."""
    language = os.environ.get("LESSON_LANGUAGE", "en")
    return gettext.translation("lessonlib", _LOCALE, languages=[language], fallback=True)


_catalogue = _load()
_ = _catalogue.gettext
#: One or many, by the number: ``ngettext("{n} epoch", "{n} epochs", n).format(n=n)``.
ngettext = _catalogue.ngettext
