"""The key of a provider: from the environment, Colab's secrets, or typed in. Never shown."""

from __future__ import annotations

import os
import sys

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.services.address import Provider


def find_key(provider: Provider) -> str:
    """The key from the environment, from Colab's secrets, or typed in unseen.

    Raises:
        LessonError: there is none, and nobody to ask.
    """
    key = os.environ.get(provider.key_name, "").strip() or _colab_secret(provider.key_name)
    if key:
        return key
    import getpass

    try:
        if not _can_ask():
            raise EOFError
        key = getpass.getpass(_("API key for {name} (hidden): ").format(name=provider.name)).strip()
    except (EOFError, OSError, NotImplementedError):
        key = ""
    if not key:
        raise LessonError(
            _("There is no API key for {name}.").format(name=provider.name),
            _("Set the environment variable {key}.").format(key=provider.key_name),
        )
    return key


def _can_ask() -> bool:
    """Whether a hidden prompt is possible: a terminal, or a notebook."""
    return "ipykernel" in sys.modules or (sys.stdin is not None and sys.stdin.isatty())


def _colab_secret(name: str) -> str:
    """The value from Colab's secrets panel; empty outside Colab or without permission."""
    if "google.colab" not in sys.modules:
        return ""
    from google.colab import userdata

    try:
        return (userdata.get(name) or "").strip()
    except Exception:  # Colab's own: SecretNotFoundError, NotebookAccessError, a timeout
        return ""
